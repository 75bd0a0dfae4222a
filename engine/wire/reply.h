/*
 * Reads a server's replies (RFC 5321 4.2) out of bytes that come in pieces of any size.
 *
 * Tolerated: a bare LF as line end, a code with nothing behind it. What is kept are the whole
 * lines, codes included, joined with LF, as queue/verdict reads them; control characters become
 * '?', so that they are safe to log. What does not fit the caller's buffer is counted and
 * dropped, and the reader stays in step.
 *
 * What EHLO's reply offers is read line by line (reply_want_offers()), so that none of it is lost
 * for lack of room: of such a reply lines are dropped that were read, to make some.
 *
 * Thread:  the owner's. Owns nothing: the buffer is the caller's.
 * Fails:   REPLY_BAD for what is no reply: no code, codes that differ between lines, too many
 *          lines or too long ones. It is final: the session is out of step, give it up.
 */
#ifndef SLUICE_REPLY_H
#define SLUICE_REPLY_H

#include "engine/wire/capabilities.h"
#include "queue/verdict.h"

#define REPLY_LINE_MAX  8192 /* RFC 5321 asks for 512; verbose servers pass that */
#define REPLY_LINES_MAX 100
/* Of a line that offers something: as long as RFC 5321 4.5.3.1.5 lets it be. */
#define REPLY_OFFER_MAX 512

struct reply {
	int code;                 /* 200..599 */
	struct enhanced enhanced; /* of the first line; class 0: none */
	struct view whole;        /* all lines; lent from the buffer until the next call */
	size_t dropped_bytes;     /* of them, for lack of room */
	unsigned lines;
};

enum reply_state {
	REPLY_IN_CODE, /* 0 to 2 digits of a line are read */
	REPLY_AT_MARK, /* the byte behind the code comes next */
	REPLY_IN_TEXT,
	REPLY_HELD_CR, /* behind a CR that may end the line */
	REPLY_BROKEN,  /* REPLY_BAD was said */
};

struct reply_reader {
	struct span buffer;
	size_t bytes;                /* of lines in buffer */
	size_t line_at;              /* of them, before this line */
	size_t greeting_bytes;       /* of the first line */
	size_t line_dropped;         /* bytes of this line that were */
	struct capabilities *offers; /* of this reply's lines; NULL: nobody wants to know */
	size_t dropped_bytes;
	unsigned lines;      /* finished ones of this reply */
	unsigned line_bytes; /* of this line so far */
	enum reply_state state;
	int code;      /* of the first line */
	int line_code; /* of this line, as far as it is read */
	uint8_t digits;
	bool last_line; /* no '-' behind the code */
};

enum reply_news {
	REPLY_MORE,  /* all input was used */
	REPLY_READY, /* *reply is one; input starts behind it */
	REPLY_BAD,
};

void reply_init(struct reply_reader *reader, struct span buffer);
/* The next reply is EHLO's: fills in what it offers where its code is 2yz, and no more than
 * REPLY_OFFER_MAX bytes of a line. Lends offers until then. */
void reply_want_offers(struct reply_reader *reader, struct capabilities *offers);
/* Nothing of an unfinished reply was read: the buffer is not in use. */
bool reply_is_idle(const struct reply_reader *reader);
enum reply_news reply_read(struct reply_reader *reader, struct view *input, struct reply *reply);
/* A whole reply at once, its last line end optional; false where it is none, or more than one. */
bool reply_parse(struct view whole, struct span buffer, struct reply *reply);
/* What people read: the lines joined with LF, each without its code and enhanced code. */
void reply_put_text(struct text *text, const struct reply *reply);
/* The enhanced code at the start of a text; class 0 where there is none. */
struct enhanced reply_enhanced(struct view text);

#endif
