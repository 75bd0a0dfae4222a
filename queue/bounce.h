/*
 * A bounce tells a sender what became of a message: a delivery status notification as RFC 3464
 * has it (multipart/report: words for people, a part for programs, the original or its header).
 *
 * It honours RFC 3461: who wants to be told of what (NOTIFY), how much of the original comes
 * back (RET), and the sender's own marks (ENVID, ORCPT). It is 7-bit mail, which any server takes:
 * words and headers in UTF-8 are quoted-printable (RFC 6522 4), addresses in the escaped form of
 * RFC 6533 3. Only a whole message that is 8-bit itself comes back as it was; where its header is
 * too, which no encoding may touch, the header alone comes back.
 *
 * The report is itself mail with the null sender, so it can never be bounced; where a null sender
 * can't go (routes' `notices_from`), the same report is written as from that mailbox. Either way it
 * says `Auto-Submitted: auto-replied` (RFC 3834).
 *
 * Thread:  any; a pure function of its arguments: the same in, the same bytes out.
 * Owns:    nothing; every view is lent for the call.
 * Fails:   bounce_write() gives false when the memory budget is used up; the rope is as it was.
 */
#ifndef SLUICE_BOUNCE_H
#define SLUICE_BOUNCE_H

#include "queue/message.h"
#include "queue/verdict.h"

/* What RET=HDRS copies of the original at most; a longer header is cut at a line's end. */
#define BOUNCE_HEADER_BYTES_MAX 65536
/* Of a server's reply, what is repeated; the rest is cut. */
#define BOUNCE_REPLY_BYTES_MAX 4096

/* name, the word of RFC 3464's Action field */
#define BOUNCE_ACTIONS(X)                                                                          \
	X(FAILED, "failed")       /* it will not be delivered */                                   \
	X(DELAYED, "delayed")     /* not yet; we go on trying */                                   \
	X(DELIVERED, "delivered") /* in the mailbox, on the word of the next server */             \
	X(RELAYED, "relayed")     /* taken by a server that does not report further (no DSN) */

enum bounce_action {
#define X(name, word) BOUNCE_##name,
	BOUNCE_ACTIONS(X)
#undef X
	        BOUNCE_ACTION_COUNT
};

struct bounce_recipient {
	struct view address;  /* the final recipient, without angle brackets */
	struct view original; /* ORCPT as the client gave it, "type;xtext"; empty: none */
	enum bounce_action action;
	struct enhanced status; /* class 0: the action's general one */
	bool expired;           /* FAILED for its age: what was said last is not why */
	struct view reply;      /* the next server's last words, any lines; empty: it never spoke */
	struct view remote;     /* the next server's name; empty: none was reached */
	struct view advice;     /* the verdict's sentence; empty: none */
	struct wall last_attempt; /* 0: never tried */
	struct wall retry_until;  /* for DELAYED; 0: not said */
};

struct bounce {
	struct view id; /* of the report itself, letters and digits: unique, makes the boundary */
	struct view reporter; /* our host name */
	struct view mailbox;  /* notices_from; empty: the report has a null sender */
	struct wall now;
	struct view sender;      /* whom it goes to: the original's envelope sender, not empty */
	struct view original_id; /* the original's queue id */
	struct view envid;       /* as the client gave it, xtext; empty: none */
	struct wall arrived;     /* the original's */
	bool full;               /* RET=FULL; else the header comes back */
	const struct rope *original;
	const struct bounce_recipient *recipients;
	size_t recipient_count; /* at least 1 */
};

/* What the next server must offer to carry the report. */
struct bounce_needs {
	bool eight_bit; /* 8BITMIME */
	bool smtputf8;
};

/* Whether the sender wants to be told; `notify`: enum message_notify, 0 asks for failures. Of a
 * message with the null sender nobody ever is. */
bool bounce_wanted(struct view sender, unsigned notify, enum bounce_action action);
/* Appends the whole report, header first, CRLF lines of at most 998 bytes. */
MUST_CHECK bool bounce_write(const struct bounce *bounce, struct rope *into, struct shelf *shelf,
        size_t reserve, struct bounce_needs *needs);

#endif
