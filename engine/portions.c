#include "engine/portions.h"

#include "queue/base/check.h"

#include <stdlib.h>

static void portions_stir(struct portions *portions, struct portions_entry *entry);
static struct mono portions_work_on(struct portions *portions, struct portions_entry *entry);
static bool portions_wants(const struct portions_entry *entry);
static void portions_tell(struct portions *portions, struct portions_entry *entry, bool back);
static void portions_ask(const struct portions *portions, const struct portions_entry *entry,
        struct portion_sheet *sheet);
static uint64_t portions_fair(const struct portions *portions, const struct portions_entry *entry);
static int64_t portions_tell_ns(const struct portions_entry *entry);
static void portions_timer_expired(struct timer *timer);

struct err portions_init(struct portions *portions, struct shard *shard)
{
	const struct config *config = shard->config;
	const struct quota_plan *plan = config->quotas;

	*portions = (struct portions){ .shard = shard, .timer.expired = portions_timer_expired };
	list_init(&portions->busy);
	portions->entries = calloc(plan->count + 1, sizeof *portions->entries);
	portions->routes = calloc(config->routes.count, sizeof *portions->routes);
	if (portions->entries == NULL || portions->routes == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	portions->count = plan->count;
	for (uint32_t i = 0; i < plan->count; i++) {
		struct portions_entry *entry = &portions->entries[i];

		entry->row = &plan->rows[i];
		/* Whether a rate was learned before is for the spooler to say. */
		entry->free = quota_unit_is_external(entry->row->unit) &&
		              entry->row->settings.count == QUOTA_NONE;
		entry->sheet.quota = i;
		entry->tell_at = MONO_NEVER;
		list_init(&entry->waiting);
		for (uint16_t at = 0; at < config->routes.count; at++) {
			struct portions_route *route = &portions->routes[at];

			if (!quota_plan_has(config, entry->row, at))
				continue;
			check(route->count < QUOTA_PLAN_OF_ROUTE);
			route->entries[route->count++] = entry;
		}
	}
	return err_ok();
}

void portions_finish(struct portions *portions)
{
	if (portions->shard == NULL)
		return;
	loop_timer_stop(&portions->shard->loop, &portions->timer);
	free(MOVE(portions->entries));
	free(MOVE(portions->routes));
}

static bool portions_is_cap(const struct portions_entry *entry)
{
	return entry->row->unit == QUOTA_IN_FLIGHT;
}

uint64_t portions_room(const struct portions_entry *entry)
{
	return entry->portion.pots[PORTION_ANY] + entry->portion.pots[PORTION_URGENT];
}

enum portion_reason portions_look(struct portions *portions, struct portions_entry *entry,
        bool urgent, uint32_t count, struct portion_ticket *ticket)
{
	const enum portion_reason reason = portion_look(
	        &entry->portion, loop_now(&portions->shard->loop), urgent, count, ticket);

	if (reason == PORTION_ASKED)
		portions_stir(portions, entry);
	return reason;
}

void portions_take(const struct portions_shares *shares)
{
	for (uint32_t i = 0; i < shares->count; i++)
		portion_take(&shares->at[i].entry->portion, &shares->at[i].ticket);
}

void portions_end(struct portions *portions, struct portions_share *share, uint32_t counted)
{
	struct portions_entry *entry = share->entry;

	if (share->ticket.count == 0)
		return;
	portion_end(&entry->portion, &share->ticket, counted);
	portions_stir(portions, entry);
	if (entry->tell_at.ns == MONO_NEVER.ns)
		entry->tell_at =
		        mono_after(loop_now(&portions->shard->loop), portions_tell_ns(entry));
}

void portions_heed(struct portions *portions, uint32_t gate)
{
	portions->entries[quota_plan_rate(portions->shard->config, gate)].free = false;
}

bool portions_exhaust(struct portions *portions, uint16_t route, enum quota_unit unit,
        struct mono began, int64_t wait_ns, bool late)
{
	const struct portions_route *of = &portions->routes[route];

	for (uint32_t i = 0; i < of->count; i++) {
		struct portions_entry *entry = of->entries[i];

		if (entry->row->unit != unit)
			continue;
		portions_stir(portions, entry);
		entry->exhausted = true;
		entry->late = late;
		entry->began = began;
		entry->wait_ns = wait_ns;
		entry->free = false;
		/* Until the answer: nothing more of it goes out. */
		portion_shut(
		        &entry->portion, mono_after(loop_now(&portions->shard->loop), wait_ns));
		return true;
	}
	return false;
}

struct mono portions_put_off(
        struct portions *portions, struct portions_entry *entry, bool urgent, uint32_t count)
{
	struct shard *shard = portions->shard;
	const struct quota_settings *limit = &entry->row->settings;
	const struct mono now = loop_now(&shard->loop);
	const struct mono most = mono_after(now, PORTIONS_PUT_OFF_MOST_NS);
	/* The other shards have mail that waits too. */
	const double apart_ns = limit->count == QUOTA_NONE
	                                ? PORTIONS_UNKNOWN_APART_NS
	                                : (double)limit->period_ns / (double)limit->count *
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

static void portions_stir(struct portions *portions, struct portions_entry *entry)
{
	if (!link_is_linked(&entry->link))
		list_push_last(&portions->busy, &entry->link);
}

void portions_work(struct portions *portions)
{
	struct shard *shard = portions->shard;
	struct mono next = MONO_NEVER;

	if (list_is_empty(&portions->busy) || shard->drained)
		return;
	for (size_t left = portions->busy.count; left > 0; left--) {
		struct portions_entry *entry =
		        container_of(list_pop_first(&portions->busy), struct portions_entry, link);
		const struct mono wanted = portions_work_on(portions, entry);

		next = mono_earlier(next, wanted);
		/* The answer makes another turn. */
		if (entry->asking || wanted.ns != MONO_NEVER.ns)
			portions_stir(portions, entry);
	}
	loop_timer_set(&shard->loop, &portions->timer, next);
}

/* Gives when there is more to do, if nothing happens until then. */
static struct mono portions_work_on(struct portions *portions, struct portions_entry *entry)
{
	const struct mono now = loop_now(&portions->shard->loop);
	const bool due = mono_reached(now, entry->tell_at) || entry->exhausted;

