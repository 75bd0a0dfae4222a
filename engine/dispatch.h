/*
 * Dispatch brings jobs and sessions of one shard together: routes have lanes, lanes have sessions.
 *
 * A job goes to the session of its lane that has the least in flight; where none has room another
 * is opened, within the lane's part of the route's sessions, a few at a time. Sessions without
 * work close by themselves (engine/outbound). A host's addresses and an identity's secret are
 * asked for when a session needs them.
 *
 * What a mailbox may do is its throttle's to say, which the lanes of an account share; nothing
 * starts beyond it. The ledger keeps what it has used up.
 *
 * A lane is looked at when something has happened that a message of its may have waited for, and by
 * turns: the cost of a message does not grow with the number of lanes.
 *
 * Thread:  the delivery shard's; dispatch_init() and dispatch_finish(): start-up and its undoing.
 * Owns:    sessions, their trains, TLS contexts and the asks to resolver and keeper.
 * Never:   allocates after init; opens more sessions than the shard's part (I4).
 */
#ifndef SLUICE_DISPATCH_H
#define SLUICE_DISPATCH_H

#include "engine/incidents.h"
#include "engine/ledger.h"
#include "engine/outbound.h"
#include "engine/resolver.h"
#include "engine/senders.h"
#include "queue/base/heap.h"
#include "queue/base/pool.h"
#include "queue/route.h"

#define DISPATCH_OPENING_MAX 8    /* sessions of a route on their way to be ready */
#define DISPATCH_LOOK_MAX    64   /* busy sessions looked at to find the least busy */
#define DISPATCH_STARTS_MAX  1024 /* looks at lanes of a route in a turn; the rest in the next */
#define DISPATCH_WHY_BYTES   256
#define DISPATCH_TTL_LEAST_S 5 /* an address is not asked for more often */
#define DISPATCH_TTL_MOST_S  3600
#define DISPATCH_STALE_S     60 /* known addresses go on when a lookup fails, or fails in part */

/* name, what is true in it, and where the lane is then */
#define DISPATCH_LANE_STATES(X)                                                                    \
	X(IDLE, "nothing waits for it, or others see to that: in one of its route's idle lists")   \
	X(READY, "is to be looked at: in its route's ready list")                                  \
	X(TIMED, "may start at a known time: in the heap, and in its route's timed list")          \
	X(ASKING, "waits for more of a quota: in the list of the shard's portion of it")           \
	X(PLACELESS, "waits until a session of the route is gone: in the route's placeless list")  \
	X(AWAITING, "waits for what stirs it: an end, a session, a record on disk")

enum dispatch_lane_state {
#define X(name, text) DISPATCH_LANE_##name,
	DISPATCH_LANE_STATES(X)
#undef X
	        DISPATCH_LANE_STATE_COUNT
};

struct dispatch_lane {
	struct lane *lane;
	enum dispatch_lane_state state;
	struct link link;              /* of the list that `state` names */
	struct ledger_entry *entry;    /* of its throttle; NULL: no limits */
	struct dispatch_lane *sibling; /* the next lane of its account; itself: there is no other */
	uint32_t opening;              /* sessions on their way to be ready */
	uint32_t depth;                /* messages that a new session is opened for */
	uint32_t recipients_most;      /* of a transaction */
	bool idle_standing;            /* IDLE: which of the idle lists */

	const struct config_identity *identity; /* NULL: no sign-in */
	struct outbound **sessions;             /* sessions_max of them */
	uint32_t session_count;                 /* in any step */
	uint32_t sessions_max;
	struct portions_entry *asks; /* ASKING: for more of that */
	uint32_t look_from;          /* rotates, so that a long list is looked at in parts */
	struct keeper_ask *secret;   /* NULL: no sign-in */
};

struct dispatch_route {
	struct target target;
	struct dispatch_lane *lanes;
	uint32_t lane_count;            /* 0: this shard does not serve the route */
	struct dispatch_lane **lane_of; /* by identity; NULL: another shard's */
	uint32_t session_count;
	_Atomic uint32_t sessions_told; /* the same, for other threads to read */
	uint32_t sessions_max;
	uint32_t opening; /* of all its lanes */
	struct list ready;
	struct list idle;          /* without a session that is ready */
	struct list idle_standing; /* with one: they are asked first */
	struct list placeless;
	struct list timed;
	struct lane *resting; /* as of the last sweep: all are held for long, it the shortest */
	bool urgent; /* urgent mail has come that those who are timed have not been asked about */
	uint16_t fallback; /* who takes over when this one is out */
	bool has_fallback;
	struct pool trains;
	struct resolver_ask ask;
	struct mono known_until; /* the target's hosts */
};

/* Who helps it; each may be NULL where no route wants it. */
struct dispatch_helpers {
	struct resolver *resolver;   /* else every host is a literal address */
	struct helper *keeper;       /* gives secrets */
	struct tls_roots *tls_roots; /* what other shards parsed, and this one; NULL: its own */
	struct tls_keys *tls_keys;   /* who has private keys; NULL: they are read here */
};

