#include "engine/dispatch.h"

#include "queue/base/check.h"

/* What a look at a lane came to. */
enum dispatch_look {
	LOOK_STARTED, /* a message: it may take another, in its turn */
	LOOK_DONE,    /* nothing of it can be started now */
	LOOK_COVERED, /* others see to what waits: no idle lane needs to be asked */
};

/* A message that might start. */
struct dispatch_start {
	struct job *job;
	bool urgent;
	struct dispatch_weight weight;
	bool asked; /* a quota is to be asked for more first */
};

static void dispatch_leave(struct dispatch *dispatch, struct dispatch_lane *lane);
static void dispatch_enter(
        struct dispatch *dispatch, struct dispatch_lane *lane, enum dispatch_lane_state state);
static void dispatch_enter_timed(
        struct dispatch *dispatch, struct dispatch_lane *lane, struct mono when);
static void dispatch_wake_timed(struct dispatch *dispatch);
static void dispatch_wake_stirred(struct dispatch *dispatch);
static void dispatch_start_route(struct dispatch *dispatch, struct dispatch_route *route);
static enum dispatch_look dispatch_ask(
        struct dispatch *dispatch, struct dispatch_route *route, struct link *link);
static void dispatch_ask_timed(struct dispatch *dispatch, struct dispatch_route *route);
static enum dispatch_look dispatch_look(
        struct dispatch *dispatch, struct dispatch_route *route, struct dispatch_lane *lane);
static struct mono dispatch_blocked_until(
        struct dispatch *dispatch, const struct dispatch_lane *lane, bool *blocked);
static struct mono dispatch_consider(
        struct dispatch *dispatch, struct dispatch_lane *lane, struct dispatch_start *start);
static enum dispatch_look dispatch_start(struct dispatch *dispatch, struct dispatch_route *route,
        struct dispatch_lane *lane, const struct dispatch_start *start);
static uint32_t dispatch_recipients(
        const struct dispatch_lane *lane, const struct job *job, bool urgent, struct mono now);
static struct outbound *dispatch_pick(struct dispatch_lane *lane);
static bool dispatch_prefers_another(const struct dispatch *dispatch,
        const struct dispatch_route *route, const struct dispatch_lane *lane,
        const struct outbound *outbound);
static enum dispatch_look dispatch_seek_session(
        struct dispatch *dispatch, struct dispatch_route *route, struct dispatch_lane *lane);
static bool dispatch_is_covered(const struct dispatch *dispatch, const struct dispatch_route *route,
        const struct dispatch_lane *lane);
static void dispatch_make_place(struct dispatch_route *route);

/* Where lanes are. */

void dispatch_wake(struct dispatch *dispatch, struct dispatch_lane *lane)
{
	if (lane->state == DISPATCH_LANE_READY)
		return;
	dispatch_leave(dispatch, lane);
	dispatch_enter(dispatch, lane, DISPATCH_LANE_READY);
}

static struct list *dispatch_list(struct dispatch *dispatch, struct dispatch_lane *lane)
{
	struct dispatch_route *route = &dispatch->routes[lane->lane->route];

	switch (lane->state) {
	case DISPATCH_LANE_READY:
		return &route->ready;
	case DISPATCH_LANE_PLACELESS:
		return &route->placeless;
	case DISPATCH_LANE_TIMED:
		return &route->timed;
	case DISPATCH_LANE_ASKING:
		return &lane->asks->waiting;
	default:
		return NULL;
	}
}

static void dispatch_leave(struct dispatch *dispatch, struct dispatch_lane *lane)
{
	struct dispatch_route *route = &dispatch->routes[lane->lane->route];

	if (lane->state == DISPATCH_LANE_TIMED)
		heap_remove(&dispatch->timed, dispatch_lane_index(dispatch, lane));
	if (lane->state == DISPATCH_LANE_IDLE)
		list_remove(
		        lane->idle_standing ? &route->idle_standing : &route->idle, &lane->link);
	else if (lane->state != DISPATCH_LANE_AWAITING)
		list_remove(dispatch_list(dispatch, lane), &lane->link);
	lane->state = DISPATCH_LANE_AWAITING;
}

/* From AWAITING, which is in no list. */
static void dispatch_enter(
        struct dispatch *dispatch, struct dispatch_lane *lane, enum dispatch_lane_state state)
{
	struct dispatch_route *route = &dispatch->routes[lane->lane->route];

	check(lane->state == DISPATCH_LANE_AWAITING);
	check(state != DISPATCH_LANE_TIMED);
	lane->state = state;
	if (state == DISPATCH_LANE_IDLE) {
		lane->idle_standing = lane->lane->standing > 0;
		list_push_last(
		        lane->idle_standing ? &route->idle_standing : &route->idle, &lane->link);
	} else if (state != DISPATCH_LANE_AWAITING) {
		list_push_last(dispatch_list(dispatch, lane), &lane->link);
	}
}

