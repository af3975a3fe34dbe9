#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "doc/doc.h"
#include "oip/oip.h"

/* ---- A server inside the test: an http port that answers as the protocol says ----
 *
 * It predicts High for n > 5 with the score n / 10. What a case breaks, it breaks by replacing a
 * piece of a right answer. */

static struct {
	const char *metadata;    /* answer to GET /v2/models/m */
	const char *find, *put;  /* in the answer to each infer request; NULL: nothing */
	size_t rows_max;         /* more rows are answered with too_many */
	int too_many;
	bool nested;
	int requests, rows;      /* seen */
	size_t at_once;          /* the most of them in one call */
	char last[8192];         /* body of the last infer request */
	int status;              /* of every answer; 0: as it should be; -1: no answer */
} server;

static int64_t now_ms(void *self)
{
	(void)self;
	return 1000;
}

/* The values of the first input as numbers, whatever the layout. */
static size_t first_inputs(const struct node *request, double values[256])
{
	const struct node *inputs = node_get(request, "inputs"), *data, *shape;
	size_t stride, n = 0, i = 0;
	struct err err = {0};

	shape = node_get(inputs->first, "shape");
	stride = shape->n == 2 && inputs->n == 1 ? 2 : 1;
	data = node_get(inputs->first, "data");
	for (const struct node *item = data->first; item; item = item->next, i++) {
		if (i % stride == 0)
			assert_int_equal(parse_number(item->text, -1e9, 1e9, &values[n++], &err), 0);
	}
	return n;
}

static void answer_infer(const struct node *request, struct buf *out)
{
	double values[256];
	size_t n = first_inputs(request, values);

	server.rows += (int)n;
	if (server.rows_max && n > server.rows_max) {
		buf_puts(out, "{\"error\":\"too many\"}");
		return;
	}
	buf_printf(out, "{\"model_name\":\"m\",\"model_version\":\"v1\",\"id\":\"%s\",\"outputs\":["
	           "{\"name\":\"risk\",\"datatype\":\"BYTES\",\"shape\":[%zu],\"data\":[",
	           node_text(request, "id"), n);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s\"%s\"", i ? "," : "", values[i] > 5 ? "High" : "Low");
	buf_printf(out, "]},{\"name\":\"scores\",\"datatype\":\"FP64\",\"shape\":[%zu,2],\"data\":[",
	           n);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, server.nested ? "%s[%.3f,%.3f]" : "%s%.3f,%.3f", i ? "," : "",
		           1 - values[i] / 10, values[i] / 10);
	buf_puts(out, "]}]}");
}

static void replace(struct buf *text, const char *find, const char *put)
{
	struct buf changed;
	char *at = strstr(buf_text(text), find);

	if (!at)
		return;
	buf_init(&changed, 1 << 20);
	buf_add(&changed, text->text, (size_t)(at - text->text));
	buf_puts(&changed, put);
	buf_puts(&changed, at + strlen(find));
	buf_deinit(text);
	*text = changed;
}

static int perform_one(const struct http_request *requests, struct http_reply *replies,
                       struct arena *arena, struct err *err)
{
	struct buf out;

	server.requests++;
	*replies = (struct http_reply){.status = 200, .seconds = 0.002};
	if (server.status < 0) {
		replies->status = 0;
		err_set(&replies->err, ERR_UNKNOWN, "no answer");
		return 0;
	}
	buf_init(&out, 1 << 20);
	if (strcmp(requests->url, "http://h:1/v2/models/m/infer") == 0) {
		struct node *request;

		assert_string_equal(requests->method, "POST");
		snprintf(server.last, sizeof(server.last), "%s", requests->body.data);
		if (json_parse(requests->body.data, requests->body.len, 1 << 20, arena, &request, err))
			fail_msg("%s", err->text);
		answer_infer(request, &out);
		if (strstr(buf_text(&out), "too many"))
			replies->status = server.too_many;
		if (server.find)
			replace(&out, server.find, server.put);
	} else if (strcmp(requests->url, "http://h:1/v2/models/m") == 0) {
		assert_string_equal(requests->method, "GET");
		buf_puts(&out, server.metadata);
	} else {
		assert_string_equal(requests->url, "http://h:1/v2/models/m/ready");
	}
	if (server.status > 0)
		replies->status = server.status;
	replies->body.data = arena_memdup(arena, buf_text(&out), out.len + 1);
	replies->body.len = out.len;
	buf_deinit(&out);
	return 0;
}

