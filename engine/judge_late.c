#include "engine/judge_inner.h"

#include "queue/base/check.h"

/* When it was sent, by the shard's clock; never later than now. */
static struct mono late_sent(const struct judge *judge, const struct late_sheet *sheet)
{
	const struct loop *loop = &judge->shard->loop;
	const int64_t ago_ms = loop_wall(loop).ms - sheet->sent.ms;
	const int64_t most_ms = loop_now(loop).ns / NS_PER_MS;
	const int64_t ms = ago_ms < 0 ? 0 : ago_ms > most_ms ? most_ms : ago_ms;

	return (struct mono){ loop_now(loop).ns - ms * NS_PER_MS };
}

/* Whose name the mailbox may not send in: the reply or the envelope says it. */
static void late_denied(struct judge *judge, const struct lane *lane, struct judge_case *it,
        const struct late_sheet *sheet)
{
	const struct config_route *route = &judge->shard->config->routes.at[lane->route];
	const struct incidents_names names = { .sender = view_of(sheet->sender) };
	struct text name = TEXT_ON(it->own_memory);

	if (it->verdict.cause != CAUSE_SEND_AS_DENIED || route->identities.count == 0)
		return;
	text_put(&name,
	        incidents_names_blame(&names, view_of(route->identities.at[lane->identity].user),
	                it->reply->whole));
	it->denied = text_view(&name);
}

void judge_late(struct judge *judge, struct lane *lane, const struct late_sheet *sheet)
{
	const struct mono now = loop_now(&judge->shard->loop);
	struct judge_case it;

	if (!judge_case_repeat(&it, STAGE_ANY, view_of(sheet->reply), VIEW("")))
		return;
	late_denied(judge, lane, &it, sheet);
	it.late = true;
	it.began = late_sent(judge, sheet);
	const enum judge_gate gate = judge_gate_of(&it);
	if (gate != GATE_LANE && gate != GATE_ROUTE && gate != GATE_PAIR)
		return; /* no session failed, and no sign-in */
	const struct judge_origin origin = { .began = it.began, .late = true };
	if (gate == GATE_ROUTE && judge_exhaust(judge, lane, &it, &origin))
		return;
	/* What was sent before the last hold began is that hold's own news. */
	if (gate != GATE_PAIR && lane->epoch > 0 && origin.began.ns <= lane->held.ns) {
		if (!lane_is_open(lane, now))
			judge_count(judge, lane, &it, gate == GATE_ROUTE);
		return;
	}
	(void)judge_lane(judge, lane, &it, NULL);
}
