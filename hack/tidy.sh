#!/bin/bash
# What a script can check of how the code reads: sizes, the include table, purity, one library a
# file, banned calls. Prints each finding as file:line: message; the exit status says if any.
set -u
cd "$(dirname "$0")/.."
found=0
complain() { printf '%s\n' "$1"; found=1; }
sources() { git ls-files -co --exclude-standard -- "$@"; }

# 1. Sizes: a file under 1,500 lines, a function under 70, a line under 100 columns (a tab is 4).
while read -r file; do
	lines=$(wc -l <"$file")
	[ "$lines" -lt 1500 ] || complain "$file:1: $lines lines; split it (under 1500)"
	out=$(awk -v file="$file" '
		{ text = $0; gsub(/\t/, "    ", text); if (length(text) > 100)
			printf "%s:%d: %d columns; at most 100\n", file, NR, length(text) }
		/^[a-z_].*\)$|^[a-z_].*\) *\{$|^\t? +.*\)$/ { head = NR }
		/^\{/ || /^[a-z_].*\) *\{$/ { start = NR }
		/^\}/ { if (start && head && NR - start > 70)
			printf "%s:%d: a function of %d lines; at most 70\n", file, start, NR - start
			start = 0; head = 0 }' "$file")
	[ -z "$out" ] || complain "$out"
done < <(sources 'pkg/*.c' 'pkg/*.h' 'cmd/*.c' 'cmd/*.h' 'tests/*.c' 'tests/*.h')

# 2. The include table of pkg/modules.mk.
while read -r file; do
	module=$(echo "$file" | cut -d/ -f2)
	allowed=" $module $(sed -n "s/^needs\.$module *:= *//p" pkg/modules.mk) "
	while IFS=: read -r line include; do
		to=${include%%/*}
		case "$allowed" in *" $to "*) ;; *)
			complain "$file:$line: $module may not include $include (pkg/modules.mk)" ;;
		esac
	done < <(grep -noP '^#include "\K[^"]+' "$file")
done < <(sources 'pkg/*.c' 'pkg/*.h')

# 3. Each outside library in the files that the table names, and in no other.
headers='yaml-0.1=yaml.h libcjson=cjson/cJSON.h libgit2=git2 libcurl=curl/ libcrypto=openssl/ libmicrohttpd=microhttpd.h'
for pair in $headers; do
	library=${pair%%=*} header=${pair#*=}
	while IFS=: read -r file line _; do
		grep -q "^libs\.${file#pkg/} *:= *$library\$" pkg/modules.mk ||
			complain "$file:$line: $library belongs to the file that pkg/modules.mk names"
	done < <(grep -n "^#include <$header" $(sources 'pkg/*.c' 'pkg/*.h' 'cmd/*.c') /dev/null)
done

# 4. Purity: no I/O, clock, heap or changing globals in the pure modules.
pure=$(sources 'pkg/api/*.c' 'pkg/gate/*.c' 'pkg/plan/*.c' 'pkg/stats/*.c' 'pkg/manifest/*.c' 'pkg/api/*.h' 'pkg/gate/*.h' 'pkg/plan/*.h' 'pkg/manifest/*.h')
impure='\b(malloc|calloc|realloc|free|fopen|open|read|write|socket|time|gettimeofday|clock_gettime|getenv|printf|fprintf|puts|log_[a-z]+)\('
while IFS=: read -r file line text; do
	case "$file" in pkg/manifest/index.c) continue ;; esac # the index outlives a pass
	complain "$file:$line: not pure: $text"
done < <(grep -nE "$impure" $pure /dev/null | grep -vE ':\s*(/?\*|//)|"[^"]*(time|free|open|read|write)\(')
while IFS=: read -r file line text; do
	complain "$file:$line: a global that can change: $text"
done < <(grep -nE '^(static )?(int|bool|char|double|struct [a-z_]+|int64_t|size_t) [a-z_]+( = .*)?;' $(echo "$pure" | grep '\.c$') /dev/null)

# 5. Banned everywhere, and number parsing outside its one place.
banned='\b(atoi|atol|atof|sprintf|vsprintf|strcpy|strcat|strncpy|gets|system|popen|alloca|rand|srand|strtok|setlocale)\('
while IFS=: read -r file line text; do complain "$file:$line: banned call: $text"; done \
	< <(grep -nE "$banned" $(sources 'pkg/*.c' 'pkg/*.h' 'cmd/*.c') /dev/null | grep -vE ':\s*(/?\*|//)')
while IFS=: read -r file line text; do complain "$file:$line: parse numbers with base/parse.h: $text"; done \
	< <(grep -nE '\b(strtod|strtol|strtoul|strtoll|strtoull|sscanf)\(' $(sources 'pkg/*.c' 'cmd/*.c') /dev/null | grep -v '^pkg/base/parse.c:')
while IFS=: read -r file line text; do complain "$file:$line: no typedef of structs or pointers: $text"; done \
	< <(grep -nE '^typedef (struct|enum|union)|^typedef .*\*[a-z_]+;' $(sources 'pkg/*.c' 'pkg/*.h' 'cmd/*.c') /dev/null)

# 6. Every header compiles alone.
while read -r file; do
	printf '#include "%s"\n' "${file#pkg/}" |
		${CC:-gcc} -std=gnu17 -D_GNU_SOURCE -Ipkg -fsyntax-only -Wall -Werror -x c - 2>/dev/null ||
		complain "$file:1: does not compile alone"
done < <(sources 'pkg/*.h')

[ "$found" = 0 ] && echo "tidy: nothing to say"
exit "$found"
