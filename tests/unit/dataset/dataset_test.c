#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/digest.h"
#include "dataset/dataset.h"

/* ---- Values ---- */

static void values_against_the_interface(void **state)
{
	static const char *values[] = {"dev", "prod"};
	const struct input_spec count = {"n", TENSOR_INT64, 0, 100, {0}, false};
	const struct input_spec byte = {"u", TENSOR_UINT8, NAN, NAN, {0}, true};
	const struct input_spec real = {"r", TENSOR_FP32, -1, NAN, {0}, true};
	const struct input_spec open = {"s", TENSOR_BYTES, NAN, NAN, {0}, true};
	const struct input_spec closed = {"e", TENSOR_BYTES, NAN, NAN, {values, 2}, true};
	const struct input_spec truth = {"t", TENSOR_BOOL, NAN, NAN, {0}, true};
	const struct {
		const struct input_spec *input;
		const char *text, *says; /* NULL: it fits */
	} cases[] = {
		{&count, "0", NULL},
		{&count, "100", NULL},
		{&count, "-1", "n: '-1' is less than 0"},
		{&count, "101", "n: '101' is more than 100"},
		{&count, "1.5", "n: '1.5' is not a whole number"},
		{&count, "NaN", "n: 'NaN' is not a whole number"},
		{&count, "99999999999999999999", "is not a whole number"},
		{&count, NULL, "n: is missing"},
		{&byte, "255", NULL},
		{&byte, "256", "is not a whole number from 0 to 255"},
		{&byte, NULL, NULL},
		{&real, "1e3", NULL},
		{&real, "-1.5", "r: '-1.5' is less than -1"},
		{&real, "inf", "r: 'inf' is not a number"},
		{&open, "anything", NULL},
		{&closed, "prod", NULL},
		{&closed, "Prod", "e: 'Prod' is not one of its values"},
		{&truth, "True", NULL},
		{&truth, "yes", "t: 'yes' is neither true nor false"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		bool found = input_problem(cases[i].input, cases[i].text, &err);

		if (found != (cases[i].says != NULL) || (found && !strstr(err.text, cases[i].says)))
			fail_msg("case %zu: '%s'", i, err.text);
	}
}

static void counts_are_written_for_people(void **state)
{
	static const struct {
		int64_t n;
		const char *want;
	} cases[] = {
		{0, "0 rows"}, {1, "1 row"}, {999, "999 rows"}, {1000, "1,000 rows"},
		{12007, "12,007 rows"}, {1000000, "1,000,000 rows"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf buf;

		buf_init(&buf, 64);
		buf_rows(&buf, cases[i].n);
		assert_string_equal(buf_text(&buf), cases[i].want);
		buf_deinit(&buf);
	}
}

/* ---- Dividing, by the oracle's numbers ---- */

static const struct split_spec usual = {.train = 0.70, .validation = 0.15, .test = 0.15};

static void sizes_as_the_oracle(void **state)
{
	static const int64_t cases[][4] = {
		{10000, 7000, 1500, 1500}, {12000, 8400, 1800, 1800}, {9999, 6999, 1499, 1501},
		{1501, 1050, 225, 226},    {11, 7, 1, 3},             {7, 4, 1, 2},
		{3, 2, 0, 1},              {0, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t rows[PARTS] = {0};

		split_sizes(cases[i][0], &usual, rows);
		assert_int_equal(rows[PART_TRAIN], cases[i][1]);
		assert_int_equal(rows[PART_VALIDATION], cases[i][2]);
		assert_int_equal(rows[PART_TEST], cases[i][3]);
	}
}

static void buckets_as_the_oracle(void **state)
{
	static const uint16_t want[] = {827, 277, 4694, 6582, 5105};
	int below_5 = 0, below_25 = 0;
	char id[32];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint16_t bucket;

		snprintf(id, sizeof(id), "req-%d", i);
		bucket = dataset_bucket(id);
		if (i < (int)ARRAY_LEN(want))
			assert_int_equal(bucket, want[i]);
		below_5 += bucket < 500;
		below_25 += bucket < 2500;
	}
	assert_int_equal(below_5, 4935);
	assert_int_equal(below_25, 24975);
}

static char folder[64];
static int top = -1;
static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/linnet-dataset-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	arena_init(&arena, 1 << 20);
	top = open(folder, O_RDONLY | O_DIRECTORY);
	return top < 0;
}

static int tear_down(void **state)
{
	struct err err;

	(void)state;
	close(top);
	arena_deinit(&arena);
	return dir_remove_all(AT_FDCWD, folder, &err);
}

static void parts_of_buckets(void **state)
{
	static const struct {
		uint16_t bucket;
		enum part part;
	} cases[] = {
		{0, PART_TRAIN},         {6999, PART_TRAIN}, {7000, PART_VALIDATION},
		{8499, PART_VALIDATION}, {8500, PART_TEST},  {9999, PART_TEST},
	};
	struct division division;
	struct err err = {0};

	(void)state;
	assert_int_equal(dataset_divide(NULL, &usual, 0, &division, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dataset_row row = {.bucket = cases[i].bucket};

		assert_int_equal(division_block(&division, &row), cases[i].part);
	}
	assert_int_equal(dataset_divide(NULL, &usual, 4, &division, &err), 0);
	assert_int_equal(division.n, 5);
	assert_int_equal(division.bucket[4], 8500);
	assert_int_equal(division.bucket[1], 2125);
}

/* ---- Files ---- */

static void put(const char *path, const char *text)
{
	struct err err = {0};

	if (file_replace(top, path, text, strlen(text), 0644, &err))
		fail_msg("%s", err.text);
}

/* A model of two inputs and a label of two classes. */
static struct model a_model(void)
{
	static struct input_spec inputs[] = {
		{"n", TENSOR_INT64, 0, NAN, {0}, false},
		{"team", TENSOR_BYTES, NAN, NAN, {0}, true},
	};
	static const char *classes[] = {"Low", "High"};
	struct model model = {.interface = {.inputs = inputs, .n_inputs = 2}};

	model.interface.output = (struct output_spec){
		.name = "risk", .type = TENSOR_BYTES, .classes = {classes, 2}, .min = NAN, .max = NAN};
	model.data = (struct data_spec){.label = "risk", .id = "id", .time = "at", .window_ms = -1};
	model.data.validate = (struct data_validation){.min_rows = 1, .max_missing = 1};
	return model;
}

#define AT(day) "2026-01-" day "T00:00:00Z"
#define DAY_MS (24 * 60 * 60 * (int64_t)1000)

static int64_t time_of(const char *text)
{
	struct err err = {0};
	int64_t ms = 0;

	if (parse_time(text, &ms, &err))
		fail_msg("%s", err.text);
	return ms;
}

static const char *sentence(const struct dataset_report *report)
{
	struct buf buf;
	const char *text;

	buf_init(&buf, 64 << 10);
	dataset_sentence(report, &buf);
	text = arena_strdup(&arena, buf_text(&buf));
	buf_deinit(&buf);
	return text;
}

static void scan(const struct model *model, struct dataset *dataset,
                 struct dataset_report *report)
{
	struct err err = {0};

	*dataset = (struct dataset){0};
	if (dataset_scan(top, "data", model, time_of(AT("31")), &arena, dataset, report, &err))
		fail_msg("%s", err.text);
}

static void what_does_not_fit_names_its_row(void **state)
{
	static const struct {
		const char *rows, *want;
	} cases[] = {
		{"a," AT("01") ",1,x,Low\nb," AT("02") ",2,,High\n", "2 rows"},
		{"a," AT("01") ",-1,x,Low\n", "2 problems in 1 row: line 2: n: '-1' is less than 0;"
		 " only 0 rows to use, fewer than 1 row"},
		{"a," AT("01") ",1,x,Low\nb,yesterday,1,x,Low\n", "1 problem in 2 rows: line 3: at: "},
		{"a," AT("01") ",1,x,Low\nb,,1,x,Low\n", "1 problem in 2 rows: line 3: at: is missing"},
		{"a," AT("01") ",1,x,Low\nb," AT("02") ",1,x,Mid\n",
		 "1 problem in 2 rows: line 3: risk: 'Mid' is not one of its values"},
		{"a," AT("01") ",1,x,Low\nb," AT("02") ",1,x,Low\na," AT("03") ",1,x,Low\n",
		 "1 problem in 3 rows: line 4: its id is that of line 2"},
		{"a," AT("01") ",1,x,Low\n," AT("02") ",1,x,Low\n",
		 "1 problem in 2 rows: line 3: id: is missing"},
		{"a," AT("01") ",,,\nb," AT("01") ",,,\nc," AT("01") ",,,\nd," AT("01") ",,,\n",
		 "5 problems in 4 rows: line 2: n: is missing; line 3: n: is missing; line 4: n: is"
		 " missing; ..."},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct model model = a_model();
		struct dataset_report report;
		struct dataset dataset;

		put("data", arena_printf(&arena, "id,at,n,team,risk\n%s", cases[i].rows));
		scan(&model, &dataset, &report);
		if (strncmp(sentence(&report), cases[i].want, strlen(cases[i].want)))
			fail_msg("case %zu: got '%s'", i, sentence(&report));
		dataset_deinit(&dataset);
	}
}

static void rules_on_the_whole(void **state)
{
	static struct label_share shares[] = {{"High", 0.3, 1}, {"Low", 0, 0.7}};
	struct model model = a_model();
	struct dataset_report report;
	struct dataset dataset;

	(void)state;
	put("data", "id,at,n,team,risk\n"
	    "a," AT("01") ",1,,Low\nb," AT("02") ",1,x,Low\nc," AT("03") ",1,x,Low\n"
	    "d," AT("04") ",1,x,High\n");
	model.data.validate = (struct data_validation){5, 0.1, NAN, shares, 2};
	scan(&model, &dataset, &report);
	assert_int_equal(report.n_problems, 4);
	assert_string_equal(report.problems[0].text, "only 4 rows to use, fewer than 5 rows");
	assert_string_equal(report.problems[1].text,
	                    "team: is missing in 25 % of the rows, more than 10 %");
	assert_string_equal(report.problems[2].text,
	                    "label High: is in 25 % of the rows, less than 30 %");
	assert_string_equal(report.problems[3].text,
	                    "label Low: is in 75 % of the rows, more than 70 %");
	dataset_deinit(&dataset);
	model.data.validate = (struct data_validation){4, 0.25, NAN, shares, 1};
	shares[0].min = 0.25;
	scan(&model, &dataset, &report);
	assert_int_equal(report.n_problems, 0);
	dataset_deinit(&dataset);
}

static void young_old_and_unlabelled_rows_are_counted_apart(void **state)
{
	struct model model = a_model();
	struct dataset_report report;
	struct dataset dataset;

	(void)state;
	put("data", "id,at,n,team,risk\n"
	    "a," AT("01") ",wrong,x,Low\n" /* old: not looked at */
	    "b," AT("20") ",1,x,Low\n"
	    "c," AT("21") ",1,x,\n"        /* not labelled */
	    "d," AT("22") ",1,x,High\n"
	    "e," AT("30") ",1,x,High\n");  /* young */
	model.data.window_ms = 20 * DAY_MS;
	model.data.label_maturity_ms = 5 * DAY_MS;
	scan(&model, &dataset, &report);
	assert_string_equal(sentence(&report), "2 rows");
	assert_int_equal(report.rows, 5);
	assert_int_equal(report.old, 1);
	assert_int_equal(report.unlabelled, 1);
	assert_int_equal(report.young, 1);
	assert_int_equal(report.from_ms, time_of(AT("20")));
	assert_int_equal(report.to_ms, time_of(AT("22")));
	assert_int_equal(report.labels[1].rows, 1);
	assert_int_equal(dataset.n_usable, 2);
	dataset_deinit(&dataset);
}

static const char *read_file(const char *path)
{
	struct err err = {0};
	struct buf buf;
	const char *text;

	buf_init(&buf, 1 << 20);
	if (file_read(top, path, &buf, &err))
		fail_msg("%s", err.text);
	text = arena_strdup(&arena, buf_text(&buf));
	buf_deinit(&buf);
	return text;
}

/* Scans "data" and writes its parts: train.csv, validation.csv, refit.csv and test.csv. */
static void write_parts(const struct model *model, const struct split_spec *split,
                        struct dataset_part parts[4], struct dataset_across *across)
{
	struct dataset_report report;
	struct division division;
	struct dataset dataset;
	struct err err = {0};

	scan(model, &dataset, &report);
	parts[0] = (struct dataset_part){.to = "train.csv", .first = 0, .end = 1,
	                                 .before_ms = INT64_MAX};
	parts[1] = (struct dataset_part){.to = "validation.csv", .first = 1, .end = 2,
	                                 .before_ms = INT64_MAX};
	parts[2] = (struct dataset_part){.to = "refit.csv", .first = 0, .end = 2,
	                                 .before_ms = INT64_MAX};
	parts[3] = (struct dataset_part){.to = "test.csv", .first = 2, .end = 3,
	                                 .before_ms = INT64_MAX};
	if (dataset_divide(&dataset, split, 0, &division, &err) ||
	    dataset_write(top, "data", model, &dataset, &division, parts, 4, &arena, across, &err))
		fail_msg("%s", err.text);
	dataset_deinit(&dataset);
	for (size_t i = 0; i < 4; i++) {
		struct digest file;

		assert_int_equal(digest_file(top, parts[i].to, &file, NULL, &err), 0);
		assert_true(digest_same(file, parts[i].digest));
	}
}

/* Rows 1 and 2 train, 3 chooses, 4 to 6 test. */
static void rows_that_say_the_same_are_named(void **state)
{
	struct model model = a_model();
	struct dataset_across across = {.n_training = 1};
	struct dataset_part parts[4];
	struct split_spec split = {.train = 0.34, .validation = 0.17, .test = 0.49,
	                           .by = SPLIT_BY_TIME};
	const struct dataset_repeats *repeats = &across.repeats;

	(void)state;
	put("data", "id,at,n,team,risk\n"
	    "a," AT("01") ",1,x,Low\nb," AT("02") ",2,\"x,y\",High\nc," AT("03") ",1,x,Low\n"
	    "d," AT("04") ",2,\"x,y\",High\ne," AT("05") ",1,x,High\nf," AT("06") ",1,x,Low\n");
	write_parts(&model, &split, parts, &across);
	assert_int_equal(parts[0].rows, 2);
	assert_int_equal(parts[1].rows, 1);
	assert_int_equal(repeats->judged, 4);
	assert_int_equal(repeats->rows, 3); /* not e, whose label is another */
	assert_int_equal(repeats->one_in, 1);
	assert_int_equal(repeats->n_examples, 3);
	assert_int_equal(repeats->examples[0].line, 4);
	assert_int_equal(repeats->examples[0].first, 2);
	assert_int_equal(repeats->examples[1].line, 5);
	assert_int_equal(repeats->examples[1].first, 3);
	assert_int_equal(repeats->examples[2].line, 7);
	assert_int_equal(repeats->examples[2].first, 2);
}

/* More contents than memory is spent on: the share is still told, of a sample of them. */
static void of_many_rows_a_sample_tells_the_share(void **state)
{
	enum { ROWS = 1200000, TRAINED = ROWS / 2 };
	struct model model = a_model();
	struct dataset_across across = {.n_training = 1};
	struct dataset_part parts[4];
	struct split_spec split = {.train = 0.5, .validation = 0, .test = 0.5, .by = SPLIT_BY_TIME};
	const struct dataset_repeats *repeats = &across.repeats;
	char when[TIME_TEXT], line[96];
	struct buf text;
	double share;

	(void)state;
	buf_init(&text, 80 << 20);
	buf_puts(&text, "id,at,n,team,risk\n");
	for (int i = 0; i < ROWS; i++) { /* each fourth that tests repeats one that trains */
		format_time(time_of(AT("01")) + i * 1000, when);
		snprintf(line, sizeof(line), "r%d,%s,%d,x,Low\n", i, when,
		         i >= TRAINED && i % 4 == 0 ? i - TRAINED : i);
		buf_puts(&text, line);
	}
	put("data", buf_text(&text));
	buf_deinit(&text);
	write_parts(&model, &split, parts, &across);
	assert_true(repeats->one_in >= 4);
	share = (double)repeats->rows / (double)repeats->judged;
	assert_true(share > .24 && share < .26);
	assert_true(repeats->judged * repeats->one_in > ROWS / 2 * 9 / 10);
	assert_int_equal(repeats->n_examples, DATASET_EXAMPLES);
	for (size_t i = 0; i < repeats->n_examples; i++)
		assert_int_equal(repeats->examples[i].line - repeats->examples[i].first, TRAINED);
}

static void parts_hold_declared_columns_only(void **state)
{
	struct model model = a_model();
	struct dataset_across across = {.n_training = 1};
	struct dataset_part parts[4];
	struct dataset_report report;
	struct division division;
	struct dataset dataset;
	struct err err = {0};
	struct split_spec split = {.train = 0.5, .validation = 0.25, .test = 0.25, .by = SPLIT_BY_TIME};

	(void)state;
	put("data", "secret,risk,n,team,at,id\n"
	    "s,Low,1,\"x,\"\"y\"," AT("04") ",d\ns,High,2,," AT("01") ",a\n"
	    "s,Low,3,x," AT("02") ",b\ns,Low,4,x," AT("03") ",c\n");
	write_parts(&model, &split, parts, &across);
	assert_string_equal(read_file("train.csv"), "id,at,n,team,risk\n"
	                    "a," AT("01") ",2,,High\nb," AT("02") ",3,x,Low\n");
	assert_string_equal(read_file("test.csv"), "id,at,n,team,risk\n"
	                    "d," AT("04") ",1,\"x,\"\"y\",Low\n");
	assert_string_equal(read_file("refit.csv"), "id,at,n,team,risk\n"
	                    "a," AT("01") ",2,,High\nb," AT("02") ",3,x,Low\nc," AT("03") ",4,x,Low\n");
	assert_int_equal(parts[0].rows, 2);
	assert_int_equal(parts[0].to_ms, time_of(AT("02")));
	assert_int_equal(parts[3].from_ms, time_of(AT("04")));
	assert_int_equal(faccessat(top, "test.csv.part", F_OK, 0), -1);
	assert_int_equal(faccessat(top, "data.rows", F_OK, 0), -1);
	assert_int_equal(faccessat(top, "data.ids", F_OK, 0), -1);
	assert_int_equal(across.n_unseen, 1);
	assert_string_equal(across.unseen[0].input, "team");
	assert_string_equal(across.unseen[0].value, "x,\"y");
	assert_int_equal(across.unseen[0].rows, 1);
	assert_int_equal(across.unseen[0].line, 2);
	assert_int_equal(across.repeats.judged, 2);
	assert_int_equal(across.repeats.rows, 0);

	scan(&model, &dataset, &report);
	put("data", "secret,risk,n,team,at,id\n");
	division_newer(0, &division);
	parts[0].to = "x.csv";
	assert_int_equal(dataset_write(top, "data", &model, &dataset, &division, parts, 1, &arena,
	                               NULL, &err), -1);
	assert_string_equal(err.text, "data: has changed while it was read");
	assert_int_equal(faccessat(top, "x.csv", F_OK, 0), -1);
	dataset_deinit(&dataset);
}

static void an_embargo_holds_rows_back(void **state)
{
	struct model model = a_model();
	struct split_spec split = {.train = 0.6, .validation = 0.2, .test = 0.2, .by = SPLIT_BY_TIME};
	struct dataset_part parts[2] = {
		{.to = "before.csv", .first = 0, .end = 1, .before_ms = time_of(AT("06"))},
		{.to = "others.csv", .first = 0, .end = 3, .skip = 1, .skip_end = 2,
		 .before_ms = INT64_MAX},
	};
	struct dataset_report report;
	struct division division;
	struct dataset dataset;
	struct err err = {0};
	struct buf rows;

	(void)state;
	buf_init(&rows, 4096);
	buf_puts(&rows, "id,at,n,team,risk\n");
	for (int i = 1; i <= 10; i++)
		buf_printf(&rows, "r%d,2026-01-%02dT00:00:00Z,1,x,Low\n", i, i);
	put("data", buf_text(&rows));
	buf_deinit(&rows);
	scan(&model, &dataset, &report);
	assert_int_equal(dataset_divide(&dataset, &split, 0, &division, &err), 0);
	assert_int_equal(division.from[1].time_ms, time_of(AT("07")));
	assert_int_equal(division.from[2].time_ms, time_of(AT("09")));
	assert_int_equal(dataset_write(top, "data", &model, &dataset, &division, parts, 2, &arena,
	                               NULL, &err), 0);
	assert_int_equal(parts[0].rows, 5);
	assert_int_equal(parts[0].to_ms, time_of(AT("05")));
	assert_int_equal(parts[1].rows, 8);
	assert_int_equal(dataset_divide(&dataset, &split, 3, &division, &err), 0);
	assert_int_equal(division.n, 5); /* four pieces of eight rows, and the test */
	for (size_t i = 1; i < 5; i++)
		assert_int_equal(division.from[i].time_ms, time_of(AT("01")) + 2 * (int64_t)i * DAY_MS);
	dataset_deinit(&dataset);
}

static void without_an_id_the_values_decide(void **state)
{
	struct train_spec train = {.split = {.train = 0.5, .validation = 0.25, .test = 0.25}};
	struct dataset_part one[4], two[4];
	struct model model = a_model();

	(void)state;
	model.data.time = NULL;
	model.train = &train;
	put("data", "n,team,risk\n1,x,Low\n1,x,Low\n2,x,Low\n3,x,Low\n4,x,Low\n");
	write_parts(&model, &train.split, one, NULL);
	put("data", "team,n,risk\nx,1,Low\nx,1,Low\nx,2,Low\nx,3,Low\nx,4,Low\n");
	write_parts(&model, &train.split, two, NULL);
	for (size_t i = 0; i < 4; i++) {
		assert_true(digest_same(one[i].digest, two[i].digest));
		assert_int_equal(one[i].from_ms, -1);
	}
	assert_int_equal(one[0].rows + one[1].rows + one[3].rows, 5);
	assert_int_equal(one[2].rows, one[0].rows + one[1].rows);
}

static void real_commits(void **state)
{
	static struct input_spec inputs[] = {
		{"files_changed", TENSOR_INT64, 0, NAN, {0}, false},
		{"lines_added", TENSOR_INT64, 0, NAN, {0}, false},
		{"team", TENSOR_BYTES, NAN, NAN, {0}, false},
	};
	static const char *classes[] = {"Low", "Medium", "High"};
	const char *from_environment = getenv("LINNET_COMMIT_RISK");
	struct split_spec split = usual;
	struct model model = a_model();
	struct dataset_report report;
	struct division division;
	struct dataset dataset = {0};
	struct err err = {0};
	const char *copy = arena_printf(&arena, "%s/commits", folder);
	struct buf text;

	(void)state;
	if (!from_environment) {
		print_message("skipped: LINNET_COMMIT_RISK does not name commit-risk.csv\n");
		skip();
	}
	model.interface.inputs = inputs;
	model.interface.n_inputs = ARRAY_LEN(inputs);
	model.interface.output.classes = (struct strings){classes, 3};
	model.data.label = "outcome";
	model.data.time = "committed_at";
	split.by = SPLIT_BY_TIME;
	buf_init(&text, 4 << 20);
	if (file_read(AT_FDCWD, from_environment, &text, &err) ||
	    file_replace(AT_FDCWD, copy, buf_text(&text), text.len, 0600, &err))
		fail_msg("%s", err.text);
	buf_deinit(&text);
	if (dataset_scan(AT_FDCWD, copy, &model, time_of(AT("01")), &arena, &dataset,
	                 &report, &err))
		fail_msg("%s", err.text);
	assert_string_equal(sentence(&report), "12,000 rows");
	assert_int_equal(dataset_divide(&dataset, &split, 0, &division, &err), 0);
	assert_true(division.from[1].time_ms <= division.from[2].time_ms);
	dataset_deinit(&dataset);
}

/* Fields joined to a row; with quotes around each that is not empty, or as they are. */
static void put_fields(struct buf *out, bool quotes, const char *const *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *quote = quotes && *fields[i] ? "\"" : "";

		buf_printf(out, "%s%s%s%s", quote, fields[i], quote, i + 1 < n ? "," : "\r\n");
	}
}

/* What is said of one row, whose number is `text`. */
static const char *said_of(const struct model *model, bool quotes, const char *text)
{
	const char *const head[] = {"id", "at", "n", "team", "risk"};
	const char *const row[] = {"a", AT("01"), text, "red", "Low"};
	struct dataset_report report;
	struct dataset dataset;
	struct buf file;

	buf_init(&file, 4096);
	put_fields(&file, quotes, head, ARRAY_LEN(head));
	put_fields(&file, quotes, row, ARRAY_LEN(row));
	put("data", buf_text(&file));
	buf_deinit(&file);
	scan(model, &dataset, &report);
	dataset_deinit(&dataset);
	return sentence(&report);
}

/* Values without quotes are read and written in another way, which must not show. */
static void quotes_do_not_change_a_number(void **state)
{
	static const char *const texts[] = {
		"", "0", "7", "42", "255", "256", "007", "65535", "65536", "1234567", "12345678",
		"99999999", "100000000", "123456789012", "99999999999999999999", "-1", "-128", "-129",
		"+1", "1.5", "1e3", " 7", "7 ", "1/2", "12:30", "0x10", "/", ":", "1234567a", "a2345678",
		"1_000", "\xc2\xb2", "nan", "1234567\xc2\xb2",
	};
	static const double bounds[][2] = {{NAN, NAN}, {0, 100}, {43, NAN}, {NAN, 254.5}};
	struct model model = a_model();
	struct input_spec number = model.interface.inputs[0];

	(void)state;
	for (size_t b = 0; b < ARRAY_LEN(bounds); b++) {
		for (int type = 0; type < TENSOR_TYPES; type++) {
			model.interface.inputs[0].type = (enum tensor_type)type;
			model.interface.inputs[0].min = bounds[b][0];
			model.interface.inputs[0].max = bounds[b][1];
			for (size_t i = 0; i < ARRAY_LEN(texts); i++)
				assert_string_equal(said_of(&model, false, texts[i]),
				                    said_of(&model, true, texts[i]));
			arena_reset(&arena);
		}
	}
	model.interface.inputs[0] = number;
	assert_string_equal(said_of(&model, false, "7"), "1 row");
}

/* Rows whose team has 0 to 99 bytes, some of which want quotes; the digest of the part. */
static struct digest written(const struct model *model, bool quotes)
{
	static const char *const head[] = {"risk", "n", "beside", "team", "at", "id"};
	struct dataset_part part = {.to = "part", .end = 1, .before_ms = INT64_MAX};
	struct dataset_report report;
	struct division division;
	struct dataset dataset;
	struct err err = {0};
	struct buf file;

	buf_init(&file, 4 << 20);
	put_fields(&file, false, head, ARRAY_LEN(head));
	for (unsigned i = 0; i < 3000; i++) {
		char id[16], n[16], team[128];
		const char *const row[] = {i % 3 ? "Low" : "High", n, i % 7 ? "" : "x", team, AT("01"), id};

		snprintf(id, sizeof(id), "%u", i);
		snprintf(n, sizeof(n), "%u", i * i * i);
		memset(team, 'a' + (char)(i % 26), sizeof(team));
		team[i * 7 % 100] = '\0';
		if (i % 100 == 50)
			team[0] = '\r';
		put_fields(&file, quotes, row, ARRAY_LEN(row));
	}
	put("data", buf_text(&file));
	buf_deinit(&file);
	scan(model, &dataset, &report);
	assert_string_equal(sentence(&report), "3,000 rows");
	division_newer(time_of(AT("02")), &division);
	assert_int_equal(dataset_write(top, "data", model, &dataset, &division, &part, 1, &arena, NULL,
	                               &err), 0);
	dataset_deinit(&dataset);
	assert_int_equal(part.rows, 3000);
	return part.digest;
}

/* Parts that begin alike go their own ways: each is what it would be alone. */
static void parts_do_not_depend_on_those_beside_them(void **state)
{
	struct dataset_part parts[] = {
		{.to = "0", .first = 0, .end = 1, .before_ms = INT64_MAX},
		{.to = "1", .first = 1, .end = 2, .before_ms = INT64_MAX},
		{.to = "2", .first = 0, .end = 2, .before_ms = INT64_MAX},
		{.to = "3", .first = 0, .end = 3, .before_ms = INT64_MAX},
		{.to = "4", .first = 0, .end = 3, .skip = 1, .skip_end = 2, .before_ms = INT64_MAX},
		{.to = "5", .first = 0, .end = 3, .before_ms = INT64_MAX},
		{.to = "6", .first = 0, .end = 1, .before_ms = INT64_MAX},
		{.to = "7", .first = 9, .end = 9, .before_ms = INT64_MAX},
	};
	struct split_spec split = {.train = 0.5, .validation = 0.3, .test = 0.2};
	struct model model = a_model();

	(void)state;
	for (int folds = 0; folds < 8; folds++) {
		struct division division;
		struct dataset_report report;
		struct dataset dataset;
		struct err err = {0};

		split.by = folds % 2 ? SPLIT_BY_HASH : SPLIT_BY_TIME;
		model.train = &(struct train_spec){.split = split};
		(void)written(&model, false);
		scan(&model, &dataset, &report);
		assert_int_equal(dataset_divide(&dataset, &split, folds / 2, &division, &err), 0);
		parts[2].before_ms = folds < 4 ? INT64_MAX : time_of(AT("01"));
		assert_int_equal(dataset_write(top, "data", &model, &dataset, &division, parts,
		                               ARRAY_LEN(parts), &arena, NULL, &err), 0);
		for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
			struct dataset_part alone = parts[i];
			struct digest file;

			assert_int_equal(digest_file(top, parts[i].to, &file, NULL, &err), 0);
			assert_true(digest_same(file, parts[i].digest));
			assert_int_equal(dataset_write(top, "data", &model, &dataset, &division, &alone, 1,
			                               &arena, NULL, &err), 0);
			assert_true(digest_same(alone.digest, parts[i].digest));
			assert_int_equal(alone.rows, parts[i].rows);
		}
		dataset_deinit(&dataset);
	}
}

