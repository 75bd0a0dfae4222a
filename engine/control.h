/*
 * Control answers operators: it listens on control.sock in the spool's folder (mode 0600), takes
 * a question a line, asks the spooler, and sends the answer back (control_talk.h says how both
 * look). `sluice queue` is its client.
 *
 * It is a thread of the star like the shards, but with a small memory budget of its own: an
 * operator gets in when clients have used up the other.
 *
 * Thread:  control_init(), control_finish(): start-up and its undoing; the rest its own.
 * Owns:    its loop, its clients, the one request. The request is the spooler's from REQUEST to
 *          REQUEST_DONE, so the spooler has stopped before control_finish().
 * Never:   asks two things at once: clients wait for each other, the spooler for none.
 * Fails:   control_init(), in words: what forbids io_uring, or why the path can't be had.
 *
 * How its thread goes: as an ingest shard's (ingest.h).
 */
#ifndef SLUICE_CONTROL_H
#define SLUICE_CONTROL_H

#include "engine/control_talk.h"
#include "engine/io/stream.h"
#include "engine/request.h"
#include "engine/shard.h"
#include "queue/base/pool.h"

#define CONTROL_SOCKET      "control.sock" /* in the spool's folder */
#define CONTROL_LETTERS     4              /* each mailbox's room: one is under way at most */
#define CONTROL_CLIENTS_MAX 16             /* beyond: closed at once */
#define CONTROL_MEMORY      (32 << 20)     /* address space; touched only as answers need it */
#define CONTROL_RETRY_NS    (100 * NS_PER_MS)

struct control_settings {
	const struct config *config;
	struct counters *counters;
	struct log *log;
	/* `in`'s reader is &control->shard.loop.doorbell, so the engine makes it before the init. */
	struct post spooler;
	struct io_settings io;
};

/* name, what is true in it */
#define CONTROL_STATES(X)                                                                          \
	X(READING, "waits for a whole line")                                                       \
	X(WAITING, "has a line; in control's list of those who wait")                              \
	X(ASKING, "its question is with the spooler")                                              \
	X(ANSWERING, "its answer goes out")                                                        \
	X(LEAVING, "its stream is closed and not yet gone")

enum control_state {
#define X(name, text) CONTROL_##name,
	CONTROL_STATES(X)
#undef X
};

struct control_client {
	struct control *control;
	struct stream stream;
	struct link link;         /* in control's sessions */
	struct link waiting_link; /* CONTROL_WAITING */
	enum control_state state;
	struct rope answer;
	struct chunk *unlent; /* the first chunk of the answer not yet given to the stream */
	uint64_t answer_base; /* what the stream had written when the answer's first chunk began */
};

struct control {
	struct shard shard;
	struct depot *depot;
	struct io_op accept_op;
	struct timer retry_timer;
	int fd; /* -1: none */
	bool stopping;
	struct pool clients;
	struct list sessions; /* every client */
	struct list waiting;  /* who came first is first */
	struct list news;     /* streams with news */
	struct request *request;
	struct control_question question; /* of the request under way */
	bool asked;                       /* the request is the spooler's */
	struct control_client *asker;     /* NULL: gone meanwhile */
};

MUST_CHECK struct err control_init(
        struct control *control, const struct control_settings *settings, struct text *why);
/* Over, or never started; the spooler has stopped. */
void control_finish(struct control *control);
/* Once, in its thread. */
void control_start(struct control *control);
void control_turn(struct control *control);
/* Ends every connection at once; turn on until it is over. */
void control_abort(struct control *control);
bool control_is_over(const struct control *control);

#endif
