#include "engine/judge.h"

#include "engine/streams.h"
#include "queue/base/check.h"

/* What a reply does to the recipients it answers for. */
enum judge_act {
	ACT_BY_FATE, /* delivered at the end of the data; before it, nothing yet */
	ACT_BOUNCE,
	ACT_DEFER,   /* a failed attempt of this recipient */
	ACT_HOLD,    /* nothing is decided: the lane waits, the job keeps its place */
	ACT_RESTART, /* nothing is decided: another session may do */
	ACT_SPLIT,   /* nothing is decided: fewer at a time */
};

/* What it does to the lanes of the route in this shard. */
enum judge_gate {
	GATE_NONE,
	GATE_LANE,
	GATE_ROUTE,
	GATE_SCOPE,  /* by the verdict's scope: see judge_scope_gate() */
	GATE_REAUTH, /* one more sign-in, then as GATE_LANE */
};

struct judge_row {
	enum judge_act act;
	enum judge_gate gate;
	bool retire; /* the session takes no more */
};

static const struct judge_row judge_rows[] = {
	[OUTCOME_PROCEED] = { ACT_BY_FATE, GATE_NONE, false },
	[OUTCOME_RECONNECT] = { ACT_RESTART, GATE_NONE, true },
	[OUTCOME_RETRY_OTHER_SESSION] = { ACT_RESTART, GATE_NONE, true },
	[OUTCOME_BACKOFF_IDENTITY] = { ACT_HOLD, GATE_LANE, false },
	[OUTCOME_BACKOFF_TENANT] = { ACT_HOLD, GATE_ROUTE, false },
	[OUTCOME_BACKOFF_ROUTE] = { ACT_HOLD, GATE_ROUTE, false },
	[OUTCOME_BACKOFF_RECIPIENT] = { ACT_DEFER, GATE_NONE, false },
	[OUTCOME_PAUSE_IDENTITY] = { ACT_HOLD, GATE_LANE, false },
	[OUTCOME_PAUSE_ROUTE] = { ACT_HOLD, GATE_ROUTE, false },
	[OUTCOME_PAUSE_TENANT] = { ACT_HOLD, GATE_ROUTE, false },
	[OUTCOME_BOUNCE_RECIPIENT] = { ACT_BOUNCE, GATE_NONE, false },
	[OUTCOME_BOUNCE_MESSAGE] = { ACT_BOUNCE, GATE_NONE, false },
	[OUTCOME_SPLIT_RECIPIENTS] = { ACT_SPLIT, GATE_NONE, false },
	[OUTCOME_REFRESH_TOKEN] = { ACT_HOLD, GATE_REAUTH, true },
	[OUTCOME_REAUTH] = { ACT_HOLD, GATE_REAUTH, true },
	[OUTCOME_FAIL_CONFIG] = { ACT_HOLD, GATE_SCOPE, false },
};
static_assert(sizeof judge_rows / sizeof judge_rows[0] == OUTCOME_COUNT, "one row per outcome");

static enum judge_gate judge_gate_of(const struct judge_case *it);
static enum judge_gate judge_scope_gate(enum scope scope);
static void judge_hold(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct judge_origin *origin, bool route);
static bool judge_kind(const struct judge_case *it, enum throttle_kind *kind);
static void judge_log_learned(
        struct judge *judge, const struct lane *lane, enum throttle_kind kind, const char *how);
static bool judge_blames_route(const struct judge_case *it);
static enum owed_outcome judge_outcome(const struct judge_case *it);
static void judge_settle(struct judge *judge, struct job *job);
static void judge_defer(struct judge *judge, struct job *job);
static void judge_expire(struct judge *judge, struct job *job);
static void judge_put_back(
        struct judge *judge, struct lane *lane, struct job *job, const struct judgement *judgement);
static void judge_close_pending(struct judge *judge, const struct lane *lane, struct job *job,
        enum owed_outcome outcome, struct judge_case *it);
static void judge_log_lane(struct judge *judge, const struct lane *lane, struct log_line *line);
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

/* Lanes. */

bool judge_lane(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct judge_origin *origin)
{
	check(it->judged);
	const bool retire = judge_rows[it->verdict.outcome].retire;

	switch (judge_gate_of(it)) {
	case GATE_LANE:
		judge_hold(judge, lane, it, origin, false);
		break;
	case GATE_ROUTE:
		judge_hold(judge, lane, it, origin, true);
		break;
	case GATE_REAUTH:
		lane->refused = true;
		if (lane->reauths++ > 0)
			judge_hold(judge, lane, it, origin, false);
		break;
	default:
		break;
	}
	return retire;
}

