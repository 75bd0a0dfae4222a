/*
 * Writes the commands of an outbound session, CRLF included.
 *
 * Thread:  any; pure.
 * Fails:   false where a value could not be written safely (a control character, a space or a
 *          bracket out of place: an injection) or did not fit; the text is then as it was.
 */
#ifndef SLUICE_WRITE_H
#define SLUICE_WRITE_H

#include "queue/message.h"

/* name, as it is sent */
#define WRITE_WORDS(X)                                                                             \
	X(STARTTLS, "STARTTLS")                                                                    \
	X(DATA, "DATA")                                                                            \
	X(RSET, "RSET")                                                                            \
	X(NOOP, "NOOP")                                                                            \
	X(QUIT, "QUIT")

enum write_word {
#define X(name, text) WRITE_##name,
	WRITE_WORDS(X)
#undef X
	        WRITE_WORD_COUNT
};

enum write_body {
	WRITE_BODY_ABSENT, /* the server has no 8BITMIME */
	WRITE_BODY_7BIT,
	WRITE_BODY_8BITMIME,
};

/* Each parameter only where the server offers it: the caller knows. */
struct write_mail {
	struct view sender; /* without brackets; empty: the null sender */
	bool with_size;
	bool smtputf8;
	uint64_t size;
	enum write_body body;
	unsigned ret;      /* 0: none, MESSAGE_RET_FULL or MESSAGE_RET_HEADERS */
	struct view envid; /* in xtext; empty: none */
};

struct write_rcpt {
	struct view recipient; /* without brackets */
	unsigned notify;       /* NOTIFY_* of queue/message.h; 0: none */
	struct view orcpt;     /* type;xtext; empty: none */
};

MUST_CHECK bool write_word(struct text *text, enum write_word word);
MUST_CHECK bool write_ehlo(struct text *text, struct view name);
MUST_CHECK bool write_helo(struct text *text, struct view name);
MUST_CHECK bool write_mail(struct text *text, const struct write_mail *mail);
MUST_CHECK bool write_rcpt(struct text *text, const struct write_rcpt *rcpt);
MUST_CHECK bool write_bdat(struct text *text, uint64_t bytes, bool last);

#endif
