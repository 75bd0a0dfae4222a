#include "engine/spooler_inner.h"
#include "queue/base/check.h"
#include "queue/verdict.h"

static void spooler_take_put(struct spooler *spooler, struct letter *letter, size_t shard);
static bool spooler_make_jobs(
        struct spooler *spooler, struct message *message, const struct ways *ways);
static struct way spooler_way(const struct job *job);
static bool spooler_make_job(struct spooler *spooler, struct message *message,
        const struct ways *ways, struct way way, size_t first);
static bool spooler_owe(
        struct spooler *spooler, struct job *job, const struct ways *ways, struct way way);
static void spooler_send_off(struct spooler *spooler, struct job *job);
static void spooler_give_up(struct spooler *spooler, struct job *job);

/* By turns, so that no shard fills every batch. */
void spooler_take_puts(struct spooler *spooler)
{
	struct letter letter;

	for (size_t i = 0; i < spooler->ingest_count; i++) {
		const size_t shard = (spooler->ingest_first + i) % spooler->ingest_count;
		struct mailbox *in = spooler->ingest[shard].in;
		size_t taken = 0;

		while (taken++ < LETTERS_PER_TURN && !batch_puts_full(&spooler->batch) &&
		        !spooler_echoes_full(spooler) && mailbox_take(in, &letter)) {
			if (letter.kind == LETTER_PUT)
				spooler_take_put(spooler, &letter, shard);
			else if (letter.kind == LETTER_IDS_WANTED)
				spooler->ids_wanted[shard] = true;
			else if (letter.kind == LETTER_DRAINED)
				spooler->drained++;
			else
				check(false);
		}
	}
	spooler->ingest_first++;
}

/* What it stops is held in memory, as what a session hears is; what is kept with the message has to
 * be on disk before the answer (I1). */
static void spooler_take_report(struct spooler *spooler, const struct letter *letter, size_t shard)
{
	const struct ndr *ndr = letter->report;
	struct letter done = {
		.kind = LETTER_PUT_DONE,
		.result = PUT_COMMITTED,
		.ticket = letter->ticket,
	};
	struct late late = { .fate = LATE_NONE };
	struct late_heard heard = { .ticket = letter->ticket, .shard = shard };

	if (spooler->heard_count == LATE_HEARD) {
		done.result = PUT_FAILED;
		check(mailbox_put(spooler->ingest[shard].out, &done));
		return;
	}
	if (ndr->recipient_count == 0)
		spooler_hear_late(spooler, ndr, NULL, "mail", &late);
	for (size_t i = 0; i < ndr->recipient_count; i++) {
		spooler_hear_late(spooler, ndr, &ndr->recipients[i], "mail", &late);
		heard.notes |= late.notes;
		/* It may come again, when there is room to hear it. */
		if (late.fate == LATE_BUSY)
			done.result = PUT_FAILED;
		/* The other recipients are of the same message, which nobody knows. */
		if (late.fate == LATE_BUSY || late.fate == LATE_UNKNOWN)
			break;
	}
	if (done.result == PUT_COMMITTED && heard.notes != 0)
		spooler->heard[spooler->heard_count++] = heard;
	else
		check(mailbox_put(spooler->ingest[shard].out, &done));
}

void spooler_answer_heard(struct spooler *spooler, bool broken)
{
	for (size_t i = 0; i < spooler->heard_count; i++) {
		const struct late_heard *heard = &spooler->heard[i];
		const bool kept = (heard->notes & spooler_lates_under_way(spooler)) == 0;
		const struct letter done = {
			.kind = LETTER_PUT_DONE,
			.result = broken ? PUT_FAILED
			          : kept ? PUT_COMMITTED
			                 : PUT_FULL,
			.ticket = heard->ticket,
		};

		check(mailbox_put(spooler->ingest[heard->shard].out, &done));
	}
	spooler->heard_count = 0;
}

static void spooler_take_put(struct spooler *spooler, struct letter *letter, size_t shard)
{
	if (letter->report != NULL) {
		spooler_take_report(spooler, letter, shard);
		return;
	}
	const bool known = spooler_take_claim(spooler, letter, shard);
	const bool made = !known && spooler_make_jobs(spooler, letter->message, &letter->ways);

	message_release(letter->message, &spooler->shard.shelf); /* the jobs hold it now */
	ways_free(&letter->ways, &spooler->shard.shelf);
	if (made) {
		batch_add_put(&spooler->batch, letter->ticket, (uint16_t)shard);
		spooler_trace_put(spooler, letter);
		if (letter->claim != NULL)
			batch_claim(&spooler->batch, letter->claim);
	}
	if (made || known)
		return;
	const struct letter full = {
		.kind = LETTER_PUT_DONE,
		.result = PUT_FULL,
		.ticket = letter->ticket,
	};
	check(mailbox_put(spooler->ingest[shard].out, &full));
}

/* A job for each way, in the order in which recipients come to them; in the batch. False: there is
 * none, and no memory for them. */
static bool spooler_make_jobs(
        struct spooler *spooler, struct message *message, const struct ways *ways)
{
	struct batch *batch = &spooler->batch;
	const size_t first = batch->job_count;

