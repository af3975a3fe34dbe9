/* What the files of this module share. */
#ifndef LINNET_OIP_INTERNAL_H
#define LINNET_OIP_INTERNAL_H

#include "base/limits.h"
#include "doc/doc.h"
#include "oip/oip.h"

enum { OIP_ID_BYTES = 33 };

/* `n` requests at once, one for each of the `bodies`; NULL is a GET. */
int oip_perform(const struct oip_server *server, const char *path, const struct buf *bodies,
                size_t n, struct arena *arena, struct http_reply *replies, struct err *err)
	must_check;
/* The tree of a reply, or err by the rules of oip.h; `out` NULL: nothing is read. */
int oip_tree(const struct oip_server *server, const char *path, const struct http_reply *reply,
             struct arena *arena, struct node **out, struct err *err) must_check;

/* What was asked and what came back. */
struct oip_asked {
	size_t n; /* rows */
	char id[OIP_ID_BYTES];
	struct http_reply reply;
};
/* Infer requests of `n` parts at once, at most OIP_IN_FLIGHT. */
int oip_ask(const struct oip_server *server, const struct oip_shape *shape,
            const struct oip_rows *parts, size_t n, struct arena *arena, struct oip_asked *asked,
            struct err *err) must_check;
/* The predictions of one of them. */
int oip_answer(const struct oip_server *server, const struct oip_asked *asked,
               struct arena *arena, struct oip_predictions *out, bool *too_large,
               struct err *err) must_check;

/* The type that a server calls `datatype` (STRING is BYTES), or -1. */
int oip_type(const char *datatype);

/* Writes a value that fits the interface as JSON; NULL is null. */
void oip_value(struct writer *writer, enum tensor_type type, const char *text);

/* Room for n predictions. */
void oip_predictions_init(struct oip_predictions *out, const struct interface_spec *interface,
                          size_t n, size_t n_scores, struct arena *arena);
/* Sets output i from a scalar: label, number, class. */
int oip_prediction_set(struct oip_predictions *out, const struct interface_spec *interface,
                       size_t i, const struct node *value, struct arena *arena,
                       struct err *err) must_check;
#endif
