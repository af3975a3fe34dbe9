/* Inside manifest: what the index holds. Names and places only, no decoded object.
 *
 * A file has declarations, an item has the declarations of one name. An item with exactly one good
 * declaration is accepted as it stands there; every other one that was accepted before is frozen,
 * and `last` says where its last accepted declaration is. */
#ifndef LINNET_MANIFEST_INDEX_H
#define LINNET_MANIFEST_INDEX_H

#include "manifest/decode.h"

struct declaration {
	struct declaration *next; /* of the same item */
	struct file *file;
	struct item *item;
	struct item *target; /* whom it refers to: the model, or a model's policy; or NULL */
	uint64_t content;    /* of a ModelVersion: what it says */
	int line;
	bool good;           /* decodes and passes its checks */
};
struct file {
	const char *path; /* the map's key */
	struct oid blob;
	struct declaration *declarations;
	unsigned n;
	bool unreadable; /* does not say all that it declares: nothing that may be in it is gone */
};
struct last_accepted {
	struct oid blob;
	char path[]; /* "" when it is not known */
};
struct item {
	const char *key; /* the map's */
	struct declaration *first;
	struct item *target, *users, *next_user; /* as its newest accepted declaration has it */
	struct last_accepted *last;              /* frozen or gone; NULL while accepted, or never was */
	uint64_t content;                        /* of the accepted ModelVersion */
	unsigned refs;                           /* targets that point here */
	unsigned batch;                          /* in which it was first accepted; 0 never */
	unsigned char kind;
	bool gone;    /* stands in fleet->gone */
	bool held;    /* gone, but an unreadable file may declare it */
};
/* Files put one after another, without a question between them, are one batch: one commit. */
struct fleet {
	struct map files;        /* path -> struct file */
	struct map items[KINDS]; /* object_key -> struct item */
	struct item **gone;      /* without a declaration, not yet forgotten */
	size_t n_gone, capacity_gone;
	size_t n_unreadable;
	unsigned batch;
	bool batch_open;
	bool batch_unreadable;   /* a file of this batch is unreadable */
	struct arena scratch;
	struct arena *remembering; /* decoded blobs live in it; NULL: none are remembered */
	struct map remembered;     /* blob id -> struct documents without complaint, in that arena */
};

/* What a blob declares, decoded into the arena; remembered, where that is the one for it. */
struct documents *fleet_decode(struct fleet *fleet, struct arena *arena, const char *path,
                               struct oid blob, struct bytes text, struct diagnostics *diagnostics);
/* Closes a batch: forgets what is gone for good. Every question begins with it. */
void fleet_settle(struct fleet *fleet);
struct item *fleet_find(const struct fleet *fleet, enum kind kind, const char *key);
/* Declared, or gone but held because a file is unreadable. */
bool item_exists(const struct item *item);
/* Exactly one good declaration, and of a ModelVersion the same as ever. */
bool item_accepted(const struct item *item);
/* Notes whom the item refers to; for one that was accepted before this process began. */
void item_refer(struct fleet *fleet, struct item *item, const struct object *object);

#endif
