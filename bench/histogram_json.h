/*
 * A histogram as JSON: {"count": N, "most_ns": N, "buckets": [[largest ns of it, count], ...]},
 * with the buckets that hold something.
 *
 * Thread:  any.
 * Owns:    nothing; the caller's to release.
 */
#ifndef SLUICE_HISTOGRAM_JSON_H
#define SLUICE_HISTOGRAM_JSON_H

#include "bench/histogram.h"
#include "queue/base/errors.h"

#include <stdbool.h>

struct json_t;

struct json_t *histogram_json(const struct histogram *histogram);
/* Adds what histogram_json() made. False: it is no such thing. */
MUST_CHECK bool histogram_json_read(struct histogram *histogram, const struct json_t *json);

#endif
