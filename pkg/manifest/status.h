/* Inside manifest: what the two status documents share. */
#ifndef LINNET_MANIFEST_STATUS_H
#define LINNET_MANIFEST_STATUS_H

#include "manifest/records.h"

extern const struct names status_word_names; /* ModelStatus */
extern const struct record observed_record;   /* {commit, manifest} of either status */
extern const struct record proposal_record;   /* struct proposal */
extern const struct record transition_record; /* struct transition */
extern const struct record arm_record;        /* struct arm, struct counters */
extern const struct record evidence_record;   /* struct evidence */
extern const struct record gates_evidence_record; /* struct gates_evidence */
extern const struct record deployment_status_record, model_status_record; /* the whole documents */

/* A revision is written by its ten digits where `revisions` tells which is meant, else in whole. So
 * writing and reading deployment_status_record are both given that list as their context. */
struct revisions {
	const struct revision *items;
	size_t n;
};

DECLARE_CUSTOM(conditions); /* struct condition[]; has_condition[] at count_offset */

#define CONDITIONS_AT(type) \
	AT(type, conditions), .count_offset = offsetof(type, has_condition)

/* The only document of a YAML text. */
int document_parse(const char *path, const char *text, size_t len, size_t bytes_max,
                   struct arena *arena, const struct node **out, struct err *err) must_check;
/* The same through a table; all complaints are one error. */
int document_decode(const char *path, const char *text, size_t len, size_t bytes_max,
                    const struct record *record, struct arena *arena, void *out, struct err *err)
	must_check;
/* The same of a JSON text. */
int json_decode(const char *path, const char *text, size_t len, size_t bytes_max,
                const struct record *record, struct arena *arena, void *out, struct err *err)
	must_check;
/* Sets `err` to the first complaint and how many more there are, and returns -1. */
int diagnostics_err(const struct diagnostics *diagnostics, struct err *err);

#endif
