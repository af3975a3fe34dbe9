/* The repository that is read and the remote that is written to. */
#ifndef LINNET_CMD_REMOTE_H
#define LINNET_CMD_REMOTE_H

#include "adapter/git_remote.h"
#include "cli.h"

bool repo_is_url(const struct options *options);
/* Opens --repo for reading: a checkout, a bare repository, or a url, whose branches are fetched
 * into a folder of this person's cache first. */
int repo_open(const struct options *options, struct objects **out, struct err *err) must_check;
/* Who is at work, by git's own settings: those of --repo, else those of the folder one is in. */
int repo_identity(const struct options *options, struct identity *out, struct err *err) must_check;
/* Makes the commit at --remote, else at `origin` of --repo, else at --repo itself; author and
 * signing key are filled in. */
int remote_commit(const struct options *options, struct git_remote_commit *commit, struct oid *out,
                  struct err *err) must_check;
/* The first word, "ENV/NAME". */
int read_deployment(const struct options *options, const char **environment, const char **name,
                    struct err *err) must_check;

/* --until: a time, or a duration from now. */
int read_until(const struct options *options, int64_t *out_ms, struct err *err) must_check;

#endif
