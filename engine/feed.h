/*
 * The feed lends jobs to delivery shards, by credit: each shard holds at most its window of a
 * queue (a stream's mail on a route), the rest waits on disk. Urgent streams are read first, and a
 * stream with a pace is lent no faster.
 *
 * So a backlog of any size costs no memory, and a paused lane in one shard strands nothing.
 * A job keeps its credit until its settle is on disk: nothing beyond the windows is ever read,
 * however long settles wait for a full disk.
 *
 * What only some mailboxes may send goes to a shard that has one of them, if it has credit; else
 * to any, where any mailbox of the route tries it.
 *
 * A job just put goes straight from memory to a shard with credit, unless older ones of its
 * route wait on disk: those go first, read back through the due index.
 *
 * Thread:  the spooler's.
 * Owns:    the pool of jobs. A job is a shard's between LETTER_JOB and LETTER_SETTLE.
 * Never:   lends more of a route to a shard than its window (the mailboxes are that large); takes
 *          the last of the memory budget, which sessions need to send what they have.
 */
#ifndef SLUICE_FEED_H
#define SLUICE_FEED_H

#include "engine/config.h"
#include "engine/letters.h"
#include "engine/pace.h"
#include "engine/senders.h"
#include "queue/base/pool.h"
#include "queue/route.h"
#include "queue/schedule.h"
#include "queue/spool.h"

#define FEED_SHARDS_MAX     64
#define FEED_NO_SHARD       UINT16_MAX
#define FEED_READS_PER_TURN 64 /* jobs read back: up to 10 us each, more with large bodies */
#define FEED_RESERVE_SHARE  16 /* of the memory budget, what reading back leaves */

struct feed_queue {
	bool urgent;
	bool backlog;         /* due rows may wait on disk that are not lent */
	struct wall next_due; /* while !backlog: when the next comes due; ms INT64_MAX: none */
	uint32_t window;      /* most jobs a shard holds */
	uint32_t credit_left; /* of all shards that are open */
	uint32_t credit[FEED_SHARDS_MAX];
	bool serves[FEED_SHARDS_MAX]; /* the shard has sessions of the route */
	uint64_t closed;              /* shards that can send nothing of it for a while: bits */
	struct wall closed_until[FEED_SHARDS_MAX];
};

struct feed {
	const struct config *config;
	struct senders *senders;
	uint64_t *bound; /* of each binding: the shards that have one of its mailboxes, as bits */
	struct spool *spool;
	struct shelf *shelf;
	struct post *shards; /* of the delivery shards */
	size_t shard_count;
	size_t queue_count; /* configured; those above are orphans that only old jobs name */
	size_t queue_first; /* whose turn it is to be read first */
	size_t reserve;     /* chunks that reading back leaves */
	struct pool jobs;
	struct list strays; /* see feed_turn(); nothing more is read while there are any */
	bool urgent;        /* some queue is */
	bool stopped;       /* draining: nothing new is lent */
	bool starved;       /* the last read found the memory budget used up */
	bool counted;       /* what waits is known to the paces that want to know it */
	struct pace paces[SCHEDULE_STREAMS_MAX];
	struct feed_queue queues[SPOOL_ROUTES_MAX];
};

/* How a route is divided among the shards. */
struct route_plan feed_plan(const struct config_route *route, size_t shard_count);
/* Most jobs a shard holds of a route: what its sessions can have in flight, once more as much to
 * go on with while settles are committed, and a few for a route with one slow session. */
uint32_t feed_window(const struct config_route *route, size_t shard_count);
/* Of all routes: the letters that may be on their way to or from one shard. */
uint32_t feed_window_sum(const struct config *config, size_t shard_count);

/* What the spool is to know as lent: all windows; jobs that the spooler itself holds to settle
 * them, a batch, one that waits, and those of a batch of puts that have no way; strays that were
 * read, or branched off in a batch of settles. */
size_t feed_lent_max(const struct config *config, size_t shard_count);

/* What is due further ahead, is due: see retry_ahead_ms(). */
int64_t feed_ahead_ms(const struct config *config);

/* The shelf's depot says how much memory there is. */
MUST_CHECK struct err feed_init(struct feed *feed, const struct config *config, struct spool *spool,
        struct shelf *shelf, struct post *shards, size_t shard_count);
void feed_finish(struct feed *feed);

/* A zeroed job; there is always one for what a batch holds. */
struct job *feed_take_job(struct feed *feed);
/* Takes job: clears it and gives it back to the pool. */
void feed_give_job(struct feed *feed, struct job *job);

/* A job just committed: lends it, or leaves it to the disk. Takes job. */
void feed_offer(struct feed *feed, struct job *job, struct wall now);
/* The settle of a job is on disk: its shard has its credit back. */
void feed_credit(struct feed *feed, const struct job *job);
/* The job comes back because its shard can send nothing of its route until then: nothing more is
 * lent there meanwhile, but what is bound to its mailboxes. True: another shard can. */
bool feed_close(struct feed *feed, const struct job *job, struct wall until);
/* An operator said retry: all shards are open. */
void feed_reopen(struct feed *feed);
/* A job that a shard had no use for: it is due as it was. Takes job. */
void feed_take_back(struct feed *feed, struct job *job);
/* The letters that credit lets us send to the shard still. */
uint32_t feed_credit_sum(const struct feed *feed, size_t shard);
/* The job is on disk, due at next_attempt, and not lent. */
void feed_wakes(struct feed *feed, const struct job *job);
/* It was so, and is the spooler's to settle now. */
void feed_leaves(struct feed *feed, const struct job *job);

/* Lends what credit allows; a damaged record is told by `damaged` (its id; 0: none). Jobs that
 * their route can't send any more, as it is configured now, come into `strays`, lent to nobody,
 * for the spooler to settle. True: there may be more to lend now. */
bool feed_turn(struct feed *feed, struct wall now, struct spool_place *damaged);
/* When feed_turn() is wanted next; ms INT64_MAX: when something changes. */
struct wall feed_wanted(const struct feed *feed);

#endif
