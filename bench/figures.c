#include "bench/figures.h"

#include "queue/base/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct figure *figures_find(const struct figures *figures, const char *name)
{
	for (size_t i = 0; i < figures->count; i++)
		if (strcmp(figures->rows[i].name, name) == 0)
			return &figures->rows[i];
	return NULL;
}

void figures_clear(struct figures *figures)
{
	figures->count = 0;
}

void figures_add(struct figures *figures, const char *name, double value, const char *unit)
{
	const struct figure *found = figures_find(figures, name);

	if (found == NULL) {
		check(figures->count < FIGURES_MAX);
		figures->rows[figures->count] = (struct figure){ .name = name, .unit = unit };
		found = &figures->rows[figures->count++];
	}
	struct figure *figure = &figures->rows[found - figures->rows];
	check(figure->count < FIGURES_VALUES_MAX);
	figure->values[figure->count++] = value;
}

static int compare(const void *a, const void *b)
{
	const double left = *(const double *)a;
	const double right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Copies the values in order; gives their median. */
static double figure_sort(const struct figure *figure, double *sorted)
{
	const size_t half = figure->count / 2;

	check(figure->count > 0);
	memcpy(sorted, figure->values, figure->count * sizeof *sorted);
	qsort(sorted, figure->count, sizeof *sorted, compare);
	return figure->count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double figures_median(const struct figures *figures, const char *name)
{
	const struct figure *figure = figures_find(figures, name);
	double sorted[FIGURES_VALUES_MAX];

	return figure == NULL ? 0 : figure_sort(figure, sorted);
}

double figures_sum(const struct figures *figures, const char *name)
{
	const struct figure *figure = figures_find(figures, name);
	double sum = 0;

	for (size_t i = 0; figure != NULL && i < figure->count; i++)
		sum += figure->values[i];
	return sum;
}

/* Four digits that count, and no exponent. */
static void put_value(FILE *file, double value)
{
	const double size = fabs(value);
	const int digits = size >= 1000 || value == floor(value) ? 0
	                   : size >= 100                         ? 1
	                   : size >= 10                          ? 2
	                                                         : 3;

	fprintf(file, " %.*f", digits, value);
}

void figures_print(const struct figures *figures, FILE *file)
{
	for (size_t i = 0; i < figures->count; i++) {
		const struct figure *figure = &figures->rows[i];
		double sorted[FIGURES_VALUES_MAX];

		fputs(figure->name, file);
		put_value(file, figure_sort(figure, sorted));
		fprintf(file, " %s", figure->unit);
		if (figure->count > 1) {
			fputs(" least", file);
			put_value(file, sorted[0]);
			fputs(" most", file);
			put_value(file, sorted[figure->count - 1]);
		}
		fputc('\n', file);
	}
	fflush(file);
}