static void dispatch_enter_timed(
        struct dispatch *dispatch, struct dispatch_lane *lane, struct mono when)
{
	check(lane->state == DISPATCH_LANE_AWAITING);
	if (when.ns == MONO_NEVER.ns)
		return; /* something will stir it */
	lane->state = DISPATCH_LANE_TIMED;
	heap_insert(&dispatch->timed, dispatch_lane_index(dispatch, lane), when.ns);
	list_push_last(&dispatch->routes[lane->lane->route].timed, &lane->link);
}

/* Starting. */

void dispatch_start_jobs(struct dispatch *dispatch)
{
	struct loop *loop = &dispatch->shard->loop;
	struct mono wanted = MONO_NEVER;

	dispatch_wake_timed(dispatch);
	/* Those that wait for a place, before the one that has just given his back. */
	dispatch_wake_capped(dispatch);
	dispatch_wake_stirred(dispatch);
	dispatch->more = false;
	for (uint32_t i = 0; i < dispatch->route_count && !dispatch->draining; i++)
		if (dispatch->routes[i].lane_count > 0)
			dispatch_start_route(dispatch, &dispatch->routes[i]);
	dispatch->more |= !dispatch->draining && dispatch_has_places(dispatch);
	ledger_work(&dispatch->ledger);
	incidents_work(&dispatch->incidents);
	portions_work(&dispatch->portions);
	gates_work(&dispatch->gates);
	const struct heap_place *first = heap_first(&dispatch->timed);
	if (first != NULL && !dispatch->draining)
		wanted.ns = first->key;
	if (dispatch->more)
		wanted = loop_now(loop);
	loop_timer_set(loop, &dispatch->gate_timer, wanted);
}

static void dispatch_wake_timed(struct dispatch *dispatch)
{
	const struct mono now = loop_now(&dispatch->shard->loop);
	const struct heap_place *first;

	while ((first = heap_first(&dispatch->timed)) != NULL && first->key <= now.ns)
		dispatch_wake(dispatch, &dispatch->lanes[first->number]);
}

/* The other lanes of its account wait for the same. */
static void dispatch_wake_stirred(struct dispatch *dispatch)
{
	struct link *link;

	while ((link = list_pop_first(&dispatch->stirred)) != NULL) {
		struct dispatch_lane *lane =
		        dispatch_lane_of(dispatch, container_of(link, struct lane, stir_link));
		struct dispatch_lane *at = lane;
		/* Its mailbox may have been refused something, which a restart is to know of. */
		if (lane->entry != NULL && lane->lane->throttle->strikes.changed)
			ledger_look(&dispatch->ledger, lane->entry);
		do {
			dispatch_wake(dispatch, at);
			at = at->sibling;
		} while (at != lane);
	}
}

/* Lanes that have something to look at, by turns; then idle ones, while anyone's mail waits. */
static void dispatch_start_route(struct dispatch *dispatch, struct dispatch_route *route)
{
	const uint32_t line = (uint32_t)(route - dispatch->routes); /* anyone's */
	bool covered = false;

	for (unsigned looks = 0; looks < DISPATCH_STARTS_MAX; looks++) {
		struct link *link = list_first(&route->ready);
		const bool idle = link == NULL;

		if (idle && !covered && schedule_waiting(dispatch->schedule, line) > 0)
			link = list_first(&route->idle_standing);
		if (link == NULL && idle && !covered &&
		        schedule_waiting(dispatch->schedule, line) > 0)
			link = list_first(&route->idle);
		if (link == NULL) {
			dispatch_ask_timed(dispatch, route);
			return;
		}
		covered |= dispatch_ask(dispatch, route, link) == LOOK_COVERED;
	}
	dispatch->more = true;
}

static enum dispatch_look dispatch_ask(
        struct dispatch *dispatch, struct dispatch_route *route, struct link *link)
{
	struct dispatch_lane *lane = container_of(link, struct dispatch_lane, link);

	dispatch_leave(dispatch, lane);
	const enum dispatch_look look = dispatch_look(dispatch, route, lane);
	if (look == LOOK_STARTED)
		dispatch_enter(dispatch, lane, DISPATCH_LANE_READY);
	return look;
}

/* Urgent mail has come, and no lane is free: one that keeps back ordinary mail may have room for
 * it. Each is asked once. */
static void dispatch_ask_timed(struct dispatch *dispatch, struct dispatch_route *route)
{
	const uint32_t line = (uint32_t)(route - dispatch->routes);
	size_t left = route->urgent ? route->timed.count : 0;

	route->urgent = false;
	for (; left > 0 && schedule_has_urgent(dispatch->schedule, line); left--)
		if (dispatch_ask(dispatch, route, list_first(&route->timed)) == LOOK_STARTED)
			dispatch->more = true;
}

