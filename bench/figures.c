#include "bench/figures.h"

#include "queue/base/check.h"
#include "queue/base/clock.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What is better goes by the name's begin or end and the unit; the first row that fits counts. */
struct better_row {
	const char *name_begin; /* or NULL: any */
	const char *name_end;
	const char *unit;
	enum figure_better better;
};

static const struct better_row better_rows[] = {
	/* A single message decides them: they are told, no more. */
	{ NULL, "_most", NULL, FIGURE_TOLD },
	{ NULL, "_p99_9", NULL, FIGURE_TOLD },
	/* More commits are slower, or sooner acknowledged; the mail's own size; a setting. */
	{ NULL, "commits", NULL, FIGURE_TOLD },
	{ NULL, "_body", NULL, FIGURE_TOLD },
	{ NULL, "_live", NULL, FIGURE_TOLD },
	{ NULL, "_mapped", NULL, FIGURE_TOLD },
	/* What was asked for, or follows from the settings alone. */
	{ "rtt_bound", NULL, NULL, FIGURE_TOLD },
	{ "asked_per_second", NULL, NULL, FIGURE_TOLD },
	/* Parts of engine_cpu, which is judged. */
	{ "engine_cpu_", NULL, NULL, FIGURE_TOLD },
	{ "engine_user", NULL, NULL, FIGURE_TOLD },
	{ "engine_system", NULL, NULL, FIGURE_TOLD },
	{ NULL, "lost", "messages", FIGURE_SMALLER },
	{ NULL, "over", "messages", FIGURE_SMALLER },
	{ NULL, "throttled", NULL, FIGURE_SMALLER },
	{ NULL, "delivered", NULL, FIGURE_BIGGER },
	{ NULL, NULL, "1/s", FIGURE_BIGGER },
	{ NULL, NULL, "MiB/s", FIGURE_BIGGER },
	{ NULL, NULL, "s", FIGURE_SMALLER },
	{ NULL, NULL, "ms", FIGURE_SMALLER },
	{ NULL, NULL, "us", FIGURE_SMALLER },
	{ NULL, NULL, "us/message", FIGURE_SMALLER },
	{ NULL, NULL, "1/message", FIGURE_SMALLER },
	{ NULL, NULL, "bytes/byte", FIGURE_SMALLER },
	{ NULL, NULL, "bytes", FIGURE_SMALLER },
	{ NULL, NULL, "MiB", FIGURE_SMALLER },
	/* A cost against what it can't be below; a rate against what it can't be above. */
	{ NULL, NULL, "times", FIGURE_SMALLER },
	{ NULL, NULL, "%", FIGURE_BIGGER },
};

static struct figures_latency *figures_latency(struct figures *figures, const char *name);
static bool begins(const char *name, const char *begin);
static bool ends(const char *name, const char *end);

void figures_clear(struct figures *figures)
{
	figures->count = 0;
	figures->latency_count = 0;
}

const struct figure *figures_find(const struct figures *figures, const char *name)
{
	for (size_t i = 0; i < figures->count; i++)
		if (strncmp(figures->rows[i].name, name, FIGURE_NAME_MAX - 1) == 0)
			return &figures->rows[i];
	return NULL;
}

void figures_add(struct figures *figures, const char *name, double value, const char *unit)
{
	const struct figure *found = figures_find(figures, name);

	if (found == NULL) {
		check(figures->count < FIGURES_MAX);
		struct figure *made = &figures->rows[figures->count++];
		*made = (struct figure){ .unit = unit };
		(void)snprintf(made->name, sizeof made->name, "%s", name);
		found = made;
	}
	struct figure *figure = &figures->rows[found - figures->rows];
	check(figure->count < FIGURES_VALUES_MAX);
	figure->values[figure->count++] = value;
}

