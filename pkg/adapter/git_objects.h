/* Objects and refs of one repository: all reading and writing that needs no network. Nothing here
 * runs hooks, makes a work tree or moves packs. Not for threads.
 *
 * Errors: ERR_STALLED for what is not there, too large or unsafe; ERR_CONFLICT when a ref moved;
 * ERR_TRANSIENT when the store itself cannot be read, and then objects_broken() is true. */
#ifndef LINNET_ADAPTER_GIT_OBJECTS_H
#define LINNET_ADAPTER_GIT_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "port/port.h"

struct objects; /* heap; one open repository */

/* Opens a bare repository or a checkout; with `search` also from a folder inside a checkout. */
int objects_open(const char *path, bool search, struct objects **out, struct err *err) must_check;
/* Makes an empty bare repository; one that exists is left as it is. */
int objects_create(const char *path, struct err *err) must_check;
void objects_close(struct objects *objects); /* accepts NULL */
/* A read failed in a way that only a damaged store explains. */
bool objects_broken(const struct objects *objects);
/* History is cut off: merge bases cannot be trusted. */
bool objects_shallow(const struct objects *objects);
/* What a shared store has in loose files and packs, to know when to repack; counted on disk. */
struct objects_size {
	size_t loose, packs;
};
struct objects_size objects_size(const struct objects *objects);

/* ---- refs ---- */

struct ref {
	const char *name; /* "refs/heads/main" */
	struct oid tip;
};
/* The commit that a ref points to; `out` "" when the ref is absent. */
int objects_ref(struct objects *objects, const char *name, struct oid *out, struct err *err)
	must_check;
/* Refs that begin with `prefix`, sorted by name. */
int objects_refs(struct objects *objects, const char *prefix, struct arena *arena,
                 struct ref **refs, size_t *n, struct err *err) must_check;
/* Compare and swap, durable on return: CONFLICT unless the ref is at `old` ("" absent). `new` ""
 * removes it. */
int objects_ref_move(struct objects *objects, const char *name, struct oid old, struct oid new,
                     struct err *err) must_check;
/* A revision as git reads it ("HEAD", "v1", "main~2") -> its commit. */
int objects_resolve(struct objects *objects, const char *revision, struct oid *out,
                    struct err *err) must_check;
/* The url of a named remote of a checkout; "" when there is none. */
int objects_remote_url(struct objects *objects, const char *name, char *out, size_t size,
                       struct err *err) must_check;

/* Who a person is, as git would say: GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL, else user.name and
 * user.email of the repository (NULL: none), else of the person's own configuration. ERR_STALLED
 * when nobody says. */
struct identity {
	char name[256], email[256];
};
int objects_identity(struct objects *objects, struct identity *out, struct err *err) must_check;

/* ---- commits ---- */

/* How `to` lies to `from`. */
enum relation { RELATION_SAME, RELATION_DESCENDANT, RELATION_ANCESTOR, RELATION_PARTED };
int objects_relation(struct objects *objects, struct oid from, struct oid to, enum relation *out,
                     struct err *err) must_check;
/* `out` "" when they have no common ancestor. */
int objects_merge_base(struct objects *objects, struct oid a, struct oid b, struct oid *out,
                       struct err *err) must_check;
bool objects_has_commit(struct objects *objects, struct oid commit);

struct commit_info {
	struct oid id, tree;
	struct oid parents[2]; /* the first two */
	size_t n_parents;
	int64_t time_s; /* of the committer */
	const char *author, *email;
	const char *subject, *body; /* text of the message, UTF-8 cleaned */
};
int objects_commit_info(struct objects *objects, struct oid commit, struct arena *arena,
                        struct commit_info *out, struct err *err) must_check;
/* Commits from `tip` back, newest first, at most `max`, none that `stop` ("" none) reaches. */
int objects_log(struct objects *objects, struct oid tip, struct oid stop, bool first_parent,
                size_t max, struct arena *arena, struct commit_info **out, size_t *n,
                struct err *err) must_check;
/* The signed bytes of a commit and its signature; `signature` has data NULL when it has none. */
int objects_signature(struct objects *objects, struct oid commit, struct arena *arena,
                      struct bytes *payload, struct bytes *signature, struct err *err) must_check;

/* ---- reading trees and blobs ---- */

/* A blob of at most `bytes_max`; the size is known before anything is inflated. */
int objects_blob(struct objects *objects, struct oid blob, size_t bytes_max, struct arena *arena,
                 struct bytes *out, struct err *err) must_check;
/* The regular file at `path` of a commit. ERR_STALLED when absent or no regular file. */
int objects_path(struct objects *objects, struct oid commit, const char *path, struct oid *blob,
                 struct err *err) must_check;
/* The same where it may be absent: then `blob` is "". What cannot be read now is an error still. */
int objects_path_if(struct objects *objects, struct oid commit, const char *path,
                    struct oid *blob, struct err *err) must_check;
/* The folder at `path` ("" or ".": the root) of a commit. */
int objects_tree(struct objects *objects, struct oid commit, const char *path, struct oid *out,
                 struct err *err) must_check;
/* As port_git.changed; a tree may stand for a commit. */
int objects_changed(struct objects *objects, struct oid old, struct oid new, const char *path,
                    struct arena *arena, struct git_file **files, size_t *n, const char **refused,
                    struct err *err) must_check;

/* ---- writing ---- */

struct commit_spec {
	struct oid parents[2]; /* its tree is the first parent's with `files` applied */
	size_t n_parents;
	const struct git_file *files; /* by text; or, with data NULL, by `blob`; both none: removed */
	size_t n_files;
	const char *message;
	const char *author, *email;
	int64_t time_s;
	/* Signs the bytes of the commit; NULL: unsigned. */
	int (*sign)(void *context, struct bytes payload, struct buf *signature, struct err *err);
	void *sign_context;
};
/* Writes the commit and what it needs, durable on return; no ref is moved. `unchanged` (or NULL) is
 * set, and nothing is written, when the tree would be the first parent's: `out` is that parent. */
int objects_commit(struct objects *objects, const struct commit_spec *spec, struct oid *out,
                   bool *unchanged, struct err *err) must_check;
/* An annotated tag object on spec->parents[0], of whose files nothing is asked: the same spec makes
 * the same object, where the key's signatures repeat. No ref is moved; `out` is the object. */
int objects_tag(struct objects *objects, const char *name, const struct commit_spec *spec,
                struct oid *out, struct err *err) must_check;

#endif