static void quotes_do_not_change_a_part(void **state)
{
	struct model model = a_model();
	struct digest plain = written(&model, false), quoted = written(&model, true);

	(void)state;
	assert_true(digest_same(plain, quoted));
}

/* Two files of the same rows, not in the order of time, whose lines end in every way; the columns
 * of `data` stand as those of a part, which is read in another way, and those of `other` do not. */
static void put_both(struct buf *data, struct buf *other)
{
	static const char *const teams[] = {"", "a", "team 7", "\"x,y\"", "\xc3\xa9", "\"plain\"",
	                                    "a longer name of a team", "\"a\"\"b\""};
	enum { ROWS = 3000, LONG_ROW = 70000 };
	char *name = arena_alloc(&arena, LONG_ROW + 1);

	memset(name, 'n', LONG_ROW);
	buf_puts(data, "id,at,n,team,risk\n");
	buf_puts(other, "team,risk,n,at,id\n");
	for (int i = 0; i < ROWS; i++) {
		const char *team = i == 1000 ? name : i == 77 ? "b" : teams[i * i / 3 % 8];
		const char *risk = i % 9 == 0 ? "" : i % 3 ? "Low" : "High";
		const char *end = i % 11 == 5 ? "\r\n" : i % 13 == 3 ? "\n\n" : "\n";
		char at[TIME_TEXT];

		format_time(time_of(AT("01")) + (int64_t)i * 37 % 601 * 1000, at);
		end = i + 1 < ROWS ? end : "";
		buf_printf(data, "r%d,%s,%d,%s,%s%s", i, at, i % 400, team, risk, end);
		buf_printf(other, "%s,%s,%d,%s,r%d%s", team, risk, i % 400, at, i, end);
	}
}

