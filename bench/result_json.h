/*
 * A result as JSON, for --json, --compare and the page:
 *
 *	{"format": "sluice-bench 1", "run": "throughput",
 *	 "record": {"date": "...", "cpu": "...", ...},
 *	 "points": [
 *	   {"run": "throughput",
 *	    "settings": {"messages": "20000", ...},
 *	    "figures": {"messages_per_second": {"unit": "1/s", "better": "bigger", "median": 1,
 *	        "least": 1, "most": 1, "values": [1]}, ...},
 *	    "other": {...},                  with --against: the other build's, of the same form
 *	    "latency": {"ack": {...}}},      histograms in ns (histogram_json.h)
 *	   ...]}
 *
 * Thread:  any.
 * Owns:    nothing; the caller's to release.
 */
#ifndef SLUICE_RESULT_JSON_H
#define SLUICE_RESULT_JSON_H

#include "bench/result.h"

#define RESULT_FORMAT "sluice-bench 1"

struct json_t;

struct json_t *result_json(const struct result *result);
/* "bigger", "smaller", "told". */
const char *result_better_word(enum figure_better better);

#endif