/* The lane is in no list, and is where its state says afterwards; STARTED: in none. */
static enum dispatch_look dispatch_look(
        struct dispatch *dispatch, struct dispatch_route *route, struct dispatch_lane *lane)
{
	const struct mono now = loop_now(&dispatch->shard->loop);
	struct dispatch_start start;
	bool blocked;

	start.job = dispatch_first(dispatch, lane, false);
	if (start.job == NULL) {
		dispatch_enter(dispatch, lane, DISPATCH_LANE_IDLE);
		return LOOK_DONE;
	}
	const struct mono until = dispatch_blocked_until(dispatch, lane, &blocked);
	if (blocked) {
		dispatch_enter_timed(dispatch, lane, until);
		return LOOK_DONE;
	}
	struct mono when = dispatch_consider(dispatch, lane, &start);
	if (when.ns > now.ns && !start.urgent) {
		/* Ordinary mail must wait: urgent mail behind it need not. */
		struct dispatch_start other = { dispatch_first(dispatch, lane, true) };
		if (other.job != NULL) {
			when = mono_earlier(when, dispatch_consider(dispatch, lane, &other));
			start = other;
		}
	}
	if (when.ns > now.ns) {
		dispatch_enter_timed(dispatch, lane, when);
		return LOOK_DONE;
	}
	return dispatch_start(dispatch, route, lane, &start);
}

/* When the job may start on the lane, sessions and the ledger aside. */
static struct mono dispatch_consider(
        struct dispatch *dispatch, struct dispatch_lane *lane, struct dispatch_start *start)
{
	const struct mono now = loop_now(&dispatch->shard->loop);
	struct throttle *throttle = lane->lane->throttle;

	start->urgent = schedule_is_urgent(dispatch->schedule, start->job);
	start->asked = false;
	start->weight.recipients = dispatch_recipients(lane, start->job, start->urgent, now);
	const enum throttle_reason reason =
	        throttle_look(throttle, now, start->urgent, start->weight.recipients);
	if (reason != THROTTLE_FREE && reason != THROTTLE_RECORD)
		return throttle_when(throttle, now, start->urgent, start->weight.recipients);
	/* Of a quota nothing is asked for as long as the mailbox could not use it. */
	const enum portion_reason weighed =
	        dispatch_weigh(dispatch, lane, start->job, start->urgent, &start->weight);
	start->asked = weighed == PORTION_ASKED;
	return weighed == PORTION_SHORT ? start->weight.until : now;
}

static enum dispatch_look dispatch_start(struct dispatch *dispatch, struct dispatch_route *route,
        struct dispatch_lane *lane, const struct dispatch_start *start)
{
	const struct mono now = loop_now(&dispatch->shard->loop);
	struct outbound *outbound = dispatch_pick(lane);
	struct admission admission = {
		.shares = &start->weight.shares,
		.probe = start->weight.probe,
	};

	if (lane->entry != NULL)
		ledger_look(&dispatch->ledger, lane->entry);
	if (outbound == NULL || dispatch_prefers_another(dispatch, route, lane, outbound))
		return dispatch_seek_session(dispatch, route, lane);
	if (start->asked) {
		lane->asks = start->weight.asks;
		dispatch_enter(dispatch, lane, DISPATCH_LANE_ASKING);
		return LOOK_COVERED;
	}
	/* All or none: what quotas have for it was looked at, and is taken with the rest. */
	const enum throttle_reason reason = throttle_admit(lane->lane->throttle, now, start->urgent,
	        start->weight.recipients, &admission.throttle);
	if (reason != THROTTLE_FREE)
		return LOOK_DONE; /* the record will stir it */
	admission.tries = gates_try(&dispatch->gates, lane->lane->route);
	portions_take(admission.shares);
	if (admission.probe != GATES_NONE)
		gates_try_recipient(&dispatch->gates, admission.probe);
	incidents_try(&dispatch->incidents, lane->lane, start->job->message,
	        dispatch_sender(lane, route, start->job->message));
	outbound_give(outbound, schedule_take(dispatch->schedule, start->job), &admission);
	if (lane->entry != NULL)
		ledger_look(&dispatch->ledger, lane->entry);
	return LOOK_STARTED;
}

/* By its hold; or while one message tries what a hold was for; or by a gate, whose news stir it. */
static struct mono dispatch_blocked_until(
        struct dispatch *dispatch, const struct dispatch_lane *lane, bool *blocked)
{
	const struct mono now = loop_now(&dispatch->shard->loop);

	*blocked = !lane_is_open(lane->lane, now);
	if (*blocked)
		return lane_hold_ends(lane->lane, now);
	struct mono until;
	*blocked = gates_look(&dispatch->gates, lane->lane->route, &until) == GATES_CLOSED;
	return until;
}

