/*
 * What CI's benchmark trackers read: an array of {name, unit, value, range, extra}, as
 * github-action-benchmark's customBiggerIsBetter and customSmallerIsBetter want it, hence one
 * direction a file. Figures that nothing is judged by are in neither.
 *
 * Thread:  any.
 * Owns:    nothing; lends the file.
 * Fails:   tracker_write(): the file could not be written.
 */
#ifndef SLUICE_TRACKER_H
#define SLUICE_TRACKER_H

#include "bench/result.h"

MUST_CHECK bool tracker_write(const struct result *result, enum figure_better better, FILE *file);

#endif
