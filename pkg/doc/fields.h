/* Field tables: one table decodes, encodes, explains and makes the JSON Schema of a struct. */
#ifndef LINNET_DOC_FIELDS_H
#define LINNET_DOC_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/parse.h"
#include "doc/doc.h"

enum field_type {
	/* scalars; in brackets what is absent without a fallback */
	FIELD_STRING,   /* const char *; any scalar is taken as its text (NULL) */
	FIELD_NAME,     /* const char *, a DNS label (NULL) */
	FIELD_BOOL,     /* bool; plain true or false (false) */
	FIELD_INT,      /* int64_t in [min, max], plain (0) */
	FIELD_NUMBER,   /* double in [min, max], plain (NAN) */
	FIELD_SHARE,    /* double 0..1 in [min, max]; "5%" or 0.05 (NAN) */
	FIELD_AMOUNT,   /* double in [min, max]; a number or a percentage: a metric's value (NAN) */
	FIELD_DURATION, /* int64_t ms in [min, max] (-1) */
	FIELD_TIME,     /* int64_t ms, RFC 3339 (-1) */
	FIELD_MEMORY,   /* int64_t bytes (-1) */
	FIELD_CPU,      /* int64_t millis (-1) */
	FIELD_DIGEST,   /* struct digest, written "sha256:..." ("") */
	FIELD_ENUM,     /* int-sized enum, by `names`; an empty name is never read or written (0) */
	/* what holds others */
	FIELD_STRINGS,  /* {const char **items; size_t n} (api's struct strings), a list of scalars */
	FIELD_PAIRS,    /* {struct field_pair *items; size_t n} (api's pairs), a map of scalars */
	FIELD_RECORD,   /* a struct in place, by `record`, or a section of a flat one: offsets are
	                   relative to `offset` and nothing but the members named is touched */
	FIELD_OPTIONAL, /* pointer to a struct, NULL when absent, by `record` */
	FIELD_LIST,     /* T *items; size_t n at `count_offset`; each by `record` */
	FIELD_MAP_LIST, /* the same, written as a map: the record's first field is the key */
	FIELD_CUSTOM    /* by `decode` and `encode`; absent: `decode` of a scalar node of `fallback`,
	                   without one left zeroed and not written */
};
enum {
	FIELD_REQUIRED = 1,
	FIELD_NON_EMPTY = 2, /* of texts, lists and maps, where given */
};
/* `quoted`: "5" and not 5. */
struct field_pair {
	const char *key, *value;
	bool quoted;
};

struct record;
struct decoder;
struct field {
	const char *name;
	enum field_type type;
	size_t offset, count_offset;
	unsigned flags;
	double min, max;           /* of numbers, durations (ms) and list lengths; both 0: unbounded;
	                              a max below min: no upper bound */
	const struct names *names; /* FIELD_ENUM; a pointer: tables can name api's vocabularies */
	const struct record *record;
	const char *fallback;      /* default, as it would be written; min and max do not bind it */
	const char *help;          /* one sentence */
	const char *schema;        /* FIELD_CUSTOM: its JSON Schema; NULL: by `names` and `record` */
	int (*decode)(struct decoder *decoder, const struct field *field, const struct node *node,
	              void *out);
	void (*encode)(struct writer *writer, const struct field *field, const void *in);
};
/* What holds between the keys of a map, in the words of JSON Schema; ended by a NULL keyword. For
 * tools only: who decodes checks it by hand. */
struct schema_rule {
	const char *keyword, *schema;
};
struct record {
	const char *name;
	size_t size;
	const struct field *fields;
	size_t n;
	const char *help;
	const struct schema_rule *rules; /* or NULL */
};

/* One complaint; all of a document are collected, up to LIMIT_DIAGNOSTICS. */
struct diagnostic {
	const char *path; /* file */
	int line, column;
	const char *message; /* dotted path of the field, cause, what to do */
};
struct diagnostics {
	struct diagnostic *items;
	size_t n;
};
struct decoder {
	struct arena *arena;
	const char *path;
	struct diagnostics *diagnostics;
	const void *context; /* the caller's, for the decoders of its custom fields */
};
/* Adds a diagnostic at `at` (NULL: the file) and returns -1. The dotted path of the node is put
 * before the message, which therefore does not name the key. */
int complain(struct decoder *decoder, const struct node *at, const char *fmt, ...)
	printf_like(3, 4);
/* The same about the key of `at`: its place, and the path of the map that holds it. */
int complain_key(struct decoder *decoder, const struct node *at, const char *fmt, ...)
	printf_like(3, 4);
/* "path:line:column: message"; without the numbers where the place is not known. */
void diagnostic_text(const struct diagnostic *diagnostic, struct buf *out);

/* Fills `out` (record->size bytes): zeros, then defaults, then the keys of `node`. Unknown keys
 * (with the nearest valid one), wrong types and ranges and missing required keys are diagnostics;
 * -1 if any. What is not given inside an absent section is never missed. */
int record_decode(struct decoder *decoder, const struct record *record, const struct node *node,
                  void *out);
/* Writes the required fields and those that differ from their default, in table order, as a map.
 * An empty section is left out; a pointer that is not NULL is written. */
void record_encode(struct writer *writer, const struct record *record, const void *in);
/* The type's absent values and the fallbacks, without a document. */
void record_defaults(const struct record *record, void *out, struct arena *arena);

/* The JSON Schema (2020-12) of a record, as a value of its own; `writer` should write JSON. */
void record_schema(struct writer *writer, const struct record *record);
/* What one field means, its type, default and range, and its keys; `path` is dotted, "" is the
 * record itself, indices are ignored. ERR_STALLED when there is no such field, with the nearest. */
int record_explain(const struct record *record, const char *path, struct buf *out, struct err *err)
	must_check;

#endif
