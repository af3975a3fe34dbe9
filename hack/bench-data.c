/* How fast a large CSV is checked and divided, and in how much memory: hack/bench-data. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "dataset/dataset.h"

enum { TEXT = 256 };

static const char *const environments[] = {"dev", "staging", "prod"};
static const char *const risks[] = {"Low", "Medium", "High"};

/* Rows of the running example, four a minute. */
static int64_t generate(const char *path, int64_t bytes)
{
	FILE *file = fopen(path, "w");
	uint64_t random = 1;
	int64_t rows = 0;
	char at[TIME_TEXT];

	if (!file)
		panic("%s: cannot create", path);
	fputs("id,deployed_at,files_changed,lines_added,lines_removed,time_of_day,previous_failures,"
	      "load,environment,team,risk_level\n", file);
	for (; ftello(file) < bytes; rows++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		format_time(1577836800000 + rows * 15000, at);
		fprintf(file, "c%09" PRIx64 ",%s,%u,%u,%u,%u,%u,0.%04u,%s,t%02u,%s\n",
		        (uint64_t)rows * 2654435761 % (UINT64_C(1) << 36), at,
		        (unsigned)(random >> 60), (unsigned)(random >> 50 & 4095),
		        (unsigned)(random >> 40 & 2047), (unsigned)(random >> 30 & 15),
		        (unsigned)(random >> 28 & 3), (unsigned)(random >> 24 & 8191),
		        environments[(random >> 40) % 3], (unsigned)(random >> 33 & 31),
		        risks[(random >> 45) % 3]);
	}
	/* as a run takes its snapshot: on the disk before it is read */
	if (fflush(file) || fsync(fileno(file)) || fclose(file))
		panic("%s: cannot write", path);
	return rows;
}

/* Seconds in which a core was wanted and had by others; 0 where the kernel does not count them. */
static double waited(void)
{
	FILE *file = fopen("/proc/self/schedstat", "r");
	double ran_ns, waited_ns = 0;

	if (file && fscanf(file, "%lf %lf", &ran_ns, &waited_ns) != 2)
		waited_ns = 0;
	if (file)
		fclose(file);
	return waited_ns / 1e9;
}

/* Seconds: on the clock, of the processor in our own code, in the kernel, and without a core. */
enum { TIMES = 4 };
static void times(double out[TIMES])
{
	struct rusage usage;
	struct timespec now;

	getrusage(RUSAGE_SELF, &usage);
	clock_gettime(CLOCK_MONOTONIC, &now);
	out[0] = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	out[1] = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
	out[2] = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
	out[3] = waited();
}

static void measure(const char *path, const char *folder, const struct model *model)
{
	static const char *const names[] = {"train", "validation", "test"};
	struct dataset_part parts[ARRAY_LEN(names)];
	struct dataset_across across = {.n_training = 1};
	struct dataset_report report;
	struct dataset dataset = {0};
	struct division division;
	struct arena arena;
	struct err err = {0};

	arena_init(&arena, 16 << 20);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		parts[i] = (struct dataset_part){
			.to = arena_printf(&arena, "%s/%s.csv", folder, names[i]),
			.first = i, .end = i + 1, .before_ms = INT64_MAX,
		};
	if (dataset_scan(AT_FDCWD, path, model, INT64_MAX / 2, &arena, &dataset, &report, &err) ||
	    report.n_problems > 0 ||
	    dataset_divide(&dataset, &model->train->split, 0, &division, &err) ||
	    dataset_write(AT_FDCWD, path, model, &dataset, &division, parts, ARRAY_LEN(names), &arena,
	                  &across, &err))
		panic("%s: %s", path, err.kind ? err.text : report.problems[0].text);
	dataset_deinit(&dataset);
	arena_deinit(&arena);
}

int main(int argc, char **argv)
{
	struct input_spec inputs[] = {
		{"files_changed", TENSOR_INT64, 0, 100000, {0}, false},
		{"lines_added", TENSOR_INT64, 0, NAN, {0}, false},
		{"lines_removed", TENSOR_INT64, 0, NAN, {0}, false},
		{"time_of_day", TENSOR_INT64, 0, 23, {0}, false},
		{"previous_failures", TENSOR_INT64, 0, NAN, {0}, false},
		{"load", TENSOR_FP64, 0, 1, {0}, false},
		{"environment", TENSOR_BYTES, NAN, NAN, {(const char **)environments, 3}, false},
		{"team", TENSOR_BYTES, NAN, NAN, {0}, true},
	};
	struct train_spec train = {.split = {.train = 0.7, .validation = 0.15, .test = 0.15}};
	struct model model = {.interface = {.inputs = inputs, .n_inputs = ARRAY_LEN(inputs)},
	                      .train = &train};
	double before[TIMES], after[TIMES], megabytes;
	struct rusage usage;
	char path[TEXT];
	int64_t bytes, rows;

	if (argc != 4 || snprintf(path, sizeof(path), "%s/rows.csv", argv[1]) >= TEXT)
		return 2;
	train.split.by = strcmp(argv[3], "hash") ? SPLIT_BY_TIME : SPLIT_BY_HASH;
	model.interface.output =
		(struct output_spec){.name = "risk_level", .type = TENSOR_BYTES,
		                     .classes = {(const char **)risks, 3}};
	model.data = (struct data_spec){.label = "risk_level", .id = "id", .time = "deployed_at",
	                                .window_ms = -1};
	model.data.validate = (struct data_validation){.min_rows = 1, .max_missing = 1};
	bytes = strtoll(argv[2], NULL, 10) * 1000000;
	rows = generate(path, bytes);
	times(before);
	measure(path, argv[1], &model);
	times(after);
	getrusage(RUSAGE_SELF, &usage);
	megabytes = (double)bytes / 1e6;
	for (int i = 0; i < TIMES; i++)
		after[i] -= before[i];
	printf("%.0f MB, %" PRId64 " rows, by %s, on one core: %.2f s, %.0f MB/s; of these %.2f s in our"
	       " code (%.0f MB/s), %.2f s in the kernel and %.2f s while others had the cores (%.0f MB/s"
	       " without these); %.0f MiB of memory\n", megabytes, rows, argv[3], after[0],
	       megabytes / after[0], after[1], megabytes / after[1], after[2], after[3],
	       megabytes / (after[0] - after[3]), (double)usage.ru_maxrss / 1024);
	return 0;
}
