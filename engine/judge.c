#include "engine/judge.h"

#include "engine/judge_doubt.h"
#include "engine/streams.h"
#include "engine/judge_inner.h"
#include "queue/base/check.h"
#include "queue/base/date.h"
#include "queue/base/milestone.h"
#include "queue/trace_words.h"

/* Of the reply to a message that was taken, for the trace: with the server's name it lies in the
 * job itself. Exchange Online's names the message there, and the host that has it. */
#define JUDGE_TAKEN_TEXT 176

static bool judge_has_other(
        const struct judge *judge, const struct lane *lane, const struct job *job);
static enum owed_outcome judge_outcome(const struct judge_case *it);
static void judge_deliver(struct judge *judge, struct job *job, size_t at, struct judge_case *it);
static void judge_settle(struct judge *judge, struct job *job);
static void judge_put_off(struct judge *judge, struct job *job, const struct reply_note *note);
static void judge_defer(struct judge *judge, struct job *job);
static void judge_settle_until(struct judge *judge, struct job *job, struct wall until);
static void judge_log_retry(struct judge *judge, const struct job *job);
static void judge_expire(struct judge *judge, struct job *job);
static uint16_t judge_marked(const struct job *job, enum owed_mark mark);
static void judge_put_back(
        struct judge *judge, struct lane *lane, struct job *job, const struct judgement *judgement);
static void judge_lone(
        struct judge *judge, struct lane *lane, struct job *job, const struct judgement *judgement);
static void judge_close_pending(
        struct judge *judge, const struct lane *lane, struct job *job, enum owed_outcome outcome);
static void judge_close_with(struct judge *judge, const struct lane *lane, struct job *job,
        enum owed_outcome outcome, struct judge_case *it);
static bool judge_recall(const struct job *job, size_t at, struct judge_case *it);
static void judge_log_recipient(struct judge *judge, const struct lane *lane, const struct job *job,
        struct view address, enum owed_outcome outcome, struct judge_case *it);

void judge_init(struct judge *judge, struct shard *shard, struct schedule *schedule)
{
	const struct config_retry *retry = &shard->config->retry;

	const struct retry_settings base = {
		.first_ms = retry->first_ns / NS_PER_MS,
		.most_ms = retry->most_ns / NS_PER_MS,
		.factor = retry->factor,
		.give_up_after_ms = retry->give_up_after_ns / NS_PER_MS,
	};

	*judge = (struct judge){ .shard = shard, .schedule = schedule };
	streams_fill_retry(shard->config, &base, judge->retries);
}

void judge_session(struct judge *judge, struct lane *lane, struct judge_case *it)
{
	struct shard *shard = judge->shard;
	const bool held = it->judged && judge_gate_of(it) > GATE_DOOR;
	/* Another front end may do, soon: that is no failed attempt of the message. */
	const bool elsewhere = it->judged && judge_act_of(it) == ACT_RESTART;
	const bool blamed = !elsewhere && (!it->judged || verdict_counts(&it->verdict));

	if (it->judged)
		(void)judge_lane(judge, lane, it, NULL);
	judge_useless(judge, lane, it);
	struct job *job = schedule_first(judge->schedule, lane->reach, false);
	if (lane->standing > 0 || job == NULL || (held && judge_has_other(judge, lane, job)))
		return;
	if (job->first_attempt.ms == 0)
		job->first_attempt = loop_wall(&shard->loop);
	job->last_attempt = loop_wall(&shard->loop);
	job = schedule_withdraw(judge->schedule, job);
	job->act = TRACE_ACT_ATTEMPT;
	job->identity = lane->identity;
	job->connection = it->connection;
	judge_close_with(judge, lane, job, OWED_DEFERRED, it);
	job->wait_s = held ? verdict_wait_s(&it->verdict) : elsewhere ? judge_wait_s(it) : 0;
	job->blamed = blamed;
	judge_defer(judge, job);
}

