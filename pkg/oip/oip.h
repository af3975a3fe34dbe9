/* Model servers that speak the Open Inference Protocol v2 over HTTP: what they say they are,
 * what they predict, and whether that is what was recorded.
 *
 * Errors: ERR_STALLED when the server answered and the answer is wrong, so that asking again
 * gives the same; ERR_TRANSIENT when it could not be asked (refused, timed out, busy, 5xx). A
 * request changes nothing, so none of them is UNKNOWN. Everything returned is in the arena that was
 * given. */
#ifndef LINNET_OIP_OIP_H
#define LINNET_OIP_OIP_H

#include "api/kinds.h"
#include "base/arena.h"
#include "port/port.h"

enum {
	OIP_BATCH = 64,              /* rows in one request */
	OIP_IN_FLIGHT = 4,           /* requests at once, where many rows are scored */
	OIP_REPLY_BYTES = 8 << 20,
	OIP_GOLDEN_ROWS = 64,
	OIP_GOLDEN_BYTES = 4 << 20,
	OIP_ARENA_BYTES = 256 << 20, /* that an arena given here should allow, beside what it returns */
};
/* Scores of the golden batch may differ by this much: arithmetic of a batch and of one row
 * does. */
#define OIP_SCORE_TOLERANCE 1e-4

/* One model at one server. Borrows all. */
struct oip_server {
	const struct port_http *http;
	const struct port_clock *clock;
	const char *url;     /* "http://127.0.0.1:20012", without a '/' at its end */
	const char *model;   /* LINNET_MODEL_NAME that it was started with */
	const char *version; /* LINNET_MODEL_VERSION that it was started with; NULL: any */
	const struct interface_spec *interface;
	int64_t timeout_ms;  /* of each request */
};

/* How the server wants its inputs, from its metadata. */
struct oip_shape {
	bool *column_2d;    /* layout columns: input i has shape [n, 1], not [n] */
	const char *matrix; /* layout matrix: name of the one tensor, ... */
	enum tensor_type matrix_type;
};

/* 0 when GET /v2/models/NAME/ready answers 200; else ERR_TRANSIENT. */
int oip_ready(const struct oip_server *server, struct arena *arena, struct err *err) must_check;

/* GET /v2/models/NAME against the interface: names and types of all inputs (one more or one less
 * is an error, BYTES and STRING are the same), output and scores; shapes by rank. */
int oip_interface(const struct oip_server *server, struct arena *arena, struct oip_shape *out,
                  struct err *err) must_check;

/* ---- Predictions ---- */

/* Row i, input j is values[i * n_inputs + j], as text that fits the interface; NULL is missing. */
struct oip_rows {
	const char *const *values;
	size_t n;
};
struct oip_predictions {
	size_t n;
	const char **labels; /* text of the output, of each row */
	double *numbers;     /* of each row, when the output is a number; else NULL */
	int *classes;        /* index into output.classes, of each row; NULL without classes */
	double *scores;      /* [n][n_scores]; NULL when the interface names none */
	size_t n_scores;
};

/* One POST /v2/models/NAME/infer of all rows. Strict: the id is echoed, model_version (where
 * present) is ours, each declared output is there with its type, its first dimension and its
 * number of elements (flat or nested), labels are among the classes, numbers are finite.
 * `seconds` may be NULL. `too_large` tells a 413 or 5xx, which fewer rows may avoid. */
int oip_infer(const struct oip_server *server, const struct oip_shape *shape,
              struct oip_rows rows, struct arena *arena, struct oip_predictions *out,
              double *seconds, bool *too_large, struct err *err) must_check;

/* All rows in requests of at most *batch (0: OIP_BATCH) rows, OIP_IN_FLIGHT of them at once; a 413
 * or 5xx halves it, for good. */
int oip_score(const struct oip_server *server, const struct oip_shape *shape,
              struct oip_rows rows, size_t *batch, struct arena *arena,
              struct oip_predictions *out, struct err *err)
	must_check;

/* ---- Golden batch: rows, and what the version predicted for them when it was made ---- */

struct oip_golden {
	struct oip_rows rows;
	struct oip_predictions predictions;
};
/* {"rows":[{input: value, ...}],"predictions":[{"output":..,"scores":[..]}]} in one line. */
void oip_golden_encode(const struct interface_spec *interface, const struct oip_golden *golden,
                       struct buf *out);
int oip_golden_decode(const struct interface_spec *interface, const char *text, size_t len,
                      struct arena *arena, struct oip_golden *out, struct err *err) must_check;

/* ---- The check of a candidate, before any traffic ---- */

struct oip_check_spec {
	struct bytes golden;     /* text of the golden batch; data NULL: none was recorded */
	double latency_p95_ms;   /* of single rows; NAN: not gated */
};
struct oip_report {
	double p95_ms;           /* of single rows; NAN without a golden batch */
	const char *text;        /* "interface as declared, 64 golden rows alike in batches and singly,
	                          * p95 3.1 ms" */
};
/* Interface, golden batch in batches and row by row, latency, nothing non-finite. -1: the error
 * says what is wrong in one sentence; its kind tells a wrong answer from none. */
int oip_check(const struct oip_server *server, const struct oip_check_spec *spec,
              struct arena *arena, struct oip_report *out, struct err *err) must_check;

#endif