static int perform(void *self, const struct http_request *requests, struct http_reply *replies,
                   size_t n, int64_t deadline_ms, struct arena *arena, struct err *err)
{
	(void)self;
	assert_int_equal(deadline_ms, 1000 + 500);
	assert_in_range(n, 1, OIP_IN_FLIGHT);
	server.at_once = n > server.at_once ? n : server.at_once;
	for (size_t i = 0; i < n; i++)
		if (perform_one(&requests[i], &replies[i], arena, err))
			return -1;
	return 0;
}

/* ---- The interface of it ---- */

static struct input_spec inputs[] = {
	{"n", TENSOR_INT64, NAN, NAN, {0}, true},
	{"team", TENSOR_BYTES, NAN, NAN, {0}, true},
};
static const char *classes[] = {"Low", "High"};
static struct interface_spec interface;
static const struct port_http http = {.perform = perform};
static const struct port_clock port_clock_ = {.now_ms = now_ms};
static struct arena arena;
static struct oip_server oip;

#define IO(inputs_, outputs_) \
	"{\"name\":\"m\",\"inputs\":[" inputs_ "],\"outputs\":[" outputs_ "]}"
#define T(name, type, shape) \
	"{\"name\":\"" name "\",\"datatype\":\"" type "\",\"shape\":" shape "}"
#define OUTS T("risk", "BYTES", "[-1]") "," T("scores", "FP64", "[-1,2]")
#define INS T("n", "INT64", "[-1]") "," T("team", "BYTES", "[-1]")

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, (size_t)OIP_ARENA_BYTES * 2);
	memset(&server, 0, sizeof(server));
	server.metadata = IO(INS, OUTS);
	inputs[1].type = TENSOR_BYTES;
	interface = (struct interface_spec){
		.inputs = inputs,
		.n_inputs = 2,
		.output = {.name = "risk", .type = TENSOR_BYTES, .classes = {classes, 2}, .min = NAN,
		           .max = NAN, .scores = "scores"},
	};
	oip = (struct oip_server){&http, &port_clock_, "http://h:1", "m", "v1", &interface, 500};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_deinit(&arena);
	return 0;
}

/* Rows n = 0, 1, ... of a team. */
static struct oip_rows some_rows(size_t n)
{
	const char **values = arena_calloc(&arena, n * 2, sizeof(*values));

	for (size_t i = 0; i < n; i++) {
		values[2 * i] = arena_printf(&arena, "%zu", i % 10);
		values[2 * i + 1] = "core";
	}
	return (struct oip_rows){values, n};
}