/* Another mailbox may take it at once. */
static bool judge_has_other(
        const struct judge *judge, const struct lane *lane, const struct job *job)
{
	const struct mono now = loop_now(&judge->shard->loop);

	for (uint32_t i = 0; i < lane->peer_count; i++) {
		const struct lane *peer = &lane->peers[i];

		if (peer == lane || !lane_is_open(peer, now) || !lane_door_open(peer, now, 0))
			continue;
		for (uint32_t j = 0; j < peer->reach.count; j++)
			if (peer->reach.lines[j] == job->line)
				return true;
	}
	return false;
}

/* Recipients. */

void judge_recipient(struct judge *judge, const struct lane *lane, struct job *job, size_t at,
        struct view address, struct judge_case *it, struct judgement *judgement)
{
	const enum owed_outcome outcome = judge_outcome(it);
	const enum judge_act act = judge_act_of(it);
	const int32_t wait_s = judge_wait_s(it);
	struct owed *owed = &job_owed(job)[at];

	if (outcome == OWED_DELIVERED) {
		owed->flags |= judgement->relayed ? OWED_RELAYED : 0;
		judge_deliver(judge, job, at, it);
	} else {
		owed->mark = OWED_ANSWERED;
		job_set_outcome(job, at, outcome, judge_case_note(it), &judge->shard->shelf);
	}
	if (outcome != OWED_BOUNCED && wait_s > job->wait_s)
		job->wait_s = wait_s;
	/* A setting is wrong, for some mail only. */
	if (it->verdict.outcome == OUTCOME_FAIL_CONFIG && judge_gate_of(it) == GATE_NONE)
		incidents_raise(judge->incidents, lane, it, true);
	/* Said of a message it is clear who is meant only where it was for one. */
	if (it->verdict.cause == CAUSE_RECIPIENT_RATE && outcome == OWED_DEFERRED &&
	        (it->stage == STAGE_RCPT || job->owed_count == 1))
		gates_refuse_recipient(
		        judge->gates, address, (int64_t)wait_s * NS_PER_S, judge_case_note(it));
	job->blamed |=
	        outcome == OWED_DEFERRED && act != ACT_RESTART && verdict_counts(&it->verdict);
	judgement->held |= act == ACT_HOLD && outcome == OWED_PENDING;
	judgement->restarted |= act == ACT_RESTART;
	judgement->split |= act == ACT_SPLIT;
	judgement->final |= act == ACT_SPLIT && it->verdict.code >= 500;
	judge_log_recipient(judge, lane, job, address, outcome, it);
}

/* In the server's words, where the sender is to have them, or the trace has their start. */
static void judge_deliver(struct judge *judge, struct job *job, size_t at, struct judge_case *it)
{
	const bool told = (job_owed(job)[at].notify & NOTIFY_SUCCESS) != 0;
	const bool traced = judge->shard->config->trace.keep_ns > 0;
	struct reply_note note;

	if (!told && !traced) {
		job_set_outcome(job, at, OWED_DELIVERED, NULL, &judge->shard->shelf);
		return;
	}
	note = *judge_case_note(it);
	if (!told)
		note.text = view_first(note.text, JUDGE_TAKEN_TEXT);
	job_set_outcome(job, at, OWED_DELIVERED, &note, &judge->shard->shelf);
}

void judge_recipients(struct judge *judge, const struct lane *lane, struct job *job, unsigned marks,
        struct judge_case *it, struct judgement *judgement)
{
	struct message_cursor cursor = message_recipients(job->message);
	const struct owed *owed = job_owed_const(job);

	for (size_t i = 0; i < job->owed_count; i++) {
		struct message_recipient recipient;

		if (owed[i].outcome != OWED_PENDING || (marks & (1U << owed[i].mark)) == 0)
			continue;
		const bool found = message_seek_recipient(&cursor, owed[i].index, &recipient);
		check(found);
		judge_recipient(judge, lane, job, i, recipient.address, it, judgement);
	}
}