static enum judge_gate judge_gate_of(const struct judge_case *it)
{
	const enum judge_gate gate = judge_rows[it->verdict.outcome].gate;

	return gate == GATE_SCOPE ? judge_scope_gate(it->verdict.scope) : gate;
}

/* A fault of one recipient or message is no reason to stop the others. */
static enum judge_gate judge_scope_gate(enum scope scope)
{
	switch (scope) {
	case SCOPE_MESSAGE:
	case SCOPE_RECIPIENT:
		return GATE_NONE;
	case SCOPE_IDENTITY:
		return GATE_LANE;
	default:
		return GATE_ROUTE;
	}
}

/* Which of the mailbox's limits a refusal is about; false: none of them. */
static bool judge_kind(const struct judge_case *it, enum throttle_kind *kind)
{
	if (it->verdict.scope != SCOPE_IDENTITY)
		return false;
	switch (it->verdict.cause) {
	case CAUSE_CONCURRENT_CONNECTIONS:
		*kind = THROTTLE_OF_IN_FLIGHT;
		return true;
	case CAUSE_SENDER_RATE:
		*kind = THROTTLE_OF_MESSAGES;
		return true;
	case CAUSE_RECIPIENT_RATE_DAILY:
		*kind = THROTTLE_OF_RECIPIENTS;
		return true;
	default:
		return false;
	}
}

static void judge_hold(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct judge_origin *origin, bool route)
{
	const struct mono now = loop_now(&judge->shard->loop);
	const bool again = judge_rows[it->verdict.outcome].gate == GATE_REAUTH;
	/* A sign-in that failed twice is no matter of the seconds that its verdict names. */
	const enum outcome outcome = again ? OUTCOME_PAUSE_IDENTITY : it->verdict.outcome;
	const struct verdict verdict = {
		.outcome = outcome,
		.wait_s = again ? VERDICT_NO_WAIT : it->verdict.wait_s,
	};
	struct lane_wait wait = { verdict_wait_s(&verdict) * NS_PER_S, LANE_HOLD_MOST_NS };
	const uint32_t epoch = origin == NULL ? lane->epoch : origin->epoch;
	enum throttle_kind kind;
	bool news = false;

	if (route && judge_blames_route(it))
		outage_refuse(&judge->outages[lane->route]);
	/* A store that is busy or moves is often back at once; the hold grows where it is not. */
	if (it->verdict.outcome == OUTCOME_BACKOFF_IDENTITY &&
	        it->verdict.cause == CAUSE_SERVER_BUSY && wait.first_ns > LANE_BUSY_NS)
		wait.first_ns = LANE_BUSY_NS;
	if (origin != NULL && judge_kind(it, &kind)) {
		if (throttle_refuse(lane->throttle, now, origin->ticket, kind))
			judge_log_learned(judge, lane, kind, "cut");
		/* What is learned keeps us below the limit; the hold is for what is there now. But
		 * a day's quota frees too slowly, and what is not known can't be learned. */
		if (kind != THROTTLE_OF_RECIPIENTS &&
		        throttle_limit(lane->throttle, kind) != THROTTLE_NONE)
			wait = (struct lane_wait){ LANE_LEARNED_NS, LANE_LEARNED_MOST_NS };
	}
	if (route)
		for (uint32_t i = 0; i < lane->peer_count; i++) {
			struct lane *peer = &lane->peers[i];
			news |= lane_hold(peer, now, peer == lane ? epoch : peer->epoch, &wait,
			        &judge->shard->random);
		}
	else
		news = lane_hold(lane, now, epoch, &wait, &judge->shard->random);
	if (!news)
		return;
	struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "held");
	judge_log_lane(judge, lane, &line);
	log_word(&line, "scope", route ? "route" : "identity");
	log_seconds(&line, "for", lane->hold.until.ns - now.ns);
	judge_case_log(&line, it);
	log_end(&line);
}

/* The route itself is at fault, and not a limit, a tenant or what it carries: another may do. */
static bool judge_blames_route(const struct judge_case *it)
{
	const struct verdict *verdict = &it->verdict;

	if (verdict->outcome == OUTCOME_PAUSE_ROUTE)
		return true;
	return verdict->outcome == OUTCOME_FAIL_CONFIG &&
	       (verdict->scope == SCOPE_ROUTE || verdict->scope == SCOPE_SOURCE_IP);
}

