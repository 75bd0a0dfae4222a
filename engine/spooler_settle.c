#include "engine/spooler_inner.h"

#include "queue/base/check.h"

static void spooler_take_settle(struct spooler *spooler, struct job *job);
static bool spooler_make_report(struct spooler *spooler, struct job *job, struct job **report);
static bool spooler_settle_stray(struct spooler *spooler, struct job *job);
static enum err_code spooler_adopt_one(struct spooler *spooler, uint16_t queue);

void spooler_take_settles(struct spooler *spooler)
{
	struct letter letter;

	for (size_t i = 0; i < spooler->delivery_count; i++) {
		struct mailbox *in = spooler->delivery[i].in;

		/* All of them: no more than windows allow, and what finds the batch full waits. */
		while (mailbox_take(in, &letter)) {
			if (letter.kind == LETTER_SETTLE) {
				spooler_take_settle(spooler, letter.job);
			} else if (letter.kind == LETTER_NOTE) {
				letter.note->shard = (uint16_t)i;
				list_push_last(&spooler->notes, &letter.note->link);
			} else if (letter.kind == LETTER_INCIDENT) {
				spooler_hear_incident(spooler, letter.sheet, i);
			} else if (letter.kind == LETTER_GATE) {
				spooler_hear_gate(spooler, letter.gate, i);
			} else if (letter.kind == LETTER_GATE_NEWS) {
				spooler_told_gate(spooler, letter.news, i);
			} else if (letter.kind == LETTER_PORTION) {
				spooler_hear_portion(spooler, letter.portion, i);
			} else if (letter.kind == LETTER_LATE) {
				spooler_late_heard(spooler, letter.late);
			} else {
				check(letter.kind == LETTER_DRAINED);
				spooler->drained++;
			}
		}
	}
	spooler_add_notes(spooler);
}

void spooler_add_notes(struct spooler *spooler)
{
	while (!list_is_empty(&spooler->notes) && !batch_notes_full(&spooler->batch)) {
		struct note *note =
		        container_of(list_pop_first(&spooler->notes), struct note, link);
		batch_add_note(&spooler->batch, note, note->shard);
	}
}

static void spooler_answer_note(struct spooler *spooler, struct note *note, bool kept)
{
	const struct letter letter = { .kind = LETTER_NOTED, .note = note };

	if (note == &spooler->page) {
		spooler_kept_incident(spooler, kept);
		return;
	}
	if (note->shard == FEED_NO_SHARD) {
		if (spooler_owns_gate_note(spooler, note))
			spooler_kept_gate(note, kept);
		else if (spooler_owns_late_note(spooler, note))
			spooler_kept_late(note);
		else
			spooler_kept_quota(spooler, note, kept);
		return;
	}
	note->kept = kept;
	check(mailbox_put(spooler->delivery[note->shard].out, &letter));
}

void spooler_answer_notes(struct spooler *spooler, bool broken)
{
	struct batch *batch = &spooler->batch;

	for (size_t i = 0; i < batch->note_count; i++) {
		const struct batch_note *at = &batch->notes[i];
		if (at->done || broken)
			spooler_answer_note(spooler, at->note, at->done && !broken);
	}
	if (!broken)
		return;
	batch->note_count = 0;
	while (!list_is_empty(&spooler->notes))
		spooler_answer_note(spooler,
		        container_of(list_pop_first(&spooler->notes), struct note, link), false);
}

