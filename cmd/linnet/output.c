/* What the verbs print with: documents as JSON or YAML, colours. */
#include <string.h>

#include "api/kinds.h"
#include "cli.h"

void put_coloured(const struct options *options, const char *code, const char *text)
{
	if (options->colour)
		printf("\033[%sm%s\033[0m", code, text);
	else
		fputs(text, stdout);
}

void put_document(const struct options *options,
                  void (*write)(struct writer *writer, const void *context), const void *context)
{
	bool json = options->output == OUTPUT_JSON;
	struct writer writer;
	struct buf out;

	buf_init(&out, (size_t)1 << 30);
	write_begin(&writer, &out, json);
	write(&writer, context);
	printf("%s%s", buf_text(&out), json ? "\n" : "");
	buf_deinit(&out);
}

static void put_line(int depth)
{
	printf("\n%*s", 2 * depth, "");
}

void put_indented(const char *json)
{
	bool quoted = false, escaped = false;
	int depth = 0;

	for (const char *at = json; *at; at++) {
		bool opens = !quoted && strchr("{[", *at), closes = !quoted && strchr("}]", *at);

		if (*at == '"' && !escaped)
			quoted = !quoted;
		escaped = quoted && *at == '\\' && !escaped;
		depth += opens - closes;
		if (closes && !strchr("{[", at[-1]))
			put_line(depth);
		putchar(*at);
		if (!quoted && *at == ':')
			putchar(' ');
		if ((opens && !strchr("}]", at[1])) || (!quoted && *at == ','))
			put_line(depth);
	}
	putchar('\n');
}

void write_time(struct writer *writer, const char *key, int64_t at_ms)
{
	char text[TIME_TEXT];

	format_time(at_ms, text);
	write_member(writer, key, at_ms < 0 ? NULL : text);
}
