/* Many rows, in requests that the server can take. */
#include <string.h>

#include "oip/internal.h"


static struct oip_rows slice(const struct oip_server *server, struct oip_rows rows, size_t from,
                             size_t n)
{
	return (struct oip_rows){rows.values + from * server->interface->n_inputs, n};
}

/* Puts the predictions of some rows where they belong; their texts outlive the batch. */
static int keep(const struct oip_predictions *part, size_t from,
                const struct interface_spec *interface, size_t n, struct arena *arena,
                struct oip_predictions *out, struct err *err)
{
	if (from == 0)
		oip_predictions_init(out, interface, n, part->n_scores, arena);
	if (part->n_scores != out->n_scores)
		return err_set(err, ERR_STALLED, "infer: %zu scores a row, before it was %zu",
		               part->n_scores, out->n_scores);
	for (size_t i = 0; i < part->n; i++) {
		out->labels[from + i] =
			part->classes ? part->labels[i] : arena_strdup(arena, part->labels[i]);
		if (part->classes)
			out->classes[from + i] = part->classes[i];
		if (part->numbers)
			out->numbers[from + i] = part->numbers[i];
	}
	if (part->scores)
		memcpy(out->scores + from * out->n_scores, part->scores,
		       part->n * part->n_scores * sizeof(double));
	return 0;
}

static int score_all(const struct oip_server *server, const struct oip_shape *shape,
                     struct oip_rows rows, size_t *batch, struct arena *scratch,
                     struct arena *arena, struct oip_predictions *out, struct err *err)
{
	for (size_t from = 0; from < rows.n;) {
		size_t n = rows.n - from < *batch ? rows.n - from : *batch;
		struct oip_predictions part;
		bool too_large;

		arena_reset(scratch);
		if (!oip_infer(server, shape, slice(server, rows, from, n), scratch, &part, NULL,
		               &too_large, err)) {
			if (keep(&part, from, server->interface, rows.n, arena, out, err))
				return -1;
			from += n;
		} else if (too_large && n > 1) {
			*batch = n / 2;
			*err = (struct err){0};
		} else {
			return -1;
		}
	}
	return 0;
}

/* Rows in one request, so that the scores of the reply stay far below LIMIT_DOC_NODES. */
static size_t batch_most(const struct interface_spec *interface)
{
	size_t classes = interface->output.scores ? interface->output.classes.n : 0;
	size_t most = LIMIT_DOC_NODES / 2 / (classes + 2);

	return most > OIP_BATCH ? OIP_BATCH : most > 1 ? most : 1;
}

int oip_score(const struct oip_server *server, const struct oip_shape *shape,
              struct oip_rows rows, size_t *batch, struct arena *arena,
              struct oip_predictions *out, struct err *err)
{
	struct oip_predictions predictions;
	struct arena scratch;
	int result;

	oip_predictions_init(&predictions, server->interface, 0, 0, arena);
	arena_init(&scratch, OIP_ARENA_BYTES);
	*batch = *batch ? *batch : batch_most(server->interface);
	result = score_all(server, shape, rows, batch, &scratch, arena, &predictions, err);
	arena_deinit(&scratch);
	if (!result)
		*out = predictions;
	return result;
}
