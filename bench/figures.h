/*
 * What a run measured: named figures with units, several values of each where it is repeated, and
 * the distribution of latencies. Printed as lines that begin with name, value and unit, so that
 * scripts and people read the same.
 *
 * Thread:  the owner's.
 * Owns:    nothing outside itself. Units, and names of latencies, are literals.
 */
#ifndef SLUICE_FIGURES_H
#define SLUICE_FIGURES_H

#include "bench/histogram.h"

#include <stddef.h>
#include <stdio.h>

#define FIGURES_MAX           96
#define FIGURES_VALUES_MAX    100 /* repetitions */
#define FIGURES_LATENCIES_MAX 4
#define FIGURE_NAME_MAX       40

struct figure {
	char name[FIGURE_NAME_MAX];
	const char *unit;
	double values[FIGURES_VALUES_MAX];
	size_t count;
};

struct figures_latency {
	const char *name;
	struct histogram histogram; /* of all repetitions */
};

struct figures {
	struct figure rows[FIGURES_MAX]; /* in the order in which they came first */
	size_t count;
	struct figures_latency latencies[FIGURES_LATENCIES_MAX];
	size_t latency_count;
};

/* Which way is better. */
enum figure_better {
	FIGURE_TOLD, /* neither; nothing is judged by it */
	FIGURE_BIGGER,
	FIGURE_SMALLER,
};

/* Values of a figure in their order. */
struct figure_spread {
	double least;
	double median;
	double most;
};

void figures_clear(struct figures *figures);
/* One more value of the figure. A name that is too long is cut. */
void figures_add(struct figures *figures, const char *name, double value, const char *unit);
/* Rows NAME_p50, _p90, _p99, _p99_9 and _most, and the distribution itself. */
void figures_add_latency(
        struct figures *figures, const char *name, const struct histogram *histogram);
/* NULL: none of that name. */
const struct figure *figures_find(const struct figures *figures, const char *name);
/* Of its values; 0 where there is none of that name. */
double figures_median(const struct figures *figures, const char *name);
double figures_sum(const struct figures *figures, const char *name);
struct figure_spread figure_spread(const struct figure *figure);
/* By its name, else by its unit. */
enum figure_better figure_better(const char *name, const char *unit);
/* A line for each: name, median, unit; of repeated ones the least and the most behind it. */
void figures_print(const struct figures *figures, FILE *file);
/* Four digits that count, and no exponent. */
int figure_digits(double value);

#endif