/* PENDING: nothing is decided. */
static enum owed_outcome judge_outcome(const struct judge_case *it)
{
	switch (judge_act_of(it)) {
	case ACT_BY_FATE:
		check(it->stage == STAGE_EOD);
		return OWED_DELIVERED;
	case ACT_BOUNCE:
		return OWED_BOUNCED;
	case ACT_DEFER:
	case ACT_RESTART:
		return OWED_DEFERRED;
	case ACT_HOLD:
		/* No gate is closed behind it, so it can't stay in front of the line. */
		return judge_gate_of(it) == GATE_NONE ? OWED_DEFERRED : OWED_PENDING;
	default:
		return OWED_PENDING;
	}
}

void judge_remark(struct judge *judge, struct job *job, struct judge_case *it)
{
	for (size_t i = 0; i < job->owed_count; i++)
		if (job_owed(job)[i].outcome == OWED_PENDING)
			job_set_outcome(
			        job, i, OWED_PENDING, judge_case_note(it), &judge->shard->shelf);
}

void judge_in_doubt(
        struct judge *judge, const struct lane *lane, struct job *job, struct judgement *judgement)
{
	struct owed *owed = job_owed(job);

	judgement->doubted = true;

	for (size_t i = 0; i < job->owed_count; i++)
		if (owed[i].outcome == OWED_PENDING &&
		        (owed[i].mark == OWED_ACCEPTED || owed[i].mark == OWED_ASKED))
			owed[i].flags |= OWED_IN_DOUBT;
	counters_add(judge->shard->counters, messages_in_doubt, 1);
	struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "in_doubt");
	log_message(&line, job->id);
	judge_log_lane(judge, lane, &line);
	log_word(&line, "advice", judge_doubt(judge, job));
	log_end(&line);
}

/* Jobs. */

void judge_transaction(
        struct judge *judge, struct lane *lane, struct job *job, const struct judgement *judgement)
{
	const struct job_tally tally = job_tally(job);
	const bool stopped = judgement->held || judgement->restarted || judgement->doubted;
	bool failed = judgement->doubted;

	if (judgement->split)
		judge_strike_crowd(judge, lane, judge_marked(job, OWED_ACCEPTED),
		        (uint16_t)(job->owed_count - judge_marked(job, OWED_UNASKED)));
	if (!failed && judgement->restarted && job->restarts++ == JOB_RESTARTS_MAX)
		failed = true;
	job->blamed |= failed;
	/* Something has its end: that goes to disk at once, so that no crash sends it twice, and
	 * the rest comes back from there. But where some were told to wait, and so the job would
	 * wait as a whole, the rest goes first. */
	if ((tally.of[OWED_PENDING] == job->owed_count && !failed) ||
	        (tally.of[OWED_PENDING] > 0 && tally.of[OWED_DEFERRED] > 0 && !stopped)) {
		judge_put_back(judge, lane, job, judgement);
		return;
	}
	job->identity = lane->identity;
	job->act = TRACE_ACT_ATTEMPT;
	job_enter(job, JOB_SETTLING);
	judge_close_pending(judge, lane, job, OWED_DEFERRED);
	judge_defer(judge, job);
}

static uint16_t judge_marked(const struct job *job, enum owed_mark mark)
{
	uint16_t count = 0;

	for (size_t i = 0; i < job->owed_count; i++)
		count += job_owed_const(job)[i].mark == mark;
	return count;
}

/* It keeps its place. */
static void judge_put_back(
        struct judge *judge, struct lane *lane, struct job *job, const struct judgement *judgement)
{
	const uint16_t asked = (uint16_t)(job->owed_count - judge_marked(job, OWED_UNASKED));

	job->identity = lane->identity;
	job->act = TRACE_ACT_ATTEMPT; /* though something else may lead to its settle */
	if (judgement->split && asked <= 1) {
		judge_lone(judge, lane, job, judgement);
		return;
	}
	if (judgement->split)
		job->at_once = asked / 2;
	if (job_tally(job).of[OWED_DEFERRED] == 0)
		job->wait_s = 0; /* the lane waits instead */
	schedule_put_back(judge->schedule, job);
	if (judge->shard->draining)
		judge_return(judge, job);
}

/* Too many at once, though it was alone: there is nothing left to split. Some day it may do, unless
 * the server says that it never will. Who was not asked is not meant. */
