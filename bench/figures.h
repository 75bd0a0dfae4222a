/*
 * What a run measured: named figures with units, several values of each where it is repeated.
 * Printed as `name value unit` lines, medians, so that scripts and people read the same.
 *
 * Thread:  the owner's.
 * Owns:    nothing outside itself. Names and units are literals.
 */
#ifndef SLUICE_FIGURES_H
#define SLUICE_FIGURES_H

#include <stddef.h>
#include <stdio.h>

#define FIGURES_MAX        64
#define FIGURES_VALUES_MAX 100 /* repetitions */

struct figure {
	const char *name;
	const char *unit;
	double values[FIGURES_VALUES_MAX];
	size_t count;
};

struct figures {
	struct figure rows[FIGURES_MAX]; /* in the order in which they came first */
	size_t count;
};

void figures_clear(struct figures *figures);
/* One more value of the figure. */
void figures_add(struct figures *figures, const char *name, double value, const char *unit);
/* Of its values; 0 where there is none of that name. */
double figures_median(const struct figures *figures, const char *name);
double figures_sum(const struct figures *figures, const char *name);
/* A line for each; of repeated ones with the least and the most behind it. */
void figures_print(const struct figures *figures, FILE *file);

#endif