static void write_file(const struct model *model, const struct split_spec *split,
                       const struct buf *file, struct dataset_part parts[4],
                       struct dataset_across *across)
{
	*across = (struct dataset_across){.n_training = 1};
	put("data", buf_text(file));
	write_parts(model, split, parts, across);
}

static void where_the_columns_stand_does_not_change_a_part(void **state)
{
	struct train_spec train = {.split = {.train = 0.3, .validation = 0.2, .test = 0.5}};
	struct model model = a_model();
	struct buf data, other;

	(void)state;
	model.train = &train;
	buf_init(&data, 4 << 20);
	buf_init(&other, 4 << 20);
	put_both(&data, &other);
	for (int by = 0; by < 2; by++) {
		struct dataset_across across[2];
		struct dataset_part parts[2][4];

		train.split.by = by ? SPLIT_BY_HASH : SPLIT_BY_TIME;
		write_file(&model, &train.split, &data, parts[0], &across[0]);
		write_file(&model, &train.split, &other, parts[1], &across[1]);
		for (size_t i = 0; i < 4; i++) {
			assert_true(parts[0][i].rows > 500);
			assert_true(digest_same(parts[0][i].digest, parts[1][i].digest));
			assert_int_equal(parts[0][i].to_ms, parts[1][i].to_ms);
		}
		assert_true(across[0].repeats.rows > 0);
		assert_int_equal(across[0].repeats.rows, across[1].repeats.rows);
		assert_int_equal(across[0].repeats.examples[9].line, across[1].repeats.examples[9].line);
		assert_int_equal(across[0].n_unseen, across[1].n_unseen);
		buf_puts(&data, "\r"); /* as where the end of a file is cut off */
		buf_puts(&other, "\r");
	}
	buf_deinit(&data);
	buf_deinit(&other);
}

