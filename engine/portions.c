#include "engine/portions.h"

#include "queue/base/check.h"

#include <stdlib.h>

static bool portions_wants(const struct portions_entry *entry);
static void portions_tell(struct portions *portions, struct portions_entry *entry, bool back);
static void portions_ask(const struct portions_entry *entry, struct portion_sheet *sheet);
static int64_t portions_tell_ns(const struct portions_entry *entry);
static void portions_timer_expired(struct timer *timer);

struct err portions_init(struct portions *portions, struct shard *shard)
{
	const struct config_tenants *tenants = &shard->config->tenants;

	*portions = (struct portions){ .shard = shard, .timer.expired = portions_timer_expired };
	if (tenants->count == 0)
		return err_ok();
	portions->entries = calloc(tenants->count, sizeof *portions->entries);
	if (portions->entries == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	for (size_t i = 0; i < tenants->count; i++) {
		if (tenants->at[i].external_recipients_per_day.count == LIMIT_NONE)
			continue;
		struct portions_entry *entry = &portions->entries[portions->count++];
		entry->tenant = &tenants->at[i];
		entry->sheet.tenant = (uint16_t)i;
		entry->tell_at = MONO_NEVER;
		list_init(&entry->waiting);
	}
	return err_ok();
}

void portions_finish(struct portions *portions)
{
	if (portions->shard == NULL)
		return;
	loop_timer_stop(&portions->shard->loop, &portions->timer);
	free(MOVE(portions->entries));
}

struct portions_entry *portions_of(struct portions *portions, const struct config_route *route)
{
	const struct config_tenant *tenant = config_route_quota(route);

	for (uint32_t i = 0; tenant != NULL && i < portions->count; i++)
		if (portions->entries[i].tenant == tenant)
			return &portions->entries[i];
	return NULL;
}

void portions_end(struct portions_entry *entry, struct mono now, struct portion_ticket *ticket,
        uint32_t counted)
{
	if (ticket->count == 0)
		return;
	portion_end(&entry->portion, ticket, counted);
	if (entry->tell_at.ns == MONO_NEVER.ns)
		entry->tell_at = mono_after(now, portions_tell_ns(entry));
}

struct mono portions_put_off(
        struct portions *portions, struct portions_entry *entry, bool urgent, uint32_t count)
{
	struct shard *shard = portions->shard;
	const struct config_limit *limit = &entry->tenant->external_recipients_per_day;
	const struct mono now = loop_now(&shard->loop);
	const struct mono most = mono_after(now, PORTIONS_PUT_OFF_MOST_NS);
	/* The other shards have mail that waits too. */
	const double apart_ns = (double)limit->period_ns / (double)limit->count *
	                        (double)shard->config->threads.delivery * count;
	const struct mono first = entry->portion.short_until[urgent ? PORTION_URGENT : PORTION_ANY];

