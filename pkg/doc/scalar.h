/* Inside doc: the scalar field types, one row each: how they are read, compared, written, named. */
#ifndef LINNET_DOC_SCALAR_H
#define LINNET_DOC_SCALAR_H

#include "doc/fields.h"

enum { FIELDS_MAX = 64 }; /* of one record */
enum reading { READ_OK, READ_BAD, READ_OUT_OF_RANGE, READ_QUOTED };

/* The bounds of a field; without one, -INFINITY and INFINITY (of a share 0 and 1). */
struct range {
	double low, high;
};
struct range field_range(const struct field *field);
bool is_scalar_field(const struct field *field);

/* Text -> the member at `out`, which is untouched on failure. `given`: by a document, so that min
 * and max hold and an empty name is none; a fallback is free of both. */
enum reading scalar_read(const struct field *field, const char *text, bool quoted, bool given,
                         void *out);
/* The fallback, or the type's absent value, into a zeroed member. */
void scalar_default(const struct field *field, void *out);
bool scalar_is_default(const struct field *field, const void *in);
/* Cannot be written: no text, not a number, no time, an empty name. */
bool scalar_is_nothing(const struct field *field, const void *in);
void scalar_write(struct writer *writer, const struct field *field, const void *in);
/* "a whole number from 1 to 64": what is to be written there; of any field. */
void add_expected(const struct field *field, struct buf *out);
/* The field's name that is nearest to `key`, or NULL. */
const char *nearest_key(const struct record *record, const char *key);

#endif