/* Of a file that is not the one that was checked no row goes on. */
static void a_file_that_changes_is_refused(void **state)
{
#define ROW(id, day) id "," AT(day) ",1,x,Low\n"
	static const char head[] = "id,at,n,team,risk\n";
	static const char *const others[] = {
		"", ROW("a", "01"), ROW("a", "01") ROW("b", "02") ROW("c", "03"),
		ROW("aa", "01") ROW("b", "02"), "\n" ROW("a", "01") ROW("b", "02"),
		"a;2026-01-01T00:00:00Z;1;x;Low\nb;2026-01-02T00:00:00Z;1;x;Low\n",
	};
	struct dataset_part part = {.to = "x.csv", .end = 1, .before_ms = INT64_MAX};
	struct model model = a_model();
	struct dataset_report report;
	struct division division;
	struct dataset dataset;

	(void)state;
	put("data", arena_printf(&arena, "%s%s%s", head, ROW("a", "01"), ROW("b", "02")));
	scan(&model, &dataset, &report);
	division_newer(time_of(AT("31")), &division);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct dataset_across across = {.n_training = 1};
		struct err err = {0};

		put("data", arena_printf(&arena, "%s%s", head, others[i]));
		assert_int_equal(dataset_write(top, "data", &model, &dataset, &division, &part, 1, &arena,
		                               &across, &err), -1);
		assert_int_equal(err.kind, ERR_TRANSIENT);
		assert_string_equal(err.text, "data: has changed while it was read");
		assert_int_equal(faccessat(top, "x.csv", F_OK, 0), -1);
	}
	dataset_deinit(&dataset);
