#include "adapter/json.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/parse.h"

void json_put_text(struct writer *writer, const char *key, const char *text)
{
	if (text)
		write_member(writer, key, text);
}

void json_put_int(struct writer *writer, const char *key, int64_t value)
{
	write_key(writer, key);
	write_int(writer, value);
}

void json_put_number(struct writer *writer, const char *key, double value)
{
	write_key(writer, key);
	write_number(writer, value);
}

void json_put_bool(struct writer *writer, const char *key, bool value)
{
	write_key(writer, key);
	write_raw(writer, value ? "true" : "false");
}

int64_t json_int(const struct node *map, const char *key, int64_t min, int64_t max,
                 int64_t fallback)
{
	const char *text = node_text(map, key);
	struct err ignored;
	int64_t value;

	return text && parse_int(text, min, max, &value, &ignored) == 0 ? value : fallback;
}

double json_number(const struct node *map, const char *key, double min, double max,
                   double fallback)
{
	const char *text = node_text(map, key);
	struct err ignored;
	double value;

	return text && parse_number(text, min, max, &value, &ignored) == 0 ? value : fallback;
}

bool json_bool(const struct node *map, const char *key)
{
	const char *text = node_text(map, key);

	return text && strcmp(text, "true") == 0;
}

struct digest json_digest(const struct node *map, const char *key)
{
	const char *text = node_text(map, key);
	struct digest digest = {0};
	struct err ignored;

	if (text && digest_parse(text, &digest, &ignored) < 0)
		return (struct digest){0};
	return digest;
}

int json_file(const char *path, size_t bytes_max, struct arena *arena, struct node **out,
              struct err *err)
{
	struct buf text;
	int rc;

	buf_init(&text, bytes_max);
	rc = file_read(AT_FDCWD, path, &text, err);
	if (rc == 0) {
		const char *copy = arena_strndup(arena, buf_text(&text), text.len);

		rc = json_parse(copy, text.len, bytes_max, arena, out, err);
		if (rc < 0)
			err_wrap(err, "%s", path);
	}
	buf_deinit(&text);
	return rc;
}
