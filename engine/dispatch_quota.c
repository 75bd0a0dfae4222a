#include "engine/dispatch.h"
#include "engine/routing.h"
#include "queue/base/check.h"
#include "queue/base/date.h"

static struct portions_entry *dispatch_external(
        const struct dispatch *dispatch, const struct dispatch_route *route, const struct job *job);
static enum portion_reason dispatch_weigh_in(const struct dispatch *dispatch,
        struct portions_entry *entry, const struct job *job, bool urgent,
        struct dispatch_weight *weight);
static void dispatch_wake_asking(struct dispatch *dispatch, struct portions_entry *entry);
static void dispatch_say_used_up(const struct quota_row *row, struct text *why);

static const struct portions_route *dispatch_quotas(
        const struct dispatch *dispatch, const struct dispatch_route *route)
{
	return &dispatch->portions.routes[route - dispatch->routes];
}

bool dispatch_put_off(
        struct dispatch *dispatch, const struct dispatch_route *route, struct job *job)
{
	const struct shard *shard = dispatch->shard;
	const struct mono now = loop_now(&shard->loop);
	const bool urgent = schedule_is_urgent(dispatch->schedule, job);
	struct portions_entry *entry = dispatch_external(dispatch, route, job);
	char memory[DISPATCH_WHY_BYTES];
	struct text why = TEXT_ON(memory);

	if (entry == NULL || !portion_is_empty(&entry->portion, now, urgent))
		return false;
	const struct routing_tally tally = routing_tally(shard->config, job);
	if (tally.external == 0 || tally.internal > 0)
		return false; /* some of it may go */
	const struct mono until =
	        portions_put_off(&dispatch->portions, entry, urgent, tally.external);
	dispatch_say_used_up(entry->row, &why);
	judge_rest_limited(dispatch->judge, schedule_withdraw(dispatch->schedule, job),
	        (struct wall){ loop_wall(&shard->loop).ms + (until.ns - now.ns) / NS_PER_MS + 1 },
	        text_view(&why));
	return true;
}

static void dispatch_say_used_up(const struct quota_row *row, struct text *why)
{
	char memory[DISPATCH_WHY_BYTES];
	struct text name = TEXT_ON(memory);

	quota_plan_name(row, &name);
	text_format(why, "%s has sent to as many external recipients as it may for now",
	        text_string(&name));
	if (row->settings.count == QUOTA_NONE)
		text_put(why, VIEW(", says the server"));
	else
		text_format(why, " (%s, %llu)", row->key, (unsigned long long)row->settings.count);
}

/* What its external recipients count in; NULL: nothing. What goes out with the null sender
 * (reports) is not counted (reference.md, 3.2). */
static struct portions_entry *dispatch_external(
        const struct dispatch *dispatch, const struct dispatch_route *route, const struct job *job)
{
	const struct portions_route *of = dispatch_quotas(dispatch, route);

	for (uint32_t i = 0; i < of->count; i++)
		if (of->entries[i]->row->unit == QUOTA_EXTERNAL && !of->entries[i]->free)
			return dispatch_sender(route, job).bytes > 0 ? of->entries[i] : NULL;
	return NULL;
}

enum portion_reason dispatch_weigh(const struct dispatch *dispatch,
        const struct dispatch_route *route, const struct job *job, bool urgent,
        struct dispatch_weight *weight)
{
	const struct portions_route *of = dispatch_quotas(dispatch, route);

	weight->shares.count = 0;
	for (uint32_t i = 0; i < of->count; i++) {
		struct portions_entry *entry = of->entries[i];
		if (entry->row->unit == QUOTA_EXTERNAL &&
		        entry != dispatch_external(dispatch, route, job))
			continue;
		const enum portion_reason reason =
		        dispatch_weigh_in(dispatch, entry, job, urgent, weight);
		if (reason != PORTION_FREE)
			return reason;
	}
	/* One that has room for fewer leaves the others with more than they need. */
	for (uint32_t i = 0; i < weight->shares.count; i++)
		if (weight->shares.at[i].ticket.count > weight->recipients)
			weight->shares.at[i].ticket.count = weight->recipients;
	return PORTION_FREE;
}

/* It may lower weight->recipients: the others go without those that there is no room for. */
static enum portion_reason dispatch_weigh_in(const struct dispatch *dispatch,
        struct portions_entry *entry, const struct job *job, bool urgent,
        struct dispatch_weight *weight)
{
	const enum quota_unit unit = entry->row->unit;
	struct portions_share *share = &weight->shares.at[weight->shares.count];
	struct routing_tally tally = { 0 };
	uint32_t count = unit == QUOTA_RECIPIENTS ? weight->recipients : 1;

	if (unit == QUOTA_EXTERNAL) {
		tally = routing_tally(dispatch->shard->config, job);
		count = tally.external < weight->recipients ? tally.external : weight->recipients;
	}
	if (count == 0)
		return PORTION_FREE;
	*share = (struct portions_share){ .entry = entry };
	urgent &= unit != QUOTA_IN_FLIGHT; /* a place comes back soon, and serves any */
	const enum portion_reason reason = portion_look(
	        &entry->portion, loop_now(&dispatch->shard->loop), urgent, count, &share->ticket);
	weight->asks = entry;
	weight->until = entry->portion.short_until[urgent ? PORTION_URGENT : PORTION_ANY];
	if (reason == PORTION_ASKED || (reason == PORTION_SHORT && tally.internal == 0))
		return reason;
	weight->shares.count++;
	const uint32_t most = tally.internal + share->ticket.count;
	if ((unit == QUOTA_EXTERNAL || unit == QUOTA_RECIPIENTS) && most < weight->recipients)
		weight->recipients = most;
	return PORTION_FREE;
}

void dispatch_portioned(struct dispatch *dispatch, struct portion_sheet *sheet)
{
	dispatch_wake_asking(dispatch, portions_told(&dispatch->portions, sheet));
}

void dispatch_wake_capped(struct dispatch *dispatch)
{
	for (uint32_t i = 0; i < dispatch->portions.count; i++)
		if (dispatch->portions.entries[i].row->unit == QUOTA_IN_FLIGHT)
			dispatch_wake_asking(dispatch, &dispatch->portions.entries[i]);
}

static void dispatch_wake_asking(struct dispatch *dispatch, struct portions_entry *entry)
{
	while (!list_is_empty(&entry->waiting) && portions_has_room(entry))
		dispatch_wake(dispatch,
		        container_of(list_first(&entry->waiting), struct dispatch_lane, link));
}