void figures_add_latency(
        struct figures *figures, const char *name, const struct histogram *histogram)
{
	static const struct {
		const char *end;
		double share;
	} rows[] = {
		{ "p50", 0.5 },
		{ "p90", 0.9 },
		{ "p99", 0.99 },
		{ "p99_9", 0.999 },
		{ "most", 1 },
	};
	char row[FIGURE_NAME_MAX];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)snprintf(row, sizeof row, "%s_%s", name, rows[i].end);
		figures_add(figures, row,
		        (double)histogram_at(histogram, rows[i].share) / (double)NS_PER_MS, "ms");
	}
	histogram_merge(&figures_latency(figures, name)->histogram, histogram);
}

static struct figures_latency *figures_latency(struct figures *figures, const char *name)
{
	for (size_t i = 0; i < figures->latency_count; i++)
		if (strcmp(figures->latencies[i].name, name) == 0)
			return &figures->latencies[i];
	check(figures->latency_count < FIGURES_LATENCIES_MAX);
	struct figures_latency *made = &figures->latencies[figures->latency_count++];
	made->name = name;
	histogram_clear(&made->histogram);
	return made;
}

static int compare(const void *a, const void *b)
{
	const double left = *(const double *)a;
	const double right = *(const double *)b;

	return (left > right) - (left < right);
}

struct figure_spread figure_spread(const struct figure *figure)
{
	const size_t half = figure->count / 2;
	double sorted[FIGURES_VALUES_MAX];

	check(figure->count > 0);
	memcpy(sorted, figure->values, figure->count * sizeof *sorted);
	qsort(sorted, figure->count, sizeof *sorted, compare);
	return (struct figure_spread){
		.least = sorted[0],
		.median = figure->count % 2 == 1 ? sorted[half]
		                                 : (sorted[half - 1] + sorted[half]) / 2,
		.most = sorted[figure->count - 1],
	};
}

double figures_median(const struct figures *figures, const char *name)
{
	const struct figure *figure = figures_find(figures, name);

	return figure == NULL ? 0 : figure_spread(figure).median;
}

double figures_sum(const struct figures *figures, const char *name)
{
	const struct figure *figure = figures_find(figures, name);
	double sum = 0;

	for (size_t i = 0; figure != NULL && i < figure->count; i++)
		sum += figure->values[i];
	return sum;
}

enum figure_better figure_better(const char *name, const char *unit)
{
	for (size_t i = 0; i < sizeof better_rows / sizeof better_rows[0]; i++) {
		const struct better_row *row = &better_rows[i];
		if (begins(name, row->name_begin) && ends(name, row->name_end) &&
		        (row->unit == NULL || strcmp(row->unit, unit) == 0))
			return row->better;
	}
	return FIGURE_TOLD;
}

/* NULL fits all. */
static bool begins(const char *name, const char *begin)
{
	return begin == NULL || strncmp(name, begin, strlen(begin)) == 0;
}

static bool ends(const char *name, const char *end)
{
	const size_t bytes = strlen(name);
	const size_t end_bytes = end == NULL ? 0 : strlen(end);

	return end == NULL || (end_bytes <= bytes && strcmp(name + bytes - end_bytes, end) == 0);
}

int figure_digits(double value)
{
	const double size = fabs(value);

	return size >= 1000 || value == floor(value) ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
}

void figures_print(const struct figures *figures, FILE *file)
{
	int width = 0;

	for (size_t i = 0; i < figures->count; i++)
		if ((int)strlen(figures->rows[i].name) > width)
			width = (int)strlen(figures->rows[i].name);
	for (size_t i = 0; i < figures->count; i++) {
		const struct figure *figure = &figures->rows[i];
		const struct figure_spread spread = figure_spread(figure);

		fprintf(file, "%-*s %9.*f ", width, figure->name, figure_digits(spread.median),
		        spread.median);
		if (figure->count > 1)
			fprintf(file, "%-11s least %9.*f most %9.*f", figure->unit,
			        figure_digits(spread.least), spread.least,
			        figure_digits(spread.most), spread.most);
		else
			fputs(figure->unit, file);
		fputc('\n', file);
	}
	fflush(file);
}
