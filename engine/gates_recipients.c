#include "engine/gates_inner.h"

#include "queue/base/check.h"
#include "queue/base/siphash.h"

static struct gates_entry *gates_find(struct gates *gates, struct view address);
static struct gates_entry *gates_spare(struct gates *gates);
static void gates_name(char *into, struct view address);
static uint64_t gates_hash(struct view address);

enum gates_way gates_look_recipient(struct gates *gates, struct view address, uint32_t *gate)
{
	struct gates_entry *entry = gates->shut > 0 ? gates_find(gates, address) : NULL;

	*gate = GATES_NONE;
	if (entry == NULL)
		return GATES_OPEN;
	*gate = (uint32_t)(entry - gates->entries);
	if (entry->mine && !entry->used)
		return GATES_PROBE;
	if (!entry->mine && !entry->asked &&
	        mono_reached(loop_now(&gates->shard->loop), entry->gate.until)) {
		entry->asked = true;
		gates_want(gates, entry)->asks = true;
	}
	return GATES_CLOSED;
}

void gates_try_recipient(struct gates *gates, uint32_t gate)
{
	check(gate < gates->count);
	check(gates->entries[gate].mine);
	gates->entries[gate].used = true;
}

void gates_end_recipient(struct gates *gates, uint32_t gate, bool taken)
{
	struct gates_entry *entry = &gates->entries[gate];

	check(gate < gates->count);
	if (!entry->used)
		return; /* it was refused, or news came */
	gates_answer(gates, entry, taken);
}

void gates_refuse_recipient(
        struct gates *gates, struct view address, int64_t wait_ns, const struct reply_note *note)
{
	struct gates_entry *entry = gates_find(gates, address);

	/* What was under way when it was closed says the same. */
	if (entry != NULL && !entry->mine)
		return;
	if (entry == NULL && address.bytes < GATE_RECIPIENT_BYTES)
		entry = gates_spare(gates);
	if (entry == NULL)
		return;
	gates->closed += !entry->gate.closed;
	gates->shut += !entry->gate.closed;
	entry->gate.closed = true;
	entry->gate.until = mono_after(loop_now(&gates->shard->loop), wait_ns);
	gate_say(&entry->gate, note);
	entry->hash = gates_hash(address);
	entry->turn = (struct mono){ 0 };
	entry->mine = false;
	entry->used = false;
	entry->asked = true; /* until news come */
	struct gate_sheet *sheet = gates_want(gates, entry);
	sheet->refused = true;
	sheet->wait_ns = wait_ns;
	gate_say(&sheet->said, note);
	gates_name(sheet->recipient, address);
	gates_name(entry->recipient, address);
}

struct mono gates_put_off(struct gates *gates, uint32_t gate)
{
	struct gates_entry *entry = &gates->entries[gate];
	const struct mono now = loop_now(&gates->shard->loop);
	/* Up for a try: when leave for that will have come. */
	const struct mono first = mono_reached(now, entry->gate.until)
	                                  ? mono_after(now, GATES_APART_NS)
	                                  : entry->gate.until;
	const struct mono most = mono_after(first, GATE_MOST_NS);

	if (entry->turn.ns < first.ns)
		entry->turn = first;
	if (entry->turn.ns >= most.ns)
		return mono_after(first,
		        (int64_t)random_below(&gates->shard->random, (uint64_t)GATE_MOST_NS));
	const struct mono turn = entry->turn;
	entry->turn = mono_after(turn, GATES_APART_NS);
	return turn;
}

void gates_hear_recipient(
        struct gates *gates, struct gates_entry *entry, const struct gate_news *news)
{
	if (entry - gates->entries < (ptrdiff_t)gate_plan_count(gates->shard->config))
		return;
	gates->shut -= entry->gate.closed;
	gates->shut += news->gate.closed;
	memcpy(entry->recipient, news->recipient, sizeof entry->recipient);
	entry->hash = gates_hash(view_of(entry->recipient));
}

static void gates_name(char *into, struct view address)
{
	check(address.bytes < GATE_RECIPIENT_BYTES);
	memset(into, 0, GATE_RECIPIENT_BYTES);
	memcpy(into, address.data, address.bytes);
}

/* Among those that are closed. */
static struct gates_entry *gates_find(struct gates *gates, struct view address)
{
	const uint64_t hash = gates_hash(address);

	for (uint32_t i = gate_plan_count(gates->shard->config); i < gates->count; i++) {
		struct gates_entry *entry = &gates->entries[i];
		if (entry->gate.closed && entry->hash == hash &&
		        view_equal_fold(view_of(entry->recipient), address))
			return entry;
	}
	return NULL;
}

/* Of our own, one that is open, and of which nothing is under way. */
static struct gates_entry *gates_spare(struct gates *gates)
{
	for (uint32_t i = 0; i < GATE_PLAN_RECIPIENTS; i++) {
		struct gates_entry *entry = &gates->entries[gates->own + i];
		if (!entry->gate.closed && !entry->wanting && !entry->telling)
			return entry;
	}
	return NULL;
}

/* Ours alone: nobody gains by choosing addresses, since they are compared too. */
static uint64_t gates_hash(struct view address)
{
	struct siphash hash;

	siphash_init(&hash, 0, 0);
	for (size_t i = 0; i < address.bytes; i++) {
		const char c = byte_lower(address.data[i]);
		siphash_feed(&hash, view_from(&c, 1));
	}
	return siphash_end(&hash);
}
