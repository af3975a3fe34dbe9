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

/* The replies in the order of their rows, each read in memory of its own; moves `from` on. Of one
 * that cannot be taken, `failed` is how many rows it is about. */
static int keep_all(const struct oip_server *server, const struct oip_asked *asked, size_t n,
                    size_t rows, size_t *from, struct arena *arena, struct oip_predictions *out,
                    size_t *failed, bool *too_large, struct err *err)
{
	struct arena reading;
	int result = 0;

	arena_init(&reading, OIP_ARENA_BYTES);
	for (size_t i = 0; i < n && !result; i++) {
		struct oip_predictions part;

		arena_reset(&reading);
		*failed = asked[i].n;
		result = oip_answer(server, &asked[i], &reading, &part, too_large, err);
		if (!result)
			result = keep(&part, *from, server->interface, rows, arena, out, err);
		if (!result)
			*from += asked[i].n;
	}
	arena_deinit(&reading);
	return result;
}

/* The first request goes alone, until the server has shown how many rows it takes. */
static int score_all(const struct oip_server *server, const struct oip_shape *shape,
                     struct oip_rows rows, size_t *batch, struct arena *scratch,
                     struct arena *arena, struct oip_predictions *out, struct err *err)
{
	for (size_t from = 0; from < rows.n;) {
		struct oip_rows parts[OIP_IN_FLIGHT];
		struct oip_asked asked[OIP_IN_FLIGHT];
		size_t most = from > 0 ? OIP_IN_FLIGHT : 1, n = 0, failed;
		bool too_large = false;

		for (size_t at = from; n < most && at < rows.n; at += parts[n++].n)
			parts[n] = slice(server, rows, at, rows.n - at < *batch ? rows.n - at : *batch);
		arena_reset(scratch);
		if (oip_ask(server, shape, parts, n, scratch, asked, err))
			return -1;
		if (!keep_all(server, asked, n, rows.n, &from, arena, out, &failed, &too_large, err))
			continue;
		if (!too_large || failed <= 1)
			return -1;
		*batch = failed / 2;
		*err = (struct err){0};
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
