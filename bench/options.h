/*
 * The options of sluice-bench: one table of rows, from which they are read, explained by --help,
 * and told in a run's record.
 *
 * Thread:  the program's main one (getopt has one state for all).
 * Owns:    nothing beyond itself; values that are texts are lent by argv.
 * Fails:   OPTIONS_WRONG, and a sentence in `why`.
 */
#ifndef SLUICE_OPTIONS_H
#define SLUICE_OPTIONS_H

#include "bench/option_list.h"
#include "bench/run_table.h"

#define OPTIONS_REPEAT_MAX FIGURES_VALUES_MAX
#define OPTIONS_LISTS_MAX  8 /* that a sweep varies */
#define OPTIONS_SWEEP      "sweep"

struct options {
	const struct run_row *row; /* the run */
	struct run_settings run;
	uint64_t repeat;
	uint64_t seconds; /* 0: the run has no such thing */
	const char *json; /* files to write, and one to read; or NULL */
	const char *html;
	const char *tracker;
	const char *base;
	const char *against; /* the folder of another build; or NULL */
	double tolerance_percent;
	bool sweeps; /* `sweep RUN`: the run at every combination of: */
	struct option_list lists[OPTIONS_LISTS_MAX];
	unsigned list_count;
	char to[64];                 /* as --to gave it; empty: it didn't */
	char folder[STAND_PATH_MAX]; /* this program's own */
};

enum options_news {
	OPTIONS_RUN,   /* they are read */
	OPTIONS_HELP,  /* asked for */
	OPTIONS_WRONG, /* `why` says what */
};

/* How the value of an option is written. */
enum option_kind {
	OPTION_FLAG,     /* bool; no value */
	OPTION_UNSIGNED, /* unsigned */
	OPTION_U64,
	OPTION_SIZE,    /* size_t: bytes, KiB, MiB */
	OPTION_RATE,    /* double, more than 0 */
	OPTION_PERCENT, /* double, 0 or more; a % may stand behind it */
	OPTION_TEXT,    /* const char *, lent */
	OPTION_TARGET,  /* options->to and run.load.target */
};

struct option_row {
	const char *group; /* the heading of the help under which it stands */
	const char *name;
	const char *word; /* for its value, in the help; NULL: it has none */
	enum option_kind kind;
	size_t at; /* in struct options */
	uint64_t least;
	uint64_t most;
	const char *help;
	bool is_output; /* changes nothing that is measured */
};

extern const struct option_row option_rows[];
extern const size_t option_row_count;

/* General defaults, the run's own, then what argv says. */
MUST_CHECK enum options_news options_read(
        struct options *options, int argc, char **argv, struct text *why);
/* The defaults of a run; NULL: of none in particular. */
void options_default(struct options *options, const struct run_row *row);
/* Sets what `name` (no dashes) names; a flag takes "yes". False: no such option, or not right.
 * options_settle() follows the last. */
MUST_CHECK bool options_set(struct options *options, const char *name, const char *value);
/* Makes what depends on several of them. */
void options_settle(struct options *options);
/* Its value as the command line would have it; nothing: not set. Flags are "yes" or "no". */
void options_tell(const struct options *options, const struct option_row *row, struct text *value);
void options_help(FILE *file);

#endif
