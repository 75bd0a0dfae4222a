/*
 * The spooler: the one thread that owns the spool, in the middle of the star.
 *
 * Every turn it takes the letters that came (puts, settles, requests, requests for ids), makes
 * all of it durable in one commit, answers, and lends jobs to shards that have credit.
 *
 * Thread:  spooler_create, _join, _destroy: the engine's; spooler_drain, _state,
 *          _message_count, _incident_count: any; the rest the spooler's own.
 * Owns:    the spool, the pool of jobs, the batch.
 * Never:   answers before the commit (I1); goes on after a failed sync (I7): its state is
 *          SPOOLER_BROKEN then, every put gets 451, and the engine ends the process.
 */
#ifndef SLUICE_SPOOLER_H
#define SLUICE_SPOOLER_H

#include "engine/batch.h"
#include "engine/feed.h"
#include "engine/gate_plan.h"
#include "engine/gate_sheet.h"
#include "engine/incident_sheet.h"
#include "engine/late.h"
#include "engine/clerk.h"
#include "engine/patience.h"
#include "engine/quota_plan.h"
#include "engine/report.h"
#include "engine/shard.h"
#include "queue/incident_book.h"
#include "queue/quota.h"
#include "queue/rota.h"

#define SPOOLER_IDS_BLOCK   65536                               /* ids a shard gets at once */
#define SPOOLER_ANSWERS_MAX (NOTES_PER_SHARD + INCIDENT_SHEETS) /* that a shard may wait for */
#define SPOOLER_LETTERS_SPARE                                                                      \
	(16 + LATE_SHEETS + SPOOLER_ANSWERS_MAX) /* letters not counted by credit */
#define SPOOLER_ADOPTED_PER_TURN 64

/* Room in the mailboxes of a delivery shard that credit does not count. */
static inline uint32_t spooler_letters_spare(const struct config *config)
{
	return SPOOLER_LETTERS_SPARE + config->quotas->count + 2 * gate_plan_total(config);
}

/* name, what is true in it */
#define SPOOLER_STATES(X)                                                                          \
	X(RUNNING, "takes and lends")                                                              \
	X(DRAINING, "lends nothing more, settles what comes back")                                 \
	X(FINISHED, "everything is settled; the shards are idle")                                  \
	X(BROKEN, "a sync failed: nothing is acknowledged any more")

enum spooler_state {
#define X(name, text) SPOOLER_##name,
	SPOOLER_STATES(X)
#undef X
};

struct spooler_settings {
	const struct config *config;
	struct depot *depot;
	struct counters *counters;
	struct log *log;
	struct io_settings io;
	uint64_t seed; /* of jitter */
	size_t ingest_count;
	size_t delivery_count;
};

/* A message with the claim of another one in the batch: it hears what becomes of that. */
struct spooler_echo {
	struct spool_claim *claim;
	uint64_t ticket;
	uint16_t shard;
	uint16_t put; /* of the batch */
};

/* What a tenant, a route or our address may send in all, and who waits for the record that allows
 * some of it. */
struct spooler_quota {
	const struct quota_row *row;
	struct quota quota;
	struct note note;    /* on its way to disk while quota.keeping */
	struct list waiting; /* sheets */
	struct mono told_until;
	struct rota rota; /* of a cap */
	struct link link; /* busy */
};

/* The learned rates that a route's mail counts in: a tenant's and our address's. */
#define SPOOLER_RATES_OF_ROUTE 2

struct spooler_rates {
	struct spooler_quota *at[SPOOLER_RATES_OF_ROUTE]; /* NULL: none, nor behind it */
};

/* What closes for a tenant, our address or a recipient; shards as bits. */
struct spooler_gate {
	struct gate gate;
	char recipient[GATE_RECIPIENT_BYTES]; /* of a recipient's: whose */
	uint64_t asks;                        /* would let a message through */
	uint64_t untold;                      /* don't know how it stands */
	uint64_t telling;                     /* are being told */
	struct gate_news news[FEED_SHARDS_MAX];
	struct note note; /* on its way to disk while `keeping` */
	bool keeping;
	bool dirty;       /* it has changed since */
	struct link link; /* busy */
};

