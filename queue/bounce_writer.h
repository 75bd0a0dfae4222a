/*
 * Writes a report's lines into a rope: every line ends in CRLF, none is longer than 998 bytes,
 * and what comes from a server or a sender can't end a line or begin a header of its own.
 *
 * Thread:  its caller's.
 * Owns:    the chunks of what is written, until bounce_writer_take().
 * Fails:   once the memory budget is used up everything written is given back, and further
 *          writing does nothing; bounce_writer_take() tells.
 */
#ifndef SLUICE_BOUNCE_WRITER_H
#define SLUICE_BOUNCE_WRITER_H

#include "queue/base/clock.h"
#include "queue/base/rope.h"

#define BOUNCE_LINE_BYTES_MAX   998 /* without CRLF: RFC 5322 2.1.1 */
#define BOUNCE_WRAP_COLUMNS_MAX 76

struct bounce_writer {
	struct rope rope;
	struct shelf *shelf;
	size_t reserve;
	bool failed;
};

void bounce_writer_init(struct bounce_writer *writer, struct shelf *shelf, size_t reserve);
/* Moves what was written behind `into`. False: the budget was used up; into is as it was. */
MUST_CHECK bool bounce_writer_take(struct bounce_writer *writer, struct rope *into);

/* As it is; the caller's own words. */
void bounce_writer_put(struct bounce_writer *writer, struct view bytes);
/* At most 511 bytes. */
__attribute__((format(printf, 2, 3))) void bounce_writer_format(
        struct bounce_writer *writer, const char *format, ...);
/* Others' words on one line: control characters become '?', and other bytes than ASCII too
 * unless `utf8` and they are UTF-8. Cut at 900 bytes. */
void bounce_writer_clean(struct bounce_writer *writer, struct view words, bool utf8);
/* Others' words as lines of 76 columns at most where their spaces allow, each behind `indent`;
 * the first line goes on at `column`. Without a line end behind the last. ASCII alone. */
void bounce_writer_wrap(
        struct bounce_writer *writer, struct view words, const char *indent, size_t column);
void bounce_writer_date(struct bounce_writer *writer, struct wall when);

/* A rope of CRLF lines as quoted-printable (RFC 2045 6.7), so that any bytes go as 7-bit text. */
void bounce_writer_quote(struct bounce_writer *writer, const struct rope *rope);

/* The first `bytes` of a rope, ended by CRLF: CR or LF alone becomes CRLF, and a line that is too
 * long is broken, with `fold` in front of what follows. */
void bounce_writer_copy(
        struct bounce_writer *writer, const struct rope *rope, uint64_t bytes, const char *fold);

#endif
