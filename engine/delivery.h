/*
 * A delivery shard: jobs come from the spooler, go out over its sessions, and are settled.
 *
 * A turn, in order: letters, completions, timers, the news of sessions, then what may start. Each
 * job lent to the shard goes back by exactly one LETTER_SETTLE: with an outcome for every
 * recipient, or, when it was not used (draining), with every recipient OWED_PENDING.
 *
 * After LETTER_DRAIN nothing new starts; jobs not started go back at once, replies in flight are
 * waited for as long as config->drain says, sessions take their leave, then comes LETTER_DRAINED.
 *
 * Thread:  delivery_init(), delivery_finish(): start-up and its undoing; the rest its own.
 * Owns:    its loop, sessions and TLS contexts; the jobs lent to it until they are settled.
 * Never:   blocks; allocates after init; loses a job.
 * Fails:   delivery_init(), in words: what forbids io_uring, or which file is wrong.
 *
 * How its thread goes:
 *
 *	delivery_start(delivery);
 *	while (!asked to stop)
 *		delivery_turn(delivery);
 *	delivery_abort(delivery);
 *	while (!delivery_is_over(delivery))
 *		delivery_turn(delivery);
 */
#ifndef SLUICE_DELIVERY_H
#define SLUICE_DELIVERY_H

#include "engine/dispatch.h"
#include "engine/judge.h"
#include "engine/shard.h"
#include "queue/schedule.h"

#define DELIVERY_SWEEP_NS      NS_PER_S /* how often jobs that wait are looked at for their time */
#define DELIVERY_SWEEP_MORE_NS (10 * NS_PER_MS) /* where a sweep could not do all */

struct delivery {
	struct shard shard;
	struct schedule schedule;
	struct judge judge;
	struct dispatch dispatch;
	struct timer sweep_timer;
	struct timer drain_timer;
	bool aborting; /* its last turn is the one that finds it over */
};

struct delivery_settings {
	const struct config *config;
	struct depot *depot;
	struct counters *counters;
	struct log *log;
	/* `in` is read by &delivery->shard.loop.doorbell: the engine makes it before the init. */
	struct post spooler;
	struct io_settings io;
	struct dispatch_helpers helpers;
	struct spool *spool; /* for what it knows of limits, now; NULL: nothing */
	unsigned index;
	unsigned shard_count; /* of delivery shards */
	uint64_t seed;
};

/* On failure `why` says what is wrong, and nothing is left behind but what finish undoes. */
MUST_CHECK struct err delivery_init(
        struct delivery *delivery, const struct delivery_settings *settings, struct text *why);
/* Once, in its thread. */
void delivery_start(struct delivery *delivery);
void delivery_turn(struct delivery *delivery);
/* Ends sessions at once; what is in flight is in doubt. Its jobs are settled all the same. */
void delivery_abort(struct delivery *delivery);
/* No session is left, and no job. */
bool delivery_is_over(const struct delivery *delivery);
/* It is over by then. */
void delivery_finish(struct delivery *delivery);

#endif
