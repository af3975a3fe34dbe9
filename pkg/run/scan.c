/* The report of an image scanner: SARIF, or JSON that says its severities. */
#include <string.h>
#include <strings.h>

#include "run/internal.h"

enum { SCAN_BYTES_MAX = 64 << 20 };
static const char *const severities[] = {"low", "medium", "high", "critical"};

struct scan {
	int least;
	struct gate_serving *out;
};

/* -1: none of ours. */
static int severity_of(const char *text)
{
	for (int i = 0; text && i < (int)ARRAY_LEN(severities); i++)
		if (!strcasecmp(text, severities[i]))
			return i;
	return -1;
}

static void add_finding(struct scan *scan, int severity, int64_t n, const char *name)
{
	if (severity < scan->least || n <= 0)
		return;
	if (!scan->out->finding)
		scan->out->finding = name;
	scan->out->n_findings += n;
}

/* SARIF says error, warning and note, and a score of 0 to 10 beside the rule where it has one. */
static int sarif_severity(const struct node *result, const struct node *rules)
{
	static const char *const levels[] = {"note", "warning", "error"};
	const char *level = node_text(result, "level"), *id = node_text(result, "ruleId");
	const struct node *rule = rules ? rules->first : NULL;
	struct err ignored;
	double score;

	while (rule && (!id || !node_text(rule, "id") || strcmp(node_text(rule, "id"), id)))
		rule = rule->next;
	if (rule && !parse_number(node_text(node_get(rule, "properties"), "security-severity")
	                          ? node_text(node_get(rule, "properties"), "security-severity") : "",
	                          0, 10, &score, &ignored))
		return score >= 9 ? 3 : score >= 7 ? 2 : score >= 4 ? 1 : 0;
	for (int i = 0; level && i < (int)ARRAY_LEN(levels); i++)
		if (!strcmp(level, levels[i]))
			return i;
	return 1; /* SARIF's own default is warning */
}

static void read_sarif(struct scan *scan, const struct node *runs)
{
	for (const struct node *run = runs->first; run; run = run->next) {
		const struct node *rules = node_at(run, "tool.driver.rules");
		const struct node *results = node_get(run, "results");

		for (const struct node *result = results ? results->first : NULL; result;
		     result = result->next)
			add_finding(scan, sarif_severity(result, rules), 1, node_text(result, "ruleId"));
	}
}

/* Any object with a severity is a finding; {"critical": 0, "high": 2} are counts. False: neither
 * is there. */
static bool read_plain(struct scan *scan, const struct node *node, int depth)
{
	const char *severity = NULL, *id = NULL;
	bool found = false;

	for (const struct node *child = node->first; child; child = child->next) {
		struct err ignored;
		int64_t n;

		if (child->key && !strcasecmp(child->key, "severity"))
			severity = child->text;
		else if (child->key && strcasestr(child->key, "id") && child->text && !id)
			id = child->text;
		if (severity_of(child->key) >= 0 && child->text &&
		    !parse_int(child->text, 0, INT32_MAX, &n, &ignored)) {
			add_finding(scan, severity_of(child->key), n, child->key);
			found = true;
		} else if (depth < LIMIT_DOC_DEPTH) {
			found |= read_plain(scan, child, depth + 1);
		}
	}
	if (severity)
		add_finding(scan, severity_of(severity), 1, id);
	return found || severity;
}

static bool is_empty_list(const struct node *node)
{
	return node && (node->type == NODE_LIST || node->type == NODE_NULL) && !node->first;
}

void scan_read(struct run *run, const char *report, const char *severity, struct gate_serving *out)
{
	struct scan scan = {severity_of(severity), out};
	const char *folder = run->spec->serve_source ? run->spec->serve_source : run->dir;
	struct err err = {0};
	struct bytes text;
	struct node *root;

	out->n_findings = 0;
	out->scan = out->finding = NULL;
	if (run_read(run, arena_printf(run->arena, "%s/%s", folder, report), SCAN_BYTES_MAX, &text,
	             &err) ||
	    json_parse(text.data, text.len, SCAN_BYTES_MAX, run->arena, &root, &err))
		out->scan = arena_printf(run->arena, "the scan report %s cannot be read: %s", report,
		                         err.text);
	else if (node_get(root, "runs"))
		read_sarif(&scan, node_get(root, "runs"));
	else if (!read_plain(&scan, root, 0) && !is_empty_list(root) &&
	         !is_empty_list(node_get(root, "Results")))
		out->scan = arena_printf(run->arena, "the scan report %s is no SARIF and tells no"
		                         " severities", report);
}
