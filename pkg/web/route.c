/* Requests and what they are answered. */
#include <string.h>

#include "base/parse.h"
#include "web/internal.h"

#define JSON "application/json; charset=utf-8"
#define PLAIN "text/plain; charset=utf-8"
#define OPEN_METRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
enum { METRICS_BYTES = 256 << 20 };

static struct reply say(int status, const char *type, const char *body)
{
	return (struct reply){.status = status, .type = type, .body = {body, strlen(body)}};
}

static struct reply refuse(int status, const char *body)
{
	return say(status, JSON, body);
}

static struct reply hand_out(struct text *text, const char *type)
{
	return (struct reply){.status = 200, .type = type, .body = {text->data, text->len},
	                      .owner = text_ref(text)};
}

/* ---- who may read ---- */

/* A page of elsewhere can make a browser ask a name of its own that leads to loopback; that name
 * then stands in Host. */
static bool is_local_host(const char *host)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

	for (size_t i = 0; host && i < ARRAY_LEN(names); i++) {
		size_t len = strlen(names[i]);

		if (!strncmp(host, names[i], len) && (!host[len] || host[len] == ':'))
			return true;
	}
	return false;
}

static bool has_token(const struct site *site, const char *authorization)
{
	static const char scheme[] = "Bearer ";
	struct digest given, wanted;

	if (!authorization || strncmp(authorization, scheme, sizeof(scheme) - 1))
		return false;
	authorization += sizeof(scheme) - 1;
	given = digest_of(authorization, strlen(authorization));
	wanted = digest_of(site->token, strlen(site->token));
	return bytes_same(given.hex, wanted.hex, strlen(given.hex));
}

/* Fills `out` and returns false when the request is refused. */
static bool may_read(const struct site *site, const struct request_in *request, struct reply *out)
{
	if (site->token ? has_token(site, request->authorization) : is_local_host(request->host))
		return true;
	*out = site->token
		? refuse(401, "{\"error\":\"a bearer token is needed: Authorization: Bearer ...\"}\n")
		: refuse(403, "{\"error\":\"without web.tokenFile only localhost is answered; ask for "
		              "http://localhost or 127.0.0.1\"}\n");
	return false;
}

/* ---- pages ---- */

static struct reply healthz(struct site *site, const struct request_in *request)
{
	(void)site;
	(void)request;
	return say(200, PLAIN, "ok\n");
}

static struct reply readyz(struct site *site, const struct request_in *request)
{
	(void)request;
	return site->store.figures.ready
		? say(200, PLAIN, "ready\n")
		: say(503, PLAIN, "not ready: status branch and fleet were not read yet\n");
}

static struct reply metrics(struct site *site, const struct request_in *request)
{
	struct reply reply;
	struct text *text;
	struct buf out;

	(void)request;
	buf_init(&out, METRICS_BYTES);
	metrics_write(&out, &site->store, &site->traffic);
	text = text_of(&out);
	buf_deinit(&out);
	reply = hand_out(text, OPEN_METRICS);
	text_unref(text);
	return reply;
}

static struct reply fleet(struct site *site, const struct request_in *request)
{
	(void)request;
	return hand_out(store_fleet(&site->store), JSON);
}

static struct reply whole(const struct map *map, const char *id)
{
	const struct entry *entry = map_get(map, id);

	return entry ? hand_out(entry->whole, JSON)
	             : refuse(404, "{\"error\":\"nothing of that name is looked after; "
	                           "/api/v1/fleet lists what is\"}\n");
}

static struct reply deployment(struct site *site, const struct request_in *request)
{
	return whole(&site->store.deployments, request->path + strlen("/api/v1/deployments/"));
}

static struct reply model(struct site *site, const struct request_in *request)
{
	return whole(&site->store.models, request->path + strlen("/api/v1/models/"));
}

static struct reply events(struct site *site, const struct request_in *request)
{
	struct err err = {0};
	int64_t after;

