#include "engine/spooler_inner.h"
#include "queue/base/check.h"

/* Where one recipient is to go on. */
struct move {
	uint16_t route;
	bool held;
};

static bool spooler_divert(struct spooler *spooler, struct job *job, struct job **branch);
static struct move spooler_move_of(
        const struct config *config, const struct rulebook_mail *mail, struct view recipient);
static bool spooler_branch(struct spooler *spooler, struct job *job, const bool *moves,
        struct move to, struct job **branch);
static void spooler_go(struct job *job, struct move to);

bool spooler_move(struct spooler *spooler, struct job *job, struct job **branch)
{
	*branch = NULL;
	if (job->divert != 0)
		return spooler_divert(spooler, job, branch);
	return true;
}

/* Its route is out: all that another can carry goes over to that. */
static bool spooler_divert(struct spooler *spooler, struct job *job, struct job **branch)
{
	const struct config *config = spooler->shard.config;
	const struct move to = { .route = (uint16_t)(job->divert - 1) };
	const struct view sender = message_get(job->message, MESSAGE_SENDER);
	struct message_cursor at = message_recipients(job->message);
	const struct owed *owed = job_owed_const(job);
	bool moves[MESSAGE_RECIPIENTS_MAX] = { false };
	size_t moving = 0;
	size_t staying = 0;

	for (size_t i = 0; i < job->owed_count; i++) {
		struct message_recipient recipient;

		if (owed_is_ended(owed[i].outcome))
			continue;
		check(message_seek_recipient(&at, owed[i].index, &recipient));
		moves[i] = routing_carries(config, to.route, sender, recipient.address);
		moving += moves[i];
		staying += !moves[i];
	}
	if (moving > 0 && staying > 0 && !spooler_branch(spooler, job, moves, to, branch))
		return false;
	if (moving > 0) {
		job->next_attempt = loop_wall(&spooler->shard.loop);
		if (staying == 0)
			spooler_go(job, to);
	}
	job->divert = 0;
	return true;
}

bool spooler_reroute(struct spooler *spooler, struct job *job, struct job **branch)
{
	const struct config *config = spooler->shard.config;
	struct rulebook_mail mail = rulebook_mail_of(job->message);
	struct message_cursor at = message_recipients(job->message);
	const struct owed *owed = job_owed_const(job);
	bool moves[MESSAGE_RECIPIENTS_MAX] = { false };
	struct rulebook_seen seen;
	struct move first = { 0 };
	struct move second = { 0 };
	size_t staying = 0;
	size_t moving = 0;
	bool mixed = false;

	rulebook_see_none(&seen);
	if (config->rulebook != NULL && config->rulebook->header_count > 0)
		rulebook_see(config->rulebook, &job->message->body, &seen);
	mail.seen = &seen;
	*branch = NULL;
	for (size_t i = 0; i < job->owed_count; i++) {
		struct message_recipient recipient;

		if (owed_is_ended(owed[i].outcome))
			continue;
		check(message_seek_recipient(&at, owed[i].index, &recipient));
		const struct move move = spooler_move_of(config, &mail, recipient.address);
		if (staying == 0)
			first = move;
		moves[i] = move.route != first.route || move.held != first.held;
		staying += !moves[i];
		moving += moves[i];
		if (moves[i] && moving == 1)
			second = move;
		mixed |= moves[i] && (move.route != second.route || move.held != second.held);
	}
	if (moving > 0 && !spooler_branch(spooler, job, moves, second, branch))
		return false;
	if (moving > 0)
		(*branch)->mixed = mixed;
	spooler_go(job, first);
	return true;
}

static struct move spooler_move_of(
        const struct config *config, const struct rulebook_mail *mail, struct view recipient)
{
	const struct routing routing = routing_decide(config, mail, recipient);

	return (struct move){ .route = routing.route, .held = routing.fate != ROUTING_TAKEN };
}

/* False: no memory, nothing changed. */
static bool spooler_branch(struct spooler *spooler, struct job *job, const bool *moves,
        struct move to, struct job **branch)
{
	struct job *made = feed_take_job(&spooler->feed);

	if (!job_split(job, made, moves, &spooler->shard.shelf, 0)) {
		feed_give_job(&spooler->feed, made);
		spooler_fall_short(spooler);
		return false;
	}
	made->next_attempt = loop_wall(&spooler->shard.loop);
	made->shard = FEED_NO_SHARD;
	spooler_go(made, to);
	job_enter(made, JOB_PUTTING);
	*branch = made;
	return true;
}

static void spooler_go(struct job *job, struct move to)
{
	job->route = to.route;
	job->held = to.held;
}

const char *spooler_kept_reason(const struct job *job)
{
	return message_sender_is_null(job->message)
	               ? "no route of its carries the null sender, or has notices_from"
	               : "no route takes mail to its recipients any more";
}

void spooler_log_kept(struct spooler *spooler, const struct job *job)
{
	const bool null_sender = message_sender_is_null(job->message);
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "kept");

	log_message(&line, job->id);
	log_word(&line, "reason", spooler_kept_reason(job));
	log_word(&line, "advice",
	        null_sender ? "Set notices_from on a route; then: sluice queue release"
	                    : "Change rules or accepted_domains; then: sluice queue release");
	log_end(&line);
}

void spooler_send_branch(struct spooler *spooler, struct job *branch)
{
	const struct message *message = branch->message;

	if (branch->held)
		spooler_log_kept(spooler, branch);
	if (branch->mixed) {
		/* Its recipients part once more. */
		branch->mixed = false;
		spool_lend(spooler->spool, branch->id, branch->number);
		list_push_last(&spooler->feed.strays, &branch->link);
	} else if (branch->held || message->body.bytes == message->body_bytes) {
		feed_offer(&spooler->feed, branch, loop_wall(&spooler->shard.loop));
	} else {
		/* An operator released it: no more than its envelope was read. */
		feed_wakes(&spooler->feed, branch);
		feed_give_job(&spooler->feed, branch);
	}
}
