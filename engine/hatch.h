/*
 * The hatch is where the keeper's process takes the engine's asks and gives the answers: for each
 * trade a tube, behind which a helper (keeper.h, passwords.h) works as it does for any shard.
 *
 * Thread:  hatch_open() to hatch_close(): start-up and its undoing; hatch_run(): its own.
 * Owns:    its ends of the tubes, its loop, and its copies of asks, which are wiped once answered.
 * Never:   takes an ask that no engine would write, or more than may be in flight: then the engine
 *          is not ours any more, and the hatch ends.
 */
#ifndef SLUICE_HATCH_H
#define SLUICE_HATCH_H

#include "engine/helper.h"
#include "engine/io/tube.h"
#include "engine/trade.h"

#define HATCH_COUNTERS_MAX 2 /* one a trade */

/* Where one trade is done. */
struct hatch_counter {
	struct hatch *hatch;
	struct tube tube;
	const struct trade *trade;
	struct helper *helper;
	struct span copies; /* of asks, asks_most of them; a vault */
	uint32_t *tickets;  /* of each copy's ask */
	uint32_t *free;     /* copies, free_count of them */
	uint32_t free_count;
	uint32_t asks_most;
	struct list unsent; /* answered, and waiting for the tube */
};

struct hatch {
	const struct config *config;
	struct loop loop;
	struct shelf shelf;
	struct hatch_counter counters[HATCH_COUNTERS_MAX];
	size_t counter_count;
	bool ended;
};

MUST_CHECK struct err hatch_open(
        struct hatch *hatch, const struct config *config, struct depot *depot, struct text *why);
/* Behind it, `helper` answers; at most asks_most at once. Takes `end`, also on failure. */
MUST_CHECK struct err hatch_counter_open(struct hatch *hatch, const struct trade *trade,
        struct helper *helper, uint32_t asks_most, int end);
/* Until the engine has closed its end of a tube. Then every ask has been answered, or thrown away
 * by its helper's own end. */
void hatch_run(struct hatch *hatch);
/* The helpers' threads are stopped. */
void hatch_close(struct hatch *hatch);

#endif