static void spooler_take_settle(struct spooler *spooler, struct job *job)
{
	const struct job_tally tally = job_tally(job);
	const struct spool_place place = { job->id, job->number };
	enum request_verb verb;

	check(job->shard < spooler->delivery_count);
	spooler_trace_act(job, job->divert != 0 ? TRACE_ACT_FALLBACK : (enum trace_act)job->act);
	if (tally.of[OWED_DELIVERED] > 0)
		spooler_count_sent(spooler, job->route);
	if (clerk_take_note(&spooler->clerk, place, &verb)) {
		clerk_apply(job, verb, loop_wall(&spooler->shard.loop), &spooler->shard.shelf);
		job->divert = 0; /* the operator's word counts */
		spooler_trace_act(job, spooler_trace_verb(verb));
	} else if (job->divert == 0 && tally.of[OWED_PENDING] == job->owed_count) {
		/* The shard had no use for it: it is due as it was. */
		feed_take_back(&spooler->feed, job);
		return;
	}
	/* What waits for its shard need not where another one can send it. */
	if (job->rests && feed_close(&spooler->feed, job, job->next_attempt))
		job->next_attempt = loop_wall(&spooler->shard.loop);
	spooler_settle(spooler, job);
}

/* Those of before come first. */
void spooler_settle(struct spooler *spooler, struct job *job)
{
	struct job *report = NULL;
	struct job *branch = NULL;

	if (batch_settles_full(&spooler->batch) || !spooler_make_report(spooler, job, &report)) {
		list_push_last(&spooler->waiting, &job->link);
		return;
	}
	if (spooler_move(spooler, job, &branch)) {
		batch_add_settle(&spooler->batch, job, report, branch);
		spooler_trace_settle(spooler, job);
		spooler_keep_sent(spooler, job);
		return;
	}
	/* The report is made again, under another id. */
	if (report != NULL)
		feed_give_job(&spooler->feed, report);
	list_push_last(&spooler->waiting, &job->link);
}

void spooler_answer_settles(struct spooler *spooler)
{
	struct batch *batch = &spooler->batch;

	for (size_t i = 0; i < batch->settle_count; i++) {
		struct batch_settle *settle = &batch->settles[i];

		if (!settle->done)
			continue;
		struct job *job = MOVE(settle->job);
		const struct job_tally tally = job_tally(job);
		if (job->shard != FEED_NO_SHARD)
			feed_credit(&spooler->feed, job);
		if (!job->held && tally.of[OWED_PENDING] + tally.of[OWED_DEFERRED] > 0)
			feed_wakes(&spooler->feed, job);
		feed_give_job(&spooler->feed, job);
		if (settle->report != NULL)
			feed_offer(&spooler->feed, MOVE(settle->report),
			        loop_wall(&spooler->shard.loop));
		if (settle->branch != NULL && settle->lost)
			feed_give_job(&spooler->feed, MOVE(settle->branch));
		else if (settle->branch != NULL)
			spooler_send_branch(spooler, MOVE(settle->branch));
	}
}

void spooler_settle_waiting(struct spooler *spooler)
{
	for (size_t left = spooler->waiting.count; left > 0; left--)
		spooler_settle(
		        spooler, container_of(list_pop_first(&spooler->waiting), struct job, link));
}

bool spooler_holds(const struct spooler *spooler, struct spool_place place)
{
	for (size_t i = 0; i < spooler->batch.settle_count; i++) {
		const struct job *job = spooler->batch.settles[i].job;
		if (job->id == place.id && job->number == place.number)
			return true;
	}
	const struct list *const lists[] = { &spooler->waiting, &spooler->feed.strays };
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		list_each(link, lists[i]) {
			const struct job *job = container_of(link, struct job, link);
			if (job->id == place.id && job->number == place.number)
				return true;
		}
	}
	return false;
}