	if (!request->after)
		after = (int64_t)site->store.sequence;
	else if (parse_int(request->after, 0, INT64_MAX, &after, &err))
		return refuse(400, "{\"error\":\"after: write the sequence of /api/v1/fleet\"}\n");
	return (struct reply){.status = 200, .type = "text/event-stream", .stream = true,
	                      .after = (uint64_t)after};
}

static struct reply webhook(struct site *site, const struct request_in *request)
{
	static const struct {
		int status;
		const char *body;
	} answers[HOOK_RESULTS] = {
		[HOOK_ACCEPTED] = {202, "{\"accepted\":true}\n"},
		[HOOK_LIMITED] = {429, "{\"error\":\"too many different events wait\"}\n"},
		[HOOK_UNSIGNED] = {401, "{\"error\":\"the request is not signed; an event needs "
		                        "X-Linnet-Signature\"}\n"},
		[HOOK_BAD_SIGNATURE] = {403, "{\"error\":\"the signature is not by our secret over what "
		                             "came\"}\n"},
		[HOOK_TOO_LARGE] = {413, "{\"error\":\"the body is larger than 256 KiB\"}\n"},
		[HOOK_BAD_EVENT] = {400, "{\"error\":\"event: write lower-case letters, digits and "
		                         "'-'\"}\n"},
		[HOOK_FAILED] = {503, "{\"error\":\"the event cannot be kept now; send it again\"}\n"},
	};
	enum hook_result result = HOOK_TOO_LARGE;

	if (!site->hook.secret)
		return refuse(404, "{\"error\":\"there is no webhook: web.webhookSecretFile is not "
		                   "set\"}\n");
	if (!request->too_large)
		result = hook_take(&site->hook, &request->hook, request->event, request->body,
		                   site->now_ms);
	site->traffic.hooks[result]++;
	return refuse(answers[result].status, answers[result].body);
}

/* ---- the table ---- */

static const struct {
	const char *path;
	bool prefix, post, open; /* open: answered to everybody */
	struct reply (*answer)(struct site *site, const struct request_in *request);
} routes[] = {
	{"/healthz", false, false, true, healthz},
	{"/readyz", false, false, true, readyz},
	{"/metrics", false, false, false, metrics},
	{"/api/v1/fleet", false, false, false, fleet},
	{"/api/v1/events", false, false, false, events},
	{"/api/v1/deployments/", true, false, false, deployment},
	{"/api/v1/models/", true, false, false, model},
	{"/webhook", false, true, true, webhook},
};

static bool is_reading(const char *method)
{
	return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

static int find_route(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (routes[i].prefix ? !strncmp(path, routes[i].path, strlen(routes[i].path))
		                     : !strcmp(path, routes[i].path))
			return (int)i;
	return -1;
}

bool route_takes_body(const struct request_in *request)
{
	int i = find_route(request->path);

	return i >= 0 && routes[i].post && !strcmp(request->method, "POST");
}

static struct reply wrong_method(const char *allow)
{
	struct reply reply = refuse(405, "{\"error\":\"this method is not for here\"}\n");

	reply.allow = allow;
	return reply;
}

static struct reply static_file(const struct request_in *request)
{
	const struct asset *asset = asset_find(request->path);
	struct reply reply;

	if (!asset)
		return refuse(404, "{\"error\":\"there is nothing here\"}\n");
	if (!is_reading(request->method))
		return wrong_method("GET, HEAD");
	reply = (struct reply){.status = 200, .type = asset->type, .etag = asset->etag,
	                       .body = {asset->data, (size_t)(asset->end - asset->data)}};
	if (request->if_none_match && !strcmp(request->if_none_match, asset->etag)) {
		reply.status = 304;
		reply.body = (struct bytes){"", 0};
	}
	return reply;
}

struct reply route(struct site *site, const struct request_in *request)
{
	int i = find_route(request->path);
	struct reply reply;

	if (i < 0)
		return static_file(request);
	if (routes[i].post ? strcmp(request->method, "POST") : !is_reading(request->method))
		return wrong_method(routes[i].post ? "POST" : "GET, HEAD");
	if (!routes[i].open && !may_read(site, request, &reply))
		return reply;
	return routes[i].answer(site, request);
}
