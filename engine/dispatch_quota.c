#include "engine/dispatch.h"
#include "engine/routing.h"
#include "queue/base/check.h"
#include "queue/base/date.h"

/* What goes out with the null sender (reports) is not counted (reference.md, 3.2). */
static bool dispatch_counts(const struct dispatch_route *route, const struct job *job)
{
	return route->quota != NULL && dispatch_sender(route, job).bytes > 0;
}

bool dispatch_put_off(
        struct dispatch *dispatch, const struct dispatch_route *route, struct job *job)
{
	const struct shard *shard = dispatch->shard;
	const struct mono now = loop_now(&shard->loop);
	const bool urgent = schedule_is_urgent(dispatch->schedule, job);
	char memory[DISPATCH_WHY_BYTES];
	struct text why = TEXT_ON(memory);

	if (!dispatch_counts(route, job) || !portion_is_empty(&route->quota->portion, now, urgent))
		return false;
	const struct routing_tally tally = routing_tally(shard->config, job);
	if (tally.external == 0 || tally.internal > 0)
		return false; /* some of it may go */
	const struct mono until =
	        portions_put_off(&dispatch->portions, route->quota, urgent, tally.external);
	const struct config_tenant *tenant = route->quota->tenant;
	text_format(&why,
	        "tenant %s has sent to as many external recipients as it may for now "
	        "(external_recipients_per_day, %llu)",
	        tenant->name, (unsigned long long)tenant->external_recipients_per_day.count);
	judge_rest_limited(dispatch->judge, schedule_withdraw(dispatch->schedule, job),
	        (struct wall){ loop_wall(&shard->loop).ms + (until.ns - now.ns) / NS_PER_MS + 1 },
	        text_view(&why));
	return true;
}

enum portion_reason dispatch_weigh(const struct dispatch *dispatch,
        const struct dispatch_route *route, const struct job *job, bool urgent,
        struct dispatch_weight *weight)
{
	weight->quota = NULL;
	weight->portion = (struct portion_ticket){ 0 };
	if (!dispatch_counts(route, job))
		return PORTION_FREE;
	const struct routing_tally tally = routing_tally(dispatch->shard->config, job);
	if (tally.external == 0)
		return PORTION_FREE;
	uint32_t external =
	        tally.external < weight->recipients ? tally.external : weight->recipients;
	const enum portion_reason reason = portion_look(&route->quota->portion,
	        loop_now(&dispatch->shard->loop), urgent, external, &weight->portion);
	weight->quota = route->quota;
	if (reason == PORTION_ASKED)
		return reason;
	/* The others go without those that there is no room for. */
	const uint32_t most = tally.internal + weight->portion.count;
	check(most > 0);
	if (most < weight->recipients)
		weight->recipients = most;
	return PORTION_FREE;
}

void dispatch_portioned(struct dispatch *dispatch, struct portion_sheet *sheet)
{
	struct portions_entry *entry = portions_told(&dispatch->portions, sheet);

	while (!list_is_empty(&entry->waiting))
		dispatch_wake(dispatch,
		        container_of(list_first(&entry->waiting), struct dispatch_lane, link));
}