static void metadata_against_the_interface(void **state)
{
	static const struct {
		const char *metadata, *says; /* NULL: as declared */
	} cases[] = {
		{IO(INS, OUTS), NULL},
		{IO(T("team", "STRING", "[-1,1]") "," T("n", "INT64", "[8]"), OUTS), NULL},
		{IO(INS, OUTS "," T("extra", "FP32", "[-1]")), NULL},
		{"{\"inputs\":[{\"name\":\"n\",\"datatype\":\"INT64\"},{\"name\":\"team\",\"datatype\":"
		 "\"BYTES\"}],\"outputs\":[" OUTS "]}", NULL},
		{IO(T("n", "INT64", "[-1]"), OUTS), "input team: the server does not know it"},
		{IO(INS "," T("more", "INT64", "[-1]"), OUTS),
		 "input more: the server asks for it, it is not declared"},
		{IO(INS "," T("n", "INT64", "[-1]"), OUTS), "names an input twice"},
		{IO(T("n", "FP32", "[-1]") "," T("team", "BYTES", "[-1]"), OUTS),
		 "input n: the server says FP32, declared is INT64"},
		{IO(T("n", "INT64", "[-1,2]") "," T("team", "BYTES", "[-1]"), OUTS),
		 "input n: its shape is not one value a row"},
		{IO(INS, T("risk", "BYTES", "[-1]")), "output scores: the server does not have it"},
		{IO(INS, T("scores", "FP32", "[-1,2]")), "output risk: the server does not have it"},
		{IO(INS, T("risk", "INT64", "[-1]") "," T("scores", "FP32", "[-1,2]")),
		 "output risk: the server says INT64, declared is BYTES"},
		{IO(INS, T("risk", "BYTES", "[-1]") "," T("scores", "BYTES", "[-1]")),
		 "output scores: the server says BYTES"},
		{"{\"name\":\"other\",\"inputs\":[],\"outputs\":[]}", "the server calls its model other"},
		{"{\"inputs\":{},\"outputs\":[]}", "the metadata has no inputs and outputs"},
		{"[]", "the metadata has no inputs and outputs"},
		{"nonsense", "http://h:1/v2/models/m"},
		{"", "http://h:1/v2/models/m"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct oip_shape shape;
		int result;

		server.metadata = cases[i].metadata;
		result = oip_interface(&oip, &arena, &shape, &err);
		if ((result != 0) != (cases[i].says != NULL) ||
		    (result && !strstr(err.text, cases[i].says)))
			fail_msg("case %zu: '%s'", i, err.text);
		if (result)
			assert_int_equal(err.kind, ERR_STALLED);
	}
}

static void matrices(void **state)
{
	static const struct {
		const char *metadata, *says;
	} cases[] = {
		{IO(T("x", "FP32", "[-1,2]"), OUTS), NULL},
		{IO(T("x", "INT64", "[-1,-1]"), OUTS), NULL},
		{IO(T("x", "FP32", "[-1,3]"), OUTS), "input x: its shape is not 2 values a row"},
		{IO(T("x", "FP32", "[-1]"), OUTS), "input x: its shape is not 2 values a row"},
		{IO(T("x", "BYTES", "[-1,2]"), OUTS), "input n: INT64 does not go into a matrix of BYTES"},
		{IO(INS, OUTS), "the server asks for 2 inputs where one matrix is declared"},
	};

	(void)state;
	inputs[1].type = TENSOR_BOOL;
	interface.layout = LAYOUT_MATRIX;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct oip_shape shape;
		int result;

		server.metadata = cases[i].metadata;
		result = oip_interface(&oip, &arena, &shape, &err);
		if ((result != 0) != (cases[i].says != NULL) ||
		    (result && !strstr(err.text, cases[i].says)))
			fail_msg("case %zu: '%s'", i, err.text);
	}
}

static void infer(struct oip_rows rows, struct oip_predictions *out)
{
	struct err err = {0};
	struct oip_shape shape;
	bool too_large;

	if (oip_interface(&oip, &arena, &shape, &err) ||
	    oip_infer(&oip, &shape, rows, &arena, out, NULL, &too_large, &err))
		fail_msg("%s", err.text);
}