static void judge_log_learned(
        struct judge *judge, const struct lane *lane, enum throttle_kind kind, const char *how)
{
	static const char *const limits[] = {
		[THROTTLE_OF_IN_FLIGHT] = "connections",
		[THROTTLE_OF_MESSAGES] = "messages_per_minute",
		[THROTTLE_OF_RECIPIENTS] = "recipients_per_day",
	};
	struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "learned");

	judge_log_lane(judge, lane, &line);
	log_word(&line, "limit", limits[kind]);
	log_word(&line, "how", how);
	log_number(&line, "now", throttle_limit(lane->throttle, kind));
	if (kind == THROTTLE_OF_IN_FLIGHT)
		log_word(&line, "advice",
		        "The mailbox has fewer messages under way than it may: somebody else uses "
		        "it.");
	log_end(&line);
}

void judge_taken(
        struct judge *judge, struct lane *lane, struct throttle_ticket *ticket, uint32_t epoch)
{
	uint64_t before[THROTTLE_KINDS];

	for (int i = 0; i < THROTTLE_KINDS; i++)
		before[i] = throttle_limit(lane->throttle, (enum throttle_kind)i);
	lane_succeed(lane, epoch);
	if (outage_end(&judge->outages[lane->route])) {
		struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "route_back");
		judge_log_lane(judge, lane, &line);
		log_end(&line);
	}
	if (!throttle_accept(lane->throttle, loop_now(&judge->shard->loop), ticket))
		return;
	lane_stir(lane);
	for (int i = 0; i < THROTTLE_KINDS; i++)
		if (throttle_limit(lane->throttle, (enum throttle_kind)i) != before[i])
			judge_log_learned(judge, lane, (enum throttle_kind)i, "raised");
}

void judge_session(struct judge *judge, struct lane *lane, struct judge_case *it)
{
	struct shard *shard = judge->shard;
	const bool held = it->judged && judge_gate_of(it) != GATE_NONE;
	const bool blamed = !it->judged || verdict_counts(&it->verdict);

	if (it->judged)
		(void)judge_lane(judge, lane, it, NULL);
	judge_useless(judge, lane, it);
	struct job *job = schedule_first(judge->schedule, lane->reach, false);
	if (lane->standing > 0 || job == NULL)
		return;
	if (job->first_attempt.ms == 0)
		job->first_attempt = loop_wall(&shard->loop);
	job->last_attempt = loop_wall(&shard->loop);
	job = schedule_withdraw(judge->schedule, job);
	judge_close_pending(judge, lane, job, OWED_DEFERRED, it);
	job->wait_s = held ? verdict_wait_s(&it->verdict) : 0;
	job->blamed = blamed;
	judge_defer(judge, job);
}

void judge_useless(struct judge *judge, struct lane *lane, struct judge_case *it)
{
	struct shard *shard = judge->shard;
	/* "Try again later, elsewhere" names a time itself; a fault of the network does not. */
	const int64_t named_ns = verdict_wait_s(&it->verdict) * NS_PER_S;
	const bool named = it->judged && judge_rows[it->verdict.outcome].act == ACT_RESTART &&
	                   named_ns < LANE_DOOR_MOST_NS;
	const int64_t wait_ns = lane_shut(
	        lane, loop_now(&shard->loop), named ? named_ns : LANE_DOOR_MOST_NS, &shard->random);
	outage_fail(&judge->outages[lane->route], loop_now(&shard->loop));
	struct log_line line = log_begin(shard->log, LOG_WARNING, "unreachable");

	judge_log_lane(judge, lane, &line);
	log_seconds(&line, "retry_in", wait_ns);
	judge_case_log(&line, it);
	log_end(&line);
}

/* Recipients. */

void judge_recipient(struct judge *judge, const struct lane *lane, struct job *job, size_t at,
        struct view address, struct judge_case *it, struct judgement *judgement)
{
	const enum owed_outcome outcome = judge_outcome(it);
	const enum judge_act act = judge_rows[it->verdict.outcome].act;
	const int32_t wait_s = verdict_wait_s(&it->verdict);
	struct owed *owed = &job_owed(job)[at];

