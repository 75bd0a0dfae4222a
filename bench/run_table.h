/*
 * The table of runs: a row is all that sluice-bench knows of one. The help, the defaults and the
 * record come from it.
 *
 * A new run is a run_NAME.c, its prototype in run.h, a row here, and a row in README.md.
 *
 * Thread:  any; constants.
 */
#ifndef SLUICE_RUN_TABLE_H
#define SLUICE_RUN_TABLE_H

#include "bench/run.h"

/* What a run needs or does. */
enum run_trait {
	RUN_HAS_SPOOL = 1,    /* what the spool lies on matters */
	RUN_NEEDS_TARGET = 2, /* --to */
	RUN_NEEDS_DELAY = 8,  /* --delay, not 0 */
	RUN_IS_TALE = 4,      /* tells in words itself: no figures, no table, and once */
};

struct run_row {
	const char *name;
	bool (*run)(const struct run_settings *settings, struct figures *figures, struct text *why);
	unsigned traits;      /* of enum run_trait */
	const char *defaults; /* where they differ: "in=10000 size=2KiB", as options name them */
	const char *about;    /* for the help; lines after the first are indented there */
};

extern const struct run_row run_rows[];
extern const size_t run_row_count;

/* NULL: there is none of that name. */
const struct run_row *run_row_find(const char *name);

#endif
