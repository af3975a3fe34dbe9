/* What the files of this module share. */
#ifndef LINNET_DATASET_INTERNAL_H
#define LINNET_DATASET_INTERNAL_H

#include <string.h>

#include "dataset/dataset.h"

/* Whether two short texts are the same: most that are not differ in the first byte. */
static inline bool is_text(const char *a, const char *b)
{
	return *a == *b && strcmp(a, b) == 0;
}

/* Bytes as 64 bits, well mixed, others for each seed; for look-ups, no digest. */
uint64_t bytes_key(const char *bytes, size_t len, uint64_t seed);
/* The bucket that the first eight bytes of a digest say. */
uint16_t digest_bucket(struct digest digest);
/* Whether a value of `len` bytes, behind which eight may be read, is a whole number of up to eight
 * digits that fits. Most are; this is far less work than input_problem, which judges the rest. */
bool input_is_short(const struct input_spec *input, const char *text, size_t len);
/* Opens the file of a model's data for its columns. */
int data_open(int dir_fd, const char *path, const struct model *model,
              const struct dataset_columns *columns, struct table **out, struct err *err)
	must_check;

/* ---- categories.c ---- */

struct categories *categories_new(const struct model *model,
                                  const struct dataset_columns *columns);
void categories_free(struct categories *categories); /* accepts NULL */
/* `values` of a usable row, and `lengths` as of table_lengths. */
void categories_row(struct categories *categories, const char *const *values,
                    const size_t *lengths, const struct dataset_row *row);
void categories_tell(const struct categories *categories, const struct division *division,
                     struct arena *arena, struct dataset_across *out);

/* ---- repeats.c ---- */

struct repeat_count; /* heap; freed by its end */
struct repeat_count *repeats_begin(size_t n_training, size_t n_blocks);
/* `content`: what the row says, the same bytes whenever that is the same. */
void repeats_row(struct repeat_count *count, const char *content, size_t len, size_t block,
                 uint32_t line);
void repeats_end(struct repeat_count *count, struct dataset_repeats *out);

#endif
