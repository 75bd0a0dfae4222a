/*
 * What a relay writes on top of a message: Received (RFC 5321 4.4), Message-ID and Date where
 * they are missing. Whole lines, CRLF included.
 *
 * Thread:  any; pure: the time and the ids are the caller's.
 * Never:   writes a CR, LF, NUL or unbalanced comment that came with a client's words: what is
 *          not safe in its place becomes '?'.
 */
#ifndef SLUICE_STAMP_H
#define SLUICE_STAMP_H

#include "queue/base/bytes.h"
#include "queue/base/clock.h"

#define STAMP_BYTES_MAX 2048 /* room that all three lines surely fit in */

struct stamp {
	struct view hello;     /* the name the client gave itself */
	struct view client;    /* its address without brackets: "192.0.2.1", "2001:db8::1" */
	struct view server;    /* our name */
	struct view id;        /* the queue id */
	struct view recipient; /* of the only recipient; empty where there are more: nobody shall
	                        * learn of the others */
	struct wall when;
	bool esmtp; /* EHLO, not HELO */
	bool tls;
	bool signed_in;
	bool smtputf8;
};

/* "SMTP", "ESMTPSA", "UTF8SMTPS"... (RFC 3848, RFC 6531 4.3); constant memory. */
const char *stamp_protocol(const struct stamp *stamp);
void stamp_put_received(struct text *text, const struct stamp *stamp);
/* Message-ID: <id@server> */
void stamp_put_message_id(struct text *text, struct view id, struct view server);
void stamp_put_date(struct text *text, struct wall when);

#endif
