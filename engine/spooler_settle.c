#include "engine/spooler_inner.h"

#include "engine/routing.h"
#include "queue/base/check.h"

static void spooler_take_settle(struct spooler *spooler, struct job *job);
static bool spooler_make_report(struct spooler *spooler, struct job *job, struct job **report);

void spooler_take_settles(struct spooler *spooler)
{
	struct letter letter;

	for (size_t i = 0; i < spooler->delivery_count; i++) {
		struct mailbox *in = spooler->delivery[i].in;

		while (!batch_settles_full(&spooler->batch) && mailbox_take(in, &letter)) {
			if (letter.kind == LETTER_SETTLE)
				spooler_take_settle(spooler, letter.job);
			else if (letter.kind == LETTER_DRAINED)
				spooler->drained++;
			else
				check(false);
		}
	}
}

static void spooler_take_settle(struct spooler *spooler, struct job *job)
{
	const struct job_tally tally = job_tally(job);
	const struct spool_place place = { job->id, job->number };
	enum request_verb verb;

	feed_credit(&spooler->feed, job);
	job->shard = FEED_NO_SHARD;
	if (clerk_take_note(&spooler->clerk, place, &verb)) {
		clerk_apply(job, verb, loop_wall(&spooler->shard.loop), &spooler->shard.shelf);
	} else if (tally.of[OWED_PENDING] == job->owed_count) {
		/* The shard had no use for it: it is due as it was. */
		spool_unlend(spooler->spool, job->id, job->number);
		feed_wakes(&spooler->feed, job->route, job->next_attempt);
		feed_give_job(&spooler->feed, job);
		return;
	}
	spooler_settle(spooler, job);
}

/* Into the batch, with the report it owes; or to wait for memory or ids to write that. */
void spooler_settle(struct spooler *spooler, struct job *job)
{
	struct job *report = NULL;

	if (!batch_settles_full(&spooler->batch) && spooler_make_report(spooler, job, &report))
		batch_add_settle(&spooler->batch, job, report);
	else
		list_push_last(&spooler->waiting, &job->link);
}

void spooler_settle_waiting(struct spooler *spooler)
{
	for (size_t left = spooler->waiting.count; left > 0; left--)
		spooler_settle(
		        spooler, container_of(list_pop_first(&spooler->waiting), struct job, link));
}

/* True: *report is the report that the settle owes, or NULL where it owes none. */
static bool spooler_make_report(struct spooler *spooler, struct job *job, struct job **report)
{
	struct shard *shard = &spooler->shard;

	*report = NULL;
	if (!report_is_owed(job))
		return true;
	if (spooler->ids_left == 0)
		return false;
	const struct view sender = message_get(job->message, MESSAGE_SENDER);
	const struct routing routing = routing_pick_report(shard->config, sender);
	struct message *message = report_make(spooler->reports, job, spooler->ids_next,
	        view_of(routing.mailbox), loop_wall(&shard->loop), &shard->shelf);
	if (message == NULL)
		return false;
	spooler->ids_next++;
	spooler->ids_left--;

	struct job *made = feed_take_job(&spooler->feed);
	job_begin(made, message, 0, routing.route);
	check(job_owe_all(made, &shard->shelf, 0)); /* one recipient, inline */
	made->shard = FEED_NO_SHARD;
	made->next_attempt = loop_wall(&shard->loop);
	made->held = !routing.found;
	job_enter(made, JOB_PUTTING);
	struct log_line line = log_begin(shard->log, routing.found ? LOG_INFO : LOG_WARNING,
	        routing.found ? "report" : "report_kept");
	log_message(&line, job->id);
	char id_text[MESSAGE_ID_TEXT];
	log_word(&line, "report", message_id_format(message->id, id_text));
	log_text(&line, "to", sender);
	log_word(&line, "mailbox", routing.mailbox);
	log_end(&line);
	message_release(message, &shard->shelf);
	*report = made;
	return true;
}

/* Jobs of routes that the configuration no longer has go over to the route they take today. */
void spooler_adopt(struct spooler *spooler)
{
	struct shard *shard = &spooler->shard;
	size_t adopted = 0;

	for (uint16_t route = (uint16_t)spooler->feed.route_count; !spooler->feed.stopped;
	        route++) {
		if (!spooler->orphans || spool_route_name(spooler->spool, route) == NULL)
			break;
		for (;;) {
			if (adopted == SPOOLER_ADOPTED_PER_TURN ||
			        batch_settles_full(&spooler->batch))
				return; /* the commit makes another turn */
			struct job *job = feed_take_job(&spooler->feed);
			struct err err = spool_next(spooler->spool, route,
			        (struct wall){ INT64_MAX }, &shard->shelf, 0, job);
			if (failed(err)) {
				feed_give_job(&spooler->feed, job);
				if (err.code == ERR_FORMAT)
					continue; /* skipped from now on */
				break;
			}
			const struct routing routing = routing_pick(shard->config, job->message);
			job->shard = FEED_NO_SHARD;
			job->route = routing.route;
			job->held = !routing.found;
			job_enter(job, JOB_SETTLING);
			batch_add_settle(&spooler->batch, job, NULL);
			adopted++;
		}
	}
	spooler->orphans = false;
}