static void requests_say_what_the_server_wants(void **state)
{
	static const char *const values[] = {"007", "a \"b\"", "-0012", NULL};
	static const char *const truths[] = {"7", "True", "1.50", "false"};
	struct oip_predictions got;

	(void)state;
	infer((struct oip_rows){values, 2}, &got);
	assert_non_null(strstr(server.last, "\"inputs\":["
		"{\"name\":\"n\",\"shape\":[2],\"datatype\":\"INT64\",\"data\":[7,-12]},"
		"{\"name\":\"team\",\"shape\":[2],\"datatype\":\"BYTES\",\"data\":[\"a \\\"b\\\"\",null]}],"
		"\"outputs\":[{\"name\":\"risk\"},{\"name\":\"scores\"}]}"));
	server.metadata = IO(T("n", "INT64", "[-1,1]") "," T("team", "BYTES", "[-1]"), OUTS);
	infer((struct oip_rows){values, 1}, &got);
	assert_non_null(strstr(server.last, "\"n\",\"shape\":[1,1],"));
	assert_non_null(strstr(server.last, "\"team\",\"shape\":[1],"));
	interface.layout = LAYOUT_MATRIX;
	inputs[1].type = TENSOR_BOOL;
	server.metadata = IO(T("x", "FP32", "[-1,2]"), OUTS);
	infer((struct oip_rows){truths, 2}, &got);
	assert_non_null(strstr(server.last, "\"inputs\":[{\"name\":\"x\",\"shape\":[2,2],"
	                       "\"datatype\":\"FP32\",\"data\":[7,1,1.50,0]}]"));
}

static void replies_give_labels_classes_and_scores(void **state)
{
	struct oip_predictions got;

	(void)state;
	for (int nested = 0; nested < 2; nested++) {
		server.nested = nested;
		infer(some_rows(8), &got);
		assert_int_equal(got.n, 8);
		assert_int_equal(got.n_scores, 2);
		assert_string_equal(got.labels[5], "Low");
		assert_string_equal(got.labels[6], "High");
		assert_int_equal(got.classes[6], 1);
		assert_null(got.numbers);
		assert_true(got.scores[2 * 6 + 1] == 0.6);
	}
}

static void numbers_as_outputs(void **state)
{
	static const char *digits[] = {"0", "1"};
	struct oip_predictions got;

	(void)state;
	interface.output = (struct output_spec){
		.name = "risk", .type = TENSOR_FP32, .min = NAN, .max = NAN};
	server.metadata = IO(INS, T("risk", "FP32", "[-1]"));
	server.find = "\"BYTES\",\"shape\":[2],\"data\":[\"Low\",\"Low\"]";
	server.put = "\"FP32\",\"shape\":[2,1],\"data\":[[1.25],[-3]]";
	infer(some_rows(2), &got);
	assert_true(got.numbers[0] == 1.25 && got.numbers[1] == -3);
	assert_null(got.classes);
	interface.output.classes = (struct strings){digits, 2};
	server.put = "\"FP32\",\"shape\":[2],\"data\":[1.0,0]";
	infer(some_rows(2), &got);
	assert_int_equal(got.classes[0], 1);
	assert_string_equal(got.labels[0], "1");
}

