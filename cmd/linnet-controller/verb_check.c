#include "verbs.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>

#include "adapter/clock_posix.h"
#include "adapter/http_curl.h"
#include "adapter/serving_local.h"
#include "base/file.h"
#include "oip/oip.h"

enum { REQUEST_TIMEOUT_MS = 10000 };

/* Every ready replica, each by its own address. */
static int check_all(const struct serving_check *check, struct arena *arena, struct err *err)
{
	struct http_curl *http = http_curl_new();
	struct port_http port = http_curl_port(http);
	struct port_clock clock = clock_posix();
	struct oip_check_spec spec = {.latency_p95_ms = NAN};
	struct buf golden;
	int result = 0;

	buf_init(&golden, OIP_GOLDEN_BYTES);
	if (check->golden && file_read(AT_FDCWD, check->golden, &golden, err))
		result = err_wrap(err, "golden batch");
	if (check->golden)
		spec.golden = (struct bytes){buf_text(&golden), golden.len};
	for (size_t i = 0; !result && i < check->addresses.n; i++) {
		char *url = arena_printf(arena, "http://%s", check->addresses.items[i]);
		struct oip_server server = {&port, &clock, url, check->model, check->version,
		                            &check->interface, REQUEST_TIMEOUT_MS};
		struct oip_report report;

		result = oip_check(&server, &spec, arena, &report, err);
		if (!result)
			printf("%s: %s\n", check->addresses.items[i], report.text);
	}
	buf_deinit(&golden);
	http_curl_free(http);
	return result;
}

int verb_check(int argc, char **argv)
{
	struct serving_check check;
	struct arena arena;
	struct err err = {0}, problem = {0};
	bool bad = false;

	if (argc < 3)
		return 2;
	arena_init(&arena, OIP_ARENA_BYTES);
	if (serving_check_read(argv[2], &arena, &check, &err))
		goto failed;
	bad = check_all(&check, &arena, &problem) != 0;
	if (serving_result_write(argv[2], bad ? &problem : NULL, &err))
		goto failed;
	arena_deinit(&arena);
	return bad ? 1 : 0;
failed:
	fprintf(stderr, "linnet-controller: check: %s\n", err.text);
	arena_deinit(&arena);
	return 2;
}
