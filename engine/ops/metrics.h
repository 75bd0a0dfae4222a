/*
 * A survey of the engine as Prometheus reads it: the text format 0.0.4, names and units by its
 * conventions (https://prometheus.io/docs/practices/naming/). No label has values without bound:
 * routes are the configuration's, and there are no others.
 *
 * Thread:  any; the caller's file.
 */
#ifndef SLUICE_METRICS_H
#define SLUICE_METRICS_H

#include "engine/survey.h"

#include <stdio.h>

#define METRICS_NAME_BYTES 80

/* What the process itself uses, as the caller found it. */
struct metrics_process {
	int64_t started_ms; /* Unix time */
	int64_t cpu_ns;
	uint64_t resident_bytes;
	uint64_t spool_bytes; /* of data.mdb and the journal, as they lie on the disk */
	uint64_t disk_bytes;  /* free for us where the spool is */
};

void metrics_print(FILE *file, const struct survey *survey, const struct metrics_process *process);
/* "bytes_taken" is sluice_taken_bytes_total: the unit stands behind what it measures. */
void metrics_counter_name(const char *counter, char name[METRICS_NAME_BYTES]);

#endif
