/*
 * Dot-stuffing: a body becomes what DATA sends, its end included. The inverse of engine/wire/eod.
 *
 * A line that begins with NULs and then a dot gets a dot too, which a reader takes off as it does
 * any first dot: some servers drop NULs before they look for the end, and would find one there.
 *
 * Pieces are lent from the input, or are constants: nothing is copied.
 *
 * Thread:  the owner's; a value without memory of its own.
 * Never:   lets a CR or LF alone out (it becomes CRLF), nor an end of data before its time, with
 *          or without its NULs.
 */
#ifndef SLUICE_STUFF_H
#define SLUICE_STUFF_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

#include <stdint.h>

enum stuff_state {
	STUFF_AT_LINE, /* behind CRLF, or before the first byte: a dot is doubled */
	STUFF_IN_LINE,
	STUFF_HELD_CR,   /* behind a CR not given yet */
	STUFF_HELD_NULS, /* behind NULs that begin a line, not given yet: is a dot next? */
	STUFF_NULS,      /* that is known, and they are given */
	STUFF_OVER,
};

struct stuff {
	enum stuff_state state;
	uint64_t nuls; /* held */
};

void stuff_init(struct stuff *stuff);
/* One piece, while there is one: call until false, which means that input is used up. */
bool stuff_read(struct stuff *stuff, struct view *input, struct view *piece);
/* The end: what was held, CRLF where the body lacks it, dot, CRLF. A piece each time; false: it
 * was the last. */
MUST_CHECK bool stuff_finish(struct stuff *stuff, struct view *piece);

#endif
