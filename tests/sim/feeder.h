/*
 * The feeder hands over a day's mail: over a few connections, each message as soon as its time
 * has come and a connection is free, and keeps when each was due and when it arrived.
 *
 * Message N has the Message-ID <N@day>; urgent ones come from urgent@day.test.
 *
 * Thread:  the simulator's one; its loop is the feeder's.
 * Owns:    its connections and the plan.
 */
#ifndef SLUICE_SIM_FEEDER_H
#define SLUICE_SIM_FEEDER_H

#include "engine/io/stream.h"
#include "engine/wire/reply.h"
#include "queue/base/random.h"

#define FEEDER_CONNECTIONS 8

struct feeder;

struct feeder_mail {
	int64_t due_ns;
	int64_t accepted_ns;
	int64_t delivered_ns;
	bool urgent;
};

struct feeder_connection {
	struct stream stream;
	struct feeder *feeder;
	struct reply_reader reader;
	char reply[512];
	unsigned replies_due;
	int64_t number; /* of the message under way; -1: none */
	bool ready;     /* greeted */
};

struct feeder {
	struct loop *loop;
	struct list news;
	struct timer timer; /* for the next message that is due */
	struct endpoint to;
	struct feeder_connection connections[FEEDER_CONNECTIONS];
	struct feeder_mail *mails; /* by due_ns */
	size_t count;
	size_t next;
	size_t accepted;
	bool failed; /* something was refused or lost, that never should be */
};

void feeder_init(struct feeder *feeder, struct loop *loop, const struct endpoint *to,
        struct feeder_mail *mails, size_t count);
/* Once its thread runs. */
void feeder_start(struct feeder *feeder);
/* Reads what has come, and sends what is due; once a turn. */
void feeder_work(struct feeder *feeder);

#endif
