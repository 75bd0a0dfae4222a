#include "engine/spooler_inner.h"

#include "engine/routing.h"
#include "queue/base/check.h"

static bool spooler_request_step(struct spooler *spooler, struct spool_place place);
static void spooler_resume(struct spooler *spooler);
static void spooler_recall(struct spooler *spooler, struct spool_place place);
static bool spooler_tell(struct spooler *spooler, size_t shard, const struct letter *letter);

void spooler_run_request(struct spooler *spooler)
{
	struct clerk *clerk = &spooler->clerk;
	struct letter letter;
	struct spool_place place;

	if (spooler->answered != NULL)
		return; /* its changes are not durable yet */
	if (clerk->request == NULL) {
		if (spooler->requests == NULL || !mailbox_take(spooler->requests, &letter))
			return;
		check(letter.kind == LETTER_REQUEST);
		clerk->request = letter.request;
		clerk->at = (struct spool_place){ letter.request->after, UINT16_MAX };
		clerk->id_index = 0;
	}
	if (clerk->request->verb == REQUEST_COUNT) {
		clerk->request->count = spool_counts(spooler->spool).messages;
		spooler->answered = MOVE(clerk->request);
		return;
	}
	for (size_t i = 0; i < CLERK_JOBS_PER_TURN; i++) {
		if (batch_settles_full(&spooler->batch))
			return;
		if (!clerk_next(clerk, spooler->spool, &place) ||
		        !spooler_request_step(spooler, place)) {
			if (clerk->request->verb == REQUEST_RETRY)
				spooler_resume(spooler);
			spooler->answered = MOVE(clerk->request);
			return;
		}
	}
}

/* One job of the request. False: the request's page is full. */
static bool spooler_request_step(struct spooler *spooler, struct spool_place place)
{
	struct clerk *clerk = &spooler->clerk;
	struct shard *shard = &spooler->shard;
	const enum request_verb verb = clerk->request->verb;
	const bool lent = spool_is_lent(spooler->spool, place.id, place.number);
	const bool looks = verb == REQUEST_LIST || verb == REQUEST_SHOW;
	struct job *job = feed_take_job(&spooler->feed);
	bool go_on = true;

	struct err err = spool_load(
	        spooler->spool, place, verb == REQUEST_BOUNCE && !lent, &shard->shelf, 0, job);
	if (failed(err)) {
		if (err.code != ERR_NOT_FOUND)
			clerk->request->result = err;
		goto done;
	}
	if (!clerk_takes(clerk, spooler->spool, job))
		goto done;
	if (looks) {
		go_on = clerk_put_row(clerk, spooler->spool, job, lent, loop_wall(&shard->loop));
		goto done;
	}
	if (lent) {
		if (verb != REQUEST_RETRY && verb != REQUEST_RELEASE) {
			if (!clerk_note(clerk, place, verb)) {
				clerk->request->result = err_make(ERR_LIMIT, 0);
				go_on = false;
				goto done;
			}
			spooler_recall(spooler, place);
		}
		clerk->request->count++;
		goto done;
	}
	if (!clerk_apply(job, verb, loop_wall(&shard->loop), &shard->shelf))
		goto done;
	if (verb == REQUEST_RELEASE) { /* today's routes may carry what yesterday's could not */
		const struct routing routing = routing_pick(shard->config, job->message);
		job->route = routing.route;
		job->held = !routing.found;
	}
	clerk->request->count++;
	job->shard = FEED_NO_SHARD;
	job_enter(job, JOB_SETTLING);
	spooler_settle(spooler, job);
	return true;

done:
	feed_give_job(&spooler->feed, job);
	return go_on;
}

/* Lost where a shard is too busy to read: its pauses end by themselves. */
static void spooler_resume(struct spooler *spooler)
{
	const struct letter letter = { .kind = LETTER_RESUME };

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
static bool spooler_tell(struct spooler *spooler, size_t shard, const struct letter *letter)
{
	struct mailbox *out = spooler->delivery[shard].out;

	if (mailbox_room(out) <= feed_credit_sum(&spooler->feed, shard) + 1)
		return false; /* one is kept for DRAIN */
	check(mailbox_put(out, letter));
	return true;
}

void spooler_answer_request(struct spooler *spooler)
{
	if (spooler->answered != NULL)
		request_answer(MOVE(spooler->answered));
}
