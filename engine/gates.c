#include "engine/gates.h"

#include "engine/gates_inner.h"

#include "queue/base/check.h"

#include <stdlib.h>

static void gates_stir(struct gates *gates, struct gates_entry *entry);
static struct mono gates_work_on(struct gates *gates, struct gates_entry *entry);
static bool gates_is_news(const struct gates *gates, const struct gates_entry *entry,
        uint16_t route, const struct gates_refusal *refusal);
static void gates_give_up(struct gates *gates, struct gates_entry *entry);
static void gates_timer_expired(struct timer *timer);

struct err gates_init(struct gates *gates, struct shard *shard)
{
	*gates = (struct gates){
		.shard = shard,
		.count = gate_plan_total(shard->config),
		.own = gate_plan_recipients(shard->config, shard->index),
		.timer.expired = gates_timer_expired,
	};
	list_init(&gates->busy);
	gates->entries = calloc(gates->count, sizeof *gates->entries);
	gates->routes = calloc(shard->config->routes.count, sizeof *gates->routes);
	if (gates->entries == NULL || gates->routes == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	for (uint32_t i = 0; i < gates->count; i++)
		gates->entries[i].sheet.gate = i;
	for (size_t i = 0; i < shard->config->routes.count; i++) {
		uint32_t slot = 0;
		for (uint32_t gate = 0; gate < gate_plan_count(shard->config); gate++) {
			if (!gate_plan_has(shard->config, gate, (uint16_t)i))
				continue;
			check(slot < GATES_OF_ROUTE);
			gates->routes[i].entries[slot++] = &gates->entries[gate];
		}
	}
	return err_ok();
}

void gates_finish(struct gates *gates)
{
	if (gates->shard == NULL)
		return;
	loop_timer_stop(&gates->shard->loop, &gates->timer);
	free(MOVE(gates->entries));
	free(MOVE(gates->routes));
}

#define gates_each(entry, slot, gates, route)                                                      \
	for (struct gates_entry * (entry) = (gates)->routes[route].entries[0]; (entry) != NULL;    \
	        (entry) = ++(slot) < GATES_OF_ROUTE ? (gates)->routes[route].entries[slot] : NULL)

enum gates_way gates_look(struct gates *gates, uint16_t route, struct mono *until)
{
	const struct mono now = loop_now(&gates->shard->loop);
	enum gates_way way = GATES_OPEN;
	uint32_t slot = 0;

