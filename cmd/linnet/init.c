/* linnet init: a fleet repository to start from. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* The files of cmd/linnet/template, as they are, each ended by a NUL. */
#define TEMPLATE(symbol, file) \
	__asm__(".section .rodata\n" #symbol ": .incbin \"cmd/linnet/template/" file "\"\n" \
	        ".byte 0\n.previous\n"); \
	extern const char symbol[]

TEMPLATE(template_readme, "README.md");
TEMPLATE(template_model, "manifests/model.yaml");
TEMPLATE(template_environments, "manifests/environments.yaml");
TEMPLATE(template_production, "manifests/production.yaml");
TEMPLATE(template_train, "apps/hello/train.py");
TEMPLATE(template_serve, "apps/hello/serve.py");
TEMPLATE(template_config, "linnet.yaml");
TEMPLATE(template_owners, "CODEOWNERS");
TEMPLATE(template_workflow, "github/linnet.yaml");

static const struct {
	const char *path, *text;
} files[] = {
	{"README.md", template_readme},
	{"manifests/model.yaml", template_model},
	{"manifests/environments.yaml", template_environments},
	{"manifests/production.yaml", template_production},
	{"apps/hello/train.py", template_train},
	{"apps/hello/serve.py", template_serve},
	{"linnet.yaml", template_config},
	{"CODEOWNERS", template_owners},
	{".github/workflows/linnet.yaml", template_workflow},
};

static int refuse_what_is_there(const char *dir, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (!access(arena_printf(arena, "%s/%s", dir, files[i].path), F_OK))
			return err_set(err, ERR_STALLED, "%s/%s is there already, and nothing was written; "
			               "name an empty folder, or take what you need from linnet init --print",
			               dir, files[i].path);
	return 0;
}

static int write_files(const char *dir, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		const char *path = arena_printf(arena, "%s/%s", dir, files[i].path);
		const char *folder = arena_strndup(arena, path, (size_t)(strrchr(path, '/') - path));

		if (dir_make_all(AT_FDCWD, folder, 0755, err) ||
		    file_write(AT_FDCWD, path, files[i].text, strlen(files[i].text), 0644, err))
			return -1;
	}
	return 0;
}

int verb_init(const struct options *options, struct err *err)
{
	const char *dir = options->n_args ? options->args[0] : ".";

	for (size_t i = 0; options->print && i < ARRAY_LEN(files); i++) {
		put_coloured(options, "1", arena_printf(options->arena, "==> %s <==", files[i].path));
		printf("\n%s\n", files[i].text);
	}
	if (options->print)
		return 0;
	if (refuse_what_is_there(dir, options->arena, err) || write_files(dir, options->arena, err))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		printf("%s/%s\n", dir, files[i].path);
	printf("\nNext: say your own in manifests/ and linnet.yaml, check it with `linnet validate "
	       "%s/manifests`,\ncommit it, push it where fleet.url says, and start `linnet-controller "
	       "--config linnet.yaml`.\n", dir);
	return 0;
}
