/* What the files of this module share. */
#ifndef LINNET_RUN_INTERNAL_H
#define LINNET_RUN_INTERNAL_H

#include "base/limits.h"
#include "base/ustar.h"
#include "dataset/dataset.h"
#include "doc/fields.h"
#include "gate/gates.h"
#include "manifest/manifest.h"
#include "oip/oip.h"
#include "run/command.h"
#include "run/metrics.h"
#include "run/run.h"

#define RUN_ARENA_BYTES ((size_t)2 << 30)
extern const struct ustar_limits artifact_limits;

/* One run on its way. */
struct run {
	const struct run_spec *spec;
	const struct run_world *world;
	const char *dir; /* --out, absolute */
	struct arena *arena;
	const struct model *model;
	bool told;       /* what the sandbox enforces */
	bool considered; /* the failure being returned is a judgement, not an error to repeat */
};

/* ---- spec.c ---- */

/* The object of that kind, and of that name unless NULL, that a file declares. */
int run_object(struct run *run, const char *path, enum kind kind, const char *name,
               struct object *out, struct err *err) must_check;
/* The declared model of the spec. */
int run_model(struct run *run, struct err *err) must_check;
/* Reads a file whole into the arena. */
int run_read(struct run *run, const char *path, size_t bytes_max, struct bytes *out,
             struct err *err) must_check;
/* "<dir>/<name>", printf-like. */
char *run_path(struct run *run, const char *fmt, ...) printf_like(2, 3);
void run_say(struct run *run, const char *fmt, ...) printf_like(2, 3);
/* Marks the failure as a judgement and returns -1. */
int run_considered(struct run *run);
/* Milliseconds since `since_ms` as "12 s". */
const char *run_took(struct run *run, int64_t since_ms);
int64_t run_now(const struct run *run);  /* monotonic */
int64_t run_wall(const struct run *run); /* Unix */

/* ---- stages.c: what was done already ---- */

struct snapshot_stage {
	struct digest data;
	int64_t bytes;
};
struct fold_stage {
	struct digest train, validation;
	int64_t n_train, n_validation;
};
struct split_stage {
	struct digest data; /* what was divided */
	struct fold_stage *folds; /* one without cross-validation */
	size_t n_folds;
	struct digest held, test; /* held: what the embargo keeps from training the newest fold */
	int64_t n_data, n_held, n_test;
	int64_t header;                   /* bytes that each file begins with */
	int64_t from_ms, to_ms;           /* of the usable rows; -1 */
	int64_t trained_to_ms;            /* by time: of the rows before the test; else -1 */
	int64_t test_from_ms, test_to_ms; /* -1 */
	const char *found;                /* a sentence on what stands in several parts, or NULL */
};
struct fit_stage {
	const char *candidate;
	struct digest rows;     /* that it was trained on: of the file, or of several files' digests */
	struct digest artifact; /* `artifact.tar` in its folder */
	int64_t bytes;
	const char *refused;    /* a considered failure of this candidate, or NULL */
	struct named_number *metrics; /* on the validation rows; none when it was not scored */
	size_t n_metrics;
	double score, standard_error; /* NAN when it was not scored */
};
extern const struct record snapshot_record, split_record, fit_record;

/* The same of a file at `path`. */
int record_load(struct run *run, const char *path, const struct record *record, void *out);
int record_save(const char *path, const struct record *record, const void *in, struct err *err)
	must_check;
/* 1: the record of stage `name` was read; 0: there is none that can be used. */
int stage_load(struct run *run, const char *name, const struct record *record, void *out);
int stage_save(struct run *run, const char *name, const struct record *record, const void *in,
               struct err *err) must_check;
/* Whether the file at `path` has this digest. */
bool stage_file_is(const char *path, struct digest digest);

/* ---- source.c ---- */

/* Makes the file `to` of the run's data: a path, `https://...` or `s3://bucket/key`; with a
 * `#sha256:<64 hex>` at its end the digest must be that (api/uri.h). A path that ends in `.dvc`, or
 * in `dvc.lock` with the output's path behind `#`, is a pin of DVC: the file that it names,
 * verified by its MD5. */
int source_take(struct run *run, const char *to, struct digest *digest, int64_t *bytes,
                struct err *err) must_check;

/* ---- parts.c ---- */

/* Copies the data file into the run's folder, once. */
int run_snapshot(struct run *run, struct snapshot_stage *stage, struct err *err) must_check;
/* Scans and checks the snapshot; what does not fit is a considered failure. */
int run_validate(struct run *run, struct dataset *dataset, struct dataset_report *report,
                 struct err *err) must_check;
/* Writes rows of the snapshot to files of the run's folder, and what is known of them to
 * `report.json`. */
int run_write_parts(struct run *run, const struct dataset *dataset,
                    const struct dataset_report *report, const struct division *division,
                    struct dataset_part *parts, size_t n, struct dataset_across *across,
                    struct err *err) must_check;

/* Checks the snapshot and writes `rows/` train and validation of each fold, held and test. */
int run_rows(struct run *run, const struct snapshot_stage *snapshot, struct split_stage *stage,
             struct err *err) must_check;
