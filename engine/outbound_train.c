#include "engine/outbound_inner.h"
#include "queue/base/check.h"

static struct transaction *outbound_train(struct outbound *outbound, uint32_t place);
static void outbound_part(struct outbound *outbound, const struct reply *reply);
static void outbound_write(struct outbound *outbound);
static bool outbound_needs_reset(struct outbound *outbound, uint32_t place);
static void outbound_finish_front(struct outbound *outbound);
static void outbound_pass(struct outbound *outbound);

uint32_t outbound_room(const struct outbound *outbound)
{
	const struct config_route *route = outbound->target->route;
	const struct capabilities *offers = &outbound->carrier.offers;
	uint32_t depth = route->pipeline;
	uint64_t most = route->messages_per_session.count;

	if (outbound->step != STEP_READY || outbound->retiring)
		return 0;
	if (loop_now(&outbound->shard->loop).ns - outbound->opened.ns >= route->lifetime_ns)
		return 0;
	if (!offers->chunking && depth > OUTBOUND_DATA_DEPTH)
		depth = OUTBOUND_DATA_DEPTH;
	if (!offers->pipelining)
		depth = 1;
	if (offers->mail_max > 0 && offers->mail_max < most)
		most = offers->mail_max;
	const uint64_t left = most - outbound->messages;
	if (left < depth)
		depth = (uint32_t)left;
	return depth > outbound->train_count ? depth - outbound->train_count : 0;
}

void outbound_give(struct outbound *outbound, struct job *job, const struct admission *admission)
{
	check(outbound_room(outbound) > 0);
	struct transaction *transaction = outbound_train(outbound, outbound->train_count);

	if (!transaction_begin(transaction, &outbound->carrier, job, admission)) {
		transaction_end(transaction, &outbound->carrier, &outbound->shard->shelf);
		return;
	}
	const bool was_idle = outbound->train_count++ == 0;
	outbound_list_idle(outbound);
	outbound_write(outbound);
	outbound_finish_front(outbound); /* it may be over already: nothing could be sent */
	if (was_idle)
		outbound_arm(outbound);
}

void outbound_hear_train(struct outbound *outbound, const struct reply *reply)
{
	enum transaction_heard heard = TRANSACTION_BROKEN;
	const bool was_useful = outbound->carrier.useful;

	outbound_pass(outbound);
	if (outbound->train_answered < outbound->train_count) {
		struct transaction *transaction =
		        outbound_train(outbound, outbound->train_answered);
		heard = transaction_hear(transaction, &outbound->carrier, reply);
		outbound_pass(outbound);
	}
	outbound->retiring |= heard == TRANSACTION_RETIRE;
	if (outbound->carrier.useful && !was_useful)
		target_trust(outbound->target, &outbound->address);
	if (outbound->carrier.elsewhere)
		target_blame(
		        outbound->target, &outbound->address, loop_now(&outbound->shard->loop));
	/* 421; or what a server says to a session that it finds idle for too long. */
	const bool unasked = outbound->train_count == 0 && reply->code >= 400;
	if (!outbound->goodbye && (reply->code == 421 || unasked))
		outbound_part(outbound, reply);
	if (heard == TRANSACTION_BROKEN)
		outbound_lose(outbound, VIEW("the server answered what was not asked"));
	else if (outbound->goodbye && outbound->train_answered == outbound->train_count)
		outbound_lose(outbound, VIEW(""));
}

/* The server ends it. Nothing more is written, but what it answers still counts, for a moment: it
 * may have taken what was sent whole. */
static void outbound_part(struct outbound *outbound, const struct reply *reply)
{
	struct text text = TEXT_ON(outbound->text);

	text_put(&text, reply->whole);
	outbound->text_bytes = (uint8_t)text.bytes;
	outbound->goodbye = true;
	outbound->retiring = true;
	outbound->verdict = verdict_judge(STAGE_ANY, reply->whole);
	loop_timer_after(&outbound->shard->loop, &outbound->timer, OUTBOUND_GOODBYE_NS);
}

void outbound_progress(struct outbound *outbound)
{
	outbound_finish_front(outbound);
	outbound_write(outbound);
	/* Cancelled ones are over as soon as they are written. */
	outbound_finish_front(outbound);
	if (outbound->train_count == 0 && (outbound->retiring || outbound_room(outbound) == 0))
		outbound_quit(outbound);
	else
		outbound_arm(outbound);
}

