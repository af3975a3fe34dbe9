/* What must hold inside a ModelDeployment, and beside what it names. */
#include <string.h>

#include "api/complain.h"
#include "base/limits.h"

/* ---- rollout ---- */

static void check_step(struct check *check, const struct rollout_spec *rollout, size_t i)
{
	const struct step_spec *step = &rollout->steps[i];
	struct field_path path = at("spec.rollout.steps[%zu]", i);

	if (!(step->weight > 0))
		broken(check, at("%s.weight", path.text).text,
		       "a step without traffic shows nothing; write more than 0 %%");
	else if (i > 0 && step->weight <= rollout->steps[i - 1].weight)
		broken(check, at("%s.weight", path.text).text,
		       "%g %% is not above the step before; write steps in ascending order",
		       step->weight * 100);
	if (i + 1 == rollout->n_steps && step->weight < 1)
		broken(check, at("%s.weight", path.text).text,
		       "the last step ends at %g %%; add a step {weight: 100%%}", step->weight * 100);
	if (is_set(step->max_error_ratio) && step->max_error_ratio <= 1)
		broken(check, at("%s.maxErrorRatio", path.text).text,
		       "no canary can be shown to be below %g times the errors of its equal; write more"
		       " than 1", step->max_error_ratio);
}

static void check_steps(struct check *check, const struct rollout_spec *rollout)
{
	int64_t least_ms = 0;

	if (rollout->n_steps == 0)
		broken(check, "spec.rollout.steps", "a canary needs steps; the last is {weight: 100%%}");
	if (rollout->n_steps > LIMIT_STEPS)
		broken(check, "spec.rollout.steps", "has %zu steps; write at most %d", rollout->n_steps,
		       LIMIT_STEPS);
	for (size_t i = 0; i < rollout->n_steps; i++) {
		check_step(check, rollout, i);
		least_ms += rollout->steps[i].min_duration_ms;
	}
	if (rollout->deadline_ms > 0 && least_ms > rollout->deadline_ms) {
		char least[TIME_TEXT], deadline[TIME_TEXT];

		format_duration(least_ms, least);
		format_duration(rollout->deadline_ms, deadline);
		broken(check, "spec.rollout.deadline",
		       "%s is over before the steps are, which last %s at least; write more", deadline,
		       least);
	}
}

static void check_analysis(struct check *check, const struct analysis_spec *analysis)
{
	if (analysis->no_data_deadline_ms > 0 && analysis->no_data_deadline_ms <= analysis->warmup_ms)
		broken(check, "spec.rollout.analysis.noDataDeadline",
		       "passes in the warm-up, when nothing counts; write more than warmup.duration");
	for (size_t i = 0; i < analysis->n_metrics; i++) {
		const struct metric_spec *metric = &analysis->metrics[i];
		struct field_path path = at("spec.rollout.analysis.metrics[%zu]", i);

		if (is_repeated(metric->name, analysis->metrics, sizeof(*metric), i,
		                offsetof(struct metric_spec, name)))
			broken(check, at("%s.name", path.text).text,
			       "metric '%s' stands here twice; rename one", metric->name);
		if (metric->prometheus && !strstr(metric->prometheus, "{{revision}}"))
			broken(check, at("%s.prometheus", path.text).text,
			       "cannot tell the candidate from the stable one; put {{revision}} into it");
	}
}

/* ---- environment variables ---- */

static bool is_variable(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char digits[] = "0123456789";

	if (strspn(name, letters) == 0)
		return false;
	while (*name) {
		size_t len = strspn(name, letters) + strspn(name, digits);

		if (len == 0)
			return false;
		name += strspn(name, letters);
		name += strspn(name, digits);
	}
	return true;
}

static void check_env(struct check *check, const struct env_var *env, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct field_path path = at("spec.env[%zu]", i);
		const char *name = env[i].name;

		if (!is_variable(name))
			broken(check, at("%s.name", path.text).text,
			       "'%.60s' is no variable; write letters, digits and '_'", name);
		else if (strncmp(name, "LINNET_", 7) == 0 || strcmp(name, "PORT") == 0)
			broken(check, at("%s.name", path.text).text, "%s is set by Linnet; rename it", name);
		if (is_repeated(name, env, sizeof(*env), i, offsetof(struct env_var, name)))
			broken(check, at("%s.name", path.text).text, "%s is set twice; remove one", name);
		if (!env[i].value == !env[i].secret_name)
			broken(check, path.text, "%s needs either a value or a secret", name);
	}
}

/* ---- monitor, alerts ---- */

static void check_monitor(struct check *check, const struct monitor_spec *monitor)
{
	int64_t k, of;

	if (monitor->ground_truth)
		check_uri(check, "spec.monitor.groundTruth.uri", monitor->ground_truth->uri);
	if (monitor->drift_persist && !persist_parse(monitor->drift_persist, &k, &of))
		broken(check, "spec.monitor.drift.persist",
		       "'%.60s' is not K of N; write for example: 2 of 3", monitor->drift_persist);
	if (!monitor->log && (monitor->drift_window_ms > 0 || monitor->performance_metric))
		broken(check, "spec.monitor.log",
		       "drift and performance are measured on the prediction log; write log: true");
}

