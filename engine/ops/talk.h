/*
 * A conversation with a mail server, one command and its reply at a time, as a command of ours
 * holds it: the relay's own stream, TLS and reader of replies, and a caller who waits.
 *
 * Thread:  a command's main one; the desk's loop turns while it waits.
 * Owns:    its stream.
 * Never:   waits longer than TALK_PATIENCE_NS for a step.
 * Fails:   talk_*() give false; talk->why says why, in words, and for good.
 */
#ifndef SLUICE_TALK_H
#define SLUICE_TALK_H

#include "engine/io/stream.h"
#include "engine/ops/desk.h"
#include "engine/wire/reply.h"

/* RFC 5321 4.5.3.2 lets a server take minutes; somebody sits before this. */
#define TALK_PATIENCE_NS (20 * NS_PER_S)
#define TALK_REPLY_BYTES 4096
#define TALK_WHY_BYTES   512

struct talk {
	struct desk *desk;
	struct stream stream;
	struct list news;
	struct timer patience;
	struct reply_reader reader;
	struct reply reply; /* the last */
	unsigned seen;      /* news of the stream since the last step */
	bool late;          /* the time of the step is up */
	bool gone;
	char memory[TALK_REPLY_BYTES];
	char why_bytes[TALK_WHY_BYTES];
	struct text why;
};

bool talk_connect(struct talk *talk, struct desk *desk, const struct endpoint *to,
        const struct endpoint *from);
/* TLS from here on; context and peer as stream_secure_client() takes them. */
bool talk_secure(struct talk *talk, struct tls_context *context, const struct tls_peer *peer);
/* The next reply, into talk->reply. */
bool talk_hear(struct talk *talk);
/* Says a line, with its end, and hears the reply. */
bool talk_say(struct talk *talk, struct view line);
/* The next reply is EHLO's; see reply_want_offers(). */
void talk_want_offers(struct talk *talk, struct capabilities *offers);
/* Ends the connection, whatever state it is in. Not connected: nothing happens. */
void talk_end(struct talk *talk);

#endif