#undef ROW
}

/* What is told of categories is bounded, whatever texts a file holds. */
static void long_texts_are_no_categories(void **state)
{
	static const struct {
		int length;
		size_t unseen;
	} cases[] = {
		{4, 500}, {DATASET_CATEGORY_BYTES, 500}, {DATASET_CATEGORY_BYTES + 1, 0}, {3000, 0},
	};
	struct split_spec split = {.train = 0.5, .validation = 0, .test = 0.5, .by = SPLIT_BY_TIME};
	struct dataset_report report = {.missing = (int64_t[]){0, 0}};
	struct dataset_part parts[4];
	struct model model = a_model();

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		struct dataset_across across = {.n_training = 1};
		struct buf file, json;

		buf_init(&file, 4 << 20);
		buf_puts(&file, "at,id,n,team,risk\n");
		for (int i = 0; i < 1000; i++)
			buf_printf(&file, "2026-01-%02dT00:00:00Z,r%d,1,%0*d,Low\n", i / 100 + 1, i,
			           cases[c].length, i);
		put("data", buf_text(&file));
		buf_deinit(&file);
		write_parts(&model, &split, parts, &across);
		assert_int_equal(across.n_unseen, cases[c].unseen);
		for (size_t i = 0; i < across.n_unseen && i < DATASET_UNSEEN; i++)
			assert_int_equal(across.unseen[i].line, 502 + i);
		buf_init(&json, 64 << 10);
		dataset_report_json(&report, &across, &model, &json);
		assert_false(json.full);
		buf_deinit(&json);
	}
}

