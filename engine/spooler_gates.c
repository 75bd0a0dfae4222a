#include "engine/spooler_inner.h"

#include "engine/gate_plan.h"
#include "queue/base/check.h"

#include <assert.h>
#include <stdlib.h>

static_assert(GATE_RECORD_MAX <= THROTTLE_RECORD_MAX, "a note has room for a gate");
static_assert(FEED_SHARDS_MAX <= 64, "a bit each");

static const struct view name_prefix = VIEW_INIT("gates/");

static void spooler_stir_gate(struct spooler *spooler, struct spooler_gate *own);
static void spooler_read_gate(struct spooler *spooler, uint32_t index);
static bool spooler_gate_is_recipient(
        const struct spooler *spooler, const struct spooler_gate *own);
static bool spooler_refuse_gate(
        struct spooler *spooler, struct spooler_gate *own, const struct gate_sheet *sheet);
static void spooler_lend_probe(struct spooler *spooler, struct spooler_gate *own);
static void spooler_change_gate(struct spooler *spooler, struct spooler_gate *own);
static void spooler_tell_gate(struct spooler *spooler, struct spooler_gate *own);
static void spooler_log_gate(struct spooler *spooler, const struct spooler_gate *own);

struct err spooler_gates_open(struct spooler *spooler)
{
	spooler->gate_count = gate_plan_total(spooler->shard.config);
	list_init(&spooler->gates_busy);
	spooler->gates = calloc(spooler->gate_count, sizeof *spooler->gates);
	if (spooler->gates == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	/* Recipients' are not on disk: the mail that waits is, with its time. */
	for (uint32_t i = 0; i < gate_plan_count(spooler->shard.config); i++)
		spooler_read_gate(spooler, i);
	return err_ok();
}

static void spooler_stir_gate(struct spooler *spooler, struct spooler_gate *own)
{
	if (!link_is_linked(&own->link))
		list_push_last(&spooler->gates_busy, &own->link);
}

static void spooler_read_gate(struct spooler *spooler, uint32_t index)
{
	struct spooler_gate *own = &spooler->gates[index];
	struct text name = text_on(own->note.name, sizeof own->note.name);
	char memory[SPOOL_NOTE_NAME_MAX];
	struct text plain = TEXT_ON(memory);
	struct view record;

	gate_plan_name(spooler->shard.config, index, &plain);
	text_put(&name, name_prefix);
	for (const char *at = text_string(&plain); *at != '\0'; at++)
		text_put_byte(&name, byte_lower(*at));
	own->note.name_bytes = name.bytes;
	own->note.shard = FEED_NO_SHARD;
	own->note.owner = own;
	/* One that can't be read is closed again by the next refusal. */
	if (failed(spool_read_note(spooler->spool, text_view(&name), &record)) ||
	        failed(gate_decode(&own->gate, clock_mono(), clock_wall(), record)))
		return;
	if (!own->gate.closed)
		return;
	own->untold = UINT64_MAX;
	spooler_stir_gate(spooler, own);
}

void spooler_hear_gate(struct spooler *spooler, struct gate_sheet *sheet, size_t shard)
{
	const struct letter letter = { .kind = LETTER_GATE, .gate = sheet };
	struct spooler_gate *own = &spooler->gates[sheet->gate];
	const struct mono now = loop_now(&spooler->shard.loop);

	check(sheet->gate < spooler->gate_count);
	if (sheet->refused && spooler_refuse_gate(spooler, own, sheet)) {
		own->gate.elsewhere = sheet->elsewhere;
		memcpy(own->recipient, sheet->recipient, sizeof own->recipient);
		if (!spooler_gate_is_recipient(spooler, own))
			spooler_cut_rate(spooler, sheet->gate);
		spooler_change_gate(spooler, own);
	} else if (sheet->refused) {
		own->untold |= UINT64_C(1) << shard; /* it closed by itself meanwhile */
		spooler_stir_gate(spooler, own);
	}
	if (sheet->taken && gate_take(&own->gate, now, sheet->epoch) != GATE_SAME)
		spooler_change_gate(spooler, own);
	if (sheet->gave_up)
		(void)gate_give_up(&own->gate, sheet->epoch, (uint16_t)shard);
	if (sheet->asks && sheet->epoch == own->gate.epoch)
		own->asks |= UINT64_C(1) << shard;
	spooler_lend_probe(spooler, own);
	check(mailbox_put(spooler->delivery[shard].out, &letter)); /* room is kept for it */
}

static bool spooler_refuse_gate(
        struct spooler *spooler, struct spooler_gate *own, const struct gate_sheet *sheet)
{
	const struct mono now = loop_now(&spooler->shard.loop);
	const struct reply_note note = gate_note(&sheet->said);

