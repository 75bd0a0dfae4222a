/*
 * A helper is a thread for what blocks or costs much: the resolver, the keeper of secrets,
 * passwords. Shards ask it by mailbox and are answered by mailbox, each shard over a pair of its
 * own.
 *
 * An ask belongs to its shard and outlives the answer (I5): between helper_ask() and the letter
 * that brings it back, only the helper touches it. Rings carry pointers, so nothing of what is
 * asked for stays behind in them.
 *
 * Thread:  helper_init() to helper_finish(): the one that starts the engine. helper_ask() and
 *          helper_answered(): the shard's. helper_turn_begin() to helper_turn_end(): its own, or
 *          the simulator's one thread.
 * Fails:   helper_init() and helper_start(), at start-up.
 */
#ifndef SLUICE_HELPER_H
#define SLUICE_HELPER_H

#include "engine/io/loop.h"

#include <pthread.h>

#define HELPER_SHARDS_MAX 64

struct helper_ask {
	struct link link; /* for whoever has it */
	bool in_flight;   /* the helper has it */
	uint16_t shard;   /* the helper's own: where the answer goes */
};

struct helper_desk {
	struct mailbox asks;    /* to the helper */
	struct mailbox answers; /* to the shard */
	bool open;
	bool left; /* by the shard */
};

struct helper {
	struct loop loop;
	struct shelf shelf;
	void (*turn)(struct helper *helper);
	void (*leave)(struct helper *helper); /* its thread's last act; NULL: none */
	struct helper_desk desks[HELPER_SHARDS_MAX];
	size_t next;        /* the desk that is looked at first */
	uint32_t asks_most; /* in flight at once */
	atomic_bool stopping;
	pthread_t thread;
	bool started;
};

/* `turn` is what the thread does for ever. It moves no bytes of connections, unless `io` has room
 * for them; NULL: the smallest rings will do. */
MUST_CHECK struct err helper_init(struct helper *helper, struct depot *depot,
        const struct io_settings *io, void (*turn)(struct helper *helper), struct text *why);
/* The shard's pair; asks_max may be in flight at once. Before either thread turns. */
MUST_CHECK struct err helper_join(
        struct helper *helper, uint16_t shard, struct loop *loop, uint32_t asks_max);
MUST_CHECK struct err helper_start(struct helper *helper);
/* Ends the thread; no shard turns any more. Before any of them finishes: the thread may still be
 * ringing for the last answer. Not started: nothing happens. */
void helper_stop(struct helper *helper);
/* Nothing that the shard asked for is in flight. Not joined: nothing happens. */
void helper_leave(struct helper *helper, uint16_t shard, struct loop *loop);
/* Every shard has left. */
void helper_finish(struct helper *helper);

/* Lends ask until it is answered. */
void helper_ask(struct helper *helper, uint16_t shard, struct helper_ask *ask);
/* The next ask that was answered; NULL: none. */
struct helper_ask *helper_answered(struct helper *helper, uint16_t shard);

/* In `turn`: begin; take and answer; end. */
void helper_turn_begin(struct helper *helper);
/* The next ask, from one shard after the other; NULL: none. */
struct helper_ask *helper_take(struct helper *helper);
void helper_answer(struct helper *helper, struct helper_ask *ask);
void helper_turn_end(struct helper *helper);

#endif
