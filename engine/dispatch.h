/*
 * Dispatch brings jobs and sessions of one shard together: routes have lanes, lanes have sessions.
 *
 * A job goes to the session of its lane that has the least in flight; where none has room another
 * is opened, within the lane's part of the route's sessions, a few at a time. Sessions without
 * work close by themselves (engine/outbound). A host's addresses and an identity's secret are
 * asked for when a session needs them.
 *
 * What a mailbox may have under way at most is lane_room()'s to say; nothing starts beyond it.
 *
 * Thread:  the delivery shard's; dispatch_init() and dispatch_finish(): start-up and its undoing.
 * Owns:    sessions, their trains, TLS contexts and the asks to resolver and keeper.
 * Never:   allocates after init; opens more sessions than the shard's part (I4).
 */
#ifndef SLUICE_DISPATCH_H
#define SLUICE_DISPATCH_H

#include "engine/outbound.h"
#include "queue/base/pool.h"
#include "queue/route.h"

#define DISPATCH_OPENING_MAX 8  /* sessions of a route on their way to be ready */
#define DISPATCH_LOOK_MAX    64 /* sessions looked at to find the least busy */
#define DISPATCH_TTL_LEAST_S 5  /* an address is not asked for more often */
#define DISPATCH_TTL_MOST_S  3600
#define DISPATCH_STALE_NS    (60 * NS_PER_S) /* known addresses go on when a lookup fails */

struct dispatch_lane {
	struct lane *lane;
	const struct config_identity *identity; /* NULL: no sign-in */
	struct outbound **sessions;             /* sessions_max of them */
	uint32_t session_count;                 /* in any step */
	uint32_t sessions_max;
	uint32_t look_from;        /* rotates, so that a long list is looked at in parts */
	struct keeper_ask *secret; /* NULL: no sign-in */
};

struct dispatch_route {
	struct outbound_target target;
	struct dispatch_lane *lanes;
	uint32_t lane_count; /* 0: this shard does not serve the route */
	uint32_t session_count;
	uint32_t sessions_max;
	uint32_t lane_first; /* who goes first, by turns */
	struct pool trains;
	struct resolver_ask ask;
	struct mono known_until; /* the addresses */
};

struct dispatch {
	struct shard *shard;
	struct judge *judge;
	struct schedule *schedule;
	struct resolver *resolver;
	struct keeper *keeper;
	struct dispatch_route *routes;
	uint32_t route_count;
	struct dispatch_lane *lanes; /* of all routes, one after the other */
	struct lane *lane_values;
	uint32_t lane_count;
	struct outbound **session_places;
	struct schedule_line *lines;
	uint32_t line_count; /* one a route, then one a lane */
	struct pool sessions;
	uint64_t sessions_ever;
	struct list news;        /* of sessions */
	struct list stream_news; /* of their streams */
	struct timer gate_timer; /* a lane's gate opens */
	bool draining;
};

/* On failure `why` names the route and what is wrong. */
MUST_CHECK struct err dispatch_init(struct dispatch *dispatch, struct judge *judge,
        uint32_t shard_count, struct resolver *resolver, struct keeper *keeper, struct text *why);
/* No session is left. */
void dispatch_finish(struct dispatch *dispatch);

/* Takes job, from the spooler: into the schedule. */
void dispatch_add(struct dispatch *dispatch, struct job *job);
/* Reads what streams, sessions, resolver and keeper have to say. */
void dispatch_read_news(struct dispatch *dispatch);
/* Starts what may start: as many as lanes and pipelines allow. */
void dispatch_start_jobs(struct dispatch *dispatch);
/* An operator said retry: what failures closed opens. */
void dispatch_resume(struct dispatch *dispatch);
/* Nothing new starts; sessions take their leave. */
void dispatch_drain(struct dispatch *dispatch);
/* The time for that is up. */
void dispatch_abort(struct dispatch *dispatch);
/* No session is left, and nothing is asked for. */
bool dispatch_is_idle(const struct dispatch *dispatch);

#endif
