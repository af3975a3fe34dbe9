/* linnet history: the log of the status branch holds every transition. */
#include <string.h>

#include "view.h"

struct line {
	int64_t at_ms;
	const char *commit, *text;
};

/* The body lines "deployment/<env>/<name>: what: why" of one commit that the arguments ask for. */
static void add_lines(const struct options *options, const struct commit_info *commit,
                      struct line **lines, size_t *n)
{
	const char *wanted = options->n_args ? options->args[0] : NULL;

	for (const char *at = commit->body ? commit->body : ""; *at;) {
		const char *end = strchr(at, '\n');
		size_t len = end ? (size_t)(end - at) : strlen(at);
		const char *slash = memchr(at, '/', len);
		size_t kind = slash ? (size_t)(slash - at) : 0;
		struct line *line;

		if (kind && ((kind == 10 && !strncmp(at, "deployment", 10)) ||
		             (kind == 5 && !strncmp(at, "model", 5))) &&
		    (!wanted || (!strncmp(slash + 1, wanted, strlen(wanted)) &&
		                 slash[1 + strlen(wanted)] == ':'))) {
			line = list_push(options->arena, lines, n);
			*line = (struct line){commit->time_s * 1000, commit->id.hex,
			                      arena_strndup(options->arena, slash + 1,
			                                    len - kind - 1)};
		}
		at += len + (end ? 1 : 0);
	}
}

struct lines {
	const struct line *items;
	size_t n;
};

static void write_lines(struct writer *writer, const void *context)
{
	const struct lines *lines = context;

	write_list(writer);
	for (size_t i = 0; i < lines->n; i++) {
		write_map(writer);
		write_time(writer, "at", lines->items[i].at_ms);
		write_member(writer, "commit", lines->items[i].commit);
		write_member(writer, "text", lines->items[i].text);
		write_map_end(writer);
	}
	write_list_end(writer);
}

static void put_lines(const struct options *options, const struct lines *lines)
{
	char at[TIME_TEXT];

	for (size_t i = 0; i < lines->n; i++) {
		format_time(lines->items[i].at_ms, at);
		printf("%s %.10s ", at, lines->items[i].commit);
		put_coloured(options, "1", lines->items[i].text);
		printf("\n");
	}
}

int verb_history(const struct options *options, struct err *err)
{
	struct commit_info *commits;
	struct status_view view;
	struct line *lines = NULL;
	struct lines shown;
	size_t n_commits, n = 0;
	int64_t most = 20;
	int result;

	if (options->number && parse_int(options->number, 1, 100000, &most, err))
		return err_wrap(err, "-n");
	if (status_open(&view, options, err))
		return -1;
	if (view.tip.hex[0] && objects_log(view.objects, view.tip, (struct oid){""}, true, 100000,
	                                   options->arena, &commits, &n_commits, err)) {
		status_close(&view);
		return -1;
	}
	for (size_t i = 0; view.tip.hex[0] && i < n_commits && n < (size_t)most; i++)
		add_lines(options, &commits[i], &lines, &n);
	shown = (struct lines){lines, n < (size_t)most ? n : (size_t)most};
	result = !n && options->n_args ? status_missing(&view, options, err) : 0;
	if (!result && options->output != OUTPUT_TABLE)
		put_document(options, write_lines, &shown);
	else if (!result && !view.tip.hex[0])
		printf("%s\n", status_not_here(options));
	else if (!result)
		put_lines(options, &shown);
	status_close(&view);
	return result;
}
