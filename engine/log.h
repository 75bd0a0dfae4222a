/*
 * A thread's end of the log: one line a fact, `key=value`, the id it is about first.
 *
 *	struct log_line line = log_begin(log, LOG_INFO, "queued");
 *	log_message(&line, id);
 *	log_text(&line, "from", sender);
 *	log_number(&line, "bytes", bytes);
 *	log_end(&line);
 *
 * gives `m=ID event=queued from=a@b.c bytes=812 t=2026-11-24T03:14:15.926Z`, or one JSON object.
 * Lines are built in place in a ring that the log thread (logger.h) reads, formats and writes.
 *
 * Thread:  the one that owns this end. At most one line is being built at a time.
 * Owns:    nothing of what is logged: values are copied, keys and events are string literals.
 * Never:   blocks or allocates. A full ring drops the line and counts it; the count is logged.
 *          A value never breaks out of its place: what could is quoted and escaped (logger.c).
 */
#ifndef SLUICE_LOG_H
#define SLUICE_LOG_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

struct log;

/* name, word, syslog's number */
#define LOG_LEVELS(X)                                                                              \
	X(ERROR, "error", 3)     /* somebody must act */                                           \
	X(WARNING, "warning", 4) /* it goes on, but not as wished */                               \
	X(INFO, "info", 6)       /* what happened */                                               \
	X(DEBUG, "debug", 7)     /* each step of a session */

enum log_level {
#define X(name, ...) LOG_##name,
	LOG_LEVELS(X)
#undef X
	        LOG_LEVEL_COUNT
};

#define LOG_LINE_BYTES 4096 /* as kept; what doesn't fit is cut, value by value */

/* A line being built; on the caller's stack between log_begin() and log_end(). */
struct log_line {
	struct log *log; /* NULL: dropped, or below the level asked for */
	char *data;      /* LOG_LINE_BYTES in the ring */
	uint32_t bytes;
};

/* `log` NULL logs nothing, for tests. `event` is a literal. */
struct log_line log_begin(struct log *log, enum log_level level, const char *event);
/* What the line is about; 0 is nothing. Printed first, whatever the order of calls. */
void log_message(struct log_line *line, uint64_t message_id);
void log_connection(struct log_line *line, uint64_t connection_id);
/* Fields in order of calls; `key` is a literal. */
void log_text(struct log_line *line, const char *key, struct view value);
/* Of a NUL-terminated string; NULL leaves the field out. */
void log_word(struct log_line *line, const char *key, const char *value);
void log_number(struct log_line *line, const char *key, uint64_t value);
void log_signed(struct log_line *line, const char *key, int64_t value);
/* In seconds with three decimals. */
void log_seconds(struct log_line *line, const char *key, int64_t ns);
/* error="no space left on the disk" detail=28 */
void log_err(struct log_line *line, struct err err);
void log_end(struct log_line *line);
/* Whether lines of this level are kept: to skip work that only serves a line. */
bool log_wants(const struct log *log, enum log_level level);

#endif
