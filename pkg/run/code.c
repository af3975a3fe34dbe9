/* Folders and environments that the user's code runs in. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/internal.h"

/* Through an archive: the same strict rules hold for sources as for artifacts. */
static int copy_folder(struct run *run, const char *from, const char *to, struct err *err)
{
	const char *path = arena_printf(run->arena, "%s.tar", to);
	int archive = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = -1;

	if (archive < 0 || dir < 0)
		err_errno(err, ERR_TRANSIENT, errno, "%s: cannot open", to);
	else if (!ustar_write(AT_FDCWD, from, &artifact_limits, archive, err))
		result = lseek(archive, 0, SEEK_SET) ? err_errno(err, ERR_TRANSIENT, errno, "%s", path)
		                                     : ustar_extract(archive, dir, &artifact_limits, err);
	if (archive >= 0) {
		close(archive);
		unlink(path);
	}
	if (dir >= 0)
		close(dir);
	return result;
}

int code_folder(struct run *run, const char *path, const char *source, struct err *err)
{
	const char *to = arena_printf(run->arena, "%s/source", path);

	if (dir_remove_all(AT_FDCWD, path, err) || dir_make_all(AT_FDCWD, to, 0755, err) ||
	    dir_make_all(AT_FDCWD, arena_printf(run->arena, "%s/tmp", path), 0700, err))
		return -1;
	return source ? copy_folder(run, source, to, err) : 0;
}

void env_add(struct run *run, struct environment_list *env, const char *name, const char *value)
{
	*list_push(run->arena, &env->items, &env->n) =
		arena_printf(run->arena, "%s=%s", name, value);
}

void env_begin(struct run *run, struct environment_list *env, const char *folder)
{
	const char *path = run->spec->path ? run->spec->path : getenv("PATH");

	*env = (struct environment_list){0};
	env_add(run, env, "PATH", path ? path : "/usr/local/bin:/usr/bin:/bin");
	env_add(run, env, "HOME", folder);
	env_add(run, env, "USER", "linnet");
	env_add(run, env, "TMPDIR", arena_printf(run->arena, "%s/tmp", folder));
	env_add(run, env, "LANG", "C.UTF-8");
}

const char *const *env_end(struct run *run, struct environment_list *env)
{
	*list_push(run->arena, &env->items, &env->n) = NULL;
	return env->items;
}

static void tell_sandbox(struct run *run, const struct command *command)
{
	struct buf text;

	if (run->told)
		return;
	buf_init(&text, 1024);
	sandbox_tell(&command->sandbox, &text);
	run_say(run, "%s", buf_text(&text));
	buf_deinit(&text);
	run->told = true;
}

int code_start(struct run *run, const struct strings *command, const char *folder,
               const char *const *env, struct command *out, struct err *err)
{
	const char **argv = arena_array(run->arena, command->n + 1, const char *);
	const struct command_spec spec = {
		.argv = argv,
		.env = env,
		.cwd = arena_printf(run->arena, "%s/source", folder),
		.log = arena_printf(run->arena, "%s/log", folder),
		.folder = folder,
		.hide = run->dir,
		.memory_bytes = run->spec->memory_bytes,
		.file_bytes = run->spec->file_bytes,
		.processes = run->spec->processes,
	};

	memcpy(argv, command->items, command->n * sizeof(*argv));
	if (command_start(out, &spec, err))
		return -1;
	tell_sandbox(run, out);
	return 0;
}
