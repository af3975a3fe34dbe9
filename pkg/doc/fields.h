/* Field tables: one table decodes, encodes, explains and makes the JSON Schema of a struct. */
#ifndef LINNET_DOC_FIELDS_H
#define LINNET_DOC_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/parse.h"
#include "doc/doc.h"

enum field_type {
	FIELD_STRING,   /* const char * */
	FIELD_NAME,     /* const char *, a DNS label */
	FIELD_BOOL,     /* bool */
	FIELD_INT,      /* int64_t in [min, max] */
	FIELD_NUMBER,   /* double in [min, max] */
	FIELD_SHARE,    /* double 0..1 in [min, max]; "5%" or 0.05 */
	FIELD_AMOUNT,   /* double in [min, max]; a number or a percentage: the value of any metric */
	FIELD_DURATION, /* int64_t ms */
	FIELD_TIME,     /* int64_t ms, RFC 3339 */
	FIELD_MEMORY,   /* int64_t bytes */
	FIELD_CPU,      /* int64_t millis */
	FIELD_DIGEST,   /* struct digest, written "sha256:..." */
	FIELD_ENUM,     /* int-sized enum, by `names`; without a fallback it is the value 0 */
	FIELD_STRINGS,  /* {const char **items; size_t n} (api's struct strings), a list of scalars */
	FIELD_PAIRS,    /* {struct {const char *key, *value;} *items; size_t n}, a map of scalars */
	FIELD_RECORD,   /* a struct in place, by `record` */
	FIELD_OPTIONAL, /* pointer to a struct, NULL when absent, by `record` */
	FIELD_LIST,     /* T *items; size_t n at `count_offset`; each by `record` */
	FIELD_MAP_LIST, /* the same, written as a map: the record's first field is the key */
	FIELD_CUSTOM    /* by `decode` and `encode`; absent: `decode` of a scalar node of `fallback`,
	                   without one left zeroed and not written */
};
enum { FIELD_REQUIRED = 1, FIELD_NON_EMPTY = 2 };

struct record;
struct decoder;
struct field {
	const char *name;
	enum field_type type;
	size_t offset, count_offset;
	unsigned flags;
	double min, max;      /* of numbers, durations (ms) and list lengths; both 0: unbounded */
	const struct names *names; /* FIELD_ENUM; a pointer, so that tables can name api's vocabularies */
	const struct record *record;
	const char *fallback; /* default, as it would be written; NULL: the type's "absent" value */
	const char *help;     /* one sentence */
	int (*decode)(struct decoder *decoder, const struct field *field, const struct node *node,
	              void *out);
	void (*encode)(struct writer *writer, const struct field *field, const void *in);
};
struct record {
	const char *name;
	size_t size;
	const struct field *fields;
	size_t n;
	const char *help;
};

/* One complaint; all of a document are collected, up to LIMIT_DIAGNOSTICS. */
struct diagnostic {
	const char *path; /* file */
	int line, column;
	const char *message; /* names the key, the cause and what to do */
};
struct diagnostics {
	struct diagnostic *items;
	size_t n;
};
struct decoder {
	struct arena *arena;
	const char *path;
	struct diagnostics *diagnostics;
};
/* Adds "path:line:column: message" and returns -1. */
int complain(struct decoder *decoder, const struct node *at, const char *fmt, ...)
	printf_like(3, 4);

/* Fills `out` (record->size bytes): defaults first, then the keys of `node`. Unknown keys (with the
 * nearest valid one), wrong types and ranges and missing required keys are diagnostics; -1 if any. */
int record_decode(struct decoder *decoder, const struct record *record, const struct node *node,
                  void *out);
/* Writes the fields that differ from their default, in table order, as a map. */
void record_encode(struct writer *writer, const struct record *record, const void *in);
/* The type's absent values and the fallbacks, without a document. */
void record_defaults(const struct record *record, void *out, struct arena *arena);

#endif