/* Below 0 there is no time: rows that have one must not look as if they had none. */
static void before_1970_there_is_no_time(void **state)
{
	struct model model = a_model();
	struct dataset_report report;
	struct dataset dataset;

	(void)state;
	put("data", "id,at,n,team,risk\na,1969-12-31T23:59:59Z,1,x,Low\nb," AT("02") ",1,x,Low\n");
	scan(&model, &dataset, &report);
	dataset_deinit(&dataset);
	assert_string_equal(sentence(&report),
	                    "1 problem in 2 rows: line 2: at: '1969-12-31T23:59:59Z' is before 1970");
	model.data.window_ms = 365 * DAY_MS; /* it is no row of ours then */
	scan(&model, &dataset, &report);
	dataset_deinit(&dataset);
	assert_string_equal(sentence(&report), "1 row");
	assert_int_equal(report.old, 1);
}

static void what_is_no_table_is_named_once(void **state)
{
	static const char *const cases[][2] = {
		{"", "data: is empty: a CSV file begins with its columns' names"},
		{"id,at,n,team\n", "data: there is no column 'risk'"},
		{"id,at,n,team,risk\na,b\n", "data: line 2: 2 fields where there are 5 columns"},
	};
	struct model model = a_model();
	struct dataset_report report;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dataset dataset = {0};
		struct err err = {0};

		put("data", cases[i][0]);
		assert_int_equal(dataset_scan(top, "data", &model, time_of(AT("31")), &arena, &dataset,
		                              &report, &err), -1);
		assert_int_equal(err.kind, ERR_STALLED);
		assert_string_equal(err.text, cases[i][1]);
		dataset_deinit(&dataset);
	}
}

