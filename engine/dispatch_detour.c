#include "engine/dispatch.h"
#include "engine/routing.h"
#include "queue/base/check.h"

/* What other shards' mailboxes may send comes back soon, for one of them to get. */
#define DETOUR_ELSEWHERE_S 30

/* A job that a mailbox may not send, and who else may. */
struct detour {
	struct dispatch_route *route;
	const struct message *message;
	uint32_t binding; /* of the sender; SENDERS_ANY, also where none of this shard is bound */
	uint32_t own;     /* the line of the other's own name */
	int64_t bar_ns;   /* until the first of its mailboxes may try again; 0: not known */
};

static void dispatch_detour(struct dispatch *dispatch, struct dispatch_lane *lane, struct job *job);
static bool dispatch_is_bound_here(const struct dispatch *dispatch, uint32_t binding);
static struct dispatch_lane *dispatch_find_other(
        const struct dispatch *dispatch, const struct dispatch_lane *barred, struct detour *detour);
static bool dispatch_reaches(const struct dispatch_lane *lane, uint32_t line);
static void dispatch_postpone(struct dispatch *dispatch, const struct dispatch_lane *lane,
        struct job *job, const struct detour *detour);

struct view dispatch_sender(const struct dispatch_lane *lane, const struct dispatch_route *route,
        const struct message *message)
{
	return routing_sender(route->target.route, lane->identity, message);
}

struct job *dispatch_first(struct dispatch *dispatch, struct dispatch_lane *lane, bool urgent_only)
{
	const struct dispatch_route *route = &dispatch->routes[lane->lane->route];
	struct job *job;

	/* Each one that is barred or put off leaves the lane's reach. */
	while ((job = schedule_first(dispatch->schedule, lane->lane->reach, urgent_only)) != NULL) {
		if (incidents_bar_ns(&dispatch->incidents, lane->lane, job->message,
		            dispatch_sender(lane, route, job->message)) > 0)
			dispatch_detour(dispatch, lane, job);
		else if (!dispatch_put_off(dispatch, lane, job))
			break;
	}
	return job;
}

/* To the mailbox that has least to do of those that may send it; or it waits. */
static void dispatch_detour(struct dispatch *dispatch, struct dispatch_lane *lane, struct job *job)
{
	struct dispatch_route *route = &dispatch->routes[lane->lane->route];
	struct detour detour = {
		.route = route,
		.message = job->message,
	};

	detour.binding =
	        senders_bind(dispatch->senders, dispatch->shard->config, job->route, job->message);
	if (detour.binding != SENDERS_ANY && !dispatch_is_bound_here(dispatch, detour.binding))
		detour.binding = SENDERS_ANY;
	struct dispatch_lane *other = dispatch_find_other(dispatch, lane, &detour);
	if (other == NULL) {
		dispatch_postpone(dispatch, lane, job, &detour);
		return;
	}
	check(other != lane);
	schedule_move(dispatch->schedule, detour.own, job);
	if (other->state == DISPATCH_LANE_IDLE)
		dispatch_wake(dispatch, other);
}

static bool dispatch_is_bound_here(const struct dispatch *dispatch, uint32_t binding)
{
	const struct dispatch_route *route =
	        &dispatch->routes[senders_route(dispatch->senders, binding)];
	uint32_t count;

	const uint16_t *identities = senders_identities(dispatch->senders, binding, &count);
	for (uint32_t i = 0; i < count; i++)
		if (route->lane_of[identities[i]] != NULL)
			return true;
	return false;
}

/* One whose gates are open comes first; and it must be one whose name the barred one does not send
 * in too. NULL: none may send it now. */
static struct dispatch_lane *dispatch_find_other(
        const struct dispatch *dispatch, const struct dispatch_lane *barred, struct detour *detour)
{
	const uint16_t route = (uint16_t)(detour->route - dispatch->routes);
	const struct mono now = loop_now(&dispatch->shard->loop);
	const uint32_t line =
	        detour->binding == SENDERS_ANY ? route : dispatch->route_count + detour->binding;
	struct dispatch_lane *best = NULL;
	bool best_open = false;

	for (uint32_t i = 0; i < detour->route->lane_count; i++) {
		struct dispatch_lane *lane = &detour->route->lanes[i];

		if (!dispatch_reaches(lane, line))
			continue;
		const int64_t bar_ns = incidents_bar_ns(&dispatch->incidents, lane->lane,
		        detour->message, dispatch_sender(lane, detour->route, detour->message));
		if (bar_ns > 0 && (detour->bar_ns == 0 || bar_ns < detour->bar_ns))
			detour->bar_ns = bar_ns;
		const uint32_t own = dispatch->route_count + senders_find(dispatch->senders, route,
		                                                     view_of(lane->identity->user));
		if (bar_ns > 0 || dispatch_reaches(barred, own))
			continue;
		const bool open = lane_is_open(lane->lane, now) &&
		                  lane_door_open(lane->lane, now, lane->opening);
		if (best == NULL || (open && !best_open) ||
		        (open == best_open && lane->lane->in_flight < best->lane->in_flight)) {
			best = lane;
			best_open = open;
			detour->own = own;
		}
	}
	return best;
}

static bool dispatch_reaches(const struct dispatch_lane *lane, uint32_t line)
{
	const struct schedule_reach *reach = &lane->lane->reach;

	for (uint32_t i = 0; i < reach->count; i++)
		if (reach->lines[i] == line)
			return true;
	return false;
}

/* Nobody is to blame for that, least of all the message. */
static void dispatch_postpone(struct dispatch *dispatch, const struct dispatch_lane *lane,
        struct job *job, const struct detour *detour)
{
	const bool elsewhere =
	        detour->route->lane_count < detour->route->target.route->identities.count;
	int64_t wait_s = detour->bar_ns > 0 ? detour->bar_ns / NS_PER_S + 1 : DETOUR_ELSEWHERE_S;
	struct judge_case it;

	if (wait_s > DETOUR_ELSEWHERE_S && elsewhere)
		wait_s = DETOUR_ELSEWHERE_S;
	judge_case_say(&it, STAGE_MAIL,
	        incidents_words(&dispatch->incidents, lane->lane, detour->message,
	                dispatch_sender(lane, detour->route, detour->message)));
	judge_postpone(dispatch->judge, job, &it, (int32_t)wait_s);
}