enum outbound_step outbound_train_step(struct outbound *outbound)
{
	if (outbound->train_answered == outbound->train_count)
		return STEP_BODY;
	const struct transaction *oldest = outbound_train(outbound, outbound->train_answered);
	if (oldest->owed != STEP_END)
		return oldest->owed;
	const bool written = transaction_is_sent(oldest) &&
	                     stream_written_total(&outbound->stream) >= oldest->end_at;
	return written ? STEP_END : STEP_BODY;
}

void outbound_arm(struct outbound *outbound)
{
	const struct config_route *route = outbound->target->route;
	struct loop *loop = &outbound->shard->loop;

	if (outbound->goodbye)
		return; /* its time runs */
	if (outbound->train_count == 0) {
		const struct mono idle = mono_after(loop_now(loop), route->idle_ns);
		const struct mono end = mono_after(outbound->opened, route->lifetime_ns);
		loop_timer_set(loop, &outbound->timer, mono_earlier(idle, end));
		return;
	}
	const enum outbound_step step = outbound_train_step(outbound);
	loop_timer_after(loop, &outbound->timer, outbound_step_wait_ns(step, &route->timeouts));
}

void outbound_lose_train(struct outbound *outbound)
{
	const struct transaction_loss loss = {
		.begun = outbound->begun,
		.text = view_from(outbound->text, outbound->text_bytes),
	};
	bool first = true;

	for (uint32_t i = 0; i < outbound->train_count; i++) {
		struct transaction *transaction = outbound_train(outbound, i);
		struct transaction_loss this_loss = loss;

		this_loss.first = first && !transaction_is_answered(transaction);
		first &= !this_loss.first;
		transaction_lose(
		        transaction, &outbound->carrier, &outbound->shard->shelf, &this_loss);
	}
	outbound->train_count = 0;
	outbound->train_sent = 0;
	outbound->train_answered = 0;
}

static struct transaction *outbound_train(struct outbound *outbound, uint32_t place)
{
	const uint32_t size = outbound->target->route->pipeline;

	check(place < size);
	return &outbound->train[(outbound->train_first + place) % size];
}

/* Writes as much of the train as can be written. */
static void outbound_write(struct outbound *outbound)
{
	struct shard *shard = outbound->shard;
	enum transaction_wrote wrote = TRANSACTION_WROTE;

	if (outbound->goodbye)
		return;
	while (outbound->train_sent < outbound->train_count && wrote == TRANSACTION_WROTE) {
		struct transaction *transaction = outbound_train(outbound, outbound->train_sent);

		if (transaction->sent == STEP_RSET)
			transaction->reset = outbound_needs_reset(outbound, outbound->train_sent);
		wrote = transaction_write(transaction, &outbound->carrier, &shard->shelf);
		outbound_pass(outbound);
	}
	const struct stream *stream = &outbound->stream;
	const bool starved = wrote == TRANSACTION_FULL &&
	                     stream_queued_total(stream) == stream_written_total(stream);
	if (wrote == TRANSACTION_WORKS || starved)
		loop_task_add(&shard->loop.starved, &outbound->work);
}

/* Behind a BDAT whose success isn't known the state at the server isn't either. */
static bool outbound_needs_reset(struct outbound *outbound, uint32_t place)
{
	if (outbound->carrier.dirty)
		return true;
	if (place == 0)
		return false;
	const struct transaction *before = outbound_train(outbound, place - 1);
	return !transaction_is_answered(before) && before->bdat;
}

static void outbound_finish_front(struct outbound *outbound)
{
	outbound_pass(outbound);
	while (outbound->train_count > 0) {
		struct transaction *front = outbound_train(outbound, 0);

		if (!transaction_is_over(front, &outbound->stream))
			return;
		check(outbound->train_answered > 0);
		check(outbound->train_sent > 0);
		outbound->train_answered--;
		outbound->train_sent--;
		outbound->train_count--;
		outbound->train_first =
		        (outbound->train_first + 1) % outbound->target->route->pipeline;
		transaction_end(front, &outbound->carrier, &outbound->shard->shelf);
	}
	/* One that carries a message at a time stays in the same memory. */
	outbound->train_first = 0;
	outbound_list_idle(outbound);
}

/* Moves both cursors past what they are done with. */
static void outbound_pass(struct outbound *outbound)
{
	while (outbound->train_sent < outbound->train_count &&
	        transaction_is_sent(outbound_train(outbound, outbound->train_sent)))
		outbound->train_sent++;
	while (outbound->train_answered < outbound->train_count &&
	        transaction_is_answered(outbound_train(outbound, outbound->train_answered))) {
		outbound->train_answered++;
		outbound->messages++;
	}
}