	*until = MONO_NEVER;
	if (gates->closed == 0)
		return GATES_OPEN;
	gates_each(entry, slot, gates, route) {
		if (!entry->gate.closed)
			continue;
		if (entry->mine && !entry->used) {
			way = way == GATES_OPEN ? GATES_PROBE : way;
			continue;
		}
		way = GATES_CLOSED;
		if (!mono_reached(now, entry->gate.until)) {
			*until = mono_earlier(*until, entry->gate.until);
			continue;
		}
		/* What is in doubt the spooler opens by itself. */
		if (entry->mine || entry->asked || entry->gate.doubted)
			continue;
		entry->asked = true;
		gates_want(gates, entry)->asks = true;
	}
	return way;
}

uint64_t gates_try(struct gates *gates, uint16_t route)
{
	uint64_t tries = 0;
	uint32_t slot = 0;

	if (gates->closed == 0)
		return 0;
	gates_each(entry, slot, gates, route) {
		if (!entry->gate.closed || !entry->mine)
			continue;
		entry->used = true;
		tries |= UINT64_C(1) << slot;
	}
	return tries;
}

void gates_end(struct gates *gates, uint16_t route, uint64_t tries, bool taken)
{
	uint32_t slot = 0;

	if (tries == 0)
		return;
	gates_each(entry, slot, gates, route) {
		if ((tries >> slot & 1) == 0 || !entry->used)
			continue; /* or it was refused, or news came */
		gates_answer(gates, entry, taken);
	}
}

void gates_answer(struct gates *gates, struct gates_entry *entry, bool taken)
{
	entry->used = false;
	if (!taken) {
		gates_give_up(gates, entry);
		return;
	}
	entry->mine = false;
	gates_want(gates, entry)->taken = true;
	if (entry->gate.late) /* a report may come before the news */
		(void)gate_take(&entry->gate, loop_now(&gates->shard->loop), entry->gate.epoch);
}

static void gates_give_up(struct gates *gates, struct gates_entry *entry)
{
	entry->mine = false;
	entry->asked = false;
	gates_want(gates, entry)->gave_up = true;
}

uint32_t gates_epoch(const struct gates *gates, uint16_t route)
{
	uint32_t epoch = 0;
	uint32_t slot = 0;

	gates_each(entry, slot, gates, route)
		epoch += entry->gate.epoch;
	return epoch;
}

bool gates_doubt(const struct gates *gates, uint16_t route, uint64_t tries)
{
	uint32_t slot = 0;

	gates_each(entry, slot, gates, route)
		if ((tries >> slot & 1) != 0 && entry->used && entry->gate.late)
			return true;
	return false;
}

bool gates_refuse(struct gates *gates, uint32_t gate, uint16_t route,
        const struct gates_refusal *refusal, const struct reply_note *note)
{
	struct gates_entry *entry = &gates->entries[gate];
	const struct mono now = loop_now(&gates->shard->loop);

	check(gate < gates->count);
	if (!gates_is_news(gates, entry, route, refusal))
		return false;
	gates->closed += !entry->gate.closed;
	entry->gate.closed = true;
	entry->gate.doubted = false;
	entry->gate.until = mono_after(now, refusal->wait_ns);
	entry->gate.shut_at = now;
	entry->mine = false;
	entry->used = false;
	entry->asked = true; /* until news come */
	struct gate_sheet *sheet = gates_want(gates, entry);
	sheet->refused = true;
	sheet->elsewhere = refusal->elsewhere;
	sheet->late = refusal->late;
	sheet->began = refusal->began;
	sheet->wait_ns = refusal->wait_ns;
	gate_say(&sheet->said, note);
	return true;
}

static bool gates_is_news(const struct gates *gates, const struct gates_entry *entry,
        uint16_t route, const struct gates_refusal *refusal)
{
	const struct gate *gate = &entry->gate;

	if (!refusal->late)
		return refusal->epoch == gates_epoch(gates, route) &&
		       (!gate->closed || entry->mine);
	/* What was sent since it closed last: the probe. */
	return (gate->epoch == 0 || refusal->began.ns > gate->shut_at.ns) &&
	       (!gate->closed || entry->mine || gate->doubted);
}

struct gate_sheet *gates_want(struct gates *gates, struct gates_entry *entry)
{
	gates_stir(gates, entry);
	entry->wanting = true;
	return &entry->next;
}

static void gates_stir(struct gates *gates, struct gates_entry *entry)
{
	if (!link_is_linked(&entry->link))
		list_push_last(&gates->busy, &entry->link);
}

bool gates_hear(struct gates *gates, const struct gate_news *news)
{
	struct gates_entry *entry = &gates->entries[news->index];
	const bool opened = entry->gate.closed && !news->gate.closed;

	check(news->index < gates->count);
	/* What was to be told is of the epoch before; but for a refusal it would be no news. */
	if (news->gate.epoch != entry->gate.epoch && entry->wanting) {
		entry->next = (struct gate_sheet){ 0 };
		entry->wanting = false;
	}
	gates->closed -= entry->gate.closed;
	gates->closed += news->gate.closed;
	gates_hear_recipient(gates, entry, news);
	if (news->gate.epoch != entry->gate.epoch || !news->gate.closed) {
		entry->asked = false;
		entry->used = false;
	}
	entry->gate = news->gate;
	if (news->yours && !entry->mine)
		entry->lent_at = loop_now(&gates->shard->loop);
	entry->mine = news->yours;
	gates_stir(gates, entry);
	return opened;
}

void gates_told(struct gates *gates, const struct gate_sheet *sheet)
{
	struct gates_entry *entry = &gates->entries[sheet->gate];

	check(entry->telling);
	entry->telling = false;
}

void gates_work(struct gates *gates)
{
	struct shard *shard = gates->shard;
	struct mono next = MONO_NEVER;

	if (list_is_empty(&gates->busy) || shard->drained)
		return;
	for (size_t left = gates->busy.count; left > 0; left--) {
		struct gates_entry *entry =
		        container_of(list_pop_first(&gates->busy), struct gates_entry, link);

		next = mono_earlier(next, gates_work_on(gates, entry));
		if (entry->wanting || entry->mine)
			gates_stir(gates, entry);
	}
	loop_timer_set(&shard->loop, &gates->timer, next);
}

/* Gives when leave that nobody uses is given up. */
static struct mono gates_work_on(struct gates *gates, struct gates_entry *entry)
{
	struct shard *shard = gates->shard;
	struct mono until = MONO_NEVER;

	if (entry->mine && !entry->used) {
		until = mono_after(entry->lent_at, GATES_IDLE_NS);
		if (mono_reached(loop_now(&shard->loop), until)) {
			gates_give_up(gates, entry);
			until = MONO_NEVER;
		}
	}
	if (!entry->wanting || entry->telling)
		return until;
	entry->sheet = entry->next;
	entry->sheet.gate = (uint32_t)(entry - gates->entries);
	entry->sheet.epoch = entry->gate.epoch;
	entry->next = (struct gate_sheet){ 0 };
	entry->wanting = false;
	entry->telling = true;
	const struct letter letter = { .kind = LETTER_GATE, .gate = &entry->sheet };
	const bool put = mailbox_put(shard->spooler.out, &letter);
	check(put); /* there is room for all sheets */
	return until;
}

static void gates_timer_expired(struct timer *timer)
{
	(void)timer; /* it is enough that the loop turned: gates_work() looks again */
}
