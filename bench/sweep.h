/*
 * A sweep tries a run at every combination of lists of settings: the tuning run. Each makes a
 * point of the result.
 *
 * Thread:  the program's main one.
 * Owns:    nothing; points are the result's.
 * Fails:   a point that fails ends the sweep; those before it stay, and `why` names it.
 */
#ifndef SLUICE_SWEEP_H
#define SLUICE_SWEEP_H

#include "bench/result.h"

/* Can these options be swept? False: `why` says what is against it. */
MUST_CHECK bool sweep_is_right(const struct options *options, struct text *why);
MUST_CHECK bool sweep_measure(
        struct result *result, const struct options *options, struct text *why);
/* A line for each figure that a setting is chosen by: the best value, and where it was. */
void sweep_print_best(const struct result *result, FILE *file);

#endif