struct spooler {
	struct shard shard; /* loop, shelf and log; `shard.spooler` is unused */
	struct spool *spool;
	struct post ingest[FEED_SHARDS_MAX];
	struct post delivery[FEED_SHARDS_MAX];
	struct mailbox *requests; /* of operators; NULL: nobody asks */
	size_t ingest_count;
	size_t delivery_count;
	struct feed feed;
	struct batch batch;
	struct report_maker *reports;
	struct clerk clerk;
	struct request *answered; /* run; told so after the commit; NULL: none */
	struct spooler_echo echoes[BATCH_PUTS_MAX];
	size_t echo_count;
	struct mono claims_look; /* when to look for claims that are to be forgotten */
	struct mono claims_told; /* not to be told of again before */
	bool forgetting;         /* there may be more of them */
	struct mono sent_look;   /* when to look for what was sent that is to be forgotten */
	struct mono sent_told;   /* as claims_told */
	bool sent_forgetting;
	struct mono trace_look;               /* when to look for what the trace is to forget */
	struct mono trace_told;               /* as claims_told */
	struct spool_trace_losses trace_lost; /* as of then */
	bool trace_forgetting;
	struct mono gates_pass; /* when the next gate in doubt opens */
	struct list waiting;    /* settled jobs whose report waits for memory or ids */
	struct list notes;      /* of shards, for the next batch */
	struct late_sheet late_sheets[LATE_SHEETS];
	struct list lates;                  /* of them, those that wait to be sent on */
	struct note late_notes[LATE_NOTES]; /* on their way to disk: those with an owner */
	struct late_heard heard[LATE_HEARD];
	size_t heard_count;
	struct wall started; /* what was heard before may have been told to nobody */
	struct timer timer;  /* for the next job due, or for trying again */
	struct incident_book book;
	struct note page;             /* of the book, on its way to disk */
	size_t page_place;            /* which */
	bool page_turning;            /* it is under way */
	struct spooler_quota *quotas; /* by the plan */
	uint32_t quota_count;
	struct list quotas_busy;     /* those that may want a record: few of many */
	struct spooler_rates *rates; /* by route */
	struct spooler_gate *gates;  /* by the plan */
	uint32_t gate_count;
	struct list gates_busy; /* those that somebody doesn't know, or the disk: few of many */
	bool ids_wanted[FEED_SHARDS_MAX];
	uint64_t ids_next; /* for reports */
	uint64_t ids_left;
	struct mono short_until; /* the memory budget was short: big takers wait until then */
	struct mono full_until;  /* while full: when to look for room */
	struct patience patience;
	struct mono tidy_at; /* while the journal has something: when to bring it into the tables */
	size_t ingest_first; /* whose turn it is to be read first */
	bool stalled;        /* in this turn: something must wait for memory, disk, a shard */
	bool joined;
	bool full;        /* as last told to the ingest shards */
	bool orphans;     /* jobs of routes that are not configured may be on disk */
	size_t drained;   /* shards that said so */
	atomic_int state; /* enum spooler_state; written by the spooler */
	atomic_bool drain_asked;
	_Atomic uint64_t messages;       /* in the spool, when the state last changed */
	_Atomic uint64_t incidents_open; /* in the book */
	int state_event; /* an eventfd that is told of each change of state; -1: none */
};

/* Opens the spool too. `why` says in words what failed. */
MUST_CHECK struct err spooler_create(
        struct spooler **result, const struct spooler_settings *settings, struct text *why);
/* NULL is fine. */
void spooler_destroy(struct spooler *spooler);
/* The posts and the mailbox of requests are set. */
void spooler_join(struct spooler *spooler);
/* Once, in its thread. */
void spooler_start(struct spooler *spooler);
/* Another thread may have it next: before it starts, and after its last turn. */
void spooler_rest(struct spooler *spooler);
void spooler_turn(struct spooler *spooler);

/* Asks all shards to finish what is under way; SPOOLER_FINISHED follows. May be called in a
 * signal handler. */
void spooler_drain(struct spooler *spooler);
enum spooler_state spooler_state(const struct spooler *spooler);
/* Messages in the spool when the state last changed. */
uint64_t spooler_message_count(const struct spooler *spooler);
/* Incidents that are open. */
uint64_t spooler_incident_count(const struct spooler *spooler);

#endif
