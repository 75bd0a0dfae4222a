/*
 * The files that a result is written to, as the options name them. They are opened before anything
 * is measured, so that a name that can't be written costs nobody a run.
 *
 * Thread:  the program's main one.
 * Owns:    the files, until output_close().
 * Fails:   with the file's name and why in `why`; or the run is a tale, that has no figures.
 */
#ifndef SLUICE_OUTPUT_H
#define SLUICE_OUTPUT_H

#include "bench/result.h"

enum output_kind {
	OUTPUT_JSON,
	OUTPUT_HTML,
	OUTPUT_BIGGER, /* the tracker's two */
	OUTPUT_SMALLER,
	OUTPUT_COUNT,
};

struct output_file {
	FILE *file; /* NULL: not asked for */
	char path[STAND_PATH_MAX];
};

struct output {
	struct output_file files[OUTPUT_COUNT];
};

MUST_CHECK bool output_open(struct output *output, const struct options *options, struct text *why);
MUST_CHECK bool output_write(struct output *output, const struct result *result, struct text *why);
void output_close(struct output *output);

#endif