	if (entry->turn.ns < first.ns)
		entry->turn = first;
	if (entry->turn.ns >= most.ns)
		return mono_after(
		        now, PORTIONS_PUT_OFF_MOST_NS / 2 + (int64_t)random_below(&shard->random,
		                                                    PORTIONS_PUT_OFF_MOST_NS / 2));
	const struct mono turn = entry->turn;
	entry->turn = mono_after(turn, (int64_t)apart_ns);
	return turn;
}

void portions_resume(struct portions *portions)
{
	for (uint32_t i = 0; i < portions->count; i++)
		portion_resume(&portions->entries[i].portion);
}

void portions_work(struct portions *portions)
{
	struct shard *shard = portions->shard;
	const struct mono now = loop_now(&shard->loop);
	struct mono next = MONO_NEVER;

	if (portions->count == 0 || shard->drained)
		return;
	for (uint32_t i = 0; i < portions->count; i++) {
		struct portions_entry *entry = &portions->entries[i];
		const bool due = mono_reached(now, entry->tell_at);

		if (entry->asking)
			continue; /* its answer makes another turn */
		if (due)
			portions_tell(portions, entry, portion_rest(&entry->portion));
		else if (portions_wants(entry))
			portions_tell(portions, entry, false);
		if (!entry->asking)
			next = mono_earlier(next, entry->tell_at);
	}
	loop_timer_set(&shard->loop, &portions->timer, next);
}

static bool portions_wants(const struct portions_entry *entry)
{
	return entry->portion.wanted[PORTION_ANY] > 0 || entry->portion.wanted[PORTION_URGENT] > 0;
}

/* `back`: what is in the pots goes back. */
static void portions_tell(struct portions *portions, struct portions_entry *entry, bool back)
{
	struct shard *shard = portions->shard;
	struct portion_sheet *sheet = &entry->sheet;
	const struct letter letter = { .kind = LETTER_PORTION, .portion = sheet };

	sheet->back = back ? portion_empty(&entry->portion) : 0;
	sheet->spent = entry->portion.spent;
	entry->portion.spent = 0;
	portions_ask(entry, sheet);
	const bool left = entry->portion.pots[PORTION_ANY] > 0 ||
	                  entry->portion.pots[PORTION_URGENT] > 0 || sheet->needed > 0;
	entry->tell_at =
	        left ? mono_after(loop_now(&shard->loop), portions_tell_ns(entry)) : MONO_NEVER;
	if (sheet->back == 0 && sheet->spent == 0 && sheet->needed == 0)
		return;
	entry->asking = true;
	const bool put = mailbox_put(shard->spooler.out, &letter);
	check(put); /* there is room for all sheets */
}

/* For urgent mail first: it has but little to wait for. */
static void portions_ask(const struct portions_entry *entry, struct portion_sheet *sheet)
{
	const uint32_t *wanted = entry->portion.wanted;
	uint64_t ahead = entry->tenant->external_recipients_per_day.count / PORTIONS_AHEAD_OF;

	if (ahead > PORTIONS_AHEAD_MOST)
		ahead = PORTIONS_AHEAD_MOST;
	sheet->pot = wanted[PORTION_URGENT] > 0 ? PORTION_URGENT : PORTION_ANY;
	sheet->needed = wanted[sheet->pot];
	sheet->most = sheet->needed > 0 ? sheet->needed + ahead : 0;
	sheet->granted = 0;
	sheet->until = (struct mono){ 0 };
}

static int64_t portions_tell_ns(const struct portions_entry *entry)
{
	const int64_t part =
	        entry->tenant->external_recipients_per_day.period_ns / PORTIONS_TELL_OF;

	return part < PORTIONS_TELL_LEAST_NS  ? PORTIONS_TELL_LEAST_NS
	       : part > PORTIONS_TELL_MOST_NS ? PORTIONS_TELL_MOST_NS
	                                      : part;
}

struct portions_entry *portions_told(struct portions *portions, struct portion_sheet *sheet)
{
	struct portions_entry *entry = container_of(sheet, struct portions_entry, sheet);

	check(entry->asking);
	entry->asking = false;
	if (sheet->needed > 0)
		portion_grant(
		        &entry->portion, sheet->pot, sheet->granted, sheet->needed, sheet->until);
	if (sheet->granted < sheet->needed)
		entry->turn = sheet->until;
	if (entry->tell_at.ns == MONO_NEVER.ns && entry->portion.spent > 0)
		entry->tell_at =
		        mono_after(loop_now(&portions->shard->loop), portions_tell_ns(entry));
	return entry;
}

bool portions_close(struct portions *portions)
{
	bool closed = true;

	for (uint32_t i = 0; i < portions->count; i++) {
		struct portions_entry *entry = &portions->entries[i];
		const struct portion *portion = &entry->portion;

		check(portion->open == 0);
		if (!entry->asking &&
		        (portion->pots[PORTION_ANY] > 0 || portion->pots[PORTION_URGENT] > 0 ||
		                portion->spent > 0)) {
			memset(entry->portion.wanted, 0, sizeof entry->portion.wanted);
			portions_tell(portions, entry, true);
		}
		closed &= !entry->asking;
	}
	return closed;
}

static void portions_timer_expired(struct timer *timer)
{
	(void)timer; /* it is enough that the loop turned: portions_work() looks again */
}
