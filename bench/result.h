/*
 * A result is what one call of sluice-bench measured: its record, and a list of points. A point is
 * a set of settings and the figures that they gave. A run alone makes one point.
 *
 * A run that tries several settings (`sweep`) makes a point for each: it copies the options, sets
 * what it varies, and measures,
 *
 *	struct options at = *options;
 *	at.row = run_row_find("throughput");
 *	if (!options_set(&at, "in", "40") || ...) ...
 *	options_settle(&at);
 *	if (!measure_point(result, &at, why)) ...             (measure.h)
 *
 * and everything else follows: the table has a line a point, --json all of them, --html draws
 * curves over the settings that vary, --compare goes point by point.
 *
 * Thread:  the program's main one.
 * Owns:    its points, until result_finish().
 * Fails:   result_add() never; RESULT_POINTS_MAX are enough for lists that anybody waits for.
 */
#ifndef SLUICE_RESULT_H
#define SLUICE_RESULT_H

#include "bench/options.h"
#include "bench/record.h"

#define RESULT_POINTS_MAX   1024
#define RESULT_SETTINGS_MAX 48
#define RESULT_VALUE_MAX    192

struct result_setting {
	const char *name; /* an option's */
	char value[RESULT_VALUE_MAX];
};

struct point {
	const char *run;                                     /* the row's name */
	struct result_setting settings[RESULT_SETTINGS_MAX]; /* those that have a value */
	size_t setting_count;
	struct figures figures;
	struct figures other; /* with --against: the other build's, value by value; else empty */
};

struct result {
	const char *run; /* as the command line named it */
	struct record record;
	struct point *points[RESULT_POINTS_MAX];
	size_t count;
};

void result_init(struct result *result, const struct options *options);
void result_finish(struct result *result);
/* A point with the settings that these options have, and no figures yet. Lends. */
struct point *result_add(struct result *result, const struct options *options);
/* Takes the last point back: it came to nothing. */
void result_drop(struct result *result);
/* NULL: not set. */
const char *point_setting(const struct point *point, const char *name);
/* Does the setting differ between points? */
bool result_varies(const struct result *result, const char *name);
/* "in=20 pipeline=16": what sets this point apart; empty where there is one point. */
void result_title(const struct result *result, const struct point *point, struct text *title);
/* Of all points. */
double result_sum(const struct result *result, const char *figure);
/* The table for people: a point's lines, headed by its title, and a line each for several. */
void result_print(const struct result *result, FILE *file);

#endif