/* Rows without ids are divided by what they say, and may stand twice: not because of a typo. */
static void an_id_that_is_named_must_be_there(void **state)
{
	static const char *const named[] = {"ticket", "id"};
	struct model model = a_model();

	(void)state;
	put("data", "ID,at,n,team,risk\na," AT("01") ",1,x,Low\n");
	for (size_t i = 0; i < ARRAY_LEN(named); i++) {
		struct dataset_report report;
		struct dataset dataset = {0};
		struct err err = {0};
		int result;

		model.data.id = named[i];
		result = dataset_scan(top, "data", &model, time_of(AT("31")), &arena, &dataset, &report,
		                      &err);
		assert_int_equal(result, i == 0 ? -1 : 0);
		assert_string_equal(err.text, i == 0 ? "data: there is no column 'ticket'" : "");
		assert_false(dataset.has_ids);
		dataset_deinit(&dataset);
	}
}

/* Writes no more than `bytes` to a file, or all that is asked for with RLIM_INFINITY. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Where there is no room left, nothing is half there, and another try is worth while. */
static void without_room_nothing_is_written(void **state)
{
	static const struct {
		int rows;
		rlim_t bytes;
		bool checked;
		const char *want;
	} cases[] = {
		{3000, 8 << 10, false, "data: cannot write what is known of its rows: File too large"},
		{20000, 100 << 10, false, "data: cannot write what is known of its rows: File too large"},
		{9000, 100 << 10, true, "data: x.csv.part: cannot write: File too large"},
	};
	struct dataset_part part = {.to = "x.csv", .end = 1, .before_ms = INT64_MAX};
	struct model model = a_model();

	(void)state;
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dataset_report report;
		struct division division;
		struct dataset dataset = {0};
		struct err err = {0};
		struct buf text;
		int result;

		buf_init(&text, 4 << 20);
		buf_puts(&text, "id,at,n,team,risk\n");
		for (int row = 0; row < cases[i].rows; row++)
			buf_printf(&text, "r%d," AT("01") ",1,x,Low\n", row);
		put("data", buf_text(&text));
		buf_deinit(&text);
		division_newer(time_of(AT("31")), &division);
		limit_files(cases[i].bytes);
		result = dataset_scan(top, "data", &model, time_of(AT("31")), &arena, &dataset, &report,
		                      &err);
		if (!result && cases[i].checked)
			result = dataset_write(top, "data", &model, &dataset, &division, &part, 1, &arena, NULL,
			                       &err);
		limit_files(RLIM_INFINITY);
		assert_int_equal(result, -1);
		assert_int_equal(err.kind, ERR_TRANSIENT);
		assert_string_equal(err.text, cases[i].want);
		assert_int_equal(faccessat(top, "x.csv", F_OK, 0), -1);
		dataset_deinit(&dataset);
	}
}

