/* A file of the status branch that was damaged. */
#include "controller/internal.h"

int recover(struct controller *c, struct oid tip, const char *path, decode_text *decode, void *out,
            const char **recovered, const struct err *damage, struct err *err)
{
	struct git_version *versions;
	size_t n;

	if (c->ports.git.versions(c->ports.git.self, GIT_STATUS, tip, path, &c->arena, &versions,
	                          &n, err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct err bad = {0};
		struct bytes text;

		if (!c->ports.git.read_blob(c->ports.git.self, GIT_STATUS, versions[i].blob, &c->arena,
		                            &text, &bad) &&
		    !decode(path, text, &c->arena, out, &bad)) {
			*recovered = arena_printf(&c->arena, "%s; it goes on from commit %.10s",
			                          damage->text, versions[i].commit.hex);
			return 0;
		}
		if (bad.kind != ERR_STALLED) { /* it may be good: an older text would lose what it says */
			*err = bad;
			return -1;
		}
	}
	return err_set(err, ERR_STALLED, "%s, and no earlier text of it can be read: what serves "
	               "serves on, and nothing is decided. Put a good one on the status branch, or "
	               "delete the file there to begin anew", damage->text);
}
