/* Exchanges with a server, and what it says it is. */
#include <stdio.h>
#include <string.h>

#include "oip/internal.h"

enum { SAID_BYTES = 200 };

/* What a server says of its failure: {"error": "..."}, else the begin of its text. */
static void said(struct bytes body, struct arena *arena, char out[SAID_BYTES])
{
	struct node *node = NULL;
	struct err ignored;
	const char *text = NULL;

	if (!json_parse(body.data, body.len, OIP_REPLY_BYTES, arena, &node, &ignored))
		text = node_text(node, "error");
	snprintf(out, SAID_BYTES, "%s", text ? text : body.data);
	text_cut(out, SAID_BYTES);
	text_clean(out);
}

static int http_error(const char *url, const struct http_reply *reply, struct arena *arena,
                      struct err *err)
{
	enum err_kind kind = http_is_passing(reply->status) ? ERR_TRANSIENT : ERR_STALLED;
	char text[SAID_BYTES];

	said(reply->body, arena, text);
	return err_set(err, kind, "%s: answers %d%s%s", url, reply->status, text[0] ? ": " : "", text);
}

static const char *url_of(const struct oip_server *server, const char *path, struct arena *arena)
{
	return arena_printf(arena, "%s/v2/models/%s%s", server->url, server->model, path);
}

int oip_perform(const struct oip_server *server, const char *path, const struct buf *bodies,
                size_t n, struct arena *arena, struct http_reply *replies, struct err *err)
{
	static const char *const headers[] = {"Content-Type: application/json"};
	struct http_request *requests = arena_array(arena, n, struct http_request);
	int64_t deadline_ms = server->clock->now_ms(server->clock->self) + server->timeout_ms;

	for (size_t i = 0; i < n; i++)
		requests[i] = (struct http_request){
			.method = bodies ? "POST" : "GET",
			.url = url_of(server, path, arena),
			.headers = headers,
			.n_headers = bodies ? 1 : 0,
			.body = {bodies ? buf_text(&bodies[i]) : NULL, bodies ? bodies[i].len : 0},
			.body_bytes_max = OIP_REPLY_BYTES,
		};
	return server->http->perform(server->http->self, requests, replies, n, deadline_ms, arena, err);
}

int oip_tree(const struct oip_server *server, const char *path, const struct http_reply *reply,
             struct arena *arena, struct node **out, struct err *err)
{
	const char *url = url_of(server, path, arena);

	if (reply->status == 0) {
		*err = reply->err;
		if (err->kind == ERR_UNKNOWN)
			err->kind = ERR_TRANSIENT;
		return -1;
	}
	if (reply->status != 200)
		return http_error(url, reply, arena, err);
	if (out && json_parse(reply->body.data, reply->body.len, OIP_REPLY_BYTES, arena, out, err)) {
		err->kind = ERR_STALLED;
		return err_wrap(err, "%s", url);
	}
	return 0;
}

/* `out` NULL: whatever it says. */
static int get(const struct oip_server *server, const char *path, struct arena *arena,
               struct node **out, struct err *err)
{
	struct http_reply reply = {0};

	if (oip_perform(server, path, NULL, 1, arena, &reply, err))
		return -1;
	return oip_tree(server, path, &reply, arena, out, err);
}

int oip_ready(const struct oip_server *server, struct arena *arena, struct err *err)
{
	if (get(server, "/ready", arena, NULL, err)) {
		err->kind = ERR_TRANSIENT;
		return -1;
	}
	return 0;
}

/* ---- Metadata against the interface ---- */

int oip_type(const char *datatype)
{
	if (strcmp(datatype, "STRING") == 0)
		return TENSOR_BYTES;
	return names_find(tensor_type_names, datatype);
}

static bool is_real(enum tensor_type type)
{
	return type == TENSOR_FP16 || type == TENSOR_FP32 || type == TENSOR_FP64;
}

static const struct node *find_tensor(const struct node *list, const char *name)
{
	for (const struct node *tensor = list ? list->first : NULL; tensor; tensor = tensor->next) {
		const char *text = node_text(tensor, "name");

		if (text && strcmp(text, name) == 0)
			return tensor;
	}
	return NULL;
}

/* Rank of a declared shape; 0 when it has none (a server may leave it out). */
static size_t rank_of(const struct node *tensor)
{
	const struct node *shape = node_get(tensor, "shape");

	return shape && shape->type == NODE_LIST ? shape->n : 0;
}

/* Whether dimension `i` is open or `size`. */
static bool dimension_is(const struct node *tensor, size_t i, int64_t size)
{
	const struct node *shape = node_get(tensor, "shape"), *item = shape->first;
	struct err ignored;
	int64_t value;

	while (i-- > 0)
		item = item->next;
	return item->type == NODE_SCALAR && !parse_int(item->text, -1, INT64_MAX, &value, &ignored) &&
	       (value == -1 || value == size);
}

static int check_type(const struct node *tensor, const char *what, const char *name,
                      enum tensor_type type, struct err *err)
{
	const char *datatype = node_text(tensor, "datatype");

	if (datatype && oip_type(datatype) == (int)type)
		return 0;
	return err_set(err, ERR_STALLED, "%s %s: the server says %s, declared is %s", what, name,
	               datatype ? datatype : "no datatype", tensor_type_names.names[type]);
}

