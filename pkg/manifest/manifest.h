/* Files of the fleet repository and of the status branch <-> api. */
#ifndef LINNET_MANIFEST_MANIFEST_H
#define LINNET_MANIFEST_MANIFEST_H

#include "api/desired.h"
#include "api/view.h"
#include "base/map.h"
#include "doc/fields.h"

/* The field table of each kind (its whole document: apiVersion, kind, metadata, spec). */
extern const struct record *const kind_records[KINDS];

/* Decodes every Linnet document of one file; those of another apiVersion are passed over. What
 * decodes is in `objects`, complaints are in `diagnostics`; a broken document never hides a good
 * one beside it. An object is decoded, completed with the defaults that depend on other keys, and
 * passed through the checks of api. Never fails otherwise. */
struct file_objects {
	struct object *objects;
	size_t n;
};
void manifest_decode(const char *path, const char *text, size_t len, struct arena *arena,
                     struct file_objects *out, struct diagnostics *diagnostics);

/* ---- Index: what is declared where; small, kept across passes, objects decoded on demand ---- */

/* Text of a blob by id into the arena; how it is read is the caller's (git port, a folder). */
typedef int manifest_read(void *self, struct oid blob, struct arena *arena, struct bytes *out,
                          struct err *err);

/* Is there such a folder in the repository? True where that is not known. */
typedef bool manifest_has_folder(void *self, const char *path);

struct fleet; /* heap; owned by who opened it */
struct fleet *fleet_new(void);
void fleet_free(struct fleet *fleet);

/* One file's blob changed (or appeared; `blob` "" when it is gone): decodes it once and updates the
 * index. All changed files of a commit are put before the next question, so that an object that
 * moved between two files is never absent. Keys that may be affected ("deployment/<ns>/<name>",
 * "model/<name>") are added to `dirty` by following references: model -> its deployments,
 * version -> model and deployments, environment and policy -> users. */
void fleet_put(struct fleet *fleet, const char *path, struct oid blob, const char *text, size_t len,
               struct map *dirty);
/* After a restart: the blob that an object's status was last planned from, used where the object is
 * frozen. Of an object that is not declared, it holds that an unreadable file (`path`, or any file
 * when that is NULL) may declare it. */
void fleet_accept(struct fleet *fleet, enum kind kind, const char *namespace, const char *name,
                  const char *path, struct oid blob);

/* What is decoded from now on is decoded once and lies in this arena: of what is put the first
 * 64 MiB, of what is asked for all. To be called again, or with NULL (as at first: nothing is
 * remembered), before the arena is reset. */
void fleet_remember(struct fleet *fleet, struct arena *arena);

enum declared { DECLARED_ABSENT, DECLARED_OK, DECLARED_FROZEN };
/* One object, in `arena` or in the one that remembers. FROZEN: declared but broken, twice or (a
 * ModelVersion) changed, or its file is unreadable, or its blob cannot be read now; `out` is then
 * the last accepted declaration if there is one, else its pointer is NULL; `blob` is where `out`
 * comes from, `why` the first complaint. OK: `why` is NULL. `blob` and `why` may be NULL. */
enum declared fleet_get(struct fleet *fleet, enum kind kind, const char *namespace,
                        const char *name, manifest_read *read, void *self, struct arena *arena,
                        struct object *out, struct oid *blob, const char **why);
/* Names of all objects of a kind, sorted ("ns/name" or "name"); borrowed until the next put. */
size_t fleet_list(struct fleet *fleet, enum kind kind, struct arena *arena,
                  const char ***names);
/* ModelVersion names of a model; deployments ("ns/name") of a model. */
size_t fleet_versions_of(struct fleet *fleet, const char *model, struct arena *arena,
                         const char ***names);
size_t fleet_deployments_of(struct fleet *fleet, const char *model, struct arena *arena,
                            const char ***names);
/* All complaints now: of decoding, duplicates, dangling references, changed ModelVersions and the
 * checks of api (`*_check`), sorted by path and line; and of sources that are no folder, unless
 * `has_folder` is NULL. */
void fleet_diagnose(struct fleet *fleet, manifest_read *read, manifest_has_folder *has_folder,
                    void *self, struct arena *arena, struct diagnostics *out);
/* Everything the rollout planner is told about one deployment; `commit` is the accepted commit.
 * `known` is false only when it is declared, but neither now nor before in a way that decodes; what
 * a failed fetch or verification means is the caller's. A frozen object is resolved from its last
 * accepted declaration and `frozen` says why; a broken, frozen or missing Environment or GatePolicy
 * blocks promotions. `model_status` is left to the caller. */
