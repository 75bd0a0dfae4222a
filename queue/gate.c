#include "queue/gate.h"

#include "queue/base/check.h"
#include "queue/record.h"

#define GATE_RECORD_VERSION 2
#define GATE_RECORD_PROMPT  1 /* knows of no reports */

static void gate_close(struct gate *gate, struct mono now, int64_t wait_ns,
        const struct reply_note *note, struct random *random);
static void gate_decode_late(
        struct gate *gate, struct record_reader *reader, struct mono now, struct wall wall);

bool gate_refuse(struct gate *gate, struct mono now, uint32_t epoch, int64_t wait_ns,
        const struct reply_note *note, struct random *random)
{
	if (epoch != gate->epoch)
		return false;
	gate_close(gate, now, wait_ns, note, random);
	gate->late = false;
	return true;
}

bool gate_refuse_late(struct gate *gate, struct mono now, struct mono began, int64_t wait_ns,
        const struct reply_note *note, struct random *random)
{
	/* Of what was sent before it closed, nothing else was to be expected. */
	if (gate->epoch > 0 && began.ns <= gate->shut_at.ns)
		return false;
	if (gate->closed && !gate->lent && !gate->doubted)
		return false;
	gate_close(gate, now, wait_ns, note, random);
	gate->late = true;
	return true;
}

static void gate_close(struct gate *gate, struct mono now, int64_t wait_ns,
        const struct reply_note *note, struct random *random)
{
	const int64_t most_ns = wait_ns > GATE_MOST_NS ? wait_ns : GATE_MOST_NS;

	check(wait_ns >= 0);
	for (uint32_t i = 0; i < gate->setbacks && wait_ns < most_ns; i++)
		wait_ns = wait_ns > most_ns / 2 ? most_ns : wait_ns * 2;
	/* Others like us were told the same, at the same time. */
	wait_ns += (int64_t)random_below(random, (uint64_t)wait_ns / 5 + 1);
	gate->closed = true;
	gate->lent = false;
	gate->epoch++;
	gate->setbacks++;
	gate->doubted = false;
	gate->shut_at = now;
	gate->until = mono_after(now, wait_ns);
	gate_say(gate, note);
}

void gate_say(struct gate *gate, const struct reply_note *note)
{
	struct text text = TEXT_ON(gate->text);
	struct text server = TEXT_ON(gate->server);

	text_put(&text, note->text);
	text_put(&server, note->server);
	(void)text_string(&text);
	(void)text_string(&server);
	gate->code = note->code;
	gate->advice = note->advice;
	gate->stage = note->stage;
	for (int i = 0; i < 3; i++)
		gate->status[i] = note->status[i];
}

bool gate_ask(struct gate *gate, struct mono now, uint16_t who)
{
	if (!gate->closed || gate->lent || gate->doubted || !mono_reached(now, gate->until))
		return false;
	gate->lent = true;
	gate->prober = who;
	return true;
}

bool gate_give_up(struct gate *gate, uint32_t epoch, uint16_t who)
{
	if (!gate->lent || gate->prober != who || epoch != gate->epoch)
		return false;
	gate->lent = false;
	return true;
}

enum gate_change gate_take(struct gate *gate, struct mono now, uint32_t epoch)
{
	if (epoch != gate->epoch || !gate->closed || gate->doubted)
		return GATE_SAME;
	if (!gate->late) {
		(void)gate_resume(gate);
		return GATE_OPENED;
	}
	gate->lent = false;
	gate->doubted = true;
	gate->until = mono_after(now, GATE_REPORT_NS);
	return GATE_DOUBTED;
}

bool gate_pass(struct gate *gate, struct mono now)
{
	return gate->doubted && mono_reached(now, gate->until) && gate_resume(gate);
}

bool gate_resume(struct gate *gate)
{
	const bool closed = gate->closed;

	gate->closed = false;
	gate->lent = false;
	gate->late = false;
	gate->doubted = false;
	gate->setbacks = 0;
	gate->until = (struct mono){ 0 };
	return closed;
}

