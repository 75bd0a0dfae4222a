/*
 * The table that comparing prints: a row for each figure, with its change and whether it fell; at
 * the end the names of all that fell.
 *
 * Thread:  any.
 * Owns:    nothing; lends the file. Lines that are no rows begin with '#'.
 */
#ifndef SLUICE_COMPARE_ROW_H
#define SLUICE_COMPARE_ROW_H

#include "bench/figures.h"
#include "queue/base/bytes.h"

#define COMPARE_FELL_BYTES 2048 /* of names; more are cut */

enum compare_verdict {
	COMPARE_SAME, /* within the tolerance, or nothing is judged by it */
	COMPARE_ROSE, /* better beyond it */
	COMPARE_FELL,
};

struct compare_table {
	FILE *file;
	double tolerance_percent;
	size_t rows;
	size_t fell;
	char fell_names[COMPARE_FELL_BYTES];
	struct text fell_text;
	char title[128]; /* of the point whose rows come */
};

struct compare_row {
	const char *name;
	const char *unit;
	double base;
	double now;
	size_t pairs; /* 0: none; then `ratio` and `worse` mean nothing */
	size_t worse; /* pairs of them that were */
	double ratio; /* the median of now / base of the pairs */
};

/* By its ratio to the base. A base of 0 that may only grow worse falls when it does. */
enum compare_verdict compare_row_judge(
        enum figure_better better, double base, double now, double tolerance_percent);

void compare_table_begin(struct compare_table *table, FILE *file, double tolerance_percent);
void compare_table_title(struct compare_table *table, const char *title);
void compare_table_row(struct compare_table *table, const struct compare_row *row);
/* A row of pairs: value by value. */
void compare_table_pairs(
        struct compare_table *table, const struct figure *base, const struct figure *now);
/* Says what fell, and gives how many. */
size_t compare_table_end(struct compare_table *table);

#endif
