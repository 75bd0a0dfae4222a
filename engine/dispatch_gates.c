#include "engine/dispatch.h"

static void dispatch_close_route(
        struct dispatch *dispatch, struct dispatch_route *route, const struct gate *gate);
static void dispatch_open_route(struct dispatch_route *route);

void dispatch_gate_news(struct dispatch *dispatch, const struct gate_news *news)
{
	const bool opened = gates_hear(&dispatch->gates, news);

	if (news->index >= gate_plan_count(dispatch->shard->config))
		return; /* a recipient's is no lane's matter */
	if (news->gate.closed)
		portions_heed(&dispatch->portions, news->index);
	for (uint16_t i = 0; i < dispatch->route_count; i++) {
		struct dispatch_route *route = &dispatch->routes[i];

		if (!gate_plan_has(dispatch->shard->config, news->index, i))
			continue;
		if (news->gate.closed && news->gate.elsewhere)
			outage_refuse(&dispatch->outages[i]);
		if (opened) {
			(void)outage_end(&dispatch->outages[i]);
			incidents_opened(&dispatch->incidents, i);
			dispatch_open_route(route);
		} else if (news->gate.closed) {
			dispatch_close_route(dispatch, route, &news->gate);
		}
	}
}

static void dispatch_close_route(
        struct dispatch *dispatch, struct dispatch_route *route, const struct gate *gate)
{
	const struct loop *loop = &dispatch->shard->loop;
	const struct reply_note note = gate_note(gate);

	for (uint32_t i = 0; i < route->lane_count; i++) {
		struct lane *lane = route->lanes[i].lane;

		if (gate->doubted) /* a report may speak of what was sent since it closed */
			lane_await(lane, gate->until);
		else
			lane_close(lane, loop_now(loop), gate->until);
		if (lane->gated)
			lane_say(lane, loop_now(loop), loop_wall(loop), &note);
	}
}

static void dispatch_open_route(struct dispatch_route *route)
{
	route->resting = NULL;
	/* Where another gate is closed too, they wait for that. */
	for (uint32_t i = 0; i < route->lane_count; i++) {
		lane_reopen(route->lanes[i].lane);
		lane_stir(route->lanes[i].lane);
	}
}
