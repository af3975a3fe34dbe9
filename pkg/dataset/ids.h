/* Inside dataset: which rows have the id of an earlier one. A key of each id stands on disk; of the
 * few rows whose keys are alike the ids are seen again. */
#ifndef LINNET_DATASET_IDS_H
#define LINNET_DATASET_IDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ids; /* heap */
/* The file stands beside `path` and is gone when it is closed. */
int ids_open(int dir_fd, const char *path, struct ids **out, struct err *err) must_check;
void ids_free(struct ids *ids); /* accepts NULL */
int ids_add(struct ids *ids, const char *id, size_t len, struct err *err) must_check;

/* No id is added after this. *n: how many have a key that others have; of very many only some. If
 * there are any, nearly always because ids are the same, all are to be seen again. */
int ids_end(struct ids *ids, size_t *n, struct err *err) must_check;
/* An id again, in the order they were added. Where it was seen first, or 0 if that is now. */
int64_t ids_again(struct ids *ids, const char *id, size_t len, int64_t line);

#endif
