#include "engine/dispatch.h"
#include "engine/routing.h"
#include "queue/base/check.h"
#include "queue/base/date.h"

struct dispatch_tally {
	uint32_t internal;
	uint32_t external;
	uint32_t shut;  /* a recipient's gate; GATES_NONE */
	uint32_t probe; /* likewise, which the message may try */
};

static void dispatch_put_off_until(
        struct dispatch *dispatch, struct job *job, struct mono until, struct view why);
static struct dispatch_tally dispatch_tally(struct dispatch *dispatch, const struct job *job);
static uint32_t dispatch_sooner(const struct dispatch *dispatch, uint32_t one, uint32_t other);
static struct portions_entry *dispatch_empty(const struct dispatch *dispatch,
        const struct dispatch_lane *lane, const struct job *job, bool urgent);
static bool dispatch_counts(const struct dispatch *dispatch, const struct dispatch_lane *lane,
        const struct portions_entry *entry, const struct job *job);
static enum portion_reason dispatch_weigh_in(struct dispatch *dispatch,
        struct portions_entry *entry, const struct job *job, bool urgent,
        struct dispatch_weight *weight);
static void dispatch_wake_asking(struct dispatch *dispatch, struct portions_entry *entry);
static void dispatch_say_used_up(const struct quota_row *row, struct text *why);

static const struct portions_route *dispatch_quotas(
        const struct dispatch *dispatch, const struct dispatch_lane *lane)
{
	return &dispatch->portions.routes[lane->lane->route];
}

bool dispatch_put_off(struct dispatch *dispatch, const struct dispatch_lane *lane, struct job *job)
{
	struct gates *gates = &dispatch->gates;
	const bool urgent = schedule_is_urgent(dispatch->schedule, job);
	struct portions_entry *entry = dispatch_empty(dispatch, lane, job, urgent);
	char memory[DISPATCH_WHY_BYTES];
	struct text why = TEXT_ON(memory);

	if (entry == NULL && !gates_any_recipient(gates))
		return false;
	const struct dispatch_tally tally = dispatch_tally(dispatch, job);
	if (tally.internal > 0 || (tally.external > 0 && entry == NULL))
		return false; /* some of it may go */
	if (tally.external > 0) {
		dispatch_say_used_up(entry->row, &why);
		dispatch_put_off_until(dispatch, job,
		        portions_put_off(&dispatch->portions, entry, urgent, tally.external),
		        text_view(&why));
		return true;
	}
	if (tally.shut == GATES_NONE)
		return false; /* nobody is owed anything: that is for the transaction to find */
	const struct gates_entry *shut = &gates->entries[tally.shut];
	text_format(&why, "%.*s gets no more for now: %s", DISPATCH_WHY_BYTES / 2, shut->recipient,
	        shut->gate.text);
	dispatch_put_off_until(dispatch, job, gates_put_off(gates, tally.shut), text_view(&why));
	return true;
}

static void dispatch_put_off_until(
        struct dispatch *dispatch, struct job *job, struct mono until, struct view why)
{
	const struct loop *loop = &dispatch->shard->loop;
	const int64_t wait_ms = (until.ns - loop_now(loop).ns) / NS_PER_MS + 1;

	judge_rest_limited(dispatch->judge, schedule_withdraw(dispatch->schedule, job),
	        (struct wall){ loop_wall(loop).ms + wait_ms }, why);
}

/* Of its recipients that nothing is decided of, those that may be asked for; and of the others, one
 * whose gate opens first. */
static struct dispatch_tally dispatch_tally(struct dispatch *dispatch, const struct job *job)
{
	struct message_cursor at = message_recipients(job->message);
	const struct owed *owed = job_owed_const(job);
	struct dispatch_tally tally = { .shut = GATES_NONE, .probe = GATES_NONE };
	struct message_recipient recipient;

	for (size_t i = 0; i < job->owed_count; i++) {
		uint32_t gate;

		if (owed[i].outcome != OWED_PENDING)
			continue;
		const bool found = message_seek_recipient(&at, owed[i].index, &recipient);
		check(found);
		const enum gates_way way =
		        gates_look_recipient(&dispatch->gates, recipient.address, &gate);
		/* One at a time, so that it is clear who was taken. */
		if (way == GATES_PROBE && tally.probe == GATES_NONE)
			tally.probe = gate;
		else if (way != GATES_OPEN) {
			tally.shut = dispatch_sooner(dispatch, tally.shut, gate);
			continue;
		}
		if (routing_is_external(dispatch->shard->config, recipient.address))
			tally.external++;
		else
			tally.internal++;
	}
	return tally;
}

static uint32_t dispatch_sooner(const struct dispatch *dispatch, uint32_t one, uint32_t other)
{
	const struct gates_entry *entries = dispatch->gates.entries;

	if (one == GATES_NONE)
		return other;
	return entries[other].gate.until.ns < entries[one].gate.until.ns ? other : one;
}

static void dispatch_say_used_up(const struct quota_row *row, struct text *why)
{
	char memory[DISPATCH_WHY_BYTES];
	struct text name = TEXT_ON(memory);

	quota_plan_name(row, &name);
	text_format(why, "%s has sent to as many external recipients%s as it may for now",
	        text_string(&name),
	        row->unit == QUOTA_ONMICROSOFT ? " from onmicrosoft.com addresses" : "");
	if (row->settings.count == QUOTA_NONE)
		text_put(why, VIEW(", says the server"));
	else
		text_format(why, " (%s, %llu)", row->key, (unsigned long long)row->settings.count);
}

