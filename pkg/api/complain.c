#include "api/complain.h"

#include "api/metrics.h"
#include "api/uri.h"
#include "base/cron.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct field_path at(const char *fmt, ...)
{
	struct field_path path;
	va_list args;

	va_start(args, fmt);
	vsnprintf(path.text, sizeof(path.text), fmt, args);
	va_end(args);
	return path;
}

void broken(struct check *check, const char *path, const char *fmt, ...)
{
	char message[512];
	va_list args;

	memset(message, 0, sizeof(message));
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	text_clean(message);
	check->failed = true;
	check->complain(check->ctx, path, message);
}

bool is_relative_path(const char *path)
{
	if (*path == '\0' || *path == '/')
		return false;
	for (const char *part = path; part; part = strchr(part, '/')) {
		size_t len;

		part += *part == '/';
		len = strcspn(part, "/");
		if (len == 0 || (len == 2 && strncmp(part, "..", 2) == 0))
			return false;
	}
	return true;
}

bool strings_have(const struct strings *strings, const char *text)
{
	for (size_t i = 0; i < strings->n; i++) {
		if (strcmp(strings->items[i], text) == 0)
			return true;
	}
	return false;
}

bool is_repeated(const char *name, const void *items, size_t size, size_t i, size_t name_offset)
{
	for (size_t before = 0; name && before < i; before++) {
		const char *other;

		memcpy(&other, (const char *)items + before * size + name_offset, sizeof(other));
		if (other && strcmp(name, other) == 0)
			return true;
	}
	return false;
}

static bool is_pinned(const char *image)
{
	const char *digest = strstr(image, "@sha256:");

	return digest && digest != image && strspn(digest + 8, "0123456789abcdef") == 64 &&
	       digest[8 + 64] == '\0';
}

void check_start(struct check *check, const char *path, const struct strings *command,
                 const char *source, const char *image)
{
	if (!image && (command->n == 0 || !source))
		broken(check, path, "nothing to start; write command and source, or image");
	if (source && !is_relative_path(source))
		broken(check, at("%s.source", path).text,
		       "'%s' is not a folder of the fleet repository; write a relative path without '..'",
		       source);
	if (image && !is_pinned(image))
		broken(check, at("%s.image", path).text,
		       "'%s' may change under its name; write name@sha256:... with all 64 digits", image);
}

void check_uri(struct check *check, const char *path, const char *uri)
{
	struct uri_parts parts;
	struct err err = {0};

	if (!uri)
		return;
	if (uri_parse(uri, &parts, &err))
		broken(check, path, "%s", err.text);
	if (strncmp(uri, "file:", 5) == 0) {
		if (!is_relative_path(uri + 5))
			broken(check, path,
			       "'%s' leaves the data root; write file: and a relative path without '..'", uri);
	} else if (strncmp(uri, "https://", 8) != 0 && strncmp(uri, "s3://", 5) != 0) {
		broken(check, path, "'%s' cannot be read; write file:PATH, https://... or s3://...", uri);
	}
}

void broken_if(struct check *check, const char *path, struct buf *why)
{
	if (why->len > 0)
		broken(check, path, "%s", buf_text(why));
	buf_clear(why);
}

static void check_measurable(struct check *check, const char *path,
                             const struct gate_require *require,
                             const struct output_spec *output)
{
	struct buf why;

	buf_init(&why, 512);
	metric_why_not(require, output, &why);
	broken_if(check, at("%s.metric", path).text, &why);
	metric_why_not_bound(require, require->min, &why);
	broken_if(check, at("%s.min", path).text, &why);
	metric_why_not_bound(require, require->max, &why);
	broken_if(check, at("%s.max", path).text, &why);
	buf_deinit(&why);
}

static void check_one_require(struct check *check, const char *path,
                              const struct gate_require *require,
                              const struct output_spec *output)
{
	check_measurable(check, path, require, output);
	if (!is_set(require->min) && !is_set(require->max) && require->versus_current == VERSUS_NONE)
		broken(check, path, "asks nothing of %s; write min, max or versusCurrent",
		       require->metric);
	if (require->min > require->max)
		broken(check, at("%s.min", path).text, "is above max; no value can pass");
	if (require->versus_current == VERSUS_NOT_WORSE && !(require->margin > 0))
		broken(check, at("%s.margin", path).text,
		       "not-worse needs a margin: by how much %s may fall and nobody would care",
		       require->metric);
	if (require->versus_current != VERSUS_NOT_WORSE && require->margin > 0)
		broken(check, at("%s.margin", path).text,
		       "only not-worse has a margin; write versusCurrent: not-worse or remove it");
}

void check_require(struct check *check, const char *path, const struct gate_require *require,
                   size_t n, const struct output_spec *output)
{
	for (size_t i = 0; i < n; i++)
		check_one_require(check, at("%s[%zu]", path, i).text, &require[i], output);
}

void check_cron(struct check *check, const char *path, const char *text)
{
	struct err err = {0};
	struct cron cron;

	if (cron_parse(text, &cron, &err) < 0)
		broken(check, path, "%s; write minute, hour, day, month, weekday", err.text);
	else if (!cron_ever(&cron))
		broken(check, path, "'%s' names no day of any year; write minute, hour, day, month,"
		       " weekday", text);
}
