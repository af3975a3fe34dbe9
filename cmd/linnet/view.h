/* The declarations of one folder or one commit, and the status branch beside them. */
#ifndef LINNET_CMD_VIEW_H
#define LINNET_CMD_VIEW_H

#include "adapter/git_objects.h"
#include "cli.h"
#include "manifest/manifest.h"

struct view {
	struct fleet *fleet;
	struct objects *objects; /* borrowed; NULL: a folder */
	struct oid commit;       /* "" for a folder */
	const char **paths;      /* of a folder: blob id "%040zu" of i is the file paths[i] */
	size_t n_paths, n_files;
	const char *folder; /* of a folder within a work tree: where it is; else NULL */
	size_t root;        /* so many bytes of it are the work tree's root */
};

/* Every manifest below a folder, as it is on disk. */
int view_folder(struct view *view, const char *folder, struct arena *arena, struct err *err)
	must_check;
int view_commit(struct view *view, struct objects *objects, struct oid commit, const char *path,
                struct arena *arena, struct err *err) must_check;
void view_close(struct view *view);
/* Nothing is declared there. */
bool view_is_empty(const struct view *view, struct arena *arena);
/* A manifest_read for this view. */
int view_read(void *view, struct oid blob, struct arena *arena, struct bytes *out, struct err *err);

/* A manifest_has_folder for this view: of a commit, in its tree. Of a work tree, below its root or
 * any folder between that and the manifests: a fleet may be kept as an example inside of another
 * repository. Outside of one nothing is known. */
bool view_has_folder(void *view, const char *path);

/* The newest commit of a branch that is at hand, and where: of the repository itself, else what was
 * last fetched of origin. "": there is none. */
int branch_tip(struct objects *objects, const char *branch, struct arena *arena, const char **ref,
               struct oid *tip, struct err *err) must_check;

/* The status branch that is at hand: of the repository itself, else what was last fetched of
 * origin. `tip` is "" where there is none. */
struct status_view {
	struct objects *objects;
	struct oid tip;
	const char *ref;
	bool glance; /* decode only what serves and why it waits: a fleet is seen at once */
};
int status_open(struct status_view *view, const struct options *options, struct err *err)
	must_check;
void status_close(struct status_view *view);
/* Why there is none. */
const char *status_not_here(const struct options *options);
/* The files below status/ of deployments ("<env>/<name>" of args, or all), decoded, sorted. */
int status_deployments(struct status_view *view, const struct options *options,
                       struct deployment_status **out, size_t *n, struct err *err) must_check;
int status_models(struct status_view *view, const struct options *options,
                  struct model_status **out, size_t *n, struct err *err) must_check;
/* "<env>/<name>" of every deployment, or the name of every model. */
int status_names(struct status_view *view, const struct options *options, bool models,
                 const char ***out, size_t *n, struct err *err) must_check;
/* False: other deployments, or other models, are known here, but not what args[0] names. */
int status_knows(struct status_view *view, const struct options *options, bool *out,
                 struct err *err) must_check;
/* The error of a name that nothing is known of, or of a branch that is not at hand: -1. */
int status_missing(const struct status_view *view, const struct options *options, struct err *err)
	must_check;

/* "<env>/<name>" or "models/<name>" of a path below status/; NULL: it is of neither. */
const char *status_of_path(const char *path, struct arena *arena);

/* The declaration that a status was planned from; NULL where its manifest is not at hand. */
const struct deployment *status_declared(struct status_view *view,
                                         const struct deployment_status *status,
                                         struct arena *arena);
/* With --state DIR what the controller has counted until now, else what it decided from last, which
 * may be NULL. */
int status_evidence(const struct options *options, const struct deployment_status *status,
                    const struct evidence **out, struct err *err) must_check;

/* `linnet validate`: what is to be said of a model's gates. */
void put_gates(const struct options *options, struct view *view, const char *name);
/* And of keys that nothing acts on. */
void put_idle_keys(const struct options *options, struct view *view);
/* `linnet why` of a model. */
int why_model(const struct options *options, struct err *err) must_check;

#endif
