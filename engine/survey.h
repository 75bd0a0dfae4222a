/*
 * What can be told of the running engine at a glance, without asking any of its threads: numbers
 * that they publish as they go.
 *
 * Thread:  any; a sum over threads is of about one moment, not of exactly one.
 * Owns:    the routes' rows, from survey_open() to survey_close().
 * Fails:   survey_open(), out of memory.
 */
#ifndef SLUICE_SURVEY_H
#define SLUICE_SURVEY_H

#include "engine/config.h"
#include "engine/counters.h"
#include "queue/base/errors.h"

struct survey_route {
	const char *name;
	uint64_t sessions;
};

struct survey {
	struct counters_sum counters;
	uint64_t messages;       /* in the spool */
	uint64_t memory_bytes;   /* of the budget, in use */
	uint64_t memory_most;    /* the budget */
	uint64_t incidents_open; /* what stops mail now */
	bool running;            /* the spool takes mail and gives it out */
	bool draining;           /* it ends */
	struct survey_route *routes;
	size_t route_count;
};

MUST_CHECK struct err survey_open(struct survey *survey, const struct config *config);
void survey_close(struct survey *survey);

#endif