	if (outcome == OWED_DELIVERED) {
		const bool wanted = (owed->notify & NOTIFY_SUCCESS) != 0;
		owed->flags |= judgement->relayed ? OWED_RELAYED : 0;
		job_set_outcome(job, at, outcome, wanted ? judge_case_note(it) : NULL,
		        &judge->shard->shelf);
	} else {
		owed->mark = OWED_ANSWERED;
		job_set_outcome(job, at, outcome, judge_case_note(it), &judge->shard->shelf);
	}
	if (outcome != OWED_BOUNCED && wait_s > job->wait_s)
		job->wait_s = wait_s;
	job->blamed |= outcome == OWED_DEFERRED && verdict_counts(&it->verdict);
	judgement->held |= act == ACT_HOLD && outcome == OWED_PENDING;
	judgement->restarted |= act == ACT_RESTART;
	judgement->split |= act == ACT_SPLIT;
	judge_log_recipient(judge, lane, job, address, outcome, it);
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
	switch (judge_rows[it->verdict.outcome].act) {
	case ACT_BY_FATE:
		check(it->stage == STAGE_EOD);
		return OWED_DELIVERED;
	case ACT_BOUNCE:
		return OWED_BOUNCED;
	case ACT_DEFER:
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

void judge_in_doubt(struct judge *judge, const struct lane *lane, struct job *job)
{
	struct owed *owed = job_owed(job);

	for (size_t i = 0; i < job->owed_count; i++)
		if (owed[i].outcome == OWED_PENDING &&
		        (owed[i].mark == OWED_ACCEPTED || owed[i].mark == OWED_ASKED))
			owed[i].flags |= OWED_IN_DOUBT;
	counters_add(judge->shard->counters, messages_in_doubt, 1);
	struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "in_doubt");
	log_message(&line, job->id);
	judge_log_lane(judge, lane, &line);
	log_word(&line, "advice",
	        "The session was lost after the message was sent and before the "
	        "server answered; it is sent again with the same Message-ID.");
	log_end(&line);
}

/* Jobs. */

void judge_transaction(
        struct judge *judge, struct lane *lane, struct job *job, const struct judgement *judgement)
{
	const struct job_tally tally = job_tally(job);
	const bool stopped = judgement->held || judgement->restarted;

	/* Something has its end: that goes to disk at once, so that no crash sends it twice, and
	 * the rest comes back from there. But where some were told to wait, and so the job would
	 * wait as a whole, the rest goes first. */
	if (tally.of[OWED_PENDING] == job->owed_count ||
	        (tally.of[OWED_PENDING] > 0 && tally.of[OWED_DEFERRED] > 0 && !stopped)) {
		judge_put_back(judge, lane, job, judgement);
		return;
	}
	job_enter(job, JOB_SETTLING);
	judge_close_pending(judge, NULL, job, OWED_DEFERRED, NULL);
	judge_defer(judge, job);
}

/* It keeps its place, unless that has gone on for too long. */
static void judge_put_back(
        struct judge *judge, struct lane *lane, struct job *job, const struct judgement *judgement)
{
	uint16_t asked = 0;

