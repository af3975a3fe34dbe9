#!/bin/bash
# Does what is broken die? `hack/mutants.sh N [SEED]`: N random mutants of the pure modules plan and
# gate (or of FILES), each judged by their unit tests under sanitizers and SIM_HOURS (3000; 0 none) of
# the simulator.
# A mutant that the optimising compiler makes the same object code of changes nothing: it is not counted.
# `hack/mutants.sh seeded`: one mutant an invariant (hack/mutants/), judged by the simulator alone;
# S21 has none, because no secret passes through what is simulated.
#
# What is broken on purpose runs as nobody, with limits, in a folder that is thrown away: and only
# pure code is broken, or code that the simulator has cut off from files, processes and network.
set -u
cd "$(dirname "$0")/.."
work=$(mktemp -d /tmp/linnet-mutants.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir "$work/tree" "$work/log"
cp -r Makefile pkg tests hack "$work/tree"
chmod -R a+rX "$work/tree"
cp -r "$work/tree/pkg" "$work/pkg" # as it was
hours=${SIM_HOURS:-3000}
flags='-O2 -g0'
build() { # build BUILD TARGET... in a folder of that name
	local build=$work/$1
	shift
	make -s -j2 -C "$work/tree" BUILD="$build" CFLAGS="$flags" warnings=-w "$@" >"$work/log/build" 2>&1
}
# Addresses are the sanitizers' own business: they limit what is resident.
export ASAN_OPTIONS=hard_rss_limit_mb=4000:detect_leaks=0
judge() { # judge BYTES COMMAND...: as nobody, alone, for at most three minutes of a core
	local bytes=$1
	shift
	(cd "$work/tree" && exec unshare --net --ipc --pid --fork --kill-child \
		setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
		prlimit --as="$bytes" --cpu=180 --fsize=10000000 --nofile=64 --core=0 \
		timeout -k 1 1800 "$@") >"$work/log/run" 2>&1 </dev/null
}
units_of() { # the unit tests that hold code of FILE's module: what a module uses, its tests use
	(cd tests/unit && case $1 in
		pkg/plan/*) ls plan/*_test.c ;;
		*) ls gate/*_test.c plan/*_test.c ;;
	esac) | sed 's/\.c$//' | grep -v "$slow"
}
slow=plan/property_test # the last, and never under sanitizers
sim="$work/build/sim tests/sim/scenarios.txt --first --round 1 --hours $hours"

tests_die() { # tests_die TESTS BUILD BYTES [VARIABLE=VALUE...]
	local units=$1 folder=$work/$2 bytes=$3
	for unit in $units; do
		build "$2" "${@:4}" "$folder/unit/$unit"
		judge "$bytes" "$folder/unit/$unit" || { how="unit $unit${4:+, $4}"; return 0; }
	done
	return 1
}

unit_dies() { # unit_dies FILE
	tests_die "$(units_of "$1") $slow" build 8000000000 ||
		tests_die "$(units_of "$1")" san unlimited SAN=address,undefined CFLAGS='-O1 -g0'
}

sim_dies() { # by what the unbroken code passes
	[ "$hours" != 0 ] || return 1
	build build "$work/build/sim"
	judge 8000000000 $sim && return 1
	how="simulator: $(grep -am1 '^VIOLATION\|^panic' "$work/log/run" | cut -c1-150)"
	return 0
}

same_code() { # same_code FILE: as what is not broken, to the byte
	cmp -s "$work/build/$(object_of "$1")" "$work/whole/$(object_of "$1")"
}
object_of() { # object_of pkg/MODULE/NAME.c
	printf 'obj/%s.o' "$(basename "$(dirname "$1")")/$(basename "$1" .c)"
}

died=0 lived=0
one() { # one NAME FILE: judges what is in the tree now
	how=
	if ! build build "$work/build/$(object_of "$2")"; then
		printf '%s: does not compile\n' "$1"
		lived=$((lived + seeded)) # a random one may; a seeded one has to be mended
	elif same_code "$2"; then
		printf '%s: is the same code\n' "$1"
		lived=$((lived + seeded))
	elif { [ "$seeded" = 0 ] && unit_dies "$2"; } || sim_dies; then
		died=$((died + 1))
		printf '%s: dies (%s)\n' "$1" "$how"
	else
		lived=$((lived + 1))
		printf '%s: LIVES\n' "$1"
	fi
}

files=${FILES:-pkg/plan/*.c pkg/gate/*.c}
seeded=0
[ "${1:-}" != seeded ] || seeded=1
first=$(printf '%s\n' $files | sort | head -n 1) # gate before plan: it has the tests of both
if { [ "$seeded" = 0 ] && unit_dies "$first"; } || sim_dies; then
	echo "what is not broken fails already: $how"
	tail -n 5 "$work/log/build" "$work/log/run"
	exit 1
fi
cp -r "$work/build" "$work/whole"
if [ "$seeded" = 1 ]; then
	for script in ${2:-hack/mutants/*.sed}; do
		file=$(sed -n 's/^# file: //p' "$script")
		sed -E -i -f "$script" "$work/tree/$file"
		if cmp -s "$work/$file" "$work/tree/$file"; then
			printf '%s: changes nothing any more\n' "$script"
			lived=$((lived + 1))
		else
			one "$(basename "$script" .sed) ($(sed -n 's/^# breaks: //p' "$script"))" "$file"
		fi
		cp "$work/$file" "$work/tree/$file"
	done
else
	for i in $(seq "${2:-1}" $((${2:-1} + ${1:-30} - 1))); do
		said=$(cd "$work/tree" && hack/mutate "$i" $files)
		file=${said%%:*}
		one "$i $said" "$file"
		cp "$work/$file" "$work/tree/$file"
	done
fi
printf '%d of %d mutants died (%d %%)\n' "$died" $((died + lived)) \
	$((100 * died / (died + lived > 0 ? died + lived : 1)))
printf '%d passed, %d failed\n' "$died" "$lived"
[ "$seeded" = 0 ] || [ "$lived" = 0 ]
