/* Metrics from elsewhere: Prometheus is asked every 30 s while a candidate takes traffic. */
#include <ctype.h>
#include <string.h>

#include "controller/internal.h"

enum { ASK_MS = 30000, ANSWER_MS = 5000, ANSWER_BYTES = 1 << 20 };

static void add_escaped(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("-_.~", *text))
			buf_putc(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
}

/* <base>/api/v1/query?query=<the query about this revision> */
static const char *query_url(struct controller *c, const char *base, const char *query,
                             struct digest revision)
{
	static const char mark[] = "{{revision}}";
	size_t len = strlen(base);
	char digits[REVISION_SHORT + 1];
	const char *url, *next;
	struct buf text;

	revision_short(revision, digits);
	while (len && base[len - 1] == '/')
		len--;
	buf_init(&text, 16384);
	buf_add(&text, base, len);
	buf_puts(&text, "/api/v1/query?query=");
	for (; (next = strstr(query, mark)); query = next + strlen(mark)) {
		add_escaped(&text, arena_strndup(&c->arena, query, (size_t)(next - query)));
		buf_puts(&text, digits);
	}
	add_escaped(&text, query);
	url = text.full ? NULL : arena_strdup(&c->arena, buf_text(&text));
	buf_deinit(&text);
	return url;
}

static const char *address_of(const struct metric_spec *metric, const struct task *task)
{
	const struct environment *environment = task->desired.environment;

	if (metric->url)
		return metric->url;
	return environment && environment->kubernetes ? environment->kubernetes->prometheus : NULL;
}

/* What an answer says; NAN: nothing. */
static double value_of(struct controller *c, const struct task *task,
                       const struct metric_spec *metric, const struct http_reply *reply)
{
	struct err err = reply->err;
	double value;

	if (reply->status && reply->status != 200)
		err_set(&err, ERR_TRANSIENT, "HTTP status %d", reply->status);
	else if (reply->status &&
	         !prometheus_decode(reply->body.data, reply->body.len, &c->arena, &value, &err))
		return value;
	log_warn("%s: metric %s: %s", task->key->id, metric->name, err.text);
	return NAN;
}

/* Whether it is over; `reply` then says how. */
static bool ask(struct controller *c, const char *base, const struct metric_spec *metric,
                struct digest revision, struct http_reply *reply)
{
	const char *url = query_url(c, base, metric->prometheus, revision);

	*reply = (struct http_reply){0};
	if (!uri_allowed(c->config.metrics_allow, base))
		err_set(&reply->err, ERR_STALLED, "its url is not in the controller's metrics.allow");
	else if (!url)
		err_set(&reply->err, ERR_STALLED, "the query is too long");
	else
		return c->ports.http.ask(c->ports.http.self, url, ANSWER_BYTES, c->now_ms + ANSWER_MS,
		                         &c->arena, reply);
	return true;
}

void watch_metrics(struct controller *c, struct task *task,
                   const struct deployment_status *history)
{
	const struct analysis_spec *analysis = &task->desired.deployment->rollout.analysis;

	if (!history->candidate.hex[0] || history->candidate_weight <= 0)
		return;
	for (size_t i = 0; i < analysis->n_metrics; i++) {
		const struct metric_spec *metric = &analysis->metrics[i];
		const char *base = address_of(metric, task);
		struct http_reply reply;

		if (base && gate_metric_due(&task->evidence, metric->name, c->wall_ms, ASK_MS) &&
		    ask(c, base, metric, history->candidate, &reply))
			gate_metric(&task->evidence, metric, value_of(c, task, metric, &reply), c->wall_ms,
			            &c->arena);
	}
}
