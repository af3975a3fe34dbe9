/* What the files of this module share. */
#ifndef LINNET_DATASET_INTERNAL_H
#define LINNET_DATASET_INTERNAL_H

#include "dataset/dataset.h"

/* Sets key and bucket from the digest of the row's id or values. */
void row_key(struct dataset_row *row, struct digest digest);
/* Opens the file of a model's data for its columns. */
int data_open(int dir_fd, const char *path, const struct model *model,
              const struct dataset_columns *columns, struct table **out, struct err *err)
	must_check;

#endif
