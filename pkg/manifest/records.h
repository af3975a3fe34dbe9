/* Inside manifest: how the field tables are written, and the shapes that several kinds share. */
#ifndef LINNET_MANIFEST_RECORDS_H
#define LINNET_MANIFEST_RECORDS_H

#include "api/desired.h"
#include "base/limits.h"
#include "doc/fields.h"

/* Where a member lies: of a struct; of a list `x` counted by `n_x`; of a section that stands for
 * the neighbouring members `first` to `last` of a flat struct. */
#define AT(type, member) .offset = offsetof(type, member)
#define LIST_AT(type, member) AT(type, member), .count_offset = offsetof(type, n_##member)
#define IN(type, first, member) .offset = offsetof(type, member) - offsetof(type, first)
#define LIST_IN(type, first, member) \
	IN(type, first, member), .count_offset = offsetof(type, n_##member) - offsetof(type, first)

#define RECORD(type, table, text) \
	{.name = #table, .size = sizeof(type), .fields = table##_fields, \
	 .n = ARRAY_LEN(table##_fields), .help = text}
#define SECTION(type, first, last, table, text) \
	{.name = #table, .size = SPAN(type, first, last), .fields = table##_fields, \
	 .n = ARRAY_LEN(table##_fields), .help = text}
#define SPAN(type, first, last) \
	(offsetof(type, last) + sizeof(((type *)0)->last) - offsetof(type, first))
/* The same with rules between their keys. */
#define RULED(type, table, text) \
	{.name = #table, .size = sizeof(type), .fields = table##_fields, \
	 .n = ARRAY_LEN(table##_fields), .help = text, .rules = table##_rules}
#define RULED_SECTION(type, first, last, table, text) \
	{.name = #table, .size = SPAN(type, first, last), .fields = table##_fields, \
	 .n = ARRAY_LEN(table##_fields), .help = text, .rules = table##_rules}

/* Bounds of counts that have no natural one. */
#define COUNT_MAX 1e9
#define BYTES_MAX 1e15

/* The first two lines of every document; `kind_` is a vocabulary of one word. */
#define DOCUMENT_HEAD(kind_) \
	{.name = "apiVersion", .type = FIELD_CUSTOM, .flags = FIELD_REQUIRED, \
	 .names = &api_version_names, .decode = decode_constant, .encode = encode_constant, \
	 .help = "The version of this interface."}, \
	{.name = "kind", .type = FIELD_CUSTOM, .flags = FIELD_REQUIRED, .names = &(kind_), \
	 .decode = decode_constant, .encode = encode_constant, .help = "What is declared."}

extern const struct record model_record, version_record, deployment_record, environment_record,
	policy_record;

extern const struct names api_version_names;
extern const struct record plain_meta_record;      /* name, labels, annotations */
extern const struct record namespaced_meta_record; /* and the Environment as namespace */
extern const struct record gate_entry_record;      /* struct gate_entry */
extern const struct record artifact_record;        /* struct artifact_ref */
extern const struct record kept_artifact_record;   /* the same, and there may be none */
extern const struct record env_record;             /* struct env_var */
extern const struct record resources_record;       /* {int64_t cpu_millis, memory_bytes} */
extern const struct record serve_record, version_serve_record; /* struct serve_spec */
extern const struct record require_record;         /* struct gate_require */

/* What finishes an object after its table: defaults that depend on another key, and choices of
 * which exactly one must be made. `spec` is the node or NULL. 0, or -1 with complaints. */
int model_finish(struct decoder *decoder, const struct node *spec, struct model *model);
int version_finish(struct decoder *decoder, const struct node *spec, struct model_version *version);
int deployment_finish(struct decoder *decoder, const struct node *spec,
                      struct deployment *deployment);
int environment_finish(struct decoder *decoder, const struct node *spec,
                       struct environment *environment);
int policy_finish(struct decoder *decoder, const struct node *spec, struct gate_policy *policy);

/* ---- Decoders and encoders of FIELD_CUSTOM ---- */

#define CUSTOM(shape) .type = FIELD_CUSTOM, .decode = decode_##shape, .encode = encode_##shape
#define DECLARE_CUSTOM(shape) \
	int decode_##shape(struct decoder *decoder, const struct field *field, \
	                   const struct node *node, void *out); \
	void encode_##shape(struct writer *writer, const struct field *field, const void *in)

DECLARE_CUSTOM(constant);    /* one fixed word, stored nowhere */
DECLARE_CUSTOM(word);        /* const char *, one of `names` */
DECLARE_CUSTOM(words);       /* struct strings, each one of `names` */
DECLARE_CUSTOM(amounts);     /* struct named_number list: a map of names to amounts, by name */
DECLARE_CUSTOM(named_lists); /* struct role or struct grid_axis list: a map of names to lists */
DECLARE_CUSTOM(int);         /* int */

#define ANY_SCALAR_SCHEMA "{\"type\":[\"string\",\"number\",\"boolean\"]}"
#define AMOUNT_SCHEMA \
	"{\"type\":[\"number\",\"string\"],\"pattern\":\"^-?[0-9]+(\\\\.[0-9]+)?%?$\"}"
#define EMPTY_MAP_SCHEMA \
	"{\"type\":[\"object\",\"array\",\"null\"],\"maxProperties\":0,\"maxItems\":0}"
#define AMOUNTS_SCHEMA "{\"type\":\"object\",\"additionalProperties\":" AMOUNT_SCHEMA "}"
#define NAMED_LISTS_SCHEMA \
	"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"array\",\"minItems\":1," \
	"\"items\":" ANY_SCALAR_SCHEMA "}}"
/* Two keys of which at most one stands. */
#define NOT_BOTH(a, b) {"not", "{\"required\":[\"" a "\",\"" b "\"]}"}

/* The count of the list that a custom field fills: `field` has both offsets, `out` is the items. */
size_t *count_of(const struct field *field, void *out);
const size_t *const_count_of(const struct field *field, const void *in);
/* Complains unless `node` is a map (a list); returns whether it is. */
bool expect_map(struct decoder *decoder, const struct node *node);
bool expect_list(struct decoder *decoder, const struct node *node);
bool expect_scalar(struct decoder *decoder, const struct node *node);
/* Complains that `node` says none of `names`, with the nearest. */
int complain_word(struct decoder *decoder, const struct node *node, struct names names);

#endif
