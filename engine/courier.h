/*
 * A courier stands in the engine for a helper that lives in another process: shards ask it as they
 * ask any helper, and it carries their asks over a tube to the keeper's hatch (hatch.h), and the
 * answers back, in whatever order they come.
 *
 * Thread:  a helper's. courier_init() to courier_finish(): the one that starts the engine.
 * Owns:    its end of the tube; asks are their shards'.
 * Never:   keeps a secret beyond the packet it came in.
 * Fails:   where the other process is gone, every ask is refused.
 */
#ifndef SLUICE_COURIER_H
#define SLUICE_COURIER_H

#include "engine/helper.h"
#include "engine/io/tube.h"
#include "engine/trade.h"

/* How often asks that wait are looked at, for those that their askers have given up. */
#define COURIER_LOOK_NS (50 * NS_PER_MS)

struct courier {
	struct helper helper;
	struct tube tube;
	const struct trade *trade;
	const struct config *config;
	struct helper_ask **open; /* asks under way, by ticket */
	uint32_t *free;           /* tickets, free_count of them */
	uint32_t free_count;
	uint32_t ticket_count;
	struct list unsent;
	struct timer look;
	bool started; /* the tube listens */
};

struct courier_settings {
	const struct config *config;
	const struct trade *trade;
	struct depot *depot;
	int end; /* of the tube: taken, also on failure */
};

MUST_CHECK struct err courier_init(
        struct courier *courier, const struct courier_settings *settings, struct text *why);
/* Every shard has joined. */
MUST_CHECK struct err courier_start(struct courier *courier);
/* Every shard has left; its thread is stopped. */
void courier_finish(struct courier *courier);
/* One turn of its thread, and its end; for tests that have none. */
void courier_turn(struct helper *helper);
void courier_leave(struct helper *helper);

#endif