	/* Settles wait for memory or ids. Those that go nowhere would join them, without bound. */
	if (ways_have(ways, message->recipient_count, WAYS_NOWHERE) &&
	        !list_is_empty(&spooler->waiting))
		return false;
	for (uint32_t i = 0; i < message->recipient_count; i++) {
		const struct way way = ways_at(ways, i);
		bool made = false;

		for (size_t j = first; j < batch->job_count && !made; j++)
			made = ways_join(spooler_way(batch->jobs[j]), way);
		if (!made && !spooler_make_job(spooler, message, ways, way, first)) {
			while (batch->job_count > first)
				feed_give_job(&spooler->feed, batch->jobs[--batch->job_count]);
			return false;
		}
		if (ways->each == NULL)
			break;
	}
	return true;
}

static struct way spooler_way(const struct job *job)
{
	return (struct way){
		.way = job->nowhere ? WAYS_NOWHERE
		       : job->held  ? WAYS_KEPT
		                    : job->route,
		.rehearsed = job->rehearsed,
	};
}

static bool spooler_make_job(struct spooler *spooler, struct message *message,
        const struct ways *ways, struct way way, size_t first)
{
	struct batch *batch = &spooler->batch;
	struct job *job = feed_take_job(&spooler->feed);

	job_begin(job, message, (uint16_t)(batch->job_count - first),
	        way.way < WAYS_KEPT ? way.way : 0);
	if (!spooler_owe(spooler, job, ways, way)) {
		feed_give_job(&spooler->feed, job);
		return false;
	}
	job->shard = FEED_NO_SHARD;
	job->stream = ways->stream;
	job->next_attempt = loop_wall(&spooler->shard.loop);
	job->held = way.way >= WAYS_KEPT; /* after a crash it is found so */
	job->nowhere = way.way == WAYS_NOWHERE;
	job->rehearsed = way.rehearsed;
	job->rule = ways_at(ways, job_owed(job)[0].index).rule;
	job_enter(job, JOB_PUTTING);
	batch_add_job(batch, job);
	return true;
}

/* Those recipients that go this way. A rehearsal is reported to nobody. */
static bool spooler_owe(
        struct spooler *spooler, struct job *job, const struct ways *ways, struct way way)
{
	struct shelf *shelf = &spooler->shard.shelf;
	struct message_cursor at = message_recipients(job->message);
	struct message_recipient recipient;

	if (ways->each == NULL && !way.rehearsed)
		return job_owe_all(job, shelf, 0);
	while (message_next_recipient(&at, &recipient)) {
		const uint16_t index = (uint16_t)(at.index - 1);
		const uint8_t notify = way.rehearsed ? NOTIFY_NEVER : recipient.notify;
		if (ways_join(ways_at(ways, index), way) && !job_owe(job, shelf, 0, index, notify))
			return false;
	}
	return true;
}

void spooler_answer_puts(struct spooler *spooler)
{
	struct batch *batch = &spooler->batch;

	spooler_answer_echoes(spooler);
	for (size_t i = 0; i < batch->put_count; i++) {
		const struct batch_put *put = &batch->puts[i];
		const struct letter letter = {
			.kind = LETTER_PUT_DONE,
			.result = put->result,
			.ticket = put->ticket,
		};

		check(put->done);
		check(mailbox_put(spooler->ingest[put->shard].out, &letter));
		if (put->result == PUT_FULL)
			spooler_tell_full(spooler, true);
		for (size_t j = put->first; j < (size_t)put->first + put->count; j++) {
			struct job *job = MOVE(batch->jobs[j]);
			if (put->result == PUT_COMMITTED)
				spooler_send_off(spooler, job);
			else
				feed_give_job(&spooler->feed, job);
		}
	}
}

/* A job that was just committed goes its way. Takes job. */
static void spooler_send_off(struct spooler *spooler, struct job *job)
{
	if (job->nowhere) {
		spooler_give_up(spooler, job);
		return;
	}
	if (job->held)
		spooler_log_kept(spooler, job);
	feed_offer(&spooler->feed, job, loop_wall(&spooler->shard.loop));
}

/* Its sender is told that no route takes it; the other recipients' mail is on its way. */
static void spooler_give_up(struct spooler *spooler, struct job *job)
{
	static const struct reply_note note = {
		.code = 550,
		.status = { 5, 4, 4 },
		.stage = STAGE_ANY,
		.text = VIEW_INIT("No route takes this message to the recipient"),
	};
	struct message_cursor at = message_recipients(job->message);
	struct message_recipient recipient;

	for (size_t i = 0; i < job->owed_count; i++) {
		const uint16_t index = job_owed(job)[i].index;

		check(message_seek_recipient(&at, index, &recipient));
		job_set_outcome(job, i, OWED_BOUNCED, &note, &spooler->shard.shelf);
		struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "bounced");
		log_message(&line, job->id);
		log_text(&line, "to", recipient.address);
		log_text(&line, "reply", note.text);
		log_end(&line);
	}
	counters_add(spooler->shard.counters, recipients_bounced, job->owed_count);
	spool_lend(spooler->spool, job->id, job->number);
	job_enter(job, JOB_SETTLING);
	spooler_trace_act(job, TRACE_ACT_NO_ROUTE);
	spooler_settle(spooler, job);
}
