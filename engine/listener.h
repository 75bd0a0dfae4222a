/*
 * A listener is one shard's listening socket at a door, and accepts for it.
 *
 * Thread:  its shard's.
 * Owns:    the socket. Gives accepted ones to the ingest shard (inbound_open).
 * Never:   gives up: where the process is out of descriptors or memory it tries again soon.
 * Fails:   listener_open(), in words that name the address.
 */
#ifndef SLUICE_LISTENER_H
#define SLUICE_LISTENER_H

#include "engine/doors.h"
#include "engine/io/loop.h"
#include "engine/log_pace.h"

struct ingest;

#define LISTENER_RETRY_NS        (100 * NS_PER_MS)
#define LISTENER_IN_USE_NS       (2 * NS_PER_S) /* at start, for an address still in use */
#define LISTENER_IN_USE_PAUSE_MS 5

/* name, what is true in it */
#define LISTENER_STATES(X)                                                                         \
	X(CLOSED, "no socket")                                                                     \
	X(OPEN, "bound; clients queue up in the kernel until it starts")                           \
	X(ACCEPTING, "an accept is in flight")                                                     \
	X(RESTING, "an accept failed; the timer starts the next")                                  \
	X(CLOSING, "cancelled; waits for the accept's last completion")

enum listener_state {
#define X(name, text) LISTENER_##name,
	LISTENER_STATES(X)
#undef X
};

struct listener {
	struct ingest *ingest;
	const struct door *door;
	struct io_op accept_op;
	struct timer retry_timer;
	struct log_pace failures; /* of accepts, in the log */
	int fd;
	enum listener_state state;
};

/* Binds and listens; accepts from listener_start() on. `shared`: other shards listen there too.
 * `why` gets "cannot listen on 127.0.0.1:25: ...". */
MUST_CHECK struct err listener_open(struct listener *listener, struct ingest *ingest,
        const struct door *door, bool shared, struct text *why);
/* In the shard's thread, once its loop was started. */
void listener_start(struct listener *listener);
/* No new connections from here on; those the kernel has taken for us are reset. */
void listener_stop(struct listener *listener);
bool listener_is_closed(const struct listener *listener);
/* Where it listens: with the port that the kernel chose, where the door's is 0. */
struct endpoint listener_endpoint(const struct listener *listener);

#endif
