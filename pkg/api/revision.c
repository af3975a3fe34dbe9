/* Identity: what makes a replica, and its digest (LIFECYCLE.md). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/status.h"

/* Change when an encoding does, so that no digest of an older one is taken for one of this. */
#define ENCODING "linnet revision 1"
#define SUBJECT "linnet subject 1"

static void add_number(struct digest_stream *stream, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	digest_add_field(stream, text);
}

/* Where an image is pulled from is no part of what it is: its own digest, where it has one. */
static const char *image_identity(const char *image)
{
	const char *at = image ? strrchr(image, '@') : NULL;

	return at ? at + 1 : image;
}

static int by_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int by_env(const void *a, const void *b)
{
	const struct env_var *x = a, *y = b;
	int order = by_text(x->name, y->name);

	if (order == 0)
		order = by_text(x->value, y->value);
	if (order == 0)
		order = by_text(x->secret_name, y->secret_name);
	return order ? order : by_text(x->secret_key, y->secret_key);
}

static void add_serve(struct digest_stream *stream, const struct serve_spec *serve)
{
	add_number(stream, (int64_t)serve->command.n);
	for (size_t i = 0; i < serve->command.n; i++)
		digest_add_field(stream, serve->command.items[i]);
	digest_add_field(stream, serve->tree);
	digest_add_field(stream, image_identity(serve->image));
}

static void add_env(struct digest_stream *stream, const struct env_var *env, size_t n)
{
	add_number(stream, (int64_t)n);
	for (size_t i = 0; i < n; i++) {
		digest_add_field(stream, env[i].name);
		digest_add_field(stream, env[i].value);
		digest_add_field(stream, env[i].secret_name);
		digest_add_field(stream, env[i].secret_key);
	}
}

void revision_seal(struct revision *revision)
{
	struct digest_stream *stream = digest_begin();

	if (revision->n_env > 1)
		qsort(revision->env, revision->n_env, sizeof(*revision->env), by_env);
	digest_add_field(stream, ENCODING);
	digest_add_field(stream, revision->model);
	digest_add_field(stream, revision->artifact.digest.hex);
	add_serve(stream, &revision->serve);
	add_env(stream, revision->env, revision->n_env);
	add_number(stream, revision->cpu_millis);
	add_number(stream, revision->memory_bytes);
	revision->digest = digest_end(stream);
}

struct digest subject_digest(struct digest artifact, const struct serve_spec *serve,
                             const struct interface_spec *interface)
{
	struct digest_stream *stream = digest_begin();

	digest_add_field(stream, SUBJECT);
	digest_add_field(stream, artifact.hex);
	add_serve(stream, serve);
	interface_digest_add(stream, interface);
	return digest_end(stream);
}

void revision_short(struct digest digest, char out[REVISION_SHORT + 1])
{
	memcpy(out, digest.hex, REVISION_SHORT);
	out[REVISION_SHORT] = '\0';
}

const struct revision *status_revision(const struct deployment_status *status, struct digest digest)
{
	for (size_t i = 0; i < status->n_revisions; i++) {
		if (digest_same(status->revisions[i].digest, digest))
			return &status->revisions[i];
	}
	return NULL;
}

bool status_quarantined(const struct deployment_status *status, struct digest revision)
{
	for (size_t i = 0; i < status->n_quarantine; i++) {
		if (digest_same(status->quarantine[i].revision, revision))
			return true;
	}
	return false;
}
