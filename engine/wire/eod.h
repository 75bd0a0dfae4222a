/*
 * The end-of-data machine: what a client sends after 354 becomes body bytes and an end.
 *
 * A line ends with CR LF and with nothing else. A line of one dot alone is the end; of any other
 * line that starts with a dot the dot is dropped. A CR or LF alone is content of its line: so
 * LF . LF, CRLF . LF, LF . CRLF and their kin never end the data, whoever might read them so
 * behind us. In refuse mode they make the message bad, and all is swallowed until the real end,
 * so the session stays in step; in repair mode each becomes CRLF (and the writer stuffs dots
 * anew, so what goes out is unambiguous), and behind a repaired LF two dots are one: whoever ends
 * lines so has stuffed them so. One dot there stays.
 *
 * Pieces are lent from the input, or are constants: nothing is copied.
 *
 * Thread:  the owner's; a value without memory of its own.
 * Never:   gives a piece that, joined to those before, holds a CR or LF alone, and never a body
 *          that ends otherwise than with CRLF, unless it is empty.
 */
#ifndef SLUICE_EOD_H
#define SLUICE_EOD_H

#include "engine/wire/endings.h"

enum eod_state {
	EOD_AT_LINE,      /* behind a CRLF, or before the first byte */
	EOD_AT_REPAIRED,  /* behind an LF that became CRLF */
	EOD_REPAIRED_DOT, /* behind a dot there, not given yet */
	EOD_IN_LINE,      /* somewhere in a line */
	EOD_HELD_CR,      /* in a line, behind a CR not given yet */
	EOD_HELD_DOT,     /* behind a dot that starts a line */
	EOD_HELD_DOT_CR,  /* behind such a dot and a CR */
	EOD_OVER,         /* the end was read */
};

struct eod {
	enum eod_state state;
	enum endings_mode mode;
	bool bare_cr; /* seen so far */
	bool bare_lf;
};

enum eod_news {
	EOD_MORE,  /* all input was used */
	EOD_PIECE, /* *piece are the next bytes of the body */
	EOD_END,   /* the data is over; input starts behind its end */
};

void eod_init(struct eod *eod, enum endings_mode mode);
/* Call until EOD_MORE or EOD_END. */
enum eod_news eod_read(struct eod *eod, struct view *input, struct view *piece);
/* In refuse mode a CR or LF stood alone: the message must be refused when its end is read. */
bool eod_is_refused(const struct eod *eod);

#endif
