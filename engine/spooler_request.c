#include "engine/spooler_inner.h"

#include "queue/base/check.h"

/* The known routes in words; of very many, the first will do. */
#define ROUTES_TEXT_BYTES 900

/* How one job of a request went. */
enum request_step {
	REQUEST_STEP_ON,    /* the next one */
	REQUEST_STEP_AGAIN, /* this one once more, in a later turn */
	REQUEST_STEP_END,   /* the request's page is full, or it can't go on */
};

static bool spooler_take_request(struct spooler *spooler);
static bool spooler_knows_route(struct spooler *spooler, struct request *request);
static bool spooler_may_step(struct spooler *spooler);
static enum request_step spooler_request_step(struct spooler *spooler, struct spool_place place);
static enum request_step spooler_request_job(struct spooler *spooler, struct job *job);
static bool spooler_put_row(struct spooler *spooler, const struct job *job, bool lent);
static enum request_step spooler_act_lent(struct spooler *spooler, struct spool_place place);
static enum request_step spooler_act(struct spooler *spooler, struct job *job);
static bool spooler_needs_body(const struct spooler *spooler);
static void spooler_log_act(struct spooler *spooler, uint64_t id);
static void spooler_resume(struct spooler *spooler);
static void spooler_recall(struct spooler *spooler, struct spool_place place);

void spooler_run_request(struct spooler *spooler)
{
	struct clerk *clerk = &spooler->clerk;
	struct spool_place place;

	if (!spooler_take_request(spooler))
		return;
	for (size_t i = 0; i < CLERK_JOBS_PER_TURN; i++) {
		enum request_step step = REQUEST_STEP_END;

		if (!spooler_may_step(spooler))
			return;
		if (clerk_next(clerk, spooler->spool, &place))
			step = spooler_request_step(spooler, place);
		if (step == REQUEST_STEP_AGAIN) {
			clerk_again(clerk);
			spooler->stalled = true;
			return;
		}
		if (step == REQUEST_STEP_END) {
			if (clerk->request->verb == REQUEST_RETRY)
				spooler_resume(spooler);
			if (clerk->request->verb == REQUEST_SHOW)
				spooler_put_lates(spooler, clerk->request);
			clerk_await(clerk, loop_now(&spooler->shard.loop));
			spooler->answered = MOVE(clerk->request);
			return;
		}
	}
}

/* False: there is nothing to step through. */
static bool spooler_take_request(struct spooler *spooler)
{
	struct clerk *clerk = &spooler->clerk;
	struct letter letter;

	if (spooler->answered != NULL)
		return false; /* its changes are not durable yet */
	if (clerk->request == NULL) {
		if (spooler->requests == NULL || !mailbox_take(spooler->requests, &letter))
			return false;
		check(letter.kind == LETTER_REQUEST);
		clerk_begin(clerk, letter.request);
		if (!spooler_knows_route(spooler, letter.request)) {
			spooler->answered = MOVE(clerk->request);
			return false;
		}
	}
	if (clerk->request->verb == REQUEST_INCIDENTS)
		spooler_list_incidents(spooler, clerk->request);
	else if (clerk->request->verb == REQUEST_REPORT)
		spooler_answer_late(spooler, clerk->request);
	else if (clerk->request->verb == REQUEST_TIDY)
		clerk->request->result = spool_tidy(spooler->spool);
	else if (clerk->request->verb == REQUEST_COUNT)
		clerk->request->count = spool_counts(spooler->spool).messages;
	else
		return true;
	spooler->answered = MOVE(clerk->request);
	return false;
}

/* The routes of today, and those that old jobs name. False: the filter's is none of them, and the
 * request says so: no message waits for a name that was mistyped. */
static bool spooler_knows_route(struct spooler *spooler, struct request *request)
{
	const struct request_filter *filter = &request->filter;
	char room[ROUTES_TEXT_BYTES];
	struct text why = TEXT_ON(room);
	const char *name;

	if (!filter->by_route)
		return true;
	text_format(&why, "no route \"%.*s\"; right is one of",
	        VIEW_ARGS(view_first(filter->route, SPOOL_ROUTE_NAME_MAX)));
	for (uint16_t i = 0; i < SPOOL_ROUTES_MAX; i++) {
		name = spool_route_name(spooler->spool, i);
		if (name == NULL)
			break;
		if (view_equal(view_of(name), filter->route))
			return true;
		if (why.size - why.bytes > SPOOL_ROUTE_NAME_MAX + 2)
			text_format(&why, "%s %s", i > 0 ? "," : "", name);
	}
	request_refuse(request, err_make(ERR_NOT_FOUND, 0), text_view(&why));
	return false;
}

