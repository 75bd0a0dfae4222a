/*
 * Changes who a message is from, as its header passes: From is withheld where it is to be another,
 * and written anew on top of the message when the header is known.
 *
 * Fed with the body as it is stored, in pieces of any size; gives back, piece by piece, what is to
 * be kept of it. Everything but the fields that it takes out stays as it was, to the byte.
 *
 * Thread:  the owner's; a value without memory of its own, about 4.5 KB.
 * Never:   writes a line longer than 998 bytes, a bare CR or LF, or a byte above 127 where UTF-8
 *          is not allowed; gives more bytes than it was fed; keeps more than BYLINE_FROM_MAX bytes
 *          of a From.
 */
#ifndef SLUICE_BYLINE_H
#define SLUICE_BYLINE_H

#include "queue/base/bytes.h"

#define BYLINE_FROM_MAX    4096 /* of a From; what is behind is not looked at */
#define BYLINE_NAME_MAX    40   /* longer than the names that it looks for */
#define BYLINE_REPLIES_MAX 10   /* mailboxes of a From that Reply-To keeps */
#define BYLINE_VALUE_MAX   600  /* of a From that X-Sluice-Original-From tells */
#define BYLINE_BYTES_MAX   6000 /* room that its lines surely fit in */

enum byline_rule {
	BYLINE_REPAIR,  /* From stays, unless it is missing or holds no possible address */
	BYLINE_REPLACE, /* From becomes ours */
	BYLINE_OPEN,    /* the same, but which address is ours is not known yet */
};

/* Where an address that is still open stands in the lines. */
struct byline_place {
	size_t offset;
	size_t bytes; /* 0: nowhere */
};

enum byline_state {
	BYLINE_LINE,  /* before the first byte of a line */
	BYLINE_CR,    /* behind a CR that begins a line */
	BYLINE_NAME,  /* in what may be a field's name, which is kept back */
	BYLINE_SPACE, /* in spaces between a name and its colon */
	BYLINE_TAIL,  /* in a name that is none of ours, let through already */
	BYLINE_GAP,   /* in spaces behind that */
	BYLINE_PASS,  /* in a field that stays */
	BYLINE_HOLD,  /* in a From that is kept back */
	BYLINE_DROP,  /* in a field that goes */
	BYLINE_BODY,
};

struct byline {
	struct view address; /* what From becomes; OPEN: where it has none itself. Lent */
	enum byline_rule rule;
	enum byline_state state;
	enum byline_state field; /* PASS, HOLD, DROP: the field that a next line may go on with;
	                          * BODY: none */
	bool allow_utf8;
	bool kept; /* a From stays as it was: there is nothing to be written */
	bool seen; /* a From came */
	bool cut;  /* it is longer than we keep */
	bool has_reply_to;
	size_t name_bytes;
	size_t value_at; /* where in from[] the value begins */
	size_t from_bytes;
	char name[BYLINE_NAME_MAX];
	char from[BYLINE_FROM_MAX];
};

/* `address` is lent, and possible; ASCII unless allow_utf8. */
void byline_init(
        struct byline *byline, enum byline_rule rule, struct view address, bool allow_utf8);
/* The next piece to keep; takes what it has read off `bytes`. False: all was read. */
bool byline_read(struct byline *byline, struct view *bytes, struct view *piece);
/* The message is over. True: there is one more piece. */
bool byline_finish(struct byline *byline, struct view *piece);
/* The lines to stand on top, after byline_finish(): From and, as far as there is an original,
 * Reply-To (unless REPAIR, or the message has one) and X-Sluice-Original-From. `sender` is the
 * original one of the envelope, which stands in for a From that is missing. Nothing where a From
 * was kept. Gives where the address of an OPEN one stands: what the message said, until it is
 * known; there is room in its line for any. */
struct byline_place byline_put(const struct byline *byline, struct view sender, struct text *text);

#endif
