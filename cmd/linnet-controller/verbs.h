/* The worker verbs: this program started again for what may block, one job a process. */
#ifndef LINNET_CMD_CONTROLLER_VERBS_H
#define LINNET_CMD_CONTROLLER_VERBS_H

/* `__run train|evaluate name=value ...`: exports manifest and sources of a commit, then becomes
 * linnet-run in the current folder. Returns only when that failed. */
int verb_run(int argc, char **argv);
/* `__check SPEC`: asks a candidate's replicas before any traffic; leaves `result`. */
int verb_check(int argc, char **argv);

#endif
