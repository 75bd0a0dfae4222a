/*
 * Dot-stuffing: a body becomes what DATA sends, its end included. The inverse of engine/wire/eod.
 *
 * Pieces are lent from the input, or are constants: nothing is copied.
 *
 * Thread:  the owner's; a value without memory of its own.
 * Never:   lets a CR or LF alone out (it becomes CRLF), nor an end of data before its time.
 */
#ifndef SLUICE_STUFF_H
#define SLUICE_STUFF_H

#include "queue/base/bytes.h"

enum stuff_state {
	STUFF_AT_LINE, /* behind CRLF, or before the first byte: a dot is doubled */
	STUFF_DOTTED,  /* the doubling dot was given, the dot itself comes next */
	STUFF_IN_LINE,
	STUFF_HELD_CR, /* behind a CR not given yet */
	STUFF_OVER,
};

struct stuff {
	enum stuff_state state;
};

void stuff_init(struct stuff *stuff);
/* One piece, while there is one: call until false, which means that input is used up. */
bool stuff_read(struct stuff *stuff, struct view *input, struct view *piece);
/* The end: CRLF where the body lacks it, dot, CRLF. Once. */
struct view stuff_finish(struct stuff *stuff);

#endif