static void judge_lone(
        struct judge *judge, struct lane *lane, struct job *job, const struct judgement *judgement)
{
	job_enter(job, JOB_SETTLING);
	for (size_t i = 0; i < job->owed_count; i++)
		if (job_owed(job)[i].mark == OWED_UNASKED &&
		        job_owed(job)[i].outcome == OWED_PENDING)
			job_set_outcome(job, i, OWED_DEFERRED, NULL, &judge->shard->shelf);
	job->blamed |= !judgement->final;
	judge_close_pending(judge, lane, job, judgement->final ? OWED_BOUNCED : OWED_DEFERRED);
	judge_defer(judge, job);
}

void judge_postpone(struct judge *judge, struct job *job, struct judge_case *it, int32_t wait_s)
{
	struct reply_note note;

	for (size_t i = 0; i < job->owed_count; i++)
		if (job_owed(job)[i].outcome == OWED_PENDING && !job_reply(job, i, &note))
			job_set_outcome(
			        job, i, OWED_PENDING, judge_case_note(it), &judge->shard->shelf);
	job = schedule_withdraw(judge->schedule, job);
	judge_close_pending(judge, NULL, job, OWED_DEFERRED);
	job->wait_s = wait_s;
	judge_defer(judge, job);
}

void judge_sweep(struct judge *judge)
{
	const struct wall now = loop_wall(&judge->shard->loop);
	uint32_t line = 0;
	struct job *job;

	while ((job = schedule_expired(judge->schedule, now, &line)) != NULL) {
		job = schedule_withdraw(judge->schedule, job);
		judge_close_pending(judge, NULL, job, OWED_DEFERRED);
		judge_defer(judge, job);
	}
}

void judge_return(struct judge *judge, struct job *job)
{
	job = schedule_withdraw(judge->schedule, job);
	const struct job_tally tally = job_tally(job);

	if (tally.of[OWED_PENDING] == job->owed_count) {
		judge_settle(judge, job);
		return;
	}
	/* Decided in part: that is no return, and the rest is due at once. */
	judge_close_pending(judge, NULL, job, OWED_DEFERRED);
	judge_defer(judge, job);
}

void judge_rehearse(struct judge *judge, struct job *job)
{
	struct judge_case it;

	judge_case_say(&it, STAGE_ANY, VIEW("a rehearsal: nothing was sent"));
	job->act = TRACE_ACT_REHEARSE;
	judge_close_with(judge, NULL, job, OWED_REHEARSED, &it);
	judge_settle(judge, job);
}

void judge_divert(struct judge *judge, struct job *job, uint16_t route)
{
	const struct config_routes *routes = &judge->shard->config->routes;
	const struct outage *outage = &judge->outages[job->route];

	check(job->state == JOB_SETTLING);
	counters_add(judge->shard->counters, jobs_diverted, 1);
	struct log_line line = log_begin(judge->shard->log, LOG_INFO, "fallback");
	log_message(&line, job->id);
	log_word(&line, "route", routes->at[job->route].name);
	log_word(&line, "to", routes->at[route].name);
	log_word(&line, "reason", outage->refused ? "refused" : "unreachable");
	log_end(&line);
	job->divert = (uint16_t)(route + 1);
	job->next_attempt = loop_wall(&judge->shard->loop);
	judge_settle(judge, job);
}

void judge_rest(struct judge *judge, struct lane *lane, struct job *job, bool all)
{
	const struct loop *loop = &judge->shard->loop;

	judge_put_off(judge, job, &lane->word.note);
	job->rests = all;
	judge_settle_until(judge, job, lane_held_until(lane, loop_now(loop), loop_wall(loop)));
}

void judge_rest_limited(struct judge *judge, struct job *job, struct wall until, struct view why)
{
	const struct reply_note note = { .stage = STAGE_ANY, .text = why };

	judge_put_off(judge, job, &note);
	judge_settle_until(judge, job, until);
}

/* Whoever is pending waits, for the reason that the note gives. */
static void judge_put_off(struct judge *judge, struct job *job, const struct reply_note *note)
{
	check(job->state == JOB_SETTLING);
	for (size_t i = 0; i < job->owed_count; i++)
		if (job_owed(job)[i].outcome == OWED_PENDING)
			job_set_outcome(job, i, OWED_DEFERRED, note, &judge->shard->shelf);
}