static void check_alerts(struct check *check, const struct deployment *deployment)
{
	struct alert_condition condition;

	for (size_t i = 0; i < deployment->n_alerts; i++) {
		const struct alert_spec *alert = &deployment->alerts[i];

		if (is_repeated(alert->name, deployment->alerts, sizeof(*alert), i,
		                offsetof(struct alert_spec, name)))
			broken(check, at("spec.alerts[%zu].name", i).text,
			       "alert '%s' stands here twice; rename one", alert->name);
		if (!alert_parse(alert->when, &condition))
			broken(check, at("spec.alerts[%zu].when", i).text,
			       "'%.60s' is no condition; write METRIC < NUMBER, METRIC > NUMBER or an event",
			       alert->when);
	}
}

static void check_size(struct check *check, const struct deployment *deployment)
{
	const struct autoscale_spec *autoscale = deployment->autoscale;

	if (!autoscale)
		return;
	if (autoscale->min < 1)
		broken(check, "spec.autoscale.min", "at least one replica must serve; write 1 or more");
	if (autoscale->min > autoscale->max)
		broken(check, "spec.autoscale.min", "%lld is above max (%lld); exchange them",
		       (long long)autoscale->min, (long long)autoscale->max);
	if (autoscale->max > LIMIT_REPLICAS)
		broken(check, "spec.autoscale.max", "write at most %d", LIMIT_REPLICAS);
	if (!(autoscale->requests_per_second_per_replica > 0))
		broken(check, "spec.autoscale.requestsPerSecondPerReplica",
		       "how much can one replica take? write more than 0");
}

int deployment_check(const struct deployment *deployment, check_complain *complain, void *ctx)
{
	struct check check = {complain, ctx, false};
	const struct promotion_spec *promotion = deployment->promotion;

	if (promotion && deployment->meta.namespace && promotion->from &&
	    strcmp(promotion->from, deployment->meta.namespace) == 0)
		broken(&check, "spec.promotion.from", "is this Environment itself; name the one before it");
	check_size(&check, deployment);
	check_env(&check, deployment->env, deployment->n_env);
	if (deployment->rollout.strategy == STRATEGY_CANARY)
		check_steps(&check, &deployment->rollout);
	check_analysis(&check, &deployment->rollout.analysis);
	if (deployment->monitor)
		check_monitor(&check, deployment->monitor);
	check_alerts(&check, deployment);
	return check_result(&check);
}

/* ---- beside what it names ---- */

/* Page, then retrain, then promote: an alert above the level that retrains rings for what is
 * already being mended. */
static void check_page(struct check *check, const struct model *model, const char *path,
                       const struct alert_condition *page)
{
	for (size_t i = 0; i < model->n_triggers; i++) {
		const struct trigger_spec *trigger = &model->triggers[i];

		if (trigger->kind == TRIGGER_PERFORMANCE && trigger->metric &&
		    strcmp(trigger->metric, page->subject) == 0 && page->threshold >= trigger->below)
			broken(check, path,
			       "pages at %g, but Model '%s' retrains only below %g; write less",
			       page->threshold, model->meta.name, trigger->below);
	}
	for (size_t i = 0; i < model->gates.n_require; i++) {
		const struct gate_require *require = &model->gates.require[i];

		if (!require->class_name && strcmp(require->metric, page->subject) == 0 &&
		    page->threshold >= require->min)
			broken(check, path,
			       "pages at %g, but Model '%s' lets versions through from %g; write less",
			       page->threshold, model->meta.name, require->min);
	}
}

static void check_pages(struct check *check, const struct deployment *deployment,
                        const struct model *model)
{
	struct alert_condition condition;

	for (size_t i = 0; i < deployment->n_alerts; i++) {
		const struct alert_spec *alert = &deployment->alerts[i];

		if (alert->action == ALERT_PAGE && alert_parse(alert->when, &condition) &&
		    condition.sign == ALERT_BELOW)
			check_page(check, model, at("spec.alerts[%zu].when", i).text, &condition);
	}
}

static void check_sources(struct check *check, const struct analysis_spec *analysis,
                          const struct environment *environment)
{
	bool answers = environment->kubernetes && environment->kubernetes->prometheus;

	for (size_t i = 0; i < analysis->n_metrics && !answers; i++)
		if (!analysis->metrics[i].url)
			broken(check, at("spec.rollout.analysis.metrics[%zu].url", i).text,
			       "Environment '%s' names no Prometheus that could be asked; write one here",
			       environment->meta.name);
}

int deployment_check_refs(const struct deployment *deployment, const struct model *model,
                          const struct model_version *version,
                          const struct environment *environment, check_complain *complain,
                          void *ctx)
{
	struct check check = {complain, ctx, false};

	if (model)
		check_pages(&check, deployment, model);
	if (model && is_set(deployment->rollout.analysis.predictions_max_distance) &&
	    !model->interface.output.classes.n && !output_is_ranged(&model->interface.output))
		broken(&check, "spec.rollout.analysis.predictions",
		       "Model '%s' predicts a number whose range is not known; write min and max into its"
		       " spec.interface.output", deployment->model);
	if (version && strcmp(version->model, deployment->model) != 0)
		broken(&check, "spec.version", "%s is a version of '%s', not of '%s'", version->version,
		       version->model, deployment->model);
	if (version && environment && environment->kubernetes && !version->serve.image)
		broken(&check, "spec.version",
		       "%s has no image, and Environment '%s' serves in Kubernetes; give the Model's serve"
		       " an image", version->version, environment->meta.name);
	if (environment)
		check_sources(&check, &deployment->rollout.analysis, environment);
	return check_result(&check);
}
