#include "engine/dispatch.h"
#include "engine/routing.h"
#include "queue/base/check.h"

static bool dispatch_find_refuge(const struct dispatch *dispatch, uint16_t route, uint16_t *refuge);
static bool dispatch_may_probe(const struct dispatch *dispatch, const struct dispatch_route *route);
static bool dispatch_can_divert(
        const struct dispatch *dispatch, const struct job *job, uint16_t refuge);
static void dispatch_divert_line(
        struct dispatch *dispatch, uint32_t line, uint16_t refuge, bool *probe);
static void dispatch_divert_list(
        struct dispatch *dispatch, struct list *list, uint16_t refuge, bool *probe);
static void dispatch_tell(struct dispatch *dispatch, uint16_t route, uint16_t refuge);

void dispatch_divert(struct dispatch *dispatch)
{
	for (uint16_t i = 0; i < dispatch->route_count; i++) {
		const struct dispatch_route *route = &dispatch->routes[i];
		uint16_t refuge;

		if (!route->has_fallback || !dispatch_is_out(dispatch, i) ||
		        !dispatch_find_refuge(dispatch, i, &refuge))
			continue;
		dispatch_tell(dispatch, i, refuge);
		/* One stays to find out whether the route is back. */
		bool probe = dispatch_may_probe(dispatch, route);
		for (uint32_t line = 0; line < dispatch->schedule->line_count; line++)
			if (dispatch->schedule->lines[line].group == i)
				dispatch_divert_line(dispatch, line, refuge, &probe);
	}
}

static void dispatch_divert_line(
        struct dispatch *dispatch, uint32_t line, uint16_t refuge, bool *probe)
{
	const struct schedule_line *at = &dispatch->schedule->lines[line];

	for (uint32_t i = 0; i < dispatch->schedule->stream_count && at->count > 0; i++) {
		dispatch_divert_list(dispatch, &at->queues[i].back, refuge, probe);
		dispatch_divert_list(dispatch, &at->queues[i].waiting, refuge, probe);
	}
}

static void dispatch_divert_list(
        struct dispatch *dispatch, struct list *list, uint16_t refuge, bool *probe)
{
	list_each_safe(link, list) {
		struct job *job = container_of(link, struct job, link);

		if (*probe) {
			*probe = false;
			continue;
		}
		if (!dispatch_can_divert(dispatch, job, refuge))
			continue;
		job = schedule_withdraw(dispatch->schedule, job);
		judge_divert(dispatch->judge, job, refuge);
	}
}

bool dispatch_divert_new(struct dispatch *dispatch, struct job *job)
{
	const struct dispatch_route *route = &dispatch->routes[job->route];
	uint16_t refuge;

	if (dispatch->draining || !dispatch_is_out(dispatch, job->route) ||
	        !dispatch_find_refuge(dispatch, job->route, &refuge))
		return false;
	if ((!schedule_group_waits(dispatch->schedule, job->route) &&
	            dispatch_may_probe(dispatch, route)) ||
	        !dispatch_can_divert(dispatch, job, refuge))
		return false;
	dispatch_tell(dispatch, job->route, refuge);
	job_enter(job, JOB_SETTLING);
	judge_divert(dispatch->judge, job, refuge);
	return true;
}

bool dispatch_is_out(const struct dispatch *dispatch, uint16_t route)
{
	return outage_is_on(&dispatch->outages[route], loop_now(&dispatch->shard->loop),
	        dispatch->routes[route].target.route->fallback_after_ns);
}

/* The next of the chain that is not out, as far as this shard knows. False: all are. */
static bool dispatch_find_refuge(const struct dispatch *dispatch, uint16_t route, uint16_t *refuge)
{
	const struct dispatch_route *at = &dispatch->routes[route];

	/* The configuration's check has seen to it that the chain ends. */
	while (at->has_fallback) {
		*refuge = at->fallback;
		if (!dispatch_is_out(dispatch, *refuge))
			return true;
		at = &dispatch->routes[*refuge];
	}
	return false;
}

/* Both gates of a lane are open, and nothing is being tried. */
static bool dispatch_may_probe(const struct dispatch *dispatch, const struct dispatch_route *route)
{
	const struct mono now = loop_now(&dispatch->shard->loop);
	bool open = false;

	if (route->opening > 0)
		return false;
	for (uint32_t i = 0; i < route->lane_count; i++) {
		const struct lane *lane = route->lanes[i].lane;

		if (lane->in_flight > 0)
			return false;
		open |= lane_is_open(lane, now) && lane_door_open(lane, now, 0);
	}
	return open;
}

static bool dispatch_can_divert(
        const struct dispatch *dispatch, const struct job *job, uint16_t refuge)
{
	const struct config *config = dispatch->shard->config;
	const struct view sender = message_get(job->message, MESSAGE_SENDER);
	struct message_cursor at = message_recipients(job->message);
	const struct owed *owed = job_owed_const(job);
	struct message_recipient recipient;

	for (size_t i = 0; i < job->owed_count; i++) {
		if (owed_is_ended(owed[i].outcome))
			continue;
		check(message_seek_recipient(&at, owed[i].index, &recipient));
		if (routing_carries(config, refuge, sender, recipient.address))
			return true;
	}
	return false;
}

/* Once for each time. */
static void dispatch_tell(struct dispatch *dispatch, uint16_t route, uint16_t refuge)
{
	const struct config_routes *routes = &dispatch->shard->config->routes;
	struct outage *outage = &dispatch->outages[route];

	if (outage->told)
		return;
	outage->told = true;
	struct log_line line = log_begin(dispatch->shard->log, LOG_WARNING, "route_out");
	log_word(&line, "route", routes->at[route].name);
	log_word(&line, "fallback", routes->at[refuge].name);
	log_word(&line, "reason", outage->refused ? "refused" : "unreachable");
	log_word(&line, "advice",
	        "Mail takes the fallback; new mail tries the route again from time to time.");
	log_end(&line);
}
