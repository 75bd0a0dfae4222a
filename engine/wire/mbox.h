/*
 * Drops what some programs put in front of a message's header: the line that parts messages in an
 * mbox file, "From user@host Tue Nov 24 ...", perhaps with ">" before it. It is no header field,
 * so the header would become the body's beginning.
 *
 * Thread:  the owner's; a value without memory of its own.
 * Never:   copies: pieces are lent from the input, or are constants.
 */
#ifndef SLUICE_MBOX_H
#define SLUICE_MBOX_H

#include "queue/base/bytes.h"

enum mbox_state {
	MBOX_MATCHING, /* all bytes so far begin such a line; they are held */
	MBOX_DROPPING, /* within such a line */
	MBOX_PASSING,
};

struct mbox {
	enum mbox_state state;
	bool quoted;    /* ">" came first */
	size_t matched; /* bytes of "From " */
};

/* Zeroed, it is ready. The next bytes of the content, as endings or eod give them; false: all
 * input was used. */
bool mbox_read(struct mbox *mbox, struct view *input, struct view *piece);
/* There is no more: gives what was held; may be empty. Twice it is empty. */
struct view mbox_finish(struct mbox *mbox);

#endif