/* Settles a job, with the time of its next attempt where recipients were deferred. */
static void judge_defer(struct judge *judge, struct job *job)
{
	const struct wall now = loop_wall(&judge->shard->loop);
	struct random *random = &judge->shard->random;
	int64_t wait_ms;

	check(job->state == JOB_SETTLING);
	if (job->blamed) {
		job->attempts++;
		job->restarts = 0;
	}
	if (job->blamed)
		wait_ms = retry_next(
		        &judge->retries[job->stream], job->attempts, job->wait_s, random);
	else
		wait_ms = retry_held(job->wait_s, random);
	judge_settle_until(judge, job, (struct wall){ now.ms + wait_ms });
}

/* No later than its time is over: then it is tried once more, or bounces. */
static void judge_settle_until(struct judge *judge, struct job *job, struct wall until)
{
	const struct retry_settings own =
	        retry_within(&judge->retries[job->stream], job->message->expire_s);
	const struct wall received = job->message->received;
	const struct wall now = loop_wall(&judge->shard->loop);

	/* What is held in doubt has an operator for its end. */
	if (!job->held && retry_expired(&own, received, now))
		judge_expire(judge, job);
	const struct wall most = { now.ms + retry_ahead_ms(own.most_ms) };
	job->next_attempt = retry_until(&own, received, until.ms < most.ms ? until : most);
	if (job_tally(job).of[OWED_DEFERRED] > 0)
		judge_log_retry(judge, job);
	judge_settle(judge, job);
}

/* What is deferred had its time: it bounces. What was said last stays as it was said. */
static void judge_expire(struct judge *judge, struct job *job)
{
	struct message_cursor cursor = message_recipients(job->message);

	for (size_t i = 0; i < job->owed_count; i++) {
		struct owed *owed = &job_owed(job)[i];
		struct message_recipient recipient;
		struct judge_case it;

		if (owed->outcome != OWED_DEFERRED)
			continue;
		const bool told = judge_recall(job, i, &it);
		if (!told)
			judge_case_say(&it, STAGE_ANY, VIEW("it waited too long for a session"));
		owed->flags |= OWED_EXPIRED;
		job_set_outcome(job, i, OWED_BOUNCED, told ? NULL : &it.note, &judge->shard->shelf);
		const bool found = message_seek_recipient(&cursor, owed->index, &recipient);
		check(found);
		judge_log_recipient(judge, NULL, job, recipient.address, OWED_BOUNCED, &it);
	}
}

/* Gives what is still pending this outcome, with the words it has. */
static void judge_close_pending(
        struct judge *judge, const struct lane *lane, struct job *job, enum owed_outcome outcome)
{
	struct message_cursor cursor = message_recipients(job->message);

	for (size_t i = 0; i < job->owed_count; i++) {
		const struct owed *owed = &job_owed(job)[i];
		struct message_recipient recipient;
		struct judge_case it;

		if (owed->outcome != OWED_PENDING)
			continue;
		job_set_outcome(job, i, outcome, NULL, &judge->shard->shelf);
		if (lane == NULL || !judge_recall(job, i, &it))
			continue;
		const bool found = message_seek_recipient(&cursor, owed->index, &recipient);
		check(found);
		judge_log_recipient(judge, lane, job, recipient.address, outcome, &it);
	}
}

/* The same for all of it, in the words of `it`. */
static void judge_close_with(struct judge *judge, const struct lane *lane, struct job *job,
        enum owed_outcome outcome, struct judge_case *it)
{
	struct message_cursor cursor = message_recipients(job->message);

	for (size_t i = 0; i < job->owed_count; i++) {
		const struct owed *owed = &job_owed(job)[i];
		struct message_recipient recipient;

		if (owed->outcome != OWED_PENDING)
			continue;
		job_set_outcome(job, i, outcome, judge_case_note(it), &judge->shard->shelf);
		const bool found = message_seek_recipient(&cursor, owed->index, &recipient);
		check(found);
		judge_log_recipient(judge, lane, job, recipient.address, outcome, it);
	}
}