static int check_column(const struct node *list, const struct input_spec *input, bool *is_2d,
                        struct err *err)
{
	const struct node *tensor = find_tensor(list, input->name);
	size_t rank;

	if (!tensor)
		return err_set(err, ERR_STALLED, "input %s: the server does not know it", input->name);
	if (check_type(tensor, "input", input->name, input->type, err))
		return -1;
	rank = rank_of(tensor);
	if (rank > 2 || (rank == 2 && !dimension_is(tensor, 1, 1)))
		return err_set(err, ERR_STALLED, "input %s: its shape is not one value a row", input->name);
	*is_2d = rank == 2;
	return 0;
}

static int check_columns(const struct interface_spec *interface, const struct node *list,
                         struct arena *arena, struct oip_shape *out, struct err *err)
{
	out->column_2d = arena_array(arena, interface->n_inputs, bool);
	for (size_t i = 0; i < interface->n_inputs; i++) {
		if (check_column(list, &interface->inputs[i], &out->column_2d[i], err))
			return -1;
	}
	for (const struct node *tensor = list->first; tensor; tensor = tensor->next) {
		const char *name = node_text(tensor, "name");
		size_t i = 0;

		while (name && i < interface->n_inputs && strcmp(interface->inputs[i].name, name))
			i++;
		if (!name || i == interface->n_inputs)
			return err_set(err, ERR_STALLED, "input %s: the server asks for it, it is not declared",
			               name ? name : "without a name");
	}
	if (list->n != interface->n_inputs)
		return err_set(err, ERR_STALLED, "the server names an input twice");
	return 0;
}

static int check_matrix(const struct interface_spec *interface, const struct node *list,
                        struct oip_shape *out, struct err *err)
{
	const struct node *tensor = list->first;
	const char *name, *datatype;
	int type;

	if (list->n != 1)
		return err_set(err, ERR_STALLED, "the server asks for %zu inputs where one matrix is"
		               " declared", list->n);
	name = node_text(tensor, "name");
	datatype = node_text(tensor, "datatype");
	type = datatype ? oip_type(datatype) : -1;
	if (!name || type < 0)
		return err_set(err, ERR_STALLED, "the server's input has no valid name and datatype");
	for (size_t i = 0; i < interface->n_inputs; i++) {
		if ((interface->inputs[i].type == TENSOR_BYTES) != (type == TENSOR_BYTES))
			return err_set(err, ERR_STALLED, "input %s: %s does not go into a matrix of %s",
			               interface->inputs[i].name,
			               tensor_type_names.names[interface->inputs[i].type], datatype);
	}
	if (rank_of(tensor) != 0 &&
	    (rank_of(tensor) != 2 || !dimension_is(tensor, 1, (int64_t)interface->n_inputs)))
		return err_set(err, ERR_STALLED, "input %s: its shape is not %zu values a row", name,
		               interface->n_inputs);
	out->matrix = name;
	out->matrix_type = (enum tensor_type)type;
	return 0;
}

static int check_outputs(const struct interface_spec *interface, const struct node *list,
                         struct err *err)
{
	const struct output_spec *output = &interface->output;
	const struct node *tensor = find_tensor(list, output->name);
	const char *datatype;
	int type;

	if (!tensor)
		return err_set(err, ERR_STALLED, "output %s: the server does not have it", output->name);
	if (check_type(tensor, "output", output->name, output->type, err))
		return -1;
	if (!output->scores)
		return 0;
	tensor = find_tensor(list, output->scores);
	datatype = tensor ? node_text(tensor, "datatype") : NULL;
	type = datatype ? oip_type(datatype) : -1;
	if (!tensor)
		return err_set(err, ERR_STALLED, "output %s: the server does not have it", output->scores);
	if (type < 0 || !is_real((enum tensor_type)type))
		return err_set(err, ERR_STALLED, "output %s: the server says %s, scores are FP64 or FP32",
		               output->scores, datatype ? datatype : "no datatype");
	return 0;
}

static int check_metadata(const struct oip_server *server, const struct node *node,
                          struct arena *arena, struct oip_shape *out, struct err *err)
{
	const struct interface_spec *interface = server->interface;
	const struct node *inputs = node_get(node, "inputs"), *outputs = node_get(node, "outputs");
	const char *name = node_text(node, "name");

	if (!inputs || inputs->type != NODE_LIST || !outputs || outputs->type != NODE_LIST)
		return err_set(err, ERR_STALLED, "the metadata has no inputs and outputs");
	if (name && strcmp(name, server->model))
		return err_set(err, ERR_STALLED, "the server calls its model %.60s", name);
	if (check_outputs(interface, outputs, err))
		return -1;
	return interface->layout == LAYOUT_MATRIX
	               ? check_matrix(interface, inputs, out, err)
	               : check_columns(interface, inputs, arena, out, err);
}

int oip_interface(const struct oip_server *server, struct arena *arena, struct oip_shape *out,
                  struct err *err)
{
	struct oip_shape shape = {0};
	struct node *node;

	if (get(server, "", arena, &node, err))
		return -1;
	if (check_metadata(server, node, arena, &shape, err))
		return err_wrap(err, "interface");
	*out = shape;
	return 0;
}