	for (size_t i = 0; i < job->owed_count; i++)
		asked += job_owed(job)[i].mark != OWED_UNASKED;
	if (judgement->split && asked <= 1) {
		/* Too many at once, though it was alone: there is nothing left to split. Who was
		 * not asked is not meant. */
		job_enter(job, JOB_SETTLING);
		for (size_t i = 0; asked == 1 && i < job->owed_count; i++)
			if (job_owed(job)[i].mark == OWED_UNASKED &&
			        job_owed(job)[i].outcome == OWED_PENDING)
				job_set_outcome(job, i, OWED_DEFERRED, NULL, &judge->shard->shelf);
		judge_close_pending(judge, lane, job, OWED_BOUNCED, NULL);
		judge_defer(judge, job);
		return;
	}
	if (judgement->split)
		job->at_once = asked / 2;
	if (judgement->restarted && ++job->restarts > JUDGE_RESTARTS_MAX) {
		job_enter(job, JOB_SETTLING);
		judge_close_pending(judge, lane, job, OWED_DEFERRED, NULL);
		job->blamed = true;
		judge_defer(judge, job);
		return;
	}
	if (job_tally(job).of[OWED_DEFERRED] == 0)
		job->wait_s = 0; /* the lane waits instead */
	schedule_put_back(judge->schedule, job);
	if (judge->shard->draining)
		judge_return(judge, job);
}

void judge_sweep(struct judge *judge)
{
	const struct wall now = loop_wall(&judge->shard->loop);
	uint32_t line = 0;
	struct job *job;

	while ((job = schedule_expired(judge->schedule, judge->retries, now, &line)) != NULL) {
		job = schedule_withdraw(judge->schedule, job);
		judge_close_pending(judge, NULL, job, OWED_DEFERRED, NULL);
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
	judge_close_pending(judge, NULL, job, OWED_DEFERRED, NULL);
	judge_defer(judge, job);
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

/* Settles a job, with the time of its next attempt where recipients were deferred. */
static void judge_defer(struct judge *judge, struct job *job)
{
	const struct wall now = loop_wall(&judge->shard->loop);
	struct random *random = &judge->shard->random;
	int64_t wait_ms;

	check(job->state == JOB_SETTLING);
	if (job->blamed)
		job->attempts++;
	if (retry_expired(&judge->retries[job->stream], job->message->received, now))
		judge_expire(judge, job);
	if (job->blamed)
		wait_ms = retry_next(
		        &judge->retries[job->stream], job->attempts, job->wait_s, random);
	else
		wait_ms = retry_held(job->wait_s, random);
	job->next_attempt = (struct wall){ now.ms + wait_ms };
	judge_settle(judge, job);
}

/* What is deferred had its time: it bounces, with the last reply under the status for that. */
static void judge_expire(struct judge *judge, struct job *job)
{
	struct message_cursor cursor = message_recipients(job->message);

	for (size_t i = 0; i < job->owed_count; i++) {
		const struct owed *owed = &job_owed(job)[i];
		struct message_recipient recipient;
		struct judge_case it;
		char server[REPLY_SERVER_MAX];

		if (owed->outcome != OWED_DEFERRED)
			continue;
		judge_case_say(&it, STAGE_ANY, VIEW("it waited too long for a session"));
		if (job_reply(job, i, &it.note)) {
			/* Out of the job's own memory, which the new note goes into. */
			struct text server_copy = TEXT_ON(server);
			struct text text_copy = TEXT_ON(it.text);
			text_put(&server_copy, it.note.server);
			text_put(&text_copy, it.note.text);
			it.note.server = text_view(&server_copy);
			it.note.text = text_view(&text_copy);
			it.stage = it.note.stage;
		}
		it.note.status[0] = 4;
		it.note.status[1] = 4;
		it.note.status[2] = 7;
		job_set_outcome(job, i, OWED_BOUNCED, &it.note, &judge->shard->shelf);
		const bool found = message_seek_recipient(&cursor, owed->index, &recipient);
		check(found);
		judge_log_recipient(judge, NULL, job, recipient.address, OWED_BOUNCED, &it);
	}
}

/* Gives what is still pending this outcome; without a case it keeps the words it has. */
static void judge_close_pending(struct judge *judge, const struct lane *lane, struct job *job,
        enum owed_outcome outcome, struct judge_case *it)
{
	struct message_cursor cursor = message_recipients(job->message);

	for (size_t i = 0; i < job->owed_count; i++) {
		const struct owed *owed = &job_owed(job)[i];
		struct message_recipient recipient;

		if (owed->outcome != OWED_PENDING)
			continue;
		job_set_outcome(job, i, outcome, it == NULL ? NULL : judge_case_note(it),
		        &judge->shard->shelf);
		if (it == NULL)
			continue;
		const bool found = message_seek_recipient(&cursor, owed->index, &recipient);
		check(found);
		judge_log_recipient(judge, lane, job, recipient.address, outcome, it);
	}
}

/* Back to the spooler, for good or for the next attempt; its credit goes with it. */
static void judge_settle(struct judge *judge, struct job *job)
{
	struct shard *shard = judge->shard;
	const struct job_tally tally = job_tally(job);

	check(job->state == JOB_SETTLING);
	counters_add(shard->counters, recipients_delivered, tally.of[OWED_DELIVERED]);
	counters_add(shard->counters, recipients_bounced, tally.of[OWED_BOUNCED]);
	if (tally.of[OWED_DEFERRED] > 0)
		counters_add(shard->counters, jobs_deferred, 1);
	else if (tally.of[OWED_DELIVERED] == job->owed_count) {
		counters_add(shard->counters, jobs_delivered, 1);
		counters_add(shard->counters, bytes_delivered, job->message->body_bytes);
	}
	const struct letter letter = { .kind = LETTER_SETTLE, .job = job };
	const bool put = mailbox_put(shard->spooler.out, &letter);
	check(put); /* room was reserved when the job was lent */
}

/* The log. */

static void judge_log_lane(struct judge *judge, const struct lane *lane, struct log_line *line)
{
	const struct config_route *route = &judge->shard->config->routes.at[lane->route];

	log_word(line, "route", route->name);
	if (route->identities.count > 0)
		log_word(line, "identity", route->identities.at[lane->identity].user);
}

static void judge_log_recipient(struct judge *judge, const struct lane *lane, const struct job *job,
        struct view address, enum owed_outcome outcome, struct judge_case *it)
{
	const enum log_level level = outcome == OWED_DELIVERED ? LOG_INFO : LOG_WARNING;

	if (!log_wants(judge->shard->log, level))
		return;
	/* Pending: held back, or to be started again. */
	struct log_line line = log_begin(
	        judge->shard->log, level, outcome == OWED_PENDING ? "kept" : owed_word(outcome));
	log_message(&line, job->id);
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
