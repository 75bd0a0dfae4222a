/*
 * A client of the simulator: sends its share of messages over SMTP, one after the other, and
 * tells the oracle what it was told. Some use BDAT, some then send a message behind another without
 * waiting, some leave in the middle.
 *
 * Thread:  the simulator's one; its loop is all clients'.
 * Owns:    its stream.
 */
#ifndef SLUICE_SIM_CLIENT_H
#define SLUICE_SIM_CLIENT_H

#include "engine/io/stream.h"
#include "engine/wire/reply.h"
#include "tests/sim/oracle.h"

#define CLIENT_REPLY_BYTES 1024
#define CLIENT_BODY_MAX    40000
#define CLIENT_TRAIN_BYTES 256
#define CLIENT_TRIES_MAX   6 /* of a message under its key */

enum client_step {
	CLIENT_AWAY, /* no connection; the timer makes the next */
	CLIENT_GREETING,
	CLIENT_HELLO,
	CLIENT_MAIL,
	CLIENT_RCPT,
	CLIENT_DATA,
	CLIENT_END,
	CLIENT_TRAIN_MAIL, /* replies to a message that was sent behind the last one */
	CLIENT_TRAIN_RCPT,
	CLIENT_RESET,
	CLIENT_LEAVING,
	CLIENT_DONE,
};

struct client {
	struct stream stream;
	struct loop *loop;
	struct list *news;
	struct timer timer; /* the next connection, or its patience */
	struct random random;
	struct oracle *oracle;
	struct endpoint to;
	struct endpoint from;
	struct reply_reader reader;
	char reply[CLIENT_REPLY_BYTES];
	char body[CLIENT_BODY_MAX];
	char train_body[CLIENT_TRAIN_BYTES];
	size_t body_bytes;
	enum client_step step;
	bool by_id; /* Message-ID and envelope are a key */
	struct random keys;
	struct random trains;
	int again;      /* a message of which no answer came; -1: none */
	unsigned tries; /* of it, or of the one under way */
	bool keyed;     /* it has a key in its header */
	bool chunked;   /* it went by BDAT: its dots mean something else than after DATA */
	size_t filler;  /* in its body */
	bool parted;    /* its recipients take two routes */
	bool stranger;  /* comes from where nobody may relay */
	unsigned left;  /* messages to send */
	int number;     /* of the message under way; -1: none */
	bool hasty;     /* doesn't always wait for an answer before it sends the next one */
	int train;      /* of one that was sent behind it; -1: none */
	bool derailed;  /* its envelope was refused */
	uint8_t wanted; /* recipients */
	uint8_t asked;
	bool chunking;
};

void client_init(struct client *client, struct loop *loop, struct list *news, struct oracle *oracle,
        const struct endpoint *to, uint64_t seed);
void client_work(struct client *client, unsigned what);

#endif
