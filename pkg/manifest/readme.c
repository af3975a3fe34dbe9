/* README.md of the status branch: the fleet at a glance, as a forge renders it. */
#include <string.h>

#include "manifest/manifest.h"

/* A cell is one line, and what Markdown would read as more than text is escaped. */
static void add_cell(struct buf *out, const char *text)
{
	buf_puts(out, " ");
	for (const char *c = text ? text : ""; *c; c++) {
		if (*c == '\n' || *c == '\r') {
			buf_putc(out, ' ');
			continue;
		}
		if (strchr("\\|`*_[]<>#", *c))
			buf_putc(out, '\\');
		buf_putc(out, *c);
	}
	buf_puts(out, " |");
}

static void add_revision(struct buf *out, const struct deployment_status *status,
                         struct digest digest, double weight, bool both)
{
	const struct revision *revision = status_revision(status, digest);
	char digits[REVISION_SHORT + 1];

	revision_short(digest, digits);
	buf_puts(out, both ? " → " : "");
	buf_puts(out, revision && revision->version ? revision->version : digits);
	buf_puts(out, " ");
	buf_percent(out, weight);
}

static void add_weights(struct buf *out, const struct deployment_status *status)
{
	bool has_stable = status->stable.hex[0];

	buf_puts(out, " ");
	if (has_stable)
		add_revision(out, status, status->stable, status->stable_weight, false);
	if (status->candidate.hex[0])
		add_revision(out, status, status->candidate, status->candidate_weight, has_stable);
	if (!has_stable && !status->candidate.hex[0])
		buf_puts(out, "nothing serves");
	buf_puts(out, " |");
}

static void add_row(struct buf *out, const struct readme_row *row)
{
	const struct deployment_status *status = row->status;
	const struct condition *ready = &status->conditions[CONDITION_READY];
	const struct revision *stable = status_revision(status, status->stable);
	char since[TIME_TEXT];

	format_time(status->phase_since_ms < 0 ? 0 : status->phase_since_ms, since);
	buf_puts(out, "|");
	add_cell(out, row->environment);
	add_cell(out, row->name);
	add_cell(out, stable ? stable->version : "none");
	add_cell(out, phase_names.names[status->phase]);
	add_weights(out, status);
	add_cell(out, status->phase_since_ms < 0 ? "" : since);
	add_cell(out, status->message ? status->message
	         : status->has_condition[CONDITION_READY] ? ready->message : "");
	buf_puts(out, "\n");
}

void readme_encode(struct buf *out, const struct readme_row *rows, size_t n)
{
	buf_puts(out, "# Fleet status\n\n"
	              "Written by Linnet after each change; edits here are overwritten.\n\n");
	if (n == 0)
		buf_puts(out, "No deployment is declared.\n\n");
	else
		buf_puts(out, "| Environment | Deployment | Version | Phase | Weights | Since | Message |\n"
		              "|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < n; i++)
		add_row(out, &rows[i]);
	buf_puts(out, n > 0 ? "\n" : "");
	buf_puts(out,
	         "**Version** is the stable one. **Weights** are those of record, stable → candidate."
	         " **Phase**: Steady, all is as declared; Verifying, Waiting, Provisioning, Checking,"
	         " Canary and Promoting, a change is on its way; RollingBack and RolledBack, it was"
	         " taken back; Retiring, it is no longer declared; Stalled, it waits for new input.\n\n"
	         "Details are in `status/<environment>/<deployment>.yaml`; the log of this branch holds"
	         " every transition.\n");
}