struct dispatch {
	struct shard *shard;
	struct judge *judge;
	struct schedule *schedule;
	struct resolver *resolver;
	struct helper *keeper;
	struct dispatch_route *routes;
	struct outage *outages; /* by route */
	uint32_t route_count;
	struct dispatch_lane *lanes; /* of all routes, one after the other */
	struct lane *lane_values;
	uint32_t lane_count;
	struct throttle *throttles; /* one an account of this shard, and one a lane without any */
	uint32_t throttle_count;
	struct dispatch_lane **accounts; /* by number, while they are made; NULL: no lane yet */
	struct ledger ledger;
	struct incidents incidents;
	struct portions portions;
	struct gates gates;
	struct heap timed;   /* lanes, by their index */
	struct list stirred; /* lanes, by their stir_link */
	struct outbound **session_places;
	struct schedule_stream streams[SCHEDULE_STREAMS_MAX];
	struct senders *senders;
	uint32_t *reaches; /* the lanes', one after the other */
	struct pool sessions;
	struct list news;        /* of sessions */
	struct list stream_news; /* of their streams */
	struct timer gate_timer; /* the first of the timed */
	bool more;               /* lanes are left that could not be looked at in this turn */
	bool draining;
};

/* On failure `why` names the route and what is wrong. */
MUST_CHECK struct err dispatch_init(struct dispatch *dispatch, struct judge *judge,
        uint32_t shard_count, const struct dispatch_helpers *helpers, struct text *why);
/* What the spool knows of the accounts' limits. Before the spooler runs. */
void dispatch_read_ledger(struct dispatch *dispatch, struct spool *spool);
/* No session is left. */
void dispatch_finish(struct dispatch *dispatch);

/* Takes job, from the spooler: into the schedule. */
void dispatch_add(struct dispatch *dispatch, struct job *job);
/* Hands on what waits for a route that is out, now and then. */
void dispatch_divert(struct dispatch *dispatch);
/* Whether a job that has just come was handed on. Takes job where it gives true. */
bool dispatch_divert_new(struct dispatch *dispatch, struct job *job);
/* Hands back what nobody may send for a while, now and then. True: there is more of it. */
bool dispatch_rest(struct dispatch *dispatch);
/* Whether a job that has just come, for this line, was handed back. Takes job where it gives
 * true. */
bool dispatch_rest_new(struct dispatch *dispatch, struct job *job, uint32_t line);
/* Reads what streams, sessions, resolver and keeper have to say. */
void dispatch_read_news(struct dispatch *dispatch);
/* A report by mail of what a lane of the route sent. */
void dispatch_hear_late(struct dispatch *dispatch, const struct late_sheet *sheet);
/* Starts what may start: as many as lanes and pipelines allow. */
void dispatch_start_jobs(struct dispatch *dispatch);
/* LETTER_GATE_NEWS: lanes of all its routes close, or open. */
void dispatch_gate_news(struct dispatch *dispatch, const struct gate_news *news);
/* LETTER_PORTION. */
void dispatch_portioned(struct dispatch *dispatch, struct portion_sheet *sheet);
/* LETTER_NOTED. */
void dispatch_noted(struct dispatch *dispatch, struct note *note);
/* An operator said retry: what failures closed opens. */
void dispatch_resume(struct dispatch *dispatch);
/* Nothing new starts; sessions take their leave. */
void dispatch_drain(struct dispatch *dispatch);
/* The time for that is up. */
void dispatch_abort(struct dispatch *dispatch);
/* No session is left, and nothing is asked for. */
bool dispatch_is_idle(const struct dispatch *dispatch);
/* Draining, and idle: the last records of the ledger are written. True: they are on disk. */
bool dispatch_close_ledger(struct dispatch *dispatch);

/* Sessions of the route in this shard. Thread: any. */
uint32_t dispatch_session_count(const struct dispatch *dispatch, size_t route);

/* For dispatch's other files. */

/* The lane is to be looked at, wherever it is. */
void dispatch_wake(struct dispatch *dispatch, struct dispatch_lane *lane);
static inline uint32_t dispatch_lane_index(
        const struct dispatch *dispatch, const struct dispatch_lane *lane)
{
	return (uint32_t)(lane - dispatch->lanes);
}
/* It has refused, or can't be reached, for long enough that another route is to take over. */
bool dispatch_is_out(const struct dispatch *dispatch, uint16_t route);
struct dispatch_lane *dispatch_lane_of(struct dispatch *dispatch, const struct lane *lane);
/* The job that the lane is to start next; those that its mailbox may not send (Send As) go to
 * another, or wait. NULL: none. */
struct job *dispatch_first(struct dispatch *dispatch, struct dispatch_lane *lane, bool urgent_only);
/* In whose name a session of the lane sends it. */
struct view dispatch_sender(const struct dispatch_lane *lane, const struct dispatch_route *route,
        const struct message *message);
/* Whether the job, which is in the schedule, is sent back, since each of its recipients gets no
 * more for now, or counts in a tenant's quota that is used up. Takes job where it gives true. */
bool dispatch_put_off(struct dispatch *dispatch, const struct dispatch_lane *lane, struct job *job);
/* The recipients of a message that its lane may ask for, and what of it counts in quotas. */
struct dispatch_weight {
	uint32_t recipients;
	struct portions_shares shares;
	uint32_t probe;              /* a recipient's gate that it may try; GATES_NONE */
	struct portions_entry *asks; /* ASKED: of that more is needed */
	struct mono until;           /* SHORT: nothing of it can go until then */
};
/* Of weight->recipients, those that the quotas let go now: FREE, at least one. */
enum portion_reason dispatch_weigh(struct dispatch *dispatch, const struct dispatch_lane *lane,
        const struct job *job, bool urgent, struct dispatch_weight *weight);
/* Messages have ended: their places under a cap are free for others of this shard. */
void dispatch_wake_capped(struct dispatch *dispatch);
/* Some are free still, and some wait. */
bool dispatch_has_places(const struct dispatch *dispatch);
/* False: not now. */
bool dispatch_open(
        struct dispatch *dispatch, struct dispatch_route *route, struct dispatch_lane *lane);

#endif
