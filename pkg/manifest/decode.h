/* Inside manifest: a file decoded into documents that still know their nodes. */
#ifndef LINNET_MANIFEST_DECODE_H
#define LINNET_MANIFEST_DECODE_H

#include "manifest/manifest.h"

/* One document that declares an object: `kind`, `namespace` and `name` are always said. `object` is
 * set when it decodes and passes its checks; `node` lives as long as the arena. */
struct document {
	const struct node *node;
	enum kind kind;
	const char *namespace, *name;
	int line;
	bool accepted;
	struct object object;
};
/* `unreadable`: the text, or a document of ours, does not say which objects it declares. */
struct documents {
	const char *path;
	struct document *items;
	size_t n;
	bool unreadable;
};
void documents_decode(const char *path, const char *text, size_t len, struct arena *arena,
                      struct documents *out, struct diagnostics *diagnostics);

/* "name", or "namespace/name" of a ModelDeployment. */
const char *object_key(struct arena *arena, enum kind kind, const char *namespace,
                       const char *name);
/* Complains about the field at a dotted path of a document, which may be absent. */
int complain_at(struct decoder *decoder, const struct node *document, const char *path,
                const char *message);

#endif