/* A file of rows. */
struct rows_file {
	const char *path;
	struct digest digest;
	int64_t n;
};
struct rows_file rows_train(struct run *run, const struct split_stage *split, size_t fold);
struct rows_file rows_validation(struct run *run, const struct split_stage *split, size_t fold);
struct rows_file rows_held(struct run *run, const struct split_stage *split);
/* How many rows are there to learn from and to choose on. */
int64_t split_known(const struct split_stage *split);

/* ---- take.c ---- */

/* The body of `train` for a version from elsewhere: its test rows. */
int take_up(struct run *run, struct run_result *result, struct err *err) must_check;

/* ---- store.c ---- */

/* Copies a file of that digest into the store, aside and renamed; one that is there stays. */
int store_file(struct run *run, const char *path, struct digest digest, const char *kind,
               struct err *err) must_check;
/* Puts bytes there; *digest is theirs. */
int store_bytes(struct run *run, const void *bytes, size_t len, const char *kind,
                struct digest *digest, struct err *err) must_check;
/* ERR_STALLED unless the store holds the file whole. */
int store_check(struct run *run, struct digest digest, const char *kind, struct err *err)
	must_check;
/* Copies all that `from` holds when it is opened to the new file `to`. */
int copy_file(const char *from, const char *to, struct digest *digest, int64_t *bytes,
              struct err *err) must_check;
/* Copies files of rows to the new file `to`, one behind the other, of all but the first without the
 * `header` bytes that each begins with. Each must be what its digest says. */
int rows_join(const struct rows_file *files, size_t n, int64_t header, const char *to,
              struct err *err) must_check;

/* ---- code.c: folders and environments of the user's code ---- */

/* A new folder `path` with the copy `source` of an exported source (NULL: empty) and `tmp`. */
int code_folder(struct run *run, const char *path, const char *source,
                struct err *err) must_check;
/* An environment that begins with PATH, HOME, TMPDIR and LANG. */
struct environment_list {
	const char **items; /* NULL-terminated by env_end */
	size_t n;
};
void env_begin(struct run *run, struct environment_list *env, const char *folder);
void env_add(struct run *run, struct environment_list *env, const char *name, const char *value);
const char *const *env_end(struct run *run, struct environment_list *env);
/* Starts a declared command in `<folder>/source`, with `<folder>/log`, in a sandbox of `folder`;
 * the first one tells what that is on this machine. */
int code_start(struct run *run, const struct strings *command, const char *folder,
               const char *const *env, struct command *out, struct err *err) must_check;

/* ---- fit.c ---- */

/* One candidate on its way through training, in `fit/<name>`. */
enum { FIT_FILES = 3 };
struct fit_job {
	const char *name;
	const struct candidate_spec *candidate;
	struct rows_file rows[FIT_FILES]; /* that it is trained on, one behind the other */
	size_t n_files;
	int64_t header; /* bytes that each begins with */
	struct rows_file validation; /* that it is scored on; no rows: it is not */
	struct command command;
	int64_t since_ms, deadline_ms;
	struct fit_stage stage;
};
int fit_start(struct run *run, struct fit_job *job, struct err *err) must_check;
/* After its end: packs its artifact, or says in stage.refused why there is none. */
int fit_finish(struct run *run, struct fit_job *job, int code, struct err *err) must_check;
/* "<dir>/fit/<name>/artifact.tar" */
char *fit_artifact(struct run *run, const char *name);

/* ---- jobs.c ---- */

/* Trains candidates, `parallel` at once, and scores each that has validation rows; what was done
 * before is not done again. On failure none runs any more. */
int fit_jobs(struct run *run, struct fit_job *jobs, size_t n, struct err *err) must_check;

/* ---- serve.c: a candidate's own server ---- */

struct model_server {
	struct command command;
	struct oip_server oip;
	struct oip_shape shape;
	const char *folder;
	double start_ms; /* from its start until it was ready */
};
/* The most memory that its process has taken, in bytes; NAN unknown. */
double server_memory(const struct model_server *server);
/* What a server is made of: the artifact's file, how it is served, the exported source or NULL. */
struct servable {
	const char *artifact;
	const struct strings *command;
	const char *source;
};
/* The model's own serve section with that artifact. */
struct servable servable_of(const struct run *run, const char *artifact);
/* Unpacks the artifact, starts the serve command, waits until it is ready and checks the
 * interface. On failure nothing runs any more. */
int server_start(struct run *run, const struct servable *what, const char *folder,
                 struct model_server *out, struct err *err) must_check;
void server_stop(struct run *run, struct model_server *server); /* accepts a zeroed one */

/* ---- score.c ---- */

/* All rows of a part, scored through a server. */
struct scored {
	struct outcomes outcomes;
	struct oip_golden golden;  /* evenly spread rows */
	struct buf predictions;    /* CSV: id, label, prediction, scores; freed by scored_deinit */
	struct profile *profile;   /* NULL unless it was asked for */
	int64_t *times;            /* in full, of models with data.time: of each row; else NULL */
	struct gate_column *columns; /* in full: the inputs that gates look at, in the arena */
	size_t n_columns;
	size_t *column_of; /* the input of each */
};
/* `n` is how many rows the file holds. With `server` NULL nothing is asked, and the predictions of
 * before are read from the file `stored`. */
