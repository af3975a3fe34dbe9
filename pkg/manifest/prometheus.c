/* The answer of Prometheus to an instant query. */
#include <float.h>
#include <string.h>

#include "base/limits.h"
#include "doc/doc.h"
#include "manifest/manifest.h"

/* [time, "value"] */
static const struct node *sample_value(const struct node *sample)
{
	return sample && sample->type == NODE_LIST && sample->n == 2 ? sample->last : NULL;
}

int prometheus_decode(const char *text, size_t len, struct arena *arena, double *out,
                      struct err *err)
{
	const struct node *result, *value;
	const char *status, *type;
	struct node *root;

	if (json_parse(text, len, LIMIT_STATUS_BYTES, arena, &root, err) < 0)
		return -1;
	status = node_text(root, "status");
	if (!status || strcmp(status, "success"))
		return err_set(err, ERR_STALLED, "the query failed: %s",
		               node_text(root, "error") ? node_text(root, "error") : "no reason given");
	type = node_text(node_get(root, "data"), "resultType");
	result = node_at(root, "data.result");
	if (type && strcmp(type, "scalar") == 0)
		value = sample_value(result);
	else if (result && result->type == NODE_LIST && result->n == 1)
		value = sample_value(node_get(result->first, "value"));
	else
		return err_set(err, ERR_STALLED, "the query has %zu results; write one that has one",
		               result ? result->n : 0);
	if (!value || value->type != NODE_SCALAR)
		return err_set(err, ERR_STALLED, "the query has no value");
	return parse_number(value->text, -DBL_MAX, DBL_MAX, out, err);
}
