/* A candidate's own server, from its artifact, for this run alone. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run/internal.h"

enum { REQUEST_MS = 30000, LOOK_MS = 25 };

/* A port of 127.0.0.1 that nobody listens on at this instant; -1 with errno. */
static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = -1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&address, size) &&
	    !getsockname(fd, (struct sockaddr *)&address, &size))
		port = ntohs(address.sin_port);
	if (fd >= 0)
		close(fd);
	return port;
}

static int unpack(const char *artifact, const char *to, struct err *err)
{
	int in, dir, result;

	if (dir_make_all(AT_FDCWD, to, 0755, err) || file_open(AT_FDCWD, artifact, &in, err))
		return -1;
	dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	result = dir < 0 ? err_errno(err, ERR_TRANSIENT, errno, "%s: cannot open", to)
	                 : ustar_extract(in, dir, &artifact_limits, err);
	close(in);
	if (dir >= 0)
		close(dir);
	return result;
}

static const char *const *server_env(struct run *run, const struct model_server *server, int port)
{
	const char *folder = server->folder, *number = arena_printf(run->arena, "%d", port);
	struct environment_list env;

	env_begin(run, &env, folder);
	env_add(run, &env, "LINNET_MODEL_DIR", arena_printf(run->arena, "%s/model", folder));
	env_add(run, &env, "LINNET_MODEL_NAME", server->oip.model);
	env_add(run, &env, "LINNET_MODEL_VERSION", server->oip.version);
	env_add(run, &env, "LINNET_PORT", number);
	env_add(run, &env, "PORT", number);
	env_add(run, &env, "LINNET_PREDICTION_LOG", arena_printf(run->arena, "%s/predictions", folder));
	return env_end(run, &env);
}

static int died(const struct model_server *server, struct err *err)
{
	struct buf line;

	buf_init(&line, 1024);
	command_last_line(server->command.log, &line);
	err_set(err, ERR_TRANSIENT, "the server ended before it was ready%s%s", line.len ? ": " : "",
	        buf_text(&line));
	buf_deinit(&line);
	return -1;
}

static int wait_ready(struct run *run, const struct model_server *server, struct err *err)
{
	int64_t deadline_ms = run_now(run) + run->spec->start_timeout_ms;
	struct arena scratch;
	int result = 1;

	arena_init(&scratch, OIP_ARENA_BYTES);
	while (result > 0) {
		if (!command_runs(&server->command, LOOK_MS))
			result = died(server, err);
		else if (!oip_ready(&server->oip, &scratch, err))
			result = 0;
		else if (run_now(run) >= deadline_ms)
			result = err_wrap(err, "the server was not ready in time");
		arena_reset(&scratch);
	}
	arena_deinit(&scratch);
	return result;
}

static int start(struct run *run, const struct strings *command, struct model_server *server,
                 int port, struct err *err)
{
	int64_t since_ms = run_now(run);

	if (code_start(run, command, server->folder, server_env(run, server, port), &server->command,
	               err))
		return -1;
	if (wait_ready(run, server, err) ||
	    oip_interface(&server->oip, run->arena, &server->shape, err)) {
		command_stop(&server->command);
		return -1;
	}
	server->start_ms = (double)(run_now(run) - since_ms);
	return 0;
}

double server_memory(const struct model_server *server)
{
	char path[64], number[24];
	int64_t kibibytes = -1;
	const char *line;
	struct err ignored;
	struct buf text;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)command_program(&server->command));
	buf_init(&text, 1 << 16);
	line = file_read(AT_FDCWD, path, &text, &ignored) ? NULL : strstr(buf_text(&text), "VmHWM:");
	if (line) {
		line += strcspn(line, "0123456789\n");
		snprintf(number, sizeof(number), "%.*s", (int)strspn(line, "0123456789"), line);
		if (parse_int(number, 0, INT64_MAX / 1024, &kibibytes, &ignored))
			kibibytes = -1;
	}
	buf_deinit(&text);
	return kibibytes < 0 ? NAN : (double)kibibytes * 1024;
}

struct servable servable_of(const struct run *run, const char *artifact)
{
	return (struct servable){artifact, &run->model->serve.command, run->spec->serve_source};
}

int server_start(struct run *run, const struct servable *what, const char *folder,
                 struct model_server *out, struct err *err)
{
	struct model_server server = {.folder = folder};
	int port = free_port();

	if (port < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "no free port");
	server.oip = (struct oip_server){
		.http = run->world->http,
		.clock = run->world->clock,
		.url = arena_printf(run->arena, "http://127.0.0.1:%d", port),
		.model = run->model->meta.name,
		.version = arena_printf(run->arena, "run-%.10s", run->spec->run.hex),
		.interface = &run->model->interface,
		.timeout_ms = REQUEST_MS,
	};
	if (code_folder(run, folder, what->source, err) ||
	    dir_make_all(AT_FDCWD, arena_printf(run->arena, "%s/predictions", folder), 0700, err) ||
	    unpack(what->artifact, arena_printf(run->arena, "%s/model", folder), err) ||
	    start(run, what->command, &server, port, err))
		return -1;
	*out = server;
	return 0;
}

void server_stop(struct run *run, struct model_server *server)
{
	const char *log;
	struct err ignored;

	if (!server->folder)
		return;
	command_stop(&server->command);
	log = arena_printf(run->arena, "%s/predictions", server->folder);
	(void)!dir_remove_all(AT_FDCWD, log, &ignored);
	*server = (struct model_server){0};
}
