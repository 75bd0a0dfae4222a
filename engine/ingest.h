/*
 * An ingest shard takes mail in: its listeners, its client connections, its end of the star.
 *
 * Thread:  ingest_init(), ingest_finish(): start-up and its undoing; the rest its own.
 * Owns:    its loop, listeners and connections, and messages until they are put.
 * Never:   answers 250 before the spooler says that it is committed (I1); has more than
 *          INGEST_PUTS_MAX puts under way, so the mailboxes never overflow.
 * Fails:   ingest_init(), in words: what forbids io_uring, or which address can't be had.
 *
 * How its thread goes:
 *
 *	ingest_start(ingest);
 *	while (!asked to stop)
 *		ingest_turn(ingest);
 *	ingest_abort(ingest);
 *	while (!ingest_is_over(ingest))
 *		ingest_turn(ingest);
 *
 * LETTER_DRAIN stops accepting and sends idle clients away, and those within a transaction when
 * `drain` is over; LETTER_DRAINED says that no transaction and no put is under way any more.
 */
#ifndef SLUICE_INGEST_H
#define SLUICE_INGEST_H

#include "engine/inbound.h"
#include "engine/listener.h"
#include "engine/log_burst.h"
#include "engine/log_pace.h"
#include "engine/passwords.h"
#include "engine/shard.h"
#include "queue/base/pool.h"

#define INGEST_PUTS_MAX    4000 /* under way to the spooler; beyond, sessions wait */
#define INGEST_LETTERS     4096 /* each mailbox's room: the puts, ids, pressure and drain */
#define INGEST_IDS_WANTED  65536
#define INGEST_IDS_LOW     16384           /* ask for more: some seconds' worth before we run dry */
#define INGEST_REFUSED_MAX 64              /* connections beyond the limit that are being told so */
#define INGEST_FEED_NS     (5 * NS_PER_MS) /* between two tries for memory */
/* Messages set aside (inbound_ahead.h): some more than a commit takes at once. */
#define INGEST_AHEADS_MAX 1024
#define INGEST_LINGER_NS  NS_PER_S /* for clients to read their last replies */

struct ingest_settings {
	const struct config *config;
	struct doors *doors;
	struct depot *depot;
	struct counters *counters;
	struct log *log;
	/* `in`'s reader is &ingest->shard.loop.doorbell, so the engine makes it before the init. */
	struct post spooler;
	struct io_settings io;
	unsigned index;
	unsigned shard_count; /* of ingest shards: more than one share their addresses */
	uint64_t seed;
};

struct ingest_ids {
	uint64_t next;
	uint64_t left;
	uint64_t spare_next; /* the block after this one */
	uint64_t spare_left;
	bool asked;
};

struct ingest {
	struct shard shard;
	struct doors *doors;
	struct listener *listeners; /* one a door */
	struct pool inbounds;
	struct pool contents; /* one for each inbound, and for each of aheads */
	struct pool aheads;
	struct pool notices; /* of listeners' ndr_address */
	struct pool signins;
	struct list sessions; /* every inbound */
	struct list hungry;   /* inbounds in INBOUND_HUNGRY, who came first is first */
	struct list news;     /* streams with news */
	struct timer feed_timer;
	struct timer linger_timer;
	struct timer drain_timer; /* transactions have had their time */
	struct helper *passwords; /* NULL: nobody signs in */
	struct ingest_ids ids;
	uint64_t message_bytes_max;    /* what SIZE says */
	size_t reserve;                /* chunks left to delivery */
	size_t transactions;           /* inbounds between MAIL and its end */
	size_t puts;                   /* under way */
	size_t checks;                 /* of passwords, under way */
	struct log_burst signin_burst; /* of sign-ins refused, in the log */
	struct log_burst device_burst; /* of clients that are old, or too old */
	struct log_pace hunger_pace;
	struct mono hunger_since;
	bool hunger_told; /* the log knows that memory is short */
	bool hurried;     /* draining: transactions have had their time */
	bool feeding;     /* the hungry are being served */
	bool spool_full;  /* LETTER_PRESSURE */
	bool aborting;    /* its last turn is the one that finds it over */
	bool lingered;    /* draining: the last replies have had their time */
};

/* After the mailboxes of `spooler` are made. Opens the listeners; they accept after
 * ingest_start(). */
MUST_CHECK struct err ingest_init(
        struct ingest *ingest, const struct ingest_settings *settings, struct text *why);
/* Where roster_is_wanted(): who checks passwords. Between ingest_init() and ingest_start(). */
MUST_CHECK struct err ingest_join(struct ingest *ingest, struct helper *passwords);
/* Over, or never started. */
void ingest_finish(struct ingest *ingest);
/* Once, in its thread. */
void ingest_start(struct ingest *ingest);
void ingest_turn(struct ingest *ingest);
/* Ends every connection at once; turn on until it is over. */
void ingest_abort(struct ingest *ingest);
/* No listener, no connection and no letter of ours is under way. */
bool ingest_is_over(const struct ingest *ingest);

/* For the listeners: a connection was accepted. Takes fd. */
void ingest_accept(struct ingest *ingest, const struct door *door, int fd);

/* For the inbounds. */

/* A message id. False: none is at hand; wait as for memory. */
MUST_CHECK bool ingest_take_id(struct ingest *ingest, uint64_t *id);
/* Sends the report of the inbound's content to the spooler; inbound_put_done() follows. False: too
 * many are under way. */
MUST_CHECK bool ingest_report(struct ingest *ingest, struct inbound *inbound);
/* Sends the message to the spooler; inbound_put_done() follows. Takes message and ways. False: too
 * many are under way, nothing was taken. */
MUST_CHECK bool ingest_put(struct ingest *ingest, struct inbound *inbound, struct message **message,
        struct ways *ways);
/* Sends a sign-in to be checked; inbound_checked() follows. False: too many wait. */
MUST_CHECK bool ingest_check(struct ingest *ingest, struct inbound *inbound);
/* Is there a chunk for what is to be said? Replies may use delivery's reserve. */
bool ingest_can_reply(struct ingest *ingest);
/* Are INBOUND_CHUNKS_MAX chunks at hand, delivery's reserve aside? Who asks next gets them. */
bool ingest_has_memory(struct ingest *ingest);

#endif