/* An act takes a place in the batch, and none waits before it: so what the spooler holds to settle
 * it has a bound. */
static bool spooler_may_step(struct spooler *spooler)
{
	if (!clerk_acts(spooler->clerk.request->verb))
		return true;
	if (list_is_empty(&spooler->waiting) && !batch_settles_full(&spooler->batch))
		return true;
	spooler->stalled |= !list_is_empty(&spooler->waiting);
	return false;
}

static enum request_step spooler_request_step(struct spooler *spooler, struct spool_place place)
{
	struct clerk *clerk = &spooler->clerk;
	struct shard *shard = &spooler->shard;
	const struct request_filter *filter = &clerk->request->filter;
	const bool lent = spool_is_lent(spooler->spool, place.id, place.number);
	const bool with_body = !lent && spooler_needs_body(spooler);
	struct job *job = feed_take_job(&spooler->feed);
	const struct err err = spool_load(spooler->spool, place, with_body, &shard->shelf, 0, job);

	if (!failed(err))
		return spooler_request_job(spooler, job);
	feed_give_job(&spooler->feed, job);
	if (err.code == ERR_NOT_FOUND)
		return REQUEST_STEP_ON;
	if (err.code == ERR_NO_MEMORY)
		return REQUEST_STEP_AGAIN;
	if (err.code == ERR_FORMAT && !clerk_acts(clerk->request->verb)) {
		return !request_filter_is_any(filter) || clerk_put_damaged(clerk, place)
		               ? REQUEST_STEP_ON
		               : REQUEST_STEP_END;
	}
	if (err.code != ERR_FORMAT || !clerk->request->all)
		clerk->request->result = err; /* of all, those that can be read will do */
	return REQUEST_STEP_ON;
}

/* For a report, or for rules that look at the header. */
static bool spooler_needs_body(const struct spooler *spooler)
{
	const struct rulebook *book = spooler->shard.config->rulebook;
	const enum request_verb verb = spooler->clerk.request->verb;

	return verb == REQUEST_BOUNCE ||
	       (verb == REQUEST_RELEASE && book != NULL && book->header_count > 0);
}

/* Takes job, which is a copy of what is on disk. */
static enum request_step spooler_request_job(struct spooler *spooler, struct job *job)
{
	struct clerk *clerk = &spooler->clerk;
	const struct spool_place place = { job->id, job->number };
	const bool lent = spool_is_lent(spooler->spool, place.id, place.number);
	enum request_step step = REQUEST_STEP_ON;

	if (!clerk_takes(clerk, spooler->spool, job))
		step = REQUEST_STEP_ON;
	else if (!clerk_acts(clerk->request->verb))
		step = spooler_put_row(spooler, job, lent) ? REQUEST_STEP_ON : REQUEST_STEP_END;
	else if (lent)
		step = spooler_act_lent(spooler, place);
	else
		return spooler_act(spooler, job);
	feed_give_job(&spooler->feed, job);
	return step;
}

static bool spooler_put_row(struct spooler *spooler, const struct job *job, bool lent)
{
	const struct config *config = spooler->shard.config;
	struct clerk *clerk = &spooler->clerk;
	const bool kept = job->held && job->route < config->routes.count &&
	                  !routing_suits(config, job->route, job);

	if (job->held)
		clerk->why_held = kept ? view_of(spooler_kept_reason(job))
		                       : VIEW("held by the relay's operator");
	return clerk_put_row(clerk, spooler->spool, job, lent, loop_wall(&spooler->shard.loop));
}

/* A shard has it, or the spooler itself, to settle it. */
static enum request_step spooler_act_lent(struct spooler *spooler, struct spool_place place)
{
	struct clerk *clerk = &spooler->clerk;
	const enum request_verb verb = clerk->request->verb;

	if (verb == REQUEST_RELEASE)
		return REQUEST_STEP_ON; /* it isn't held */
	if (spooler_holds(spooler, place)) {
		if (!spooler->full)
			return REQUEST_STEP_AGAIN;
		clerk->request->result = err_make(ERR_NO_SPACE, 0);
		return REQUEST_STEP_ON;
	}
	if (verb != REQUEST_RETRY) {
		if (!clerk_note(clerk, place, verb))
			return REQUEST_STEP_AGAIN;
		spooler_recall(spooler, place);
	}
	spooler_log_act(spooler, place.id);
	clerk_count(clerk, place.id);
	return REQUEST_STEP_ON;
}