/* What its external recipients count in, and is used up; NULL: nothing. */
static struct portions_entry *dispatch_empty(const struct dispatch *dispatch,
        const struct dispatch_lane *lane, const struct job *job, bool urgent)
{
	const struct portions_route *of = dispatch_quotas(dispatch, lane);
	const struct mono now = loop_now(&dispatch->shard->loop);

	for (uint32_t i = 0; i < of->count; i++) {
		struct portions_entry *entry = of->entries[i];

		if (quota_unit_is_external(entry->row->unit) &&
		        portion_is_empty(&entry->portion, now, urgent) &&
		        dispatch_counts(dispatch, lane, entry, job))
			return entry;
	}
	return NULL;
}

/* What goes out with the null sender (reports) is not counted (reference.md, 3.2). */
static bool dispatch_counts(const struct dispatch *dispatch, const struct dispatch_lane *lane,
        const struct portions_entry *entry, const struct job *job)
{
	const struct dispatch_route *route = &dispatch->routes[lane->lane->route];

	if (entry->free)
		return false;
	switch (entry->row->unit) {
	case QUOTA_EXTERNAL:
		return dispatch_sender(lane, route, job->message).bytes > 0;
	case QUOTA_ONMICROSOFT:
		return routing_is_onmicrosoft(dispatch_sender(lane, route, job->message));
	default:
		return true;
	}
}

enum portion_reason dispatch_weigh(struct dispatch *dispatch, const struct dispatch_lane *lane,
        const struct job *job, bool urgent, struct dispatch_weight *weight)
{
	const struct portions_route *of = dispatch_quotas(dispatch, lane);

	weight->shares.count = 0;
	weight->probe = gates_any_recipient(&dispatch->gates) ? dispatch_tally(dispatch, job).probe
	                                                      : GATES_NONE;
	for (uint32_t i = 0; i < of->count; i++) {
		struct portions_entry *entry = of->entries[i];
		if (!dispatch_counts(dispatch, lane, entry, job))
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
static enum portion_reason dispatch_weigh_in(struct dispatch *dispatch,
        struct portions_entry *entry, const struct job *job, bool urgent,
        struct dispatch_weight *weight)
{
	const enum quota_unit unit = entry->row->unit;
	struct portions_share *share = &weight->shares.at[weight->shares.count];
	struct dispatch_tally tally = { 0 };
	uint32_t count = unit == QUOTA_RECIPIENTS ? weight->recipients : 1;

	if (quota_unit_is_external(unit)) {
		tally = dispatch_tally(dispatch, job);
		count = tally.external < weight->recipients ? tally.external : weight->recipients;
	}
	if (count == 0)
		return PORTION_FREE;
	*share = (struct portions_share){ .entry = entry };
	urgent &= unit != QUOTA_IN_FLIGHT; /* a place comes back soon, and serves any */
	const enum portion_reason reason =
	        portions_look(&dispatch->portions, entry, urgent, count, &share->ticket);
	weight->asks = entry;
	weight->until = entry->portion.short_until[urgent ? PORTION_URGENT : PORTION_ANY];
	if (reason == PORTION_ASKED || (reason == PORTION_SHORT && tally.internal == 0))
		return reason;
	weight->shares.count++;
	const uint32_t most = tally.internal + share->ticket.count;
	if ((quota_unit_is_external(unit) || unit == QUOTA_RECIPIENTS) && most < weight->recipients)
		weight->recipients = most;
	return PORTION_FREE;
}

void dispatch_portioned(struct dispatch *dispatch, struct portion_sheet *sheet)
{
	dispatch_wake_asking(dispatch, portions_told(&dispatch->portions, sheet));
}

void dispatch_wake_capped(struct dispatch *dispatch)
{
	/* Whoever waits has asked for more, so that it is busy. */
	list_each(link, &dispatch->portions.busy) {
		struct portions_entry *entry = container_of(link, struct portions_entry, link);
		if (entry->row->unit == QUOTA_IN_FLIGHT)
			dispatch_wake_asking(dispatch, entry);
	}
}

bool dispatch_has_places(const struct dispatch *dispatch)
{
	list_each(link, &dispatch->portions.busy) {
		const struct portions_entry *entry =
		        container_of(link, struct portions_entry, link);
		if (entry->row->unit == QUOTA_IN_FLIGHT && !list_is_empty(&entry->waiting) &&
		        portions_room(entry) > 0)
			return true;
	}
	return false;
}

/* Of those that wait for a place as many as there are places: they are many, and a place is given
 * back with each message. */
static void dispatch_wake_asking(struct dispatch *dispatch, struct portions_entry *entry)
{
	uint64_t left = entry->row->unit == QUOTA_IN_FLIGHT ? portions_room(entry) : UINT64_MAX;

	for (; left > 0 && !list_is_empty(&entry->waiting); left--)
		dispatch_wake(dispatch,
		        container_of(list_first(&entry->waiting), struct dispatch_lane, link));
}
