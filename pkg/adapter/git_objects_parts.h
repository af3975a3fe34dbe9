/* What git_objects.c (opening, refs, reading) and git_commit.c (writing) share. */
#ifndef LINNET_ADAPTER_GIT_OBJECTS_PARTS_H
#define LINNET_ADAPTER_GIT_OBJECTS_PARTS_H

#include <git2.h>

#include "adapter/git_objects.h"

enum {
	TREE_BYTES = 64 << 20,
	COMMIT_BYTES = 1 << 20,
	WALK_DEPTH = 64, /* folders inside each other */
};

struct objects {
	git_repository *repo;
	git_odb *odb;
	bool broken;
};

/* `CLEANUP(tree) tree = NULL;` is freed at the end of its block. */
#define CLEANUP(type) __attribute__((cleanup(type##_clean))) git_##type *
#define DEFINE_CLEANUP(type)                             \
	static inline void type##_clean(git_##type **handle) \
	{                                                    \
		git_##type##_free(*handle);                      \
	}
DEFINE_CLEANUP(commit)

/* What libgit2 says of its last failure. */
const char *store_reason(void);
/* A failure that a healthy store does not have: ERR_TRANSIENT, and `objects` is broken. */
int store_error(struct objects *objects, struct err *err, const char *what);

struct oid oid_text(const git_oid *id);
int oid_parse(struct oid text, git_oid *out, struct err *err) must_check;

/* Type and size from the header, before anything is inflated. */
int check_header(struct objects *objects, const git_oid *id, git_object_t type, size_t bytes_max,
                 struct err *err) must_check;
/* A commit that is asked for by id may rightly be absent: that is no damage. */
int find_commit(struct objects *objects, struct oid commit, git_commit **out, struct err *err)
	must_check;

/* A name that stays inside its folder on any machine, and prints. */
bool name_is_safe(const char *name, size_t len);

#endif
