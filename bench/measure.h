/*
 * Measuring a point: its run, as often as was asked for, by turns with another build's programs
 * where there is one to compare with.
 *
 * Thread:  the program's main one.
 * Owns:    nothing; the point is the result's.
 * Fails:   false, and a sentence in `why`, as the run does.
 */
#ifndef SLUICE_MEASURE_H
#define SLUICE_MEASURE_H

#include "bench/result.h"

struct progress;

/* Adds the point to the result. options->run.load.progress is told, where there is one. */
MUST_CHECK bool measure_point(
        struct result *result, const struct options *options, struct text *why);

#endif
