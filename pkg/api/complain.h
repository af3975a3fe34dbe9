/* How the checks of this module say what is broken, and what several of them ask. */
#ifndef LINNET_API_COMPLAIN_H
#define LINNET_API_COMPLAIN_H

#include "api/check.h"
#include "base/buf.h"
#include "base/err.h"

struct check {
	check_complain *complain;
	void *ctx;
	bool failed;
};
static inline int check_result(const struct check *check)
{
	return check->failed ? -1 : 0;
}

struct field_path {
	char text[192];
};
struct field_path at(const char *fmt, ...) printf_like(1, 2);
void broken(struct check *check, const char *path, const char *fmt, ...) printf_like(3, 4);
/* Unless nothing stands there, which is forgotten then. */
void broken_if(struct check *check, const char *path, struct buf *why);

/* `command` and `source`, or `image`: what can be started. */
void check_start(struct check *check, const char *path, const struct strings *command,
                 const char *source, const char *image);
/* "file:" below the data root, "https:" or "s3:", and a pin that is one. */
void check_uri(struct check *check, const char *path, const char *uri);
void check_cron(struct check *check, const char *path, const char *text);
/* `output` NULL: not known, as in a policy of several models. */
void check_require(struct check *check, const char *path, const struct gate_require *require,
                   size_t n, const struct output_spec *output);
/* Do the first `i` items (each `size` bytes, its name at `name_offset`) hold this name already? */
bool is_repeated(const char *name, const void *items, size_t size, size_t i, size_t name_offset);

bool is_relative_path(const char *path); /* below its root: no "..", no empty part, no '/' first */
bool strings_have(const struct strings *strings, const char *text);

#endif