	if (entry->asking)
		return MONO_NEVER;
	if (portions_is_cap(entry) && !list_is_empty(&entry->waiting))
		portion_want(&entry->portion); /* others were served first */
	else if (portions_is_cap(entry) && portions_room(entry) > 0)
		portion_content(
		        &entry->portion); /* what ended meanwhile did for those that waited */
	if (due && portions_is_cap(entry))
		portion_share(&entry->portion, portions_fair(portions, entry));
	if (due)
		portions_tell(portions, entry, portion_rest(&entry->portion));
	else if (portions_wants(entry) && mono_reached(now, entry->ask_at))
		portions_tell(portions, entry, false);
	if (entry->asking)
		return MONO_NEVER;
	return portions_wants(entry) ? mono_earlier(entry->tell_at, entry->ask_at) : entry->tell_at;
}

/* Of a cap, while others may want some of it. */
static uint64_t portions_fair(const struct portions *portions, const struct portions_entry *entry)
{
	return entry->row->settings.count / portions->shard->config->threads.delivery;
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

	sheet->back = back ? portion_empty(&entry->portion) : portion_returns(&entry->portion);
	sheet->spent = entry->portion.spent;
	entry->portion.spent = 0;
	sheet->exhausted = entry->exhausted;
	sheet->late = entry->late;
	sheet->began = entry->began;
	sheet->wait_ns = entry->wait_ns;
	entry->exhausted = false;
	portions_ask(portions, entry, sheet);
	const bool left =
	        portions_room(entry) > 0 || sheet->needed > 0 || entry->portion.surrender > 0;
	entry->tell_at =
	        left ? mono_after(loop_now(&shard->loop), portions_tell_ns(entry)) : MONO_NEVER;
	if (sheet->back == 0 && sheet->spent == 0 && sheet->needed == 0 && !sheet->exhausted)
		return;
	entry->asking = true;
	const bool put = mailbox_put(shard->spooler.out, &letter);
	check(put); /* there is room for all sheets */
}

/* For urgent mail first: it has but little to wait for. */
static void portions_ask(const struct portions *portions, const struct portions_entry *entry,
        struct portion_sheet *sheet)
{
	const uint32_t *wanted = entry->portion.wanted;
	uint64_t ahead = portions_is_cap(entry) ? portions_fair(portions, entry)
	                 : entry->row->settings.count == QUOTA_NONE
	                         ? 0
	                         : entry->row->settings.count / PORTIONS_AHEAD_OF;

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
	const int64_t part = entry->row->settings.period_ns / PORTIONS_TELL_OF;

	if (portions_is_cap(entry))
		return PORTIONS_TELL_CAP_NS;
	return part < PORTIONS_TELL_LEAST_NS  ? PORTIONS_TELL_LEAST_NS
	       : part > PORTIONS_TELL_MOST_NS ? PORTIONS_TELL_MOST_NS
	                                      : part;
}

struct portions_entry *portions_told(struct portions *portions, struct portion_sheet *sheet)
{
	struct portions_entry *entry = container_of(sheet, struct portions_entry, sheet);

	check(entry->asking);
	entry->asking = false;
	portions_stir(portions, entry);
	if (entry->row->settings.count == QUOTA_NONE && !entry->exhausted)
		entry->free = sheet->free;
	/* Under a cap it is asked again, until somebody's message ends. */
	if (entry->free && sheet->granted == 0)
		portion_content(&entry->portion);
	else if (sheet->needed > 0 && sheet->granted == 0 && portions_is_cap(entry))
		entry->ask_at = mono_after(loop_now(&portions->shard->loop), PORTIONS_TELL_CAP_NS);
	else if (sheet->needed > 0)
		portion_grant(
		        &entry->portion, sheet->pot, sheet->granted, sheet->needed, sheet->until);
	else if (sheet->exhausted)
		portion_shut(&entry->portion, sheet->until);
	if (sheet->granted < sheet->needed || sheet->exhausted)
		entry->turn = sheet->until;
	if (entry->exhausted) /* that came since */
		portion_shut(&entry->portion,
		        mono_after(loop_now(&portions->shard->loop), entry->wait_ns));
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
		        (portions_room(entry) > 0 || portion->spent > 0 || portion->back > 0)) {
			portion_content(&entry->portion);
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
