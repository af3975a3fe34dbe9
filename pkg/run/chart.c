/* Pictures of a report: inline SVG that takes its colours from the page, light or dark. */
#include <math.h>

#include "run/internal.h"

enum { RANGE_WIDTH = 180, RANGE_HEIGHT = 16, BINS = 20, BIN_WIDTH = 14, BINS_HEIGHT = 90 };

const char chart_style[] =
	":root{color-scheme:light dark;--text:#222;--line:#ccc;--good:#17692b;--bad:#a51d24;"
	"--unsure:#8a5a00;--dim:#777;--one:#2a6fb0;--other:#b9bec4;--page:#fff}"
	"@media (prefers-color-scheme:dark){:root{--text:#ddd;--line:#444;--good:#6fcf8a;--bad:#ff8a8a;"
	"--unsure:#e0b050;--dim:#999;--one:#6fb1ea;--other:#5b6168;--page:#16181b}}"
	".axis{stroke:var(--line)}.good{fill:var(--good);stroke:var(--good)}"
	".bad{fill:var(--bad);stroke:var(--bad)}.unsure{fill:var(--unsure);stroke:var(--unsure)}"
	".one{fill:var(--one)}.other{fill:var(--other)}svg{vertical-align:middle}"
	"svg text{fill:var(--dim);font-size:11px}";

static double place(double value, double from, double to, double width)
{
	double share = to > from ? (value - from) / (to - from) : .5;

	return width * fmin(fmax(share, 0), 1);
}

void chart_range(struct buf *out, struct gate_range range, double from, double to, double zero)
{
	double low = place(range.low, from, to, RANGE_WIDTH);
	double high = place(range.high, from, to, RANGE_WIDTH);
	const char *class = range.low > zero ? "good" : range.high < zero ? "bad" : "unsure";

	if (!is_set(range.value) || !is_set(range.low) || !is_set(range.high))
		return;
	buf_printf(out, "<svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"interval\">",
	           RANGE_WIDTH, RANGE_HEIGHT);
	buf_printf(out, "<path class=\"axis\" d=\"M%.1f 0V%d\"/>",
	           place(zero, from, to, RANGE_WIDTH), RANGE_HEIGHT);
	buf_printf(out, "<path class=\"%s\" stroke-width=\"2\" d=\"M%.1f %dH%.1f\"/>", class, low,
	           RANGE_HEIGHT / 2, high);
	buf_printf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%d\" r=\"3\"/></svg>", class,
	           place(range.value, from, to, RANGE_WIDTH), RANGE_HEIGHT / 2);
}

static size_t bin_of(double value, double from, double to)
{
	double bin = place(value, from, to, BINS);

	return bin >= BINS ? BINS - 1 : (size_t)bin;
}

static void put_bars(struct buf *out, const double shares[BINS], double most, const char *class,
                     double offset)
{
	for (int b = 0; b < BINS; b++) {
		double height = most > 0 ? shares[b] / most * BINS_HEIGHT : 0;

		if (height > 0)
			buf_printf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\""
			           " height=\"%.1f\"/>", class, b * BIN_WIDTH + offset, BINS_HEIGHT - height,
			           BIN_WIDTH / 2.0 - 1, height);
	}
}

void chart_histogram(struct buf *out, const double *values, const bool *marked, size_t n,
                     double from, double to)
{
	double shares[2][BINS] = {0}, count[2] = {0}, most = 0;

	for (size_t i = 0; i < n; i++)
		count[marked && marked[i]] += is_set(values[i]);
	for (size_t i = 0; i < n; i++) {
		bool which = marked && marked[i];

		if (is_set(values[i]))
			shares[which][bin_of(values[i], from, to)] += 1 / count[which];
	}
	for (int b = 0; b < BINS; b++)
		most = fmax(most, fmax(shares[0][b], shares[1][b]));
	buf_printf(out, "<svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"distribution\">",
	           BINS * BIN_WIDTH, BINS_HEIGHT + 16);
	put_bars(out, shares[1], most, "one", 0);
	put_bars(out, shares[0], most, "other", BIN_WIDTH / 2.0);
	buf_printf(out, "<path class=\"axis\" d=\"M0 %dH%d\"/><text x=\"0\" y=\"%d\">%.3g</text>"
	           "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.3g</text></svg>", BINS_HEIGHT,
	           BINS * BIN_WIDTH, BINS_HEIGHT + 13, from, BINS * BIN_WIDTH, BINS_HEIGHT + 13, to);
}
