/* Inside `linnet verify`. */
#ifndef LINNET_CMD_VERIFY_H
#define LINNET_CMD_VERIFY_H

#include "view.h"

/* One decision of one commit: what was recorded, and what comes out again; of a verdict, its
 * sentence and then line by line what it was made from. */
struct decision {
	const char *id, *commit, *what;
	const char *recorded, *again; /* again NULL: cannot be made again, see `problem` */
	const char *problem;
	int64_t at_ms;
};

/* The newest verdict of a status, whose `decided` is not NULL: fills in `recorded`, and `again` or
 * `problem`; both where it is made again and its copy in the ModelVersion is another. */
void verdict_again(struct status_view *view, const struct options *options,
                   const struct model_status *status, struct decision *decision);

#endif
