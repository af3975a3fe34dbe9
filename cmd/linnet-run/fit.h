/* One training of one candidate, for a job that another linnet-run asked for (job.h). */
#ifndef LINNET_RUN_FIT_H
#define LINNET_RUN_FIT_H

#include "run/run.h"

/* Trains by the command on the file `rows` with what `task` holds (a JSON object with params and
 * seed, as job.h sends them), in a copy of the folder `source` and in the same sandbox as a run;
 * leaves `fit/job/artifact.tar` below `out`. */
struct fit_order {
	const char *task, *rows, *source, *out;
	char **command;
};
enum run_exit fit_run(const struct fit_order *order, const struct run_world *world);

#endif
