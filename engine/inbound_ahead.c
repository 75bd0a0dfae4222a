#include "engine/inbound_ahead.h"

#include "engine/inbound_content.h"
#include "engine/inbound_log.h"
#include "engine/ingest.h"
#include "queue/base/check.h"

static struct inbound_ahead *ahead_of(struct link *link)
{
	return container_of(link, struct inbound_ahead, link);
}

static struct inbound_ahead *ahead_last(const struct inbound *inbound)
{
	return ahead_of(list_last(&inbound->aheads));
}

static bool ahead_may_park(struct inbound *inbound)
{
	const struct ingest *ingest = inbound->ingest;
	const struct view next = stream_peek(&inbound->stream);

	return !inbound->reports && !inbound->content->claim.made && !ingest->shard.draining &&
	       inbound->aheads.count < INBOUND_AHEAD_MAX && pool_left(&ingest->aheads) > 0 &&
	       next.bytes > 0 && byte_lower(next.data[0]) != 'q'; /* QUIT: most say it so */
}

enum inbound_progress inbound_ahead_step(struct inbound *inbound)
{
	if (!ahead_may_park(inbound))
		return INBOUND_WAITS;
	struct inbound_ahead *ahead = pool_take_as_is(&inbound->ingest->aheads);
	check(ahead != NULL);
	ahead->link = (struct link){ 0 };
	ahead->message = MOVE(inbound->message);
	ahead->content = MOVE(inbound->content);
	ahead->put = inbound->put;
	ahead->errors = inbound->errors;
	ahead->delays = inbound->delays;
	inbound->errors = 0;
	inbound->delays = 0;
	ahead->bytes = 0;
	ahead->answered = false;
	list_push_last(&inbound->aheads, &ahead->link);
	inbound_end_transaction(inbound);
	return INBOUND_ON;
}

bool inbound_ahead_is_ours(const struct inbound *inbound)
{
	return inbound_is_ahead(inbound) && !ahead_of(list_first(&inbound->aheads))->answered;
}

bool inbound_ahead_waits(const struct inbound *inbound)
{
	const struct shard *shard = &inbound->ingest->shard;

	return inbound->state == INBOUND_ANSWER || (inbound_is_idle(inbound) && shard->draining) ||
	       inbound->errors >= shard->config->limits.errors ||
	       ahead_last(inbound)->bytes + INBOUND_AHEAD_ROOM > INBOUND_AHEAD_BYTES;
}

bool inbound_ahead_takes(struct view line)
{
	struct command_bdat bdat;
	struct command command;

	if (command_parse(line, &command) != COMMAND_FAULT_NONE)
		return false;
	switch (command.verb) {
	case COMMAND_MAIL:
	case COMMAND_RCPT:
	case COMMAND_DATA:
	case COMMAND_RSET:
	case COMMAND_NOOP:
		return true;
	case COMMAND_BDAT:
		return command_bdat_parse(command.arguments, &bdat) == COMMAND_FAULT_NONE;
	default:
		return false;
	}
}

void inbound_ahead_keep(struct inbound *inbound, struct view line)
{
	struct inbound_ahead *last = ahead_last(inbound);

	check(line.bytes <= INBOUND_AHEAD_ROOM);
	check(last->bytes + line.bytes <= sizeof last->said);
	memcpy(last->said + last->bytes, line.data, line.bytes);
	last->bytes += (uint16_t)line.bytes;
}

static void ahead_drop(struct inbound *inbound, struct inbound_ahead *ahead)
{
	struct ingest *ingest = inbound->ingest;

	list_remove(&inbound->aheads, &ahead->link);
	inbound_content_give(ingest, MOVE(ahead->content));
	check(ingest->transactions > 0);
	ingest->transactions--;
	message_release(MOVE(ahead->message), &ingest->shard.shelf);
	pool_give(&ingest->aheads, ahead);
}

void inbound_ahead_lose(struct inbound *inbound)
{
	list_each_safe(link, &inbound->aheads) {
		struct inbound_ahead *ahead = ahead_of(link);

		if (!ahead->answered)
			continue;
		inbound_content_lose(
		        inbound, ahead->message, ahead->content, (enum put_result)ahead->result);
		ahead_drop(inbound, ahead);
	}
}

bool inbound_ahead_done(struct inbound *inbound, uint32_t put, enum put_result result)
{
	list_each(link, &inbound->aheads) {
		struct inbound_ahead *ahead = ahead_of(link);

		if (ahead->put != put)
			continue;
		check(!ahead->answered);
		ahead->answered = true;
		ahead->result = (uint8_t)result;
		if (inbound->state == INBOUND_LOST) {
			inbound_content_lose(inbound, ahead->message, ahead->content, result);
			ahead_drop(inbound, ahead);
		}
		return true;
	}
	return false;
}

/* Errors are forgiven with the next message that is taken; this one was not. */
static void ahead_keep_errors(struct inbound *inbound, const struct inbound_ahead *ahead)
{
	if (&ahead->link == list_last(&inbound->aheads)) {
		inbound->errors += ahead->errors;
		inbound->delays += ahead->delays;
	} else {
		ahead_of(ahead->link.next)->errors += ahead->errors;
		ahead_of(ahead->link.next)->delays += ahead->delays;
	}
}

/* The answer, and what was said behind it. */
static void ahead_say(struct inbound *inbound, struct inbound_ahead *ahead)
{
	const enum put_result result = (enum put_result)ahead->result;

	inbound->answering = true;
	inbound_content_answer(inbound, ahead->message, ahead->content, result);
	inbound->answering = false;
	/* There was room and memory for it; where the stream ends meanwhile nobody reads it. */
	const bool said = stream_put(&inbound->stream, view_from(ahead->said, ahead->bytes));
	(void)said;
	if (result != PUT_COMMITTED)
		ahead_keep_errors(inbound, ahead);
	ahead_drop(inbound, ahead);
}

void inbound_ahead_answer(struct inbound *inbound)
{
	inbound->stuck = false;
	while (inbound_is_ahead(inbound)) {
		struct inbound_ahead *first = ahead_of(list_first(&inbound->aheads));

		if (!first->answered)
			return;
		inbound->cramped = stream_room_bytes(&inbound->stream) <
		                   INBOUND_AHEAD_ROOM + (size_t)first->bytes;
		inbound->stuck = !ingest_can_reply(inbound->ingest);
		if (inbound->cramped || inbound->stuck)
			return;
		ahead_say(inbound, first);
	}
}