static void a_reply_is_taken_strictly(void **state)
{
	static const struct {
		const char *find, *put, *says;
	} cases[] = {
		{"\"id\":\"", "\"id\":\"x", "the reply is not to our request: its id is x"},
		{"\"id\":", "\"no\":", "its id is missing"},
		{"\"v1\"", "\"v2\"", "version v2 answers where v1 was started"},
		{"\"outputs\":", "\"o\":", "the reply has no outputs"},
		{"\"risk\"", "\"other\"", "risk: is missing"},
		{"\"scores\"", "\"risk\"", "scores: is missing"},
		{"{\"name\":\"risk\"",
		 "{\"name\":\"scores\",\"shape\":[1],\"data\":[1]},{\"name\":\"risk\"",
		 "scores: is there twice"},
		{"\"data\"", "\"contents\"", "risk: is missing"},
		{"\"shape\":[2]", "\"shape\":[3]", "risk: 3 rows in the reply to 2"},
		{"\"shape\":[2]", "\"shape\":[]", "risk: it has no shape"},
		{"\"shape\":[2]", "\"shape\":[-1]", "risk: its shape is not a list of sizes"},
		{"\"shape\":[2]", "\"shape\":[2,1000000]", "risk: its shape is not a list of sizes"},
		{"\"shape\":[2]", "\"shape\":[2,1000,1000]", "risk: its shape is too large"},
		{"\"shape\":[2]", "\"shape\":[2,2]", "risk: 2 elements, its shape says 4"},
		{"[\"Low\",\"Low\"]", "[\"Low\",\"Low\",\"Low\"]",
		 "risk: more elements than its shape says"},
		{"[\"Low\",\"Low\"]", "[\"Low\"]", "risk: 1 elements, its shape says 2"},
		{"[\"Low\",\"Low\"]", "[\"Low\",\"Mid\"]",
		 "row 1 is 'Mid', which is not one of its classes"},
		{"[\"Low\",\"Low\"]", "[\"Low\",null]", "risk: row 1 is not a text"},
		{"[\"Low\",\"Low\"]", "[\"Low\",3]", "risk: row 1 is not a text"},
		{"[\"Low\",\"Low\"]", "[\"Low\",{}]", "risk: row 1 is not a text"},
		{"\"BYTES\"", "\"FP32\"", "risk: is FP32, declared is BYTES"},
		{"\"shape\":[2,2]", "\"shape\":[2,1]", "scores: more elements than its shape says"},
		{"\"shape\":[2,2],\"data\":[", "\"shape\":[2,3],\"data\":[1,1,",
		 "3 scores a row for 2 classes"},
		{"0.900", "null", "scores: row 1 has a score that is not a finite number"},
		{"0.900", "\"0.9\"", "scores: row 1 has a score that is not a finite number"},
		{"0.900", "NaN", "/infer"},
		{"0.900", "1e999", "/infer"},
		{"]}]}", "]}", "/infer"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct oip_predictions got;
		struct oip_shape shape;
		bool too_large;

		server.find = cases[i].find;
		server.put = cases[i].put;
		assert_int_equal(oip_interface(&oip, &arena, &shape, &err), 0);
		if (!oip_infer(&oip, &shape, some_rows(2), &arena, &got, NULL, &too_large, &err))
			fail_msg("case %zu was taken", i);
		if (!strstr(err.text, cases[i].says))
			fail_msg("case %zu: '%s'", i, err.text);
		assert_int_equal(err.kind, ERR_STALLED);
		assert_false(too_large);
	}
}

static void one_score_is_enough_for_two_classes(void **state)
{
	struct oip_predictions got;

	(void)state;
	server.find = "\"shape\":[1,2],\"data\":[1.000,0.000]";
	server.put = "\"shape\":[1],\"data\":[0.25]";
	infer(some_rows(1), &got);
	assert_int_equal(got.n_scores, 1);
	assert_true(got.scores[0] == 0.25);
}

static void batches_are_halved_when_they_are_too_large(void **state)
{
	static const struct {
		size_t rows, rows_max, batch;
		int too_many, requests;
		bool fails;
	} cases[] = {
		{200, 0, 64, 200, 4, false},
		{64, 0, 64, 200, 1, false},
		{200, 20, 16, 413, 2 + 13, false},
		{200, 20, 16, 500, 2 + 13, false},
		{10, 1, 1, 503, 3 + 10, false},
		{10, 5, 64, 400, 1, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct oip_predictions got;
		struct oip_shape shape;
		size_t batch = 0;

		server.rows_max = cases[i].rows_max;
		server.too_many = cases[i].too_many;
		assert_int_equal(oip_interface(&oip, &arena, &shape, &err), 0);
		server.requests = 0;
		server.at_once = 0;
		assert_int_equal(oip_score(&oip, &shape, some_rows(cases[i].rows), &batch, &arena, &got,
		                           &err), cases[i].fails ? -1 : 0);
		assert_int_equal(server.requests, cases[i].requests);
		assert_int_equal(server.at_once, cases[i].requests < 4 ? 1 : cases[i].requests == 4
		                                 ? 3 : OIP_IN_FLIGHT);
		assert_int_equal(batch, cases[i].batch);
		if (cases[i].fails) {
			assert_string_equal(err.text, "http://h:1/v2/models/m/infer: answers 400: too many");
			continue;
		}
		assert_int_equal(got.n, cases[i].rows);
		for (size_t k = 0; k < got.n; k++) {
			assert_string_equal(got.labels[k], k % 10 > 5 ? "High" : "Low");
			assert_int_equal(got.classes[k], k % 10 > 5);
			assert_true(fabs(got.scores[2 * k + 1] - (double)(k % 10) / 10) < 1e-9);
		}
	}
}

static void a_server_that_fails_is_no_wrong_answer(void **state)
{
	static const struct {
		int status; /* -1: no answer */
		enum err_kind kind;
	} cases[] = {
		{-1, ERR_TRANSIENT}, {251, ERR_STALLED},   {302, ERR_STALLED},
		{400, ERR_STALLED},  {404, ERR_STALLED},   {408, ERR_TRANSIENT},
		{413, ERR_STALLED},  {425, ERR_TRANSIENT}, {429, ERR_TRANSIENT},
		{499, ERR_STALLED},  {500, ERR_TRANSIENT}, {503, ERR_TRANSIENT},
	};
	struct oip_shape shape;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};

		server.status = cases[i].status;
		assert_int_equal(oip_interface(&oip, &arena, &shape, &err), -1);
		if (err.kind != cases[i].kind)
			fail_msg("%d is of kind %d: %s", cases[i].status, (int)err.kind, err.text);
		assert_int_equal(oip_ready(&oip, &arena, &err), -1);
		assert_int_equal(err.kind, ERR_TRANSIENT);
	}
	server.status = 200;
	assert_int_equal(oip_ready(&oip, &arena, &(struct err){0}), 0);
}

