/* Training and evaluation runs as keyed processes; their outcome is their result files alone. */
#include <string.h>

#include "controller/internal.h"

int run_cancel(struct controller *c, const struct action *action, struct err *err)
{
	(void)c; (void)action; (void)err;
	return 0;
}
int run_start(struct controller *c, const struct task *task, const struct action *action, struct err *err)
{
	(void)c; (void)task; (void)action;
	return err_set(err, ERR_STALLED, "x");
}
void run_observe(struct controller *c, const struct model_status *status, struct run_result *out)
{
	(void)c; (void)status;
	*out = (struct run_result){0};
}
int run_draft(struct controller *c, struct digest run, struct bytes *out, struct err *err)
{
	(void)c; (void)run; (void)out;
	return err_set(err, ERR_STALLED, "x");
}
