/*
 * The logger gathers the lines of every thread's log and writes them, from a thread of its own.
 *
 * Thread:  logger_create, logger_open and logger_destroy: the thread that starts the engine.
 *          Without logger_start() there is no log thread, and logger_drain() is called by hand
 *          (the simulator does).
 * Owns:    the rings. A struct log is lent until logger_destroy().
 * Never:   makes a writer wait: when stdout is slow, rings fill and lines are dropped, counted
 *          and reported as event=log_dropped; so are lines that could not be written.
 */
#ifndef SLUICE_LOGGER_H
#define SLUICE_LOGGER_H

#include "engine/log.h"

struct logger;

struct logger_options {
	int fd;               /* lines go here; not closed; -1: nowhere */
	bool json;            /* one object a line */
	bool journal;         /* the reader is the journal: a <level> first, no time */
	enum log_level level; /* the least urgent one that is kept */
};

/* stdout; for the journal where JOURNAL_STREAM says that this is its stream. */
struct logger_options logger_options_default(void);

MUST_CHECK struct err logger_create(struct logger **result, struct logger_options options);
/* One more thread's end; before logger_start(). */
MUST_CHECK struct err logger_open(struct logger *logger, struct log **result);
MUST_CHECK struct err logger_start(struct logger *logger);
/* Writes what is there now; gives how many lines. */
size_t logger_drain(struct logger *logger);
/* Stops the thread after the last line is written. NULL is fine. No writer may be left. */
void logger_destroy(struct logger *logger);

#endif