/* ---- Golden batch ---- */

static struct bytes golden_text(size_t n)
{
	struct oip_golden golden = {.rows = some_rows(n)};
	struct bytes text;
	struct buf buf;

	infer(golden.rows, &golden.predictions);
	buf_init(&buf, OIP_GOLDEN_BYTES);
	oip_golden_encode(&interface, &golden, &buf);
	text = (struct bytes){arena_memdup(&arena, buf_text(&buf), buf.len + 1), buf.len};
	buf_deinit(&buf);
	return text;
}

static void golden_batch_as_a_document(void **state)
{
	struct bytes text = golden_text(2);
	struct oip_golden golden;
	struct err err = {0};
	struct buf again;

	(void)state;
	assert_string_equal(text.data, "{\"rows\":[{\"n\":0,\"team\":\"core\"},"
	                    "{\"n\":1,\"team\":\"core\"}],"
	                    "\"predictions\":[{\"output\":\"Low\",\"scores\":[1,0]},"
	                    "{\"output\":\"Low\",\"scores\":[0.9,0.1]}]}");
	if (oip_golden_decode(&interface, text.data, text.len, &arena, &golden, &err))
		fail_msg("%s", err.text);
	assert_string_equal(golden.rows.values[3], "core");
	assert_int_equal(golden.predictions.classes[1], 0);
	buf_init(&again, OIP_GOLDEN_BYTES);
	oip_golden_encode(&interface, &golden, &again);
	assert_string_equal(buf_text(&again), text.data);
	buf_deinit(&again);
}

