/*
 * A client that doesn't wait for its 250: it sends the next message behind the last one's data
 * (RFC 2920 3.1, RFC 3030 4), and both are committed together.
 *
 * A message whose put is under way is set aside when more input is there, and the session goes on
 * with the next. What is said from then on is kept with the message, and goes out behind its
 * answer: so every reply comes in the order of the commands (RFC 2920 3.2). What could close the
 * connection, or needs an answer of its own before the client goes on, waits until nothing is set
 * aside: QUIT, AUTH, STARTTLS and EHLO among them, an error too many, a drain.
 *
 * Not set aside are a report and a message with a claim: what becomes of them is told with what
 * only their session knows.
 *
 * Thread:  the shard's.
 * Owns:    the hold of the message, and its content, from inbound_ahead_park() to its answer.
 * Never:   says 250 before the commit (I1); takes a session's place: of each it has a few.
 */
#ifndef SLUICE_INBOUND_AHEAD_H
#define SLUICE_INBOUND_AHEAD_H

#include "engine/inbound.h"

/* Of a session. With the one that is being put that makes 32, and a commit of 32 costs hardly
 * more than one of 64 (bench/README.md). */
#define INBOUND_AHEAD_MAX 31
/* What is said before the answer: to MAIL, BDAT and some RCPT. */
#define INBOUND_AHEAD_BYTES 1024
/* The longest reply that is said in a transaction: see inbound_reply.c. */
#define INBOUND_AHEAD_ROOM 320

struct inbound_ahead {
	struct link link; /* in the inbound's, in the order of the messages */
	struct message *message;
	struct inbound_content *content;
	uint32_t put;    /* its number */
	uint16_t errors; /* of the client's, before it and since the message before */
	uint16_t delays; /* likewise */
	uint16_t bytes;  /* of what was said behind it */
	bool answered;
	uint8_t result; /* enum put_result */
	char said[INBOUND_AHEAD_BYTES];
};

/* Something is set aside: what is said is not yet sent. */
static inline bool inbound_is_ahead(const struct inbound *inbound)
{
	return !list_is_empty(&inbound->aheads);
}

/* Ahead: it is we who let the client wait, not the other way round. */
bool inbound_ahead_is_ours(const struct inbound *inbound);
/* The step of PUTTING: sets the message aside if there is more to read. */
enum inbound_progress inbound_ahead_step(struct inbound *inbound);
/* Ahead: whether the next step has to wait until nothing is set aside any more, or less. */
bool inbound_ahead_waits(const struct inbound *inbound);
/* Ahead: whether this line may be run as a command. */
bool inbound_ahead_takes(struct view line);
/* Ahead: keeps what is said; there is room for it. */
void inbound_ahead_keep(struct inbound *inbound, struct view line);
/* The put was answered. False: none with this number is set aside. */
bool inbound_ahead_done(struct inbound *inbound, uint32_t put, enum put_result result);
/* The connection is lost: what is answered is only logged. */
void inbound_ahead_lose(struct inbound *inbound);
/* Says the answers that are due, as far as there is room and memory. */
void inbound_ahead_answer(struct inbound *inbound);

#endif