struct reply_note gate_note(const struct gate *gate)
{
	return (struct reply_note){
		.code = gate->code,
		.status = { gate->status[0], gate->status[1], gate->status[2] },
		.advice = gate->advice,
		.stage = gate->stage,
		.server = view_of(gate->server),
		.text = view_of(gate->text),
	};
}

size_t gate_encode(const struct gate *gate, struct mono now, struct wall wall, struct span into)
{
	struct record_writer writer = record_write(into);
	const int64_t left_ns = gate->until.ns > now.ns ? gate->until.ns - now.ns : 0;
	const struct view text = view_of(gate->text);
	const struct view server = view_of(gate->server);

	check(into.bytes >= GATE_RECORD_MAX);
	record_put_u8(&writer, GATE_RECORD_VERSION);
	record_put_u8(&writer, gate->closed);
	record_put_u32(&writer, gate->epoch);
	record_put_u32(&writer, gate->setbacks);
	record_put_u64(&writer, (uint64_t)(wall.ms + left_ns / NS_PER_MS));
	record_put_u16(&writer, gate->code);
	for (int i = 0; i < 3; i++)
		record_put_u16(&writer, gate->status[i]);
	record_put_u16(&writer, gate->advice);
	record_put_u8(&writer, gate->stage);
	record_put_u8(&writer, gate->elsewhere);
	record_put_u16(&writer, (uint16_t)text.bytes);
	record_put(&writer, text);
	record_put_u16(&writer, (uint16_t)server.bytes);
	record_put(&writer, server);
	record_put_u8(&writer, gate->late);
	record_put_u8(&writer, gate->doubted);
	record_put_u64(&writer, (uint64_t)(wall.ms - (now.ns - gate->shut_at.ns) / NS_PER_MS));
	return writer.bytes;
}

struct err gate_decode(struct gate *gate, struct mono now, struct wall wall, struct view record)
{
	struct record_reader reader = record_read(record);
	struct reply_note note = { 0 };

	memset(gate, 0, sizeof *gate);
	const uint8_t version = record_get_u8(&reader);
	gate->closed = record_get_u8(&reader) != 0;
	gate->epoch = record_get_u32(&reader);
	gate->setbacks = record_get_u32(&reader);
	const int64_t until_ms = (int64_t)record_get_u64(&reader);
	note.code = record_get_u16(&reader);
	for (int i = 0; i < 3; i++)
		note.status[i] = record_get_u16(&reader);
	note.advice = record_get_u16(&reader);
	note.stage = record_get_u8(&reader);
	gate->elsewhere = record_get_u8(&reader) != 0;
	note.text = record_get(&reader, record_get_u16(&reader));
	note.server = record_get(&reader, record_get_u16(&reader));
	if (version == GATE_RECORD_VERSION)
		gate_decode_late(gate, &reader, now, wall);
	else
		gate->shut_at = now;
	const bool known = version == GATE_RECORD_VERSION || version == GATE_RECORD_PROMPT;
	if (!known || !record_is_read(&reader)) {
		memset(gate, 0, sizeof *gate);
		return err_make(ERR_FORMAT, 0);
	}
	gate_say(gate, &note);
	const int64_t left_ms = until_ms > wall.ms && wall.ms > 0 ? until_ms - wall.ms : 0;
	/* A clock that was set back is no reason to wait for longer than ever. */
	if (gate->closed && left_ms > 0)
		gate->until =
		        mono_after(now, left_ms < 2 * GATE_MOST_NS / NS_PER_MS ? left_ms * NS_PER_MS
		                                                               : 2 * GATE_MOST_NS);
	return err_ok();
}

static void gate_decode_late(
        struct gate *gate, struct record_reader *reader, struct mono now, struct wall wall)
{
	gate->late = record_get_u8(reader) != 0;
	gate->doubted = record_get_u8(reader) != 0 && gate->closed;
	const int64_t ago_ms = wall.ms - (int64_t)record_get_u64(reader);

	/* A clock that was set back: of what was sent before now, nothing is known to be news. */
	gate->shut_at = now;
	if (ago_ms > 0 && ago_ms <= now.ns / NS_PER_MS)
		gate->shut_at.ns -= ago_ms * NS_PER_MS;
	else if (ago_ms > 0)
		gate->shut_at.ns = 0;
}