	if (sheet->late)
		return gate_refuse_late(&own->gate, now, sheet->began, sheet->wait_ns, &note,
		        &spooler->shard.random);
	return gate_refuse(
	        &own->gate, now, sheet->epoch, sheet->wait_ns, &note, &spooler->shard.random);
}

/* To the first of those that ask. */
static void spooler_lend_probe(struct spooler *spooler, struct spooler_gate *own)
{
	/* A clock that differs by a moment is no reason to say no to whoever asked. */
	const struct mono now = own->gate.until.ns > loop_now(&spooler->shard.loop).ns
	                                ? own->gate.until
	                                : loop_now(&spooler->shard.loop);

	if (own->asks == 0)
		return;
	const uint16_t shard = (uint16_t)__builtin_ctzll(own->asks);
	if (!gate_ask(&own->gate, now, shard))
		return;
	own->asks &= ~(UINT64_C(1) << shard);
	own->untold |= UINT64_C(1) << shard;
	spooler_stir_gate(spooler, own);
}

static bool spooler_gate_is_recipient(const struct spooler *spooler, const struct spooler_gate *own)
{
	return own - spooler->gates >= (ptrdiff_t)gate_plan_count(spooler->shard.config);
}

/* It has closed, or opened. */
static void spooler_change_gate(struct spooler *spooler, struct spooler_gate *own)
{
	spooler_stir_gate(spooler, own);
	own->untold = UINT64_MAX;
	own->asks = 0;
	own->dirty = !spooler_gate_is_recipient(spooler, own);
	spooler_log_gate(spooler, own);
}

struct mono spooler_pass_gates(struct spooler *spooler)
{
	const struct mono now = loop_now(&spooler->shard.loop);
	struct mono next = MONO_NEVER;

	for (uint32_t i = 0; i < gate_plan_count(spooler->shard.config); i++) {
		struct spooler_gate *own = &spooler->gates[i];

		if (gate_pass(&own->gate, now))
			spooler_change_gate(spooler, own);
		else if (own->gate.doubted)
			next = mono_earlier(next, own->gate.until);
	}
	return next;
}

void spooler_resume_gates(struct spooler *spooler)
{
	for (uint32_t i = 0; i < spooler->gate_count; i++)
		if (gate_resume(&spooler->gates[i].gate))
			spooler_change_gate(spooler, &spooler->gates[i]);
}

void spooler_tell_gates(struct spooler *spooler)
{
	struct list *busy = &spooler->gates_busy;

	for (size_t left = busy->count; left > 0; left--) {
		struct spooler_gate *own =
		        container_of(list_pop_first(busy), struct spooler_gate, link);

		spooler_tell_gate(spooler, own);
		if (own->untold != 0 || own->dirty || own->keeping)
			spooler_stir_gate(spooler, own);
	}
}

/* Whoever is being told still hears it later. */
static void spooler_tell_gate(struct spooler *spooler, struct spooler_gate *own)
{
	for (size_t shard = 0; shard < spooler->delivery_count && own->untold != 0; shard++) {
		const uint64_t bit = UINT64_C(1) << shard;
		struct gate_news *news = &own->news[shard];

		if ((own->untold & bit) == 0 || (own->telling & bit) != 0)
			continue;
		const struct letter letter = { .kind = LETTER_GATE_NEWS, .news = news };
		*news = (struct gate_news){
			.index = (uint32_t)(own - spooler->gates),
			.gate = own->gate,
			.yours = own->gate.lent && own->gate.prober == shard,
		};
		memcpy(news->recipient, own->recipient, sizeof news->recipient);
		own->untold &= ~bit;
		own->telling |= bit;
		check(mailbox_put(spooler->delivery[shard].out, &letter));
	}
	if (spooler->delivery_count < FEED_SHARDS_MAX)
		own->untold &= (UINT64_C(1) << spooler->delivery_count) - 1;
}

void spooler_told_gate(struct spooler *spooler, const struct gate_news *news, size_t shard)
{
	spooler->gates[news->index].telling &= ~(UINT64_C(1) << shard);
}

bool spooler_owns_gate_note(const struct spooler *spooler, const struct note *note)
{
	const char *at = (const char *)note;

	return at >= (const char *)spooler->gates &&
	       at < (const char *)(spooler->gates + spooler->gate_count);
}

void spooler_keep_gates(struct spooler *spooler)
{
	const struct loop *loop = &spooler->shard.loop;

	list_each(link, &spooler->gates_busy) {
		struct spooler_gate *own = container_of(link, struct spooler_gate, link);

		if (!own->dirty || own->keeping || batch_notes_full(&spooler->batch))
			continue;
		own->note.record_bytes = gate_encode(&own->gate, loop_now(loop), loop_wall(loop),
		        (struct span){ own->note.record, sizeof own->note.record });
		own->dirty = false;
		own->keeping = true;
		batch_add_note(&spooler->batch, &own->note, FEED_NO_SHARD);
	}
}

void spooler_kept_gate(struct note *note, bool kept)
{
	struct spooler_gate *own = note->owner;

	own->keeping = false;
	own->dirty |= !kept;
}

bool spooler_gates_are_kept(const struct spooler *spooler)
{
	list_each(link, &spooler->gates_busy) {
		const struct spooler_gate *own = container_of(link, struct spooler_gate, link);
		if (own->dirty || own->keeping)
			return false;
	}
	return true;
}

static void spooler_log_gate(struct spooler *spooler, const struct spooler_gate *own)
{
	const struct gate *gate = &own->gate;
	char memory[SPOOL_NOTE_NAME_MAX];
	struct text name = TEXT_ON(memory);
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING,
	        gate->doubted  ? "gate_doubted"
	        : gate->closed ? "gate_closed"
	                       : "gate_open");

	if (spooler_gate_is_recipient(spooler, own))
		text_format(&name, "recipient %s", own->recipient);
	else
		gate_plan_name(spooler->shard.config, (uint32_t)(own - spooler->gates), &name);
	log_text(&line, "of", text_view(&name));
	if (gate->closed)
		log_seconds(&line, "for", gate->until.ns - loop_now(&spooler->shard.loop).ns);
	if (gate->closed && !gate->doubted) {
		if (gate->server[0] != '\0')
			log_word(&line, "host", gate->server);
		log_number(&line, "code", gate->code);
		log_word(&line, "reply", gate->text);
	}
	log_end(&line);
}