static void a_broken_golden_batch_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"{", "golden batch"},
		{"[]", "do not match"},
		{"{\"rows\":[],\"predictions\":[]}", "do not match"},
		{"{\"rows\":[{\"n\":1,\"team\":\"x\"}],\"predictions\":[]}", "do not match"},
		{"{\"rows\":[{\"n\":1}],\"predictions\":[{\"output\":\"Low\",\"scores\":[1,0]}]}",
		 "row 0 has no value of team"},
		{"{\"rows\":[{\"n\":1,\"team\":null}],\"predictions\":[{\"output\":\"Low\"}]}",
		 "its scores are not those of the interface"},
		{"{\"rows\":[{\"n\":1,\"team\":null}],\"predictions\":["
		 "{\"output\":\"Mid\",\"scores\":[1,0]}]}",
		 "not one of its classes"},
		{"{\"rows\":[{\"n\":1,\"team\":null}],\"predictions\":[{\"scores\":[1,0]}]}",
		 "prediction 0 has no output"},
		{"{\"rows\":[{\"n\":1,\"team\":\"x\"},{\"n\":1,\"team\":\"x\"}],\"predictions\":["
		 "{\"output\":\"Low\",\"scores\":[1,0]},{\"output\":\"Low\",\"scores\":[1]}]}",
		 "prediction 1 has not 2 scores"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct oip_golden golden;
		struct err err = {0};

		if (!oip_golden_decode(&interface, cases[i].text, strlen(cases[i].text), &arena, &golden,
		                       &err))
			fail_msg("case %zu was taken", i);
		if (!strstr(err.text, cases[i].says))
			fail_msg("case %zu: '%s'", i, err.text);
	}
}

static void the_check_of_a_candidate(void **state)
{
	static const struct {
		const char *find, *put;
		double latency_ms;
		const char *says; /* NULL: it passes */
	} cases[] = {
		{NULL, NULL, NAN, NULL},
		{NULL, NULL, 2.5, NULL},
		{NULL, NULL, 1.5, "latency: p95 is 2.0 ms, at most 1.5 ms is wanted"},
		{"0.900,0.100", "0.90001,0.09999", NAN, NULL},
		{"0.900,0.100", "0.891,0.109", NAN,
		 "golden batch, batched: row 1 has a score of 0.891, recorded is 0.9"},
		{"[\"High\"]", "[\"Low\"]", NAN,
		 "golden batch, singly: row 6 is 'Low', recorded is 'High'"},
		{"\"Low\",\"High\"", "\"High\",\"High\"", NAN,
		 "golden batch, batched: row 5 is 'High', recorded is 'Low'"},
	};
	struct bytes golden = golden_text(8);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct oip_check_spec spec = {golden, cases[i].latency_ms};
		struct oip_report report;
		struct err err = {0};
		int result;

		server.find = cases[i].find;
		server.put = cases[i].put;
		result = oip_check(&oip, &spec, &arena, &report, &err);
		if ((result != 0) != (cases[i].says != NULL) ||
		    (result && strcmp(err.text, cases[i].says)))
			fail_msg("case %zu: '%s'", i, err.text);
		if (!result)
			assert_string_equal(report.text, "interface as declared, 8 golden rows alike in batches"
			                    " and singly, p95 2.0 ms");
	}
}

static void a_version_without_a_golden_batch(void **state)
{
	struct oip_check_spec spec = {{NULL, 0}, NAN};
	struct oip_report report;
	struct err err = {0};

	(void)state;
	assert_int_equal(oip_check(&oip, &spec, &arena, &report, &err), 0);
	assert_string_equal(report.text, "interface as declared, no golden batch recorded");
	assert_true(isnan(report.p95_ms));
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(metadata_against_the_interface),
		WITH_SERVER(matrices),
		WITH_SERVER(requests_say_what_the_server_wants),
		WITH_SERVER(replies_give_labels_classes_and_scores),
		WITH_SERVER(numbers_as_outputs),
		WITH_SERVER(a_reply_is_taken_strictly),
		WITH_SERVER(one_score_is_enough_for_two_classes),
		WITH_SERVER(batches_are_halved_when_they_are_too_large),
		WITH_SERVER(a_server_that_fails_is_no_wrong_answer),
		WITH_SERVER(golden_batch_as_a_document),
		WITH_SERVER(a_broken_golden_batch_is_refused),
		WITH_SERVER(the_check_of_a_candidate),
		WITH_SERVER(a_version_without_a_golden_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