/* Takes job: it is changed, and lent to nobody until that is on disk. */
static enum request_step spooler_act(struct spooler *spooler, struct job *job)
{
	struct shard *shard = &spooler->shard;
	const enum request_verb verb = spooler->clerk.request->verb;
	enum request_step step = REQUEST_STEP_ON;
	struct job *branch = NULL;

	const bool waited = !job->held;

	spooler_trace_act(job, spooler_trace_verb(verb));
	if (!clerk_apply(job, verb, loop_wall(&shard->loop), &shard->shelf))
		goto none;
	if (verb == REQUEST_RELEASE) {
		/* Today's routes may carry what yesterday's could not. */
		if (!spooler_reroute(spooler, job, &branch)) {
			step = REQUEST_STEP_AGAIN;
			goto none;
		}
		if (job->held)
			spooler_log_kept(spooler, job);
		if (job->held && branch == NULL)
			goto none;
	}
	spooler_log_act(spooler, job->id);
	clerk_count(&spooler->clerk, job->id);
	if (waited)
		feed_leaves(&spooler->feed, job);
	job->shard = FEED_NO_SHARD;
	spool_lend(spooler->spool, job->id, job->number);
	job_enter(job, JOB_SETTLING);
	if (branch == NULL) {
		spooler_settle(spooler, job);
		return REQUEST_STEP_ON;
	}
	batch_add_settle(&spooler->batch, job, NULL, branch);
	spooler_trace_settle(spooler, job);
	return REQUEST_STEP_ON;

none:
	feed_give_job(&spooler->feed, job);
	return step;
}

static void spooler_log_act(struct spooler *spooler, uint64_t id)
{
	struct log_line line = log_begin(spooler->shard.log, LOG_INFO, "operator");

	log_message(&line, id);
	log_word(&line, "verb", request_verb_word(spooler->clerk.request->verb));
	log_end(&line);
}

/* Lost where a shard is too busy to read: its pauses end by themselves. */
static void spooler_resume(struct spooler *spooler)
{
	const struct letter letter = { .kind = LETTER_RESUME };

	feed_reopen(&spooler->feed);
	spooler_resume_gates(spooler);
	spooler_resume_quotas(spooler);
	for (size_t i = 0; i < spooler->delivery_count; i++)
		(void)spooler_tell(spooler, i, &letter);
}

/* Lost where a shard is too busy to read: then the job comes back when it has been tried. */
static void spooler_recall(struct spooler *spooler, struct spool_place place)
{
	const struct letter letter = {
		.kind = LETTER_RECALL,
		.ticket = place.id,
		.count = place.number,
	};

	for (size_t i = 0; i < spooler->delivery_count; i++)
		(void)spooler_tell(spooler, i, &letter);
}

/* Letters to a shard beyond those that credit counts: only while room for those stays. */
bool spooler_tell(struct spooler *spooler, size_t shard, const struct letter *letter)
{
	struct mailbox *out = spooler->delivery[shard].out;
	const uint32_t others =
	        spooler_letters_spare(spooler->shard.config) - SPOOLER_LETTERS_SPARE;

	/* One is kept for DRAIN. */
	if (mailbox_room(out) <=
	        feed_credit_sum(&spooler->feed, shard) + SPOOLER_ANSWERS_MAX + others + 1)
		return false;
	check(mailbox_put(out, letter));
	return true;
}

void spooler_answer_request(struct spooler *spooler)
{
	struct request *request = spooler->answered;

	if (request == NULL)
		return;
	if (clerk_acts(request->verb)) {
		if (!list_is_empty(&spooler->waiting))
			return; /* its settles may be among them */
		if (clerk_awaits(&spooler->clerk, loop_now(&spooler->shard.loop)))
			return; /* a shard has what it is about */
		request->under_way = clerk_forsake(&spooler->clerk);
		if (spooler->batch.settle_count > 0 && !failed(request->result))
			request->result = err_make(ERR_NO_SPACE, 0);
	}
	request_answer(MOVE(spooler->answered));
}

void spooler_refuse_request(struct spooler *spooler)
{
	struct request *request = MOVE(spooler->answered);
	struct letter letter;

	if (request == NULL)
		request = MOVE(spooler->clerk.request);
	if (request == NULL && spooler->requests != NULL &&
	        mailbox_take(spooler->requests, &letter))
		request = letter.request;
	if (request == NULL)
		return;
	request->result = err_make(ERR_BROKEN, 0);
	request_answer(request);
}
