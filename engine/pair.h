/*
 * A pair of mailboxes between the spooler and one shard, one a direction.
 *
 * Thread:  start-up and its undoing; the mailboxes themselves: one writer and one reader each.
 * Owns:    both rings.
 */
#ifndef SLUICE_PAIR_H
#define SLUICE_PAIR_H

#include "engine/io/loop.h"
#include "engine/letters.h"

struct pair {
	struct mailbox to_spooler;
	struct mailbox to_shard;
};

/* Room for `letters` each way, at least. The loops may be initialised later: only the address of
 * their doorbell is noted. Each side puts its ends into its loop's lists, and out again. */
MUST_CHECK struct err pair_init(
        struct pair *pair, struct loop *spooler, struct loop *shard, uint32_t letters);
void pair_finish(struct pair *pair);

static inline struct post pair_spoolers_post(struct pair *pair)
{
	return (struct post){ .out = &pair->to_shard, .in = &pair->to_spooler };
}

static inline struct post pair_shards_post(struct pair *pair)
{
	return (struct post){ .out = &pair->to_spooler, .in = &pair->to_shard };
}

#endif
