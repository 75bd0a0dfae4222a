/*
 * Churn: what the spool does when a backlog of mail of mixed sizes is settled in random order
 * while as much new mail comes in. Layouts that are fast on a fresh file differ most here.
 *
 * `sluice-bench churn` runs it; the layout of queue/store.h rests on its numbers.
 *
 * Thread:  its own. Owns: the folder `path`, made for the run and removed after it.
 * Fails:   as the spool does.
 */
#ifndef SLUICE_CHURN_H
#define SLUICE_CHURN_H

#include "queue/base/errors.h"

#include <stdint.h>

#define CHURN_SECONDS_MAX  86400
#define CHURN_BY_MINUTES_S 120 /* from two minutes on, parts of the time are minutes */
#define CHURN_PARTS_MAX    (CHURN_SECONDS_MAX / 60)

struct churn_settings {
	const char *path;
	uint64_t backlog;   /* messages, all through the run */
	uint64_t batch;     /* put and settled by each commit */
	uint64_t seconds;   /* of churn, after the backlog is there */
	uint64_t bytes_min; /* of a body; sizes are spread evenly over their logarithm */
	uint64_t bytes_max;
	uint64_t seed;
};

#define CHURN_SETTINGS                                                                             \
	((struct churn_settings){                                                                  \
	        .path = "churn.spool",                                                             \
	        .backlog = 100000,                                                                 \
	        .batch = 64,                                                                       \
	        .seconds = 15,                                                                     \
	        .bytes_min = 1000,                                                                 \
	        .bytes_max = 200000,                                                               \
	        .seed = 1,                                                                         \
	})

/* Rates count time spent inside the spool alone. */
struct churn_result {
	double fill_per_s; /* messages put, while the backlog grew */
	double per_s;      /* messages put and settled, all through */
	/* The same by minute; by fifths of a time below CHURN_BY_MINUTES_S. */
	double part_per_s[CHURN_PARTS_MAX];
	unsigned part_count;
	double load_per_s; /* messages read back with their bodies, oldest first */
	double cpu_us;     /* of a message put and settled */
	double body_bytes; /* mean */
	double file_bytes;
	double live_bytes; /* of bodies, at the end */
	/* While it churned: */
	double checkpoints;
	double checkpoint_ms;      /* mean */
	double checkpoint_most_ms; /* while the backlog grew, too */
	double written_bytes;      /* passed to write calls for a byte of mail */
};

MUST_CHECK struct err churn_run(const struct churn_settings *settings, struct churn_result *result);
/* As `name value unit` lines on stdout. */
void churn_print(const struct churn_result *result);

#endif