/* What was said last about a recipient. False: nothing was. Lends the job's memory. */
static bool judge_recall(const struct job *job, size_t at, struct judge_case *it)
{
	struct reply_note note;

	if (!job_reply(job, at, &note))
		return false;
	judge_case_say(it, (enum stage)note.stage, note.text);
	it->note = note;
	return true;
}

/* Back to the spooler, for good or for the next attempt; its credit goes with it. */
static void judge_settle(struct judge *judge, struct job *job)
{
	struct shard *shard = judge->shard;
	const struct job_tally tally = job_tally(job);

	check(job->state == JOB_SETTLING);
	counters_add(shard->counters, recipients_delivered, tally.of[OWED_DELIVERED]);
	counters_add(shard->counters, recipients_bounced, tally.of[OWED_BOUNCED]);
	counters_add(shard->counters, recipients_rehearsed, tally.of[OWED_REHEARSED]);
	if (tally.of[OWED_DEFERRED] > 0)
		counters_add(shard->counters, jobs_deferred, 1);
	else if (tally.of[OWED_DELIVERED] == job->owed_count) {
		counters_add(shard->counters, jobs_delivered, 1);
		latency_add(&shard->counters->delivery_latency,
		        (loop_wall(&shard->loop).ms - job->message->received.ms) * NS_PER_MS);
		counters_add(shard->counters, bytes_delivered, job->message->body_bytes);
	}
	const struct letter letter = { .kind = LETTER_SETTLE, .job = job };
	const bool put = mailbox_put(shard->spooler.out, &letter);
	check(put); /* room was reserved when the job was lent */
	milestone_reached(MILESTONE_SETTLE_SENT);
}

/* The log. */

static void judge_log_retry(struct judge *judge, const struct job *job)
{
	char memory[32];
	struct text when = TEXT_ON(memory);
	struct log_line line = log_begin(judge->shard->log, LOG_INFO, "retry");

	date_put_iso(&when, job->next_attempt);
	log_message(&line, job->id);
	log_word(&line, "route", judge->shard->config->routes.at[job->route].name);
	log_number(&line, "recipients", job_tally(job).of[OWED_DEFERRED]);
	log_number(&line, "attempts", job->attempts);
	log_seconds(&line, "in",
	        (job->next_attempt.ms - loop_wall(&judge->shard->loop).ms) * NS_PER_MS);
	log_text(&line, "next_attempt", text_view(&when));
	log_end(&line);
}

static void judge_log_recipient(struct judge *judge, const struct lane *lane, const struct job *job,
        struct view address, enum owed_outcome outcome, struct judge_case *it)
{
	const bool meant = outcome == OWED_DELIVERED || outcome == OWED_REHEARSED;
	const enum log_level level = meant ? LOG_INFO : LOG_WARNING;

	if (!log_wants(judge->shard->log, level))
		return;
	/* Pending: held back, or to be started again. */
	struct log_line line = log_begin(
	        judge->shard->log, level, outcome == OWED_PENDING ? "kept" : owed_word(outcome));
	log_message(&line, job->id);
	if (it->connection != 0)
		log_connection(&line, it->connection);
	log_text(&line, "to", address);
	if (lane != NULL)
		judge_log_lane(judge, lane, &line);
	else
		log_word(&line, "route", judge->shard->config->routes.at[job->route].name);
	if (it->note.server.bytes > 0)
		log_text(&line, "host", it->note.server);
	if (outcome == OWED_DELIVERED) {
		log_text(&line, "reply", it->reply->whole);
	} else {
		if (it->note.status[0] != 0) {
			char status[24];
			struct text text = TEXT_ON(status);
			text_format(&text, "%u.%u.%u", it->note.status[0], it->note.status[1],
			        it->note.status[2]);
			log_text(&line, "status", text_view(&text));
		}
		judge_case_log(&line, it);
	}
	const int64_t delay_ms = loop_wall(&judge->shard->loop).ms - job->message->received.ms;
	log_signed(&line, "delay_ms", delay_ms);
	log_end(&line);
}