/* True: *report is the report that the settle owes, or NULL where it owes none. */
static bool spooler_make_report(struct spooler *spooler, struct job *job, struct job **report)
{
	struct shard *shard = &spooler->shard;

	*report = NULL;
	if (!report_is_owed(job))
		return true;
	if (spooler->ids_left == 0 || spooler_is_short(spooler)) {
		spooler->stalled = true;
		return false;
	}
	const struct view sender = message_reports_to(job->message);
	const struct routing routing = routing_pick_report(shard->config, sender);
	struct message *message = report_make(spooler->reports, job, spooler->ids_next,
	        view_of(routing.mailbox), loop_wall(&shard->loop), &shard->shelf);
	if (message == NULL) {
		spooler_fall_short(spooler);
		return false;
	}
	spooler->ids_next++;
	spooler->ids_left--;

	struct job *made = feed_take_job(&spooler->feed);
	job_begin(made, message, 0, routing.route);
	check(job_owe_all(made, &shard->shelf, 0)); /* one recipient, inline */
	made->shard = FEED_NO_SHARD;
	made->next_attempt = loop_wall(&shard->loop);
	made->held = routing.fate != ROUTING_TAKEN;
	made->rule = routing.rule;
	job_enter(made, JOB_PUTTING);
	struct log_line line = log_begin(shard->log, made->held ? LOG_WARNING : LOG_INFO,
	        made->held ? "report_kept" : "report");
	log_message(&line, job->id);
	char id_text[MESSAGE_ID_TEXT];
	log_word(&line, "report", message_id_format(message->id, id_text));
	log_text(&line, "to", sender);
	log_word(&line, "mailbox", routing.mailbox);
	if (made->held)
		log_word(&line, "advice",
		        "No route can carry a report to this sender: it is held. Set "
		        "notices_from on a route; then: sluice queue release");
	log_end(&line);
	message_release(message, &shard->shelf);
	*report = made;
	return true;
}

void spooler_settle_strays(struct spooler *spooler)
{
	struct list *strays = &spooler->feed.strays;

	while (!list_is_empty(strays) && !batch_settles_full(&spooler->batch)) {
		struct job *job = container_of(list_pop_first(strays), struct job, link);

		if (!spooler_settle_stray(spooler, job)) {
			list_push_first(strays, &job->link);
			return;
		}
	}
}

/* False: no memory, and it is as it was. */
static bool spooler_settle_stray(struct spooler *spooler, struct job *job)
{
	struct job *branch;

	spooler_trace_act(job, TRACE_ACT_REROUTE);
	if (!spooler_reroute(spooler, job, &branch))
		return false;
	if (job->held)
		spooler_log_kept(spooler, job);
	job->shard = FEED_NO_SHARD;
	job_enter(job, JOB_SETTLING);
	batch_add_settle(&spooler->batch, job, NULL, branch);
	spooler_trace_settle(spooler, job);
	return true;
}

/* They go over to the route that they take today. */
void spooler_adopt(struct spooler *spooler)
{
	size_t adopted = 0;

	if (!spooler->orphans || spooler->feed.stopped || spooler_is_short(spooler))
		return;
	for (uint16_t queue = spool_queue_count(spooler->spool);
	        spool_has_queue(spooler->spool, queue); queue++) {
		enum err_code code = ERR_OK;

		while (code != ERR_NOT_FOUND) {
			if (adopted++ == SPOOLER_ADOPTED_PER_TURN ||
			        batch_settles_full(&spooler->batch))
				return;
			code = spooler_adopt_one(spooler, queue);
			if (code != ERR_OK && code != ERR_FORMAT && code != ERR_NOT_FOUND)
				return; /* the memory budget is short, or the spool broken */
		}
	}
	spooler->orphans = false;
}

static enum err_code spooler_adopt_one(struct spooler *spooler, uint16_t queue)
{
	struct job *job = feed_take_job(&spooler->feed);
	const struct err err = spool_next(spooler->spool, queue, (struct wall){ INT64_MAX },
	        &spooler->shard.shelf, spooler->feed.reserve, job);

	if (!failed(err)) {
		if (!spooler_settle_stray(spooler, job))
			list_push_last(&spooler->feed.strays, &job->link);
		return ERR_OK;
	}
	if (err.code == ERR_FORMAT)
		spooler_log_damaged(spooler, (struct spool_place){ job->id, job->number });
	else if (err.code == ERR_NO_MEMORY)
		spooler_fall_short(spooler);
	feed_give_job(&spooler->feed, job);
	return err.code;
}
