#include "engine/inbound.h"

#include "engine/inbound_ahead.h"
#include "engine/inbound_command.h"
#include "engine/inbound_content.h"
#include "engine/inbound_device.h"
#include "engine/inbound_log.h"
#include "engine/inbound_proxy.h"
#include "engine/inbound_signin.h"
#include "engine/ingest.h"
#include "queue/base/check.h"
#include "queue/base/milestone.h"

static enum inbound_progress inbound_upgrade_step(struct inbound *inbound);
static void inbound_run(struct inbound *inbound);
static void inbound_set_deadline(struct inbound *inbound);
static enum inbound_progress inbound_take_step(struct inbound *inbound);
static void inbound_on_timer(struct timer *timer);
static void inbound_on_ended(struct inbound *inbound);
static void inbound_on_gone(struct inbound *inbound);
static void inbound_drop(struct inbound *inbound);
static void inbound_put_lost(struct inbound *inbound, enum put_result result);
static void inbound_found(struct inbound *inbound);
static void inbound_release(struct inbound *inbound);

struct inbound_row {
	const char *name;
	enum inbound_progress (*step)(struct inbound *inbound);
	enum inbound_deadline deadline;
};

static const struct inbound_row inbound_rows[] = {
#define X(name, step, deadline, text)                                                              \
	[INBOUND_##name] = { #name, step, INBOUND_DEADLINE_##deadline },
	INBOUND_STATES(X)
#undef X
};

/* Opening */

void inbound_open(struct inbound *inbound, struct ingest *ingest, const struct door *door, int fd)
{
	struct loop *loop = &ingest->shard.loop;

	check(inbound->state == INBOUND_UNUSED);
	inbound->ingest = ingest;
	inbound->door = door;
	inbound->id = shard_connection_id(&ingest->shard);
	inbound->opened = loop_now(loop);
	inbound->timer.expired = inbound_on_timer;
	list_init(&inbound->aheads);
	stream_open(&inbound->stream, loop, &ingest->news, fd);
	list_push_last(&ingest->sessions, &inbound->session_link);
	counters_add(ingest->shard.counters, connections_opened, 1);
	inbound->client = inbound->stream.peer;
	if (inbound_proxy_is_due(inbound))
		inbound_proxy_begin(inbound);
	else
		inbound_welcome(inbound);
	inbound_run(inbound);
}

void inbound_welcome(struct inbound *inbound)
{
	const struct door *door = inbound->door;
	const bool implicit = door->tls != NULL && door->config->tls.implicit;
	const enum doorman_answer answer =
	        doorman_admit(inbound->ingest->doors->doorman, &inbound->client);

	inbound->may_relay = config_networks_contain(&door->config->allow, &inbound->client);
	inbound->device = door_device_of(door, &inbound->client);
	inbound->counted = answer == DOORMAN_WELCOME;
	if (inbound->counted)
		inbound_log_connected(inbound);
	else
		counters_add(inbound->ingest->shard.counters, connections_refused, 1);
	if (!inbound->counted && implicit) {
		/* A handshake for a goodbye would cost more than who is too many may have. */
		inbound_lose(inbound, answer == DOORMAN_FULL
		                              ? "too many connections, and TLS comes first here"
		                              : "too many connections from its address, and TLS "
		                                "comes first here");
	} else if (!inbound->counted) {
		inbound_close(inbound,
		        answer == DOORMAN_FULL ? INBOUND_REPLY_BUSY : INBOUND_REPLY_CLIENT_BUSY);
	} else if (implicit) {
		stream_secure_server_first(&inbound->stream, inbound_device_tls(inbound));
		inbound_enter(inbound, INBOUND_HANDSHAKE);
	} else {
		inbound_reply_greeting(inbound);
		inbound_enter(inbound, INBOUND_FRESH);
	}
}

/* States */

void inbound_enter(struct inbound *inbound, enum inbound_state state)
{
	struct ingest *ingest = inbound->ingest;
	struct loop *loop = &ingest->shard.loop;
	const enum inbound_state old = inbound->state;

	check(state < INBOUND_STATE_COUNT);
	check(old != INBOUND_CLOSING || state == INBOUND_UNUSED);
	check(old != INBOUND_LOST || state == INBOUND_CLOSING || state == INBOUND_UNUSED);
	if (old == INBOUND_HUNGRY) {
		list_remove(&ingest->hungry, &inbound->hungry_link);
		if (state != INBOUND_CLOSING && !ingest->feeding)
			stream_resume(&inbound->stream);
	}
	if (state == INBOUND_HUNGRY) {
		list_push_last(&ingest->hungry, &inbound->hungry_link);
		stream_pause(&inbound->stream);
		if (!ingest->feeding)
			counters_add(ingest->shard.counters, memory_short, 1);
	}
	inbound->state = (uint8_t)state;
	switch (inbound_rows[state].deadline) {
	case INBOUND_DEADLINE_IDLE: /* set when the run of steps ends */
	case INBOUND_DEADLINE_OWN:
		break;
	case INBOUND_DEADLINE_NONE:
		loop_timer_stop(loop, &inbound->timer);
		break;
	case INBOUND_DEADLINE_HANDSHAKE:
		loop_timer_after(loop, &inbound->timer, INBOUND_HANDSHAKE_NS);
		break;
	case INBOUND_DEADLINE_PROXY:
		loop_timer_after(loop, &inbound->timer, INBOUND_PROXY_NS);
		break;
	case INBOUND_DEADLINE_HUNGER:
		loop_timer_after(loop, &inbound->timer, INBOUND_HUNGER_NS);
		break;
	}
}

/* Takes steps until something is missing. */
static void inbound_run(struct inbound *inbound)
{
	struct ingest *ingest = inbound->ingest;
	enum inbound_progress progress = INBOUND_ON;

	inbound->cramped = false;
	inbound_ahead_answer(inbound);
	while (progress == INBOUND_ON && inbound_rows[inbound->state].step != NULL)
		progress = inbound_take_step(inbound);
	if (progress == INBOUND_STARVES) {
		inbound->after = inbound->state;
		inbound_enter(inbound, INBOUND_HUNGRY);
	}
	inbound_set_deadline(inbound);
	if (ingest->hurried)
		inbound_drain_now(inbound);
}

/* Behind a run of steps: until when the client may be silent, or until the next try. */
static void inbound_set_deadline(struct inbound *inbound)
{
	struct ingest *ingest = inbound->ingest;
	struct loop *loop = &ingest->shard.loop;
	const enum inbound_deadline kind = inbound_rows[inbound->state].deadline;

	if (kind != INBOUND_DEADLINE_IDLE && kind != INBOUND_DEADLINE_NONE)
		return;
	if (inbound->stuck &&
	        (kind == INBOUND_DEADLINE_IDLE || inbound->state == INBOUND_PUTTING)) {
		loop_timer_after(loop, &inbound->timer, INGEST_FEED_NS);
		return;
	}
	if (kind == INBOUND_DEADLINE_NONE || inbound_ahead_is_ours(inbound)) {
		loop_timer_stop(loop, &inbound->timer);
		return;
	}
	/* Bytes of a command that has no end yet are no sign of life: who sends one now and then
	 * could stay for ever. */
	const bool command = inbound_rows[inbound->state].step == inbound_command_step ||
	                     inbound->state == INBOUND_SIGNIN;
	if (!command || (stream_peek(&inbound->stream).bytes == 0 && !inbound->skipping))
		inbound->silent_since = loop_now(loop);
	struct mono deadline =
	        mono_after(inbound->silent_since, ingest->shard.config->limits.idle_ns);
	if (inbound->message != NULL)
		deadline = mono_earlier(deadline, inbound->transaction_until);
	loop_timer_set(loop, &inbound->timer, deadline);
}

static enum inbound_progress inbound_take_step(struct inbound *inbound)
{
	if (inbound->state == INBOUND_PUTTING)
		return inbound_ahead_step(inbound);
	if (inbound_is_ahead(inbound)) {
		if (inbound_ahead_waits(inbound))
			return INBOUND_WAITS;
	} else if (inbound_is_idle(inbound) && inbound->ingest->shard.draining) {
		inbound_close(inbound, INBOUND_REPLY_STOPPING);
		return INBOUND_ON;
	} else if (stream_room_bytes(&inbound->stream) < INBOUND_REPLY_ROOM) {
		inbound->cramped = true;
		return INBOUND_WAITS;
	}
	if (!inbound_is_ahead(inbound) && !ingest_can_reply(inbound->ingest)) {
		if (!inbound->famished)
			return INBOUND_STARVES;
		inbound_lose(inbound, "no memory for a reply");
		return INBOUND_ON;
	}
	const enum inbound_progress progress = inbound_rows[inbound->state].step(inbound);
	if (progress != INBOUND_STARVES)
		inbound->famished = false;
	return progress;
}

bool inbound_is_fed(struct inbound *inbound)
{
	return ingest_has_memory(inbound->ingest);
}

bool inbound_feed(struct inbound *inbound)
{
	const struct mono until = inbound->timer.deadline;

	check(inbound->state == INBOUND_HUNGRY);
	check(inbound->ingest->feeding);
	inbound_enter(inbound, inbound->after);
	inbound_run(inbound);
	/* In vain: it stays as it was, with what is left of its patience, and the stream at rest.
	 * To start and stop that with each try would keep the loop from ever sleeping. */
	if (inbound->state == INBOUND_HUNGRY) {
		loop_timer_set(&inbound->ingest->shard.loop, &inbound->timer, until);
		return false;
	}
	if (inbound->state != INBOUND_CLOSING)
		stream_resume(&inbound->stream);
	return true;
}

static void inbound_on_timer(struct timer *timer)
{
	struct inbound *inbound = container_of(timer, struct inbound, timer);
	struct loop *loop = &inbound->ingest->shard.loop;

	if (inbound->state == INBOUND_HUNGRY) {
		inbound->famished = true;
		inbound_enter(inbound, inbound->after);
		inbound_run(inbound);
	} else if (inbound->stuck) {
		inbound_run(inbound);
	} else if (inbound->state == INBOUND_PENALTY) {
		inbound_signin_refuse(inbound);
		inbound_run(inbound);
	} else if (inbound->state == INBOUND_HANDSHAKE) {
		inbound_lose(inbound, "the TLS handshake took too long");
	} else if (inbound->state == INBOUND_PROXY) {
		inbound_proxy_expire(inbound);
	} else if (inbound_is_ahead(inbound)) {
		inbound_lose(inbound, "the client doesn't read its answers");
	} else if (inbound->message != NULL &&
	           mono_reached(loop_now(loop), inbound->transaction_until)) {
		inbound_close(inbound, INBOUND_REPLY_SLOW);
	} else {
		inbound_close(inbound, INBOUND_REPLY_IDLE);
	}
}

/* News of the stream */

void inbound_on_news(struct inbound *inbound, unsigned news)
{
	if ((news & STREAM_GONE) != 0) {
		inbound_on_gone(inbound);
		return;
	}
	if (inbound->state == INBOUND_CLOSING || inbound->state == INBOUND_LOST)
		return;
	if ((news & STREAM_SECURED) != 0) {
		inbound->secured = true;
		inbound_log_secured(inbound);
		if (tls_is_old(stream_tls(&inbound->stream)))
			inbound_device_use(inbound, DEVICE_USE_TLS, VIEW(""));
		if (inbound->door->config->tls.implicit)
			inbound_reply_greeting(inbound);
		inbound_enter(inbound, INBOUND_FRESH);
	}
	if ((news & STREAM_ENDED) != 0)
		inbound_on_ended(inbound);
	if ((news & ~(unsigned)STREAM_WRITTEN) != 0 || inbound->cramped)
		inbound_run(inbound);
}

static void inbound_on_ended(struct inbound *inbound)
{
	char room[256];
	struct text reason = TEXT_ON(room);

	/* One that only says that it sends no more still reads what we have to say. */
	if (stream_failure(&inbound->stream).code == ERR_CLOSED &&
	        inbound->state != INBOUND_HANDSHAKE) {
		inbound->input_ended = true;
		return;
	}
	stream_failure_text(&inbound->stream, &reason);
	/* TLS has an alert for the client, which tells it what a reset would not. */
	if (inbound->state == INBOUND_HANDSHAKE &&
	        stream_failure(&inbound->stream).code == ERR_TLS) {
		inbound_log_tls_refused(inbound, text_string(&reason));
		inbound_log_closed(inbound, text_string(&reason));
		stream_close(&inbound->stream);
		inbound_enter(inbound, INBOUND_CLOSING);
		return;
	}
	inbound_lose(inbound, text_string(&reason));
}

static void inbound_on_gone(struct inbound *inbound)
{
	if (inbound->state == INBOUND_LOST) {
		inbound->gone = true;
		return;
	}
	check(inbound->state == INBOUND_CLOSING);
	inbound_release(inbound);
}

/* TLS begins anew what was said: nothing that came before it counts (RFC 3207 4.2). */
static enum inbound_progress inbound_upgrade_step(struct inbound *inbound)
{
	const size_t discarded =
	        stream_secure_server(&inbound->stream, inbound_device_tls(inbound));

	if (discarded > 0)
		inbound_log_injection(inbound, discarded);
	inbound->hello_bytes = 0;
	inbound->esmtp = false;
	inbound->user_bytes = 0;
	inbound->signed_in = false;
	inbound_enter(inbound, INBOUND_HANDSHAKE);
	return INBOUND_WAITS;
}

enum inbound_line inbound_line(
        struct inbound *inbound, size_t bytes_max, struct view *line, size_t *line_bytes)
{
	struct stream *stream = &inbound->stream;
	const bool repair = inbound_device_repairs(inbound);

	for (;;) {
		const struct view input = stream_peek(stream);
		const size_t end = view_find(input, '\n');
		if (end < input.bytes) {
			const bool crlf = end > 0 && input.data[end - 1] == '\r';
			*line = view_first(input, crlf ? end - 1 : end);
			*line_bytes = end + 1;
			if (!inbound->skipping && line->bytes <= bytes_max) {
				if (!crlf && repair)
					inbound_device_use(inbound, DEVICE_USE_BARE_LF, VIEW(""));
				return crlf || repair ? INBOUND_LINE : INBOUND_LINE_BARE;
			}
			inbound->skipping = false;
			stream_consume(stream, *line_bytes);
			return INBOUND_LINE_LONG;
		}
		if (inbound->skipping || input.bytes > bytes_max + 1) {
			inbound->skipping = true;
			stream_consume(stream, input.bytes);
		}
		if (input.bytes == 0 || (!inbound->skipping && !stream_gather(stream)))
			break;
	}
	if (inbound->input_ended && !inbound_is_ahead(inbound))
		inbound_leave(inbound);
	return INBOUND_LINE_NONE;
}

/* Answers of others */

/* Nobody is there any more to hear of the transaction's message. */
static void inbound_put_lost(struct inbound *inbound, enum put_result result)
{
	if (inbound->reports && result == PUT_COMMITTED)
		inbound_log_heard(inbound);
	else if (result == PUT_KNOWN || result == PUT_CLASH)
		inbound_log_known(inbound, result == PUT_KNOWN ? "duplicate" : "clash");
	else
		inbound_content_lose(inbound, inbound->message, inbound->content, result);
	inbound->awaited = false;
}

void inbound_put_done(struct inbound *inbound, uint32_t put, enum put_result result)
{
	const bool aside = inbound_ahead_done(inbound, put, result);
	milestone_reached(MILESTONE_PUT_DONE);

	if (inbound->state == INBOUND_LOST) {
		if (!aside)
			inbound_put_lost(inbound, result);
		inbound_found(inbound);
		return;
	}
	if (!aside) {
		check(inbound->state == INBOUND_PUTTING);
		check(inbound->put == put);
		inbound->put_result = (uint8_t)result;
		inbound_enter(inbound, INBOUND_ANSWER);
	}
	inbound_run(inbound);
}

void inbound_checked(struct inbound *inbound)
{
	if (inbound->state == INBOUND_LOST) {
		inbound->awaited = false;
		inbound_found(inbound);
		return;
	}
	check(inbound->state == INBOUND_CHECKING);
	inbound_signin_judge(inbound);
	inbound_run(inbound);
}

/* Something that a lost one waited for has come. */
static void inbound_found(struct inbound *inbound)
{
	if (inbound->awaited || inbound_is_ahead(inbound))
		return;
	inbound_drop(inbound);
	inbound_enter(inbound, INBOUND_CLOSING);
	if (inbound->gone)
		inbound_release(inbound);
}

/* Ends */

void inbound_end_transaction(struct inbound *inbound)
{
	inbound_drop(inbound);
	inbound_enter(inbound, inbound->hello_bytes > 0 ? INBOUND_READY : INBOUND_FRESH);
}

void inbound_drain(struct inbound *inbound)
{
	if (inbound->state == INBOUND_SIGNIN)
		inbound_close(inbound, INBOUND_REPLY_STOPPING);
	else if (inbound->state == INBOUND_PROXY)
		inbound_lose(inbound, "the service is shutting down");
	else if (inbound_rows[inbound->state].step != NULL)
		inbound_run(inbound);
}

void inbound_drain_now(struct inbound *inbound)
{
	const enum inbound_state state = inbound->state;

	if (inbound->message != NULL && state != INBOUND_PUTTING && state != INBOUND_LOST &&
	        !inbound_is_ahead(inbound))
		inbound_close(inbound, INBOUND_REPLY_STOPPING);
}

void inbound_abort(struct inbound *inbound)
{
	if (inbound->state == INBOUND_CLOSING)
		stream_abort(&inbound->stream);
	else if (inbound->state != INBOUND_LOST)
		inbound_lose(inbound, "the service was stopped");
}

void inbound_close(struct inbound *inbound, enum inbound_reply_name reply)
{
	check(!inbound_is_ahead(inbound));
	inbound_log_closed(inbound, inbound_reply_text(reply));
	inbound_drop(inbound);
	/* No error any more, whatever its code: it must not close again. */
	inbound_reply_say(inbound, reply);
	stream_close(&inbound->stream);
	inbound_enter(inbound, INBOUND_CLOSING);
}

void inbound_leave(struct inbound *inbound)
{
	check(!inbound_is_ahead(inbound));
	inbound_log_closed(inbound, inbound->message != NULL
	                                    ? "the client left within a transaction"
	                                    : "the client left");
	inbound_drop(inbound);
	stream_close(&inbound->stream);
	inbound_enter(inbound, INBOUND_CLOSING);
}

void inbound_lose(struct inbound *inbound, const char *reason)
{
	const bool answered =
	        inbound->state == INBOUND_ANSWER ||
	        (inbound->state == INBOUND_HUNGRY && inbound->after == INBOUND_ANSWER);

	inbound_log_closed(inbound, reason);
	stream_abort(&inbound->stream);
	inbound_ahead_lose(inbound);
	if (answered)
		inbound_put_lost(inbound, (enum put_result)inbound->put_result);
	inbound->awaited = inbound->state == INBOUND_PUTTING || inbound->state == INBOUND_CHECKING;
	if (!inbound->awaited)
		inbound_drop(inbound);
	inbound_enter(inbound,
	        inbound->awaited || inbound_is_ahead(inbound) ? INBOUND_LOST : INBOUND_CLOSING);
}

/* What it holds goes back. */
static void inbound_drop(struct inbound *inbound)
{
	struct ingest *ingest = inbound->ingest;

	inbound_content_drop(inbound);
	inbound_signin_drop(inbound);
	if (inbound->message == NULL)
		return;
	check(ingest->transactions > 0);
	ingest->transactions--;
	message_release(MOVE(inbound->message), &ingest->shard.shelf);
}

static void inbound_release(struct inbound *inbound)
{
	struct ingest *ingest = inbound->ingest;

	check(inbound->message == NULL);
	check(inbound->content == NULL);
	check(inbound->signin == NULL);
	check(!inbound_is_ahead(inbound));
	check(!timer_is_set(&inbound->timer));
	if (inbound->counted)
		doorman_leave(ingest->doors->doorman, &inbound->client);
	counters_add(ingest->shard.counters, connections_closed, 1);
	list_remove(&ingest->sessions, &inbound->session_link);
	inbound_enter(inbound, INBOUND_UNUSED);
	pool_give(&ingest->inbounds, inbound);
}