/* As many as the lane asks for in one transaction. */
static uint32_t dispatch_recipients(
        const struct dispatch_lane *lane, const struct job *job, bool urgent, struct mono now)
{
	const uint64_t limits[] = {
		lane->recipients_most,
		strikes_crowd_most(&lane->lane->throttle->strikes, now),
		throttle_recipients_most(lane->lane->throttle, urgent),
		job->at_once > 0 ? job->at_once : UINT64_MAX,
	};
	uint32_t recipients = job->owed_count;

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
		if (limits[i] < recipients)
			recipients = (uint32_t)limits[i];
	return recipients;
}

/* A ready session that has nothing to do, the longest first: one that was opened is used. Else the
 * one with the least in flight; NULL: none has room. */
static struct outbound *dispatch_pick(struct dispatch_lane *lane)
{
	const uint32_t count = lane->session_count;
	struct link *idle = list_first(&lane->lane->idle);
	struct outbound *best = NULL;

	/* One that has no room is about to end. */
	if (idle != NULL && outbound_room(container_of(idle, struct outbound, idle_link)) > 0)
		return container_of(idle, struct outbound, idle_link);
	for (uint32_t i = 0; i < count && i < DISPATCH_LOOK_MAX; i++) {
		struct outbound *outbound = lane->sessions[(lane->look_from + i) % count];
		if (outbound_room(outbound) > 0 &&
		        (best == NULL || outbound->train_count < best->train_count))
			best = outbound;
	}
	lane->look_from++;
	return best;
}

/* A mailbox's messages are submitted one after the other on a session, so each of the few that it
 * may have under way gets a session of its own. */
static bool dispatch_prefers_another(const struct dispatch *dispatch,
        const struct dispatch_route *route, const struct dispatch_lane *lane,
        const struct outbound *outbound)
{
	return lane->depth == 1 && outbound->train_count > 0 &&
	       lane->session_count < lane->sessions_max &&
	       route->session_count < route->sessions_max &&
	       lane_door_open(lane->lane, loop_now(&dispatch->shard->loop), lane->opening);
}

/* No session has room: another one is opened, or the lane waits for what is on its way. */
static enum dispatch_look dispatch_seek_session(
        struct dispatch *dispatch, struct dispatch_route *route, struct dispatch_lane *lane)
{
	const struct mono now = loop_now(&dispatch->shard->loop);

	if (lane->session_count == lane->sessions_max)
		return LOOK_DONE; /* an end of a message or a session will stir it */
	if (route->opening >= DISPATCH_OPENING_MAX) {
		dispatch_enter(dispatch, lane, DISPATCH_LANE_PLACELESS);
		return LOOK_COVERED;
	}
	if (dispatch_is_covered(dispatch, route, lane)) {
		if (lane->opening == 0 && lane->session_count == 0)
			dispatch_enter(dispatch, lane, DISPATCH_LANE_IDLE);
		return LOOK_COVERED;
	}
	if (!lane_door_open(lane->lane, now, lane->opening)) {
		dispatch_enter_timed(dispatch, lane, lane_door_opens(lane->lane, now));
		return LOOK_DONE;
	}
	if (route->session_count == route->sessions_max) {
		dispatch_enter(dispatch, lane, DISPATCH_LANE_PLACELESS);
		if (lane->session_count == 0)
			dispatch_make_place(route);
		return LOOK_DONE;
	}
	if (!dispatch_open(dispatch, route, lane))
		return LOOK_DONE; /* its addresses will stir it */
	return LOOK_STARTED;
}

/* Sessions on their way have room for all that waits. */
static bool dispatch_is_covered(const struct dispatch *dispatch, const struct dispatch_route *route,
        const struct dispatch_lane *lane)
{
	const struct schedule_reach *reach = &lane->lane->reach;
	const size_t depth = lane->depth;
	size_t shared = 0;
	size_t own = 0;

	for (uint32_t i = 0; i < reach->count; i++)
		*(reach->lines[i] < dispatch->route_count ? &shared : &own) +=
		        schedule_waiting(dispatch->schedule, reach->lines[i]);
	return own <= lane->opening * depth && shared <= route->opening * depth;
}

/* All of the route's sessions are taken: an idle one of a lane that has nothing to do gives way. It
 * does so in a later turn. */
static void dispatch_make_place(struct dispatch_route *route)
{
	list_each(link, &route->idle_standing) {
		struct dispatch_lane *lane = container_of(link, struct dispatch_lane, link);
		struct link *idle = list_first(&lane->lane->idle);
		if (idle == NULL)
			continue;
		outbound_retire(container_of(idle, struct outbound, idle_link));
		return;
	}
}