/* A value is learnt when any row that trains shows it, wherever that stands in the file. */
static void categories_are_learnt_in_the_order_of_the_parts(void **state)
{
	struct train_spec train = {.split = {.train = 0.5, .validation = 0.25, .test = 0.25,
	                                     .by = SPLIT_BY_TIME}};
	struct dataset_across across = {.n_training = 1};
	struct dataset_part parts[4];
	struct model model = a_model();

	(void)state;
	model.train = &train;
	put("data", "id,at,n,team,risk\n"
	    "d," AT("04") ",1,late,Low\nc," AT("03") ",2,both,Low\n"
	    "a," AT("01") ",3,both,Low\nb," AT("02") ",4,early,Low\n"
	    "e," AT("03") ",5,late,\n"); /* has no label: judges nothing */
	write_parts(&model, &train.split, parts, &across);
	assert_int_equal(across.n_unseen, 1);
	assert_string_equal(across.unseen[0].value, "late");
	assert_int_equal(across.unseen[0].rows, 1);
	assert_int_equal(across.unseen[0].line, 2);

	train.split.by = SPLIT_BY_HASH; /* req-1 is in bucket 277, req-0 827, req-4 5105, req-3 6582 */
	across = (struct dataset_across){.n_training = 1};
	put("data", "id,at,n,team,risk\n"
	    "req-4," AT("01") ",1,x,Low\nreq-3," AT("02") ",2,y,Low\n"
	    "req-1," AT("03") ",3,x,Low\nreq-0," AT("04") ",4,z,Low\n");
	write_parts(&model, &train.split, parts, &across);
	assert_int_equal(across.n_unseen, 1);
	assert_string_equal(across.unseen[0].value, "y");
	assert_int_equal(across.unseen[0].line, 3);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_against_the_interface),
		cmocka_unit_test(counts_are_written_for_people),
		cmocka_unit_test(sizes_as_the_oracle),
		cmocka_unit_test(buckets_as_the_oracle),
		cmocka_unit_test(parts_of_buckets),
		IN_FOLDER(what_does_not_fit_names_its_row),
		IN_FOLDER(rules_on_the_whole),
		IN_FOLDER(young_old_and_unlabelled_rows_are_counted_apart),
		IN_FOLDER(rows_that_say_the_same_are_named),
		IN_FOLDER(of_many_rows_a_sample_tells_the_share),
		IN_FOLDER(parts_hold_declared_columns_only),
		IN_FOLDER(an_embargo_holds_rows_back),
		IN_FOLDER(without_an_id_the_values_decide),
		IN_FOLDER(quotes_do_not_change_a_number),
		IN_FOLDER(quotes_do_not_change_a_part),
		IN_FOLDER(parts_do_not_depend_on_those_beside_them),
		IN_FOLDER(where_the_columns_stand_does_not_change_a_part),
		IN_FOLDER(a_file_that_changes_is_refused),
		IN_FOLDER(long_texts_are_no_categories),
		IN_FOLDER(before_1970_there_is_no_time),
		IN_FOLDER(what_is_no_table_is_named_once),
		IN_FOLDER(an_id_that_is_named_must_be_there),
		IN_FOLDER(without_room_nothing_is_written),
		IN_FOLDER(categories_are_learnt_in_the_order_of_the_parts),
		IN_FOLDER(real_commits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
