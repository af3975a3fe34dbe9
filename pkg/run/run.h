/* One training or evaluation run of a model, in a folder of its own: what linnet-run does.
 *
 * A run's outcome is its result file alone (`train.json`, `evaluate.json`: run_result_decode).
 * Each stage leaves a record with the digests of what it made; a stage whose record and files
 * stand is not done again, so a run that was interrupted goes on where it was, and asking again
 * for one that has ended changes nothing. A result that tells of an error is no end: the run
 * goes on from there. */
#ifndef LINNET_RUN_RUN_H
#define LINNET_RUN_RUN_H

#include "api/desired.h"
#include "base/arena.h"
#include "port/port.h"

/* What a run is told, a JSON file with these keys. All paths are absolute. */
struct run_spec {
	struct digest run;         /* `run`: id of the run */
	const char *model;         /* `model`: its name */
	const char *manifest;      /* `manifest`: a file that declares it, among others */
	const char *source;        /* `source`: exported folder of train.source, or NULL */
	const char *serve_source;  /* `serveSource`: exported folder of serve.source, or NULL */
	const char *data;          /* `data`: the file of data.uri, or that uri; of train */
	const char *secrets;       /* `secrets`: <secrets>/<name>/<key>; NULL: there are none */
	int64_t data_bytes;        /* `dataSize`: the largest data that is fetched; 64Gi */
	int64_t data_timeout_ms;   /* `dataTimeout`: until it is fetched; 1h */
	const char *store;         /* `store`: <store>/sha256/<hex>.<kind>, made when absent */
	const char *train;         /* `train`: the --out of the train run; of evaluate */
	int64_t at_ms;             /* `at`: the run was decided; window and maturity count from it */
	enum trigger_kind trigger; /* `trigger`, `why`: what started it */
	const char *why;
	const char *parent;        /* `parent`: version that serves now, or NULL */
	const char *source_tree, *source_commit; /* `tree`, `commit` of train.source */
	const char *serve_tree;    /* `serveTree`: tree id of serve.source */
	const char *version;       /* `version`, `versionName`: file that declares a version from */
	const char *version_name;  /* elsewhere, which train takes up for its test; NULL: it trains */
	struct digest rows;        /* `rows`, `rowsCount`, `rowsFrom`, `rowsTo`: in the store; its */
	int64_t rows_count, rows_from_ms, rows_to_ms; /* artifact was tested on them; "" none */
	const char *incumbent;     /* `incumbent`: file that declares what serves, or NULL */
	const char *incumbent_source; /* `incumbentSource`: exported folder of its source, or NULL */
	const char *policy;        /* `policy`: file that declares the GatePolicy, or NULL */
	int64_t uses;              /* `uses`: final tests of the test rows, this one included */
	const char *path;          /* `path`: PATH of the user's code; absent: ours */
	int64_t memory_bytes;      /* `memory`: address space of the user's code; -1 unlimited */
	int64_t file_bytes;        /* `fileSize`: the largest file that it may write; 16Gi */
	int64_t processes;         /* `processes`: its processes and threads at once; 4096 */
	int64_t parallel;          /* `parallel`: trainers at once; 0: half of the processors */
	int64_t start_timeout_ms;  /* `startTimeout`: until a server is ready; 60s */
};
/* Text and model are in the arena. ERR_STALLED names the key. */
int run_spec_decode(const char *text, size_t len, struct arena *arena, struct run_spec *out,
                    struct err *err) must_check;
void run_spec_encode(struct buf *out, const struct run_spec *spec);

struct run_world {
	const struct port_http *http;
	const struct port_clock *clock;
	/* Of `http`, or NULL: nothing can be fetched. */
	int (*download)(void *http, const struct http_download *download, int64_t deadline_ms,
	                struct err *err);
	/* One line of progress, "train: 7,000 rows, candidate tree-10, 12 s"; NULL: nobody listens. */
	void (*say)(const char *line);
};

/* What the program exits with. */
enum run_exit { RUN_EXIT_SUCCEEDED, RUN_EXIT_CONSIDERED, RUN_EXIT_ERROR };

/* Snapshot, validation, split, candidates, choice, refit; of a version from elsewhere only its test
 * rows, none of which it was trained on, or a considered failure that there are none. Leaves
 * `train.json`, `version.yaml` (a ModelVersion called draft), `report.json`; artifact (tar) and
 * test rows (csv) in the store. */
enum run_exit run_train(const struct run_spec *spec, const char *out_dir,
                        const struct run_world *world);
/* Scores the test rows of a train run through the candidate's own server and, where one serves,
 * through one of the incumbent's, and judges them by the declared gates, once. Leaves
 * `evaluate.json`, `version.yaml` with metrics, verdict, profile and golden batch, `report.html`
 * and `report.md`; in the store profile and golden batch (json) and the predictions of both
 * (csv). */
enum run_exit run_evaluate(const struct run_spec *spec, const char *out_dir,
                           const struct run_world *world);

/* A verdict that was recorded, and what is at hand of what it was made from. */
struct again_input {
	const struct model *model;         /* as declared at recorded->commit */
	const struct gate_policy *policy;  /* likewise; NULL: none is named */
	const struct verdict_record *verdict;
	const struct gates_evidence *recorded;
	int64_t n_rows;                    /* of its test rows */
	const char *store;
};
struct again {
	enum verdict_result result;
	const char *why;
	struct gates_evidence evidence; /* the recorded one, with the entries that come out */
};
/* Judges the stored predictions once more. What was measured once (serving, uses of the rows, the
 * word of gates.command) is taken as recorded. Only the clock of `world` is used. ERR_STALLED: says
 * what is missing, or that it is another verdict than it says. */
int run_judge_again(const struct again_input *in, const struct run_world *world,
                    struct arena *arena, struct again *out, struct err *err) must_check;

/* Kills all of the user's code that runs now; safe in a signal handler. */
void run_kill_all(void);

/* "<store>/sha256/<hex>.<kind>"; kinds: tar (artifact), csv (rows, predictions), json (golden
 * batch, profile). */
char *store_path(struct arena *arena, const char *store, struct digest digest, const char *kind);

#endif
