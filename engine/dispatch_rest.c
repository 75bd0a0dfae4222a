#include "engine/dispatch.h"

#include "queue/base/check.h"

/* Mail that nobody may send for a while does not wait here, where it would keep the places of mail
 * that others could send: it goes back to the disk until then, with the reason.
 *
 * A hold says itself how long it is. A mailbox that has used up its day is asked again from time to
 * time, since less of what it sent may count than was thought. */
#define REST_LEAST_NS   (60 * NS_PER_S)
#define REST_LIMITED_NS (900 * NS_PER_S)
#define REST_JOBS_MAX   1024 /* a sweep: some us each; the rest in the next */

/* Why, and until when. */
struct rest {
	struct lane *lane; /* NULL: somebody may send it */
	struct mono until;
	bool held; /* else by the mailbox's limits, which are no matter for urgent mail */
};

static struct rest rest_of_route(const struct dispatch *dispatch, uint32_t route);
static struct rest rest_of_binding(const struct dispatch *dispatch, uint32_t binding);
static struct rest rest_of_line(const struct dispatch *dispatch, uint32_t line);
static uint32_t rest_list(
        struct dispatch *dispatch, struct list *list, const struct rest *rest, uint32_t budget);
static void rest_job(
        struct dispatch *dispatch, struct job *job, const struct rest *rest, bool shared);

bool dispatch_rest(struct dispatch *dispatch)
{
	uint32_t budget = REST_JOBS_MAX;

	for (uint32_t i = 0; i < dispatch->route_count; i++)
		dispatch->routes[i].resting = rest_of_route(dispatch, i).lane;
	for (uint32_t i = 0; i < dispatch->schedule->line_count && budget > 0; i++) {
		struct schedule_line *line = &dispatch->schedule->lines[i];
		const struct rest rest =
		        line->count > 0 ? rest_of_line(dispatch, i) : (struct rest){ 0 };

		for (uint32_t j = 0; j < dispatch->schedule->stream_count && rest.lane != NULL;
		        j++) {
			budget = rest_list(dispatch, &line->queues[j].back, &rest, budget);
			budget = rest_list(dispatch, &line->queues[j].waiting, &rest, budget);
		}
	}
	return budget == 0;
}

bool dispatch_rest_new(struct dispatch *dispatch, struct job *job, uint32_t line)
{
	const struct rest rest = rest_of_line(dispatch, line);

	if (rest.lane == NULL || dispatch->draining)
		return false;
	if (!rest.held && schedule_is_urgent(dispatch->schedule, job))
		return false;
	job_enter(job, JOB_SETTLING);
	rest_job(dispatch, job, &rest, line < dispatch->route_count);
	return true;
}

static bool rest_is_long(struct mono until, struct mono now)
{
	return until.ns - now.ns > REST_LEAST_NS;
}

/* When the lane may start, where its limits keep it back; else a time that is over. */
static struct mono rest_start(const struct dispatch *dispatch, const struct dispatch_lane *lane)
{
	if (lane->state != DISPATCH_LANE_TIMED)
		return (struct mono){ 0 };
	return (struct mono){ heap_key(&dispatch->timed, dispatch_lane_index(dispatch, lane)) };
}

/* All its lanes are held; the one that is free first. Looks at all of them: for a sweep. */
static struct rest rest_of_route(const struct dispatch *dispatch, uint32_t index)
{
	const struct dispatch_route *route = &dispatch->routes[index];
	const struct mono now = loop_now(&dispatch->shard->loop);
	struct rest rest = { .held = true };

	for (uint32_t i = 0; i < route->lane_count; i++) {
		struct lane *lane = route->lanes[i].lane;

		if (!rest_is_long(lane->hold.until, now))
			return (struct rest){ 0 };
		if (rest.lane == NULL || lane->hold.until.ns < rest.until.ns) {
			rest.lane = lane;
			rest.until = lane->hold.until;
		}
	}
	return rest;
}

/* Each of its mailboxes is held, or has used up what it may send. */
static struct rest rest_of_binding(const struct dispatch *dispatch, uint32_t binding)
{
	const struct dispatch_route *route =
	        &dispatch->routes[senders_route(dispatch->senders, binding)];
	const struct mono now = loop_now(&dispatch->shard->loop);
	struct rest rest = { .until = MONO_NEVER };
	uint32_t count;

	const uint16_t *identities = senders_identities(dispatch->senders, binding, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct dispatch_lane *lane = route->lane_of[identities[i]];

		if (lane == NULL)
			continue;
		const bool held = rest_is_long(lane->lane->hold.until, now);
		const struct mono start = rest_start(dispatch, lane);
		if (!held && !rest_is_long(start, now))
			return (struct rest){ 0 };
		struct mono until = lane->lane->hold.until;
		if (!held)
			until = mono_earlier(start, mono_after(now, REST_LIMITED_NS));
		if (until.ns < rest.until.ns)
			rest = (struct rest){ lane->lane, until, held };
	}
	return rest;
}

static struct rest rest_of_line(const struct dispatch *dispatch, uint32_t line)
{
	const uint32_t route = dispatch->schedule->lines[line].group;

	/* Where another route may take over at any time, what it can't carry waits here. */
	if (dispatch->routes[route].has_fallback && dispatch_is_out(dispatch, (uint16_t)route))
		return (struct rest){ 0 };
	if (line >= dispatch->route_count)
		return rest_of_binding(dispatch, line - dispatch->route_count);
	/* As the last sweep saw it: holds only grow, but for an operator's word. */
	struct lane *lane = dispatch->routes[line].resting;
	if (lane == NULL || !rest_is_long(lane->hold.until, loop_now(&dispatch->shard->loop)))
		return (struct rest){ 0 };
	return (struct rest){ lane, lane->hold.until, true };
}

/* Gives what is left of the budget. */
static uint32_t rest_list(
        struct dispatch *dispatch, struct list *list, const struct rest *rest, uint32_t budget)
{
	list_each_safe(link, list) {
		struct job *job = container_of(link, struct job, link);

		if (budget == 0)
			return 0;
		if (!rest->held && schedule_is_urgent(dispatch->schedule, job))
			continue;
		rest_job(dispatch, schedule_withdraw(dispatch->schedule, job), rest,
		        job->line < dispatch->route_count);
		budget--;
	}
	return budget;
}

static void rest_job(
        struct dispatch *dispatch, struct job *job, const struct rest *rest, bool shared)
{
	const struct loop *loop = &dispatch->shard->loop;

	if (rest->held) {
		judge_rest(dispatch->judge, rest->lane, job, shared);
		return;
	}
	const struct wall until = {
		loop_wall(loop).ms + (rest->until.ns - loop_now(loop).ns) / NS_PER_MS,
	};
	judge_rest_limited(dispatch->judge, job, until,
	        VIEW("the mailbox has sent as much as it may for now"));
}
