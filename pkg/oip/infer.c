/* Infer requests, and replies taken strictly. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "oip/internal.h"

enum { REQUEST_BYTES = 64 << 20, LABEL_BYTES = 256 };

/* ---- Requests ---- */

static void write_size(struct writer *writer, size_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", n);
	write_raw(writer, text);
}

static bool is_true(const char *text)
{
	return text[0] == 't' || text[0] == 'T' || text[0] == '1';
}

/* As JSON has numbers: without leading zeros. */
static void write_digits(struct writer *writer, const char *text)
{
	bool negative = text[0] == '-';
	const char *digits = text + negative;
	char plain[64];

	while (digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9')
		digits++;
	if (digits == text + negative) {
		write_raw(writer, text);
		return;
	}
	snprintf(plain, sizeof(plain), "%s%s", negative ? "-" : "", digits);
	write_raw(writer, plain);
}

void oip_value(struct writer *writer, enum tensor_type type, const char *text)
{
	if (!text)
		write_raw(writer, "null");
	else if (type == TENSOR_BYTES)
		write_quoted(writer, text);
	else if (type == TENSOR_BOOL)
		write_raw(writer, is_true(text) ? "true" : "false");
	else if (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'))
		write_digits(writer, text);
	else
		write_raw(writer, is_true(text) ? "1" : "0"); /* a truth in a matrix of numbers */
}

static void tensor_begin(struct writer *writer, const char *name, enum tensor_type type, size_t n,
                         size_t width)
{
	write_map(writer);
	write_member(writer, "name", name);
	write_key(writer, "shape");
	write_list(writer);
	write_size(writer, n);
	if (width > 0)
		write_size(writer, width);
	write_list_end(writer);
	write_member(writer, "datatype", tensor_type_names.names[type]);
	write_key(writer, "data");
	write_list(writer);
}

static void tensor_end(struct writer *writer)
{
	write_list_end(writer);
	write_map_end(writer);
}

static void write_inputs(struct writer *writer, const struct interface_spec *interface,
                         const struct oip_shape *shape, struct oip_rows rows)
{
	size_t width = interface->n_inputs;

	if (shape->matrix) {
		tensor_begin(writer, shape->matrix, shape->matrix_type, rows.n, width);
		for (size_t i = 0; i < rows.n * width; i++)
			oip_value(writer, shape->matrix_type, rows.values[i]);
		tensor_end(writer);
		return;
	}
	for (size_t j = 0; j < width; j++) {
		const struct input_spec *input = &interface->inputs[j];

		tensor_begin(writer, input->name, input->type, rows.n, shape->column_2d[j] ? 1 : 0);
		for (size_t i = 0; i < rows.n; i++)
			oip_value(writer, input->type, rows.values[i * width + j]);
		tensor_end(writer);
	}
}

static void write_wanted(struct writer *writer, const char *name)
{
	write_map(writer);
	write_member(writer, "name", name);
	write_map_end(writer);
}

/* The body of an infer request. */
static void write_request(const struct oip_server *server, const struct oip_shape *shape,
                          struct oip_rows rows, const char *id, struct buf *out)
{
	const struct output_spec *output = &server->interface->output;
	struct writer writer;

	write_begin(&writer, out, true);
	write_map(&writer);
	write_member(&writer, "id", id);
	write_key(&writer, "inputs");
	write_list(&writer);
	write_inputs(&writer, server->interface, shape, rows);
	write_list_end(&writer);
	write_key(&writer, "outputs");
	write_list(&writer);
	write_wanted(&writer, output->name);
	if (output->scores)
		write_wanted(&writer, output->scores);
	write_list_end(&writer);
	write_map_end(&writer);
}

/* ---- Replies ---- */

void oip_predictions_init(struct oip_predictions *out, const struct interface_spec *interface,
                          size_t n, size_t n_scores, struct arena *arena)
{
	*out = (struct oip_predictions){.n = n, .n_scores = n_scores};
	out->labels = arena_array(arena, n, const char *);
	if (interface->output.type != TENSOR_BYTES)
		out->numbers = arena_array(arena, n, double);
	if (interface->output.classes.n > 0)
		out->classes = arena_array(arena, n, int);
	if (n_scores > 0)
		out->scores = arena_calloc(arena, n * n_scores, sizeof(double));
}

/* The class that a label names; numbers are compared as numbers, so that 1 and 1.0 are one. */
static int class_of(const struct output_spec *output, const char *label, double number)
{
	struct err ignored;
	double value;

	for (size_t i = 0; i < output->classes.n; i++) {
		const char *name = output->classes.items[i];

		if (strcmp(name, label) == 0)
			return (int)i;
		if (output->type != TENSOR_BYTES &&
		    !parse_number(name, -INFINITY, INFINITY, &value, &ignored) && value == number)
			return (int)i;
	}
	return -1;
}

int oip_prediction_set(struct oip_predictions *out, const struct interface_spec *interface,
                       size_t i, const struct node *value, struct arena *arena, struct err *err)
{
	const struct output_spec *output = &interface->output;
	bool is_text = output->type == TENSOR_BYTES;
	double number = NAN;

	if (value->type != NODE_SCALAR || value->quoted != is_text)
		return err_set(err, ERR_STALLED, "%s: row %zu is not a %s", output->name, i,
		               is_text ? "text" : "number");
	if (strlen(value->text) > LABEL_BYTES)
		return err_set(err, ERR_STALLED, "%s: row %zu is longer than %d bytes", output->name, i,
		               LABEL_BYTES);
	if (output->type == TENSOR_BOOL)
		number = is_true(value->text);
	else if (!is_text && parse_number(value->text, -INFINITY, INFINITY, &number, err))
		return err_wrap(err, "%s: row %zu", output->name, i);
	if (out->classes) {
		out->classes[i] = class_of(output, value->text, number);
		if (out->classes[i] < 0)
			return err_set(err, ERR_STALLED, "%s: row %zu is '%.40s', which is not one of its"
			               " classes", output->name, i, value->text);
	}
	if (out->numbers)
		out->numbers[i] = number;
	out->labels[i] = out->classes ? output->classes.items[out->classes[i]]
	                              : arena_strdup(arena, value->text);
	return 0;
}

/* Scores of each row: one for each class, or one alone for two classes. */
static bool scores_allowed(const struct interface_spec *interface, size_t n_scores)
{
	size_t classes = interface->output.classes.n;

	return n_scores > 0 && (classes == 0 || n_scores == classes || (n_scores == 1 && classes == 2));
}

/* An output on its way: its elements in order, however nested. */
struct elements {
	const struct node **items;
	size_t n, most;
};

static int flatten(const struct node *data, struct elements *out, struct err *err)
{
	for (const struct node *item = data->first; item; item = item->next) {
		if (item->type == NODE_LIST) {
			if (flatten(item, out, err))
				return -1;
			continue;
		}
		if (out->n == out->most)
			return err_set(err, ERR_STALLED, "more elements than its shape says");
		out->items[out->n++] = item;
	}
	return 0;
}

/* The product of a shape whose first dimension is `n`, at most LIMIT_DOC_NODES; 0 with err. */
static size_t shape_size(const struct node *shape, size_t n, struct err *err)
{
	int64_t size = 1, dimension, first = -1;

	if (!shape || shape->type != NODE_LIST || shape->n == 0) {
		err_set(err, ERR_STALLED, "it has no shape");
		return 0;
	}
	for (const struct node *item = shape->first; item; item = item->next) {
		if (item->type != NODE_SCALAR || item->quoted ||
		    parse_int(item->text, 1, LIMIT_DOC_NODES, &dimension, err)) {
			err_set(err, ERR_STALLED, "its shape is not a list of sizes");
			return 0;
		}
		first = first < 0 ? dimension : first;
		size *= dimension;
		if (size > LIMIT_DOC_NODES) {
			err_set(err, ERR_STALLED, "its shape is too large");
			return 0;
		}
	}
	if (first != (int64_t)n) {
		err_set(err, ERR_STALLED, "%lld rows in the reply to %zu", (long long)first, n);
		return 0;
	}
	return (size_t)size;
}

/* The elements of the output `name`, a multiple of n. */
static int take_output(const struct node *outputs, const char *name, size_t n,
                       struct arena *arena, struct elements *out, const struct node **tensor,
                       struct err *err)
{
	const struct node *found = NULL, *data;

	for (const struct node *item = outputs->first; item; item = item->next) {
		const char *text = node_text(item, "name");

		if (!text || strcmp(text, name))
			continue;
		if (found)
			return err_set(err, ERR_STALLED, "%s: is there twice", name);
		found = item;
	}
	data = node_get(found, "data");
	if (!data || data->type != NODE_LIST)
		return err_set(err, ERR_STALLED, "%s: is missing", name);
	out->most = shape_size(node_get(found, "shape"), n, err);
	if (out->most == 0)
		return err_wrap(err, "%s", name);
	out->items = arena_array(arena, out->most, const struct node *);
	if (flatten(data, out, err))
		return err_wrap(err, "%s", name);
	if (out->n != out->most)
		return err_set(err, ERR_STALLED, "%s: %zu elements, its shape says %zu", name, out->n,
		               out->most);
	*tensor = found;
	return 0;
}

static int take_labels(const struct interface_spec *interface, const struct node *outputs,
                       struct arena *arena, struct oip_predictions *out, struct err *err)
{
	const struct output_spec *output = &interface->output;
	struct elements elements = {0};
	const struct node *tensor;
	const char *datatype;

	if (take_output(outputs, output->name, out->n, arena, &elements, &tensor, err))
		return -1;
	datatype = node_text(tensor, "datatype");
	if (!datatype || oip_type(datatype) != (int)output->type)
		return err_set(err, ERR_STALLED, "%s: is %s, declared is %s", output->name,
		               datatype ? datatype : "of no datatype",
		               tensor_type_names.names[output->type]);
	if (elements.n != out->n)
		return err_set(err, ERR_STALLED, "%s: %zu elements for %zu rows", output->name, elements.n,
		               out->n);
	for (size_t i = 0; i < out->n; i++) {
		if (oip_prediction_set(out, interface, i, elements.items[i], arena, err))
			return -1;
	}
	return 0;
}

static int take_scores(const struct interface_spec *interface, const struct elements *elements,
                       struct oip_predictions *out, struct err *err)
{
	for (size_t i = 0; i < elements->n; i++) {
		const struct node *item = elements->items[i];

		if (item->type != NODE_SCALAR || item->quoted ||
		    parse_number(item->text, -INFINITY, INFINITY, &out->scores[i], err))
			return err_set(err, ERR_STALLED, "%s: row %zu has a score that is not a finite number",
			               interface->output.scores, i / out->n_scores);
	}
	return 0;
}

static int take_outputs(const struct interface_spec *interface, const struct node *outputs,
                        size_t n, struct arena *arena, struct oip_predictions *out,
                        struct err *err)
{
	struct elements scores = {0};
	const struct node *tensor;
	size_t n_scores = 0;

	if (interface->output.scores) {
		if (take_output(outputs, interface->output.scores, n, arena, &scores, &tensor, err))
			return -1;
		n_scores = scores.n / n;
		if (!scores_allowed(interface, n_scores))
			return err_set(err, ERR_STALLED, "%s: %zu scores a row for %zu classes",
			               interface->output.scores, n_scores, interface->output.classes.n);
	}
	oip_predictions_init(out, interface, n, n_scores, arena);
	if (take_labels(interface, outputs, arena, out, err))
		return -1;
	return n_scores ? take_scores(interface, &scores, out, err) : 0;
}

/* Takes the outputs of a reply to `n` rows with the id `id`. */
static int take_reply(const struct oip_server *server, const struct node *reply, const char *id,
                      size_t n, struct arena *arena, struct oip_predictions *out, struct err *err)
{
	const struct node *outputs = node_get(reply, "outputs");
	const char *echo = node_text(reply, "id"), *version = node_text(reply, "model_version");

	if (!outputs || outputs->type != NODE_LIST)
		return err_set(err, ERR_STALLED, "the reply has no outputs");
	if (!echo || strcmp(echo, id))
		return err_set(err, ERR_STALLED, "the reply is not to our request: its id is %.60s",
		               echo ? echo : "missing");
	if (version && server->version && strcmp(version, server->version))
		return err_set(err, ERR_STALLED, "version %.60s answers where %s was started", version,
		               server->version);
	return take_outputs(server->interface, outputs, n, arena, out, err);
}

/* ---- Both ---- */

static void new_id(char id[OIP_ID_BYTES])
{
	uint64_t random[2];

	random_bytes(random, sizeof(random));
	snprintf(id, OIP_ID_BYTES, "%016llx%016llx", (unsigned long long)random[0],
	         (unsigned long long)random[1]);
}

int oip_ask(const struct oip_server *server, const struct oip_shape *shape,
            const struct oip_rows *parts, size_t n, struct arena *arena, struct oip_asked *asked,
            struct err *err)
{
	struct http_reply replies[OIP_IN_FLIGHT] = {0};
	struct buf bodies[OIP_IN_FLIGHT];
	int result = 0;

	assert(n > 0 && n <= OIP_IN_FLIGHT);
	for (size_t i = 0; i < n; i++) {
		assert(parts[i].n > 0);
		asked[i] = (struct oip_asked){.n = parts[i].n};
		new_id(asked[i].id);
		buf_init(&bodies[i], REQUEST_BYTES);
		write_request(server, shape, parts[i], asked[i].id, &bodies[i]);
		result = result || buf_check(&bodies[i], "request", err) ? -1 : 0;
	}
	if (!result)
		result = oip_perform(server, "/infer", bodies, n, arena, replies, err);
	for (size_t i = 0; i < n; i++) {
		asked[i].reply = replies[i];
		buf_deinit(&bodies[i]);
	}
	return result;
}

int oip_answer(const struct oip_server *server, const struct oip_asked *asked,
               struct arena *arena, struct oip_predictions *out, bool *too_large,
               struct err *err)
{
	struct oip_predictions predictions;
	struct node *reply;

	*too_large = asked->reply.status == 413 || asked->reply.status >= 500;
	if (oip_tree(server, "/infer", &asked->reply, arena, &reply, err))
		return -1;
	if (take_reply(server, reply, asked->id, asked->n, arena, &predictions, err))
		return err_wrap(err, "infer");
	*out = predictions;
	return 0;
}

int oip_infer(const struct oip_server *server, const struct oip_shape *shape,
              struct oip_rows rows, struct arena *arena, struct oip_predictions *out,
              double *seconds, bool *too_large, struct err *err)
{
	struct oip_asked asked;

	*too_large = false;
	if (oip_ask(server, shape, &rows, 1, arena, &asked, err) ||
	    oip_answer(server, &asked, arena, out, too_large, err))
		return -1;
	if (seconds)
		*seconds = asked.reply.seconds;
	return 0;
}