int score_rows(struct run *run, const struct model_server *server, const char *path, int64_t n,
               bool in_full, const char *stored, struct scored *out, struct err *err) must_check;
void scored_deinit(struct scored *scored);

/* ---- profile.c: reference distributions ---- */

struct profile; /* in the arena, with heap memory inside */
struct profile *profile_new(struct run *run, int64_t n);
void profile_free(struct profile *profile); /* accepts NULL */
void profile_row(struct profile *profile, const char *const *inputs,
                 const struct oip_predictions *predictions, size_t i);
void profile_encode(struct profile *profile, struct buf *out); /* once, at the end */

/* ---- answers.c: what a server answered, kept ---- */

/* What of a version is asked, and of whom. */
struct question {
	const struct model_version *version;
	const char *source; /* exported folder of its serve.source, or NULL */
	const char *folder; /* of its server */
	struct digest rows;
	int64_t n_rows;
};
struct answers {
	struct scored scored;
	struct digest predictions; /* in the store */
	struct gate_serving serving;
};
/* Scores the rows through a server of its own, asks the golden batch again in batches and singly,
 * and keeps it all in the store; what is kept there already is not asked again. A wrong answer is
 * ERR_STALLED. Freed by scored_deinit of its `scored`, on failure too. */
int answers_get(struct run *run, const struct question *question, struct answers *out,
                struct err *err) must_check;

/* ---- scan.c ---- */

/* Counts the findings of `severity` or above in a report of the serving source. */
void scan_read(struct run *run, const char *report, const char *severity,
               struct gate_serving *out);

/* ---- gates.c: from predictions to the verdict ---- */

/* What a verdict is about. */
struct judged {
	struct model_version *version; /* takes the copy of the verdict */
	struct digest rows;
	bool known; /* they are no test rows: it may have been trained on them */
	const struct scored *scored, *incumbent_scored; /* the latter NULL: none serves */
	const struct model_version *incumbent;          /* NULL: none serves */
	struct digest predictions, incumbent_predictions;
	struct gate_serving serving;
	const struct gate_policy *policy; /* by gates_run: NULL: none is named; */
	enum verdict_result outside;      /* what gates.command said, where it is declared */
	const char *outside_why;
	struct gate_figure *figures; /* by gates_run, for the report */
	size_t n_figures;
};
/* Reads a version of the model that can be served here; `version` NULL: the first of the file. */
int gates_version(struct run *run, const char *path, const char *version,
                  struct model_version **out, struct err *err) must_check;
/* The policy that the model names; *out stays when it names none. */
int gates_policy(struct run *run, const struct gate_policy **out, struct err *err) must_check;
/* A verdict's key: of all that it is about, and of the rules that this program judges by. */
struct digest gates_key(struct digest subject, struct digest rows, struct digest gate,
                        struct digest incumbent);
/* The verdict of what was answered and of what else is in `evidence`, whose entries it sets. */
int gates_decide(struct run *run, struct judged *judged, struct gates_evidence *evidence,
                 struct gates_verdict *out, struct err *err) must_check;
/* Judges by the model's gates and the policy; runs gates.command. */
int gates_run(struct run *run, struct judged *judged, struct run_result *result, struct err *err)
	must_check;

/* ---- report.c ---- */

/* Writes `report.html` and `report.md`: verdict, gates, metrics, groups, confusion; the former with
 * pictures, and nothing from outside. */
int report_write(struct run *run, const struct judged *judged, const char *why, struct err *err)
	must_check;

/* ---- chart.c: pictures of a report, as inline SVG ---- */

extern const char chart_style[]; /* the colours, light and dark */
/* An interval on a line from `from` to `to`, with a mark at `zero` and one at its value; green
 * above zero, red below. */
void chart_range(struct buf *out, struct gate_range range, double from, double to, double zero);
/* How often values fall into bins from `from` to `to`: those that are `marked` before the others,
 * as shares of each. */
void chart_histogram(struct buf *out, const double *values, const bool *marked, size_t n,
                     double from, double to);

/* ---- result.c: how a run ends ---- */

/* Reads a result file of ours; false when there is none, or one of another run. */
bool result_read(struct run *run, const char *path, bool evaluate, struct run_result *out);
/* Writes it, the last act of a run, and says so; the program's exit. */
enum run_exit result_write(struct run *run, struct run_result *result, bool evaluate);
/* A run's frame: model and folders, then `body`, then the result of either end. An ended run is
 * left as it is. */
typedef int run_body(struct run *run, struct run_result *result, struct err *err);
enum run_exit run_framed(const struct run_spec *spec, const char *out_dir,
                         const struct run_world *world, bool evaluate, run_body *body);

/* ---- draft.c ---- */

/* Writes `version.yaml`; its figures are rounded in place. */
int draft_write(struct run *run, struct model_version *version, struct err *err) must_check;
/* Rounds figures that people read; no judgement is made from them. */
void entries_round(struct gate_entry *entries, size_t n);

#endif
