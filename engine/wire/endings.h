/*
 * Line endings of a body that comes with its length (BDAT chunks): every CR LF pair passes, a CR
 * or LF alone is refused or repaired. State is kept across chunks, so that a pair may be split.
 *
 * Pieces are lent from the input, or are constants: nothing is copied.
 *
 * Thread:  the owner's; a value without memory of its own.
 * Never:   gives a piece that, joined to those before, holds a CR or LF alone.
 */
#ifndef SLUICE_ENDINGS_H
#define SLUICE_ENDINGS_H

#include "queue/base/bytes.h"

/* What a listener's bare_lf setting says. */
enum endings_mode {
	ENDINGS_REFUSE, /* the message is bad; the rest is swallowed, to stay in step */
	ENDINGS_REPAIR, /* a bare CR or LF becomes CRLF; it never makes an end of data */
};

struct endings {
	enum endings_mode mode;
	bool held_cr; /* the last byte was CR: the next one tells what it is */
	bool bare_cr; /* seen so far */
	bool bare_lf;
};

void endings_init(struct endings *endings, enum endings_mode mode);
/* One piece, while there is one: call until false, which means that input is used up. */
bool endings_read(struct endings *endings, struct view *input, struct view *piece);
/* After the last chunk: a CR held back may still be owed. */
bool endings_finish(struct endings *endings, struct view *piece);
/* In refuse mode a CR or LF stood alone: answer so at the end; no piece comes any more. */
bool endings_are_refused(const struct endings *endings);

/* What stands behind a run of bytes whose every CR and LF is half of a pair. */
enum endings_stop {
	ENDINGS_STOP_IN_LINE, /* nothing more, or not yet: the line goes on */
	ENDINGS_STOP_AT_LINE, /* the run ends with CRLF; a dot, NUL or nothing yet is behind it */
	ENDINGS_STOP_CR,      /* a CR, the last byte there is */
	ENDINGS_STOP_BARE,    /* a CR or LF alone */
};

/* Bytes of the run at the start of view, and what stopped it; the core of engine/wire/eod and
 * engine/wire/stuff too. */
size_t endings_run(struct view view, enum endings_stop *stop);

#endif