void fleet_desired(struct fleet *fleet, const char *environment, const char *name,
                   const char *commit, manifest_read *read, void *self, struct arena *arena,
                   struct desired_deployment *out);

/* ---- Status, requests, evidence: encode and decode ---- */

void status_encode(struct buf *out, const struct deployment_status *status);
int status_decode(const char *path, const char *text, size_t len, struct arena *arena,
                  struct deployment_status *out, struct err *err) must_check;
void model_status_encode(struct buf *out, const struct model_status *status);
int model_status_decode(const char *path, const char *text, size_t len, struct arena *arena,
                        struct model_status *out, struct err *err) must_check;
void evidence_encode(struct buf *out, const struct evidence *evidence); /* JSON; exact */
/* YAML; exact, as in the status. */
void gates_evidence_encode(struct buf *out, const struct gates_evidence *evidence);
/* The one value that Prometheus answers an instant query with, a scalar or a vector of one sample.
 * An error where it has none, several, or one that is not finite. */
int prometheus_decode(const char *text, size_t len, struct arena *arena, double *out,
                      struct err *err) must_check;
int evidence_decode(const char *text, size_t len, struct arena *arena, struct evidence *out,
                    struct err *err) must_check;
/* One file of the requests branch; `path` says environment/deployment or model and time. */
struct request_file {
	const char *environment, *name; /* environment NULL: a model */
	struct request request;
};
int request_decode(const char *path, const char *text, size_t len, struct arena *arena,
                   struct request_file *out, struct err *err) must_check;
void request_encode(struct buf *out, const struct request *request);
/* Where a request belongs on the requests branch; environment NULL: a model. */
char *request_path(struct arena *arena, const char *environment, const char *name, int64_t at_ms,
                   enum request_verb verb);
/* controller.yaml of the status branch. */
struct controller_record {
	const char *id;
	int64_t epoch;
	const char *accepted;   /* newest fleet commit acted on */
	const char *requests;   /* requests commit up to which each was acted on or refused */
};
void controller_encode(struct buf *out, const struct controller_record *record);
int controller_decode(const char *text, size_t len, struct arena *arena,
                      struct controller_record *out, struct err *err) must_check;
/* The result files of `linnet-run train` and `evaluate` (JSON). */
int run_result_decode(const char *train, size_t train_len, const char *evaluate,
                      size_t evaluate_len, struct arena *arena, struct run_result *out,
                      struct err *err) must_check;
void run_result_encode(struct buf *out, const struct run_result *result, bool evaluate);
void version_encode(struct buf *out, const struct model_version *version); /* a ModelVersion file */
/* "status/<env>/<name>.yaml", sharded when `sharded`; "status/models/<name>.yaml" with env NULL. */
char *status_path(struct arena *arena, const char *environment, const char *name, bool sharded);
/* The README.md of the status branch: one table of the whole fleet. */
struct readme_row {
	const char *environment, *name;
	const struct deployment_status *status;
};
void readme_encode(struct buf *out, const struct readme_row *rows, size_t n);

/* ---- What is shown: JSON, on one line ---- */

/* Added to `row` (the line of a table) and to `whole` (with the status as the branch has it). */
void deployment_view_encode(struct buf *row, struct buf *whole,
                            const struct deployment_view *view);
void model_view_encode(struct buf *row, struct buf *whole, const struct model_view *view);

/* The zones of a model's schedules, and of an environment's windows, around now. Those that can be
 * read are in `out` even where one cannot; the error is that of the first. */
int zones_of_model(const struct model *model, int64_t now_ms, struct arena *arena,
                   struct zones *out, struct err *err) must_check;
int zones_of_environment(const struct environment *environment, int64_t now_ms,
                         struct arena *arena, struct zones *out, struct err *err) must_check;

/* A manifest file with the `version:` line of one deployment changed, all else byte for byte. */
int edit_version(const char *path, const char *text, size_t len, const char *namespace,
                 const char *name, const char *version, struct buf *out, struct err *err)
	must_check;
/* The same with `hold` in force, behind the `version:` line, or none where that is NULL;
 * ERR_STALLED when there is none to remove. */
int edit_hold(const char *path, const char *text, size_t len, const char *namespace,
              const char *name, const struct hold_spec *hold, struct buf *out, struct err *err)
	must_check;

#endif
