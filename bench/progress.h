/*
 * Progress is a line on the terminal, rewritten while something is measured: which repetition,
 * what is done of what, how fast. Nothing is written where it is no terminal.
 *
 * Thread:  the run's.
 * Owns:    the line it stands on, until progress_end().
 * Fails:   never; NULL is a progress that nobody sees.
 */
#ifndef SLUICE_PROGRESS_H
#define SLUICE_PROGRESS_H

#include "queue/base/clock.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PROGRESS_SHOW_NS   (200 * NS_PER_MS)
#define PROGRESS_TITLE_MAX 128

struct progress {
	FILE *file;
	bool seen; /* it is a terminal */
	char title[PROGRESS_TITLE_MAX];
	const char *phase;
	struct mono shown_at;
	uint64_t shown; /* how much was done then */
	int columns;    /* that the line takes */
};

/* Lends `file`. */
void progress_init(struct progress *progress, FILE *file, bool seen);
/* What is measured from now on: "throughput in=20, 2 of 5". */
void progress_begin(struct progress *progress, const char *title);
/* At any time, as often as one likes. `phase` is a literal. `total` 0: not known. */
void progress_tell(struct progress *progress, const char *phase, uint64_t done, uint64_t total,
        struct mono now);
/* Takes the line away. */
void progress_end(struct progress *progress);

#endif
