/*
 * Comparing a result with an earlier one (--compare), or one build with another (--against):
 * figure by figure, with what is worse beyond a tolerance named at the end.
 *
 * Thread:  any.
 * Owns:    nothing.
 * Fails:   compare_load(): the file, and what is wrong with it, in `why`.
 */
#ifndef SLUICE_COMPARE_H
#define SLUICE_COMPARE_H

#include "bench/result.h"

struct json_t;

/* What --json wrote, of the same run. NULL: `why`. The caller's to release. */
struct json_t *compare_load(const char *path, const char *run, struct text *why);
/* Both as result_json() makes them. Gives how many figures fell. */
size_t compare_base(
        const struct json_t *base, const struct json_t *now, double tolerance_percent, FILE *file);
/* Each point's figures with the other build's: by the median of its pairs' ratios. */
size_t compare_pairs(const struct result *result, double tolerance_percent, FILE *file);

#endif
