#include "engine/operator.h"

#include "queue/base/check.h"
#include "queue/verdict.h"

static void operator_end_all(struct job *job, enum owed_outcome outcome, struct shelf *shelf);
static struct view operator_state_word(const struct job *job, bool lent, struct wall now);

bool operator_apply(struct job *job, enum request_verb verb, struct wall now, struct shelf *shelf)
{
	switch (verb) {
	case REQUEST_RETRY:
		if (job->held)
			return false;
		job->next_attempt = now;
		return true;
	case REQUEST_HOLD:
		if (job->held)
			return false;
		job->held = true;
		return true;
	case REQUEST_RELEASE:
		if (!job->held)
			return false;
		job->held = false;
		job->next_attempt = now;
		return true;
	case REQUEST_BOUNCE:
		operator_end_all(job, OWED_BOUNCED, shelf);
		return true;
	case REQUEST_REMOVE:
		operator_end_all(job, OWED_REMOVED, shelf);
		return true;
	default:
		check(false);
		return false;
	}
}

static void operator_end_all(struct job *job, enum owed_outcome outcome, struct shelf *shelf)
{
	const struct reply_note given_up = {
		.stage = STAGE_ANY,
		.status = { 5, 7, 0 },
		.text = VIEW("given up by the relay's operator"),
	};
	struct owed *owed = job_owed(job);

	for (size_t i = 0; i < job->owed_count; i++) {
		struct reply_note last;

		if (owed_is_ended(owed[i].outcome))
			continue;
		/* What a server said last tells a sender more than that somebody gave up. */
		bool noted = job_reply(job, i, &last);
		job_set_outcome(job, i, outcome, noted ? NULL : &given_up, shelf);
	}
}

bool operator_note(struct operator* operator, struct spool_place place, enum request_verb verb)
{
	struct operator_act *act = NULL;

	for (size_t i = 0; i < operator->act_count && act == NULL; i++)
		if (operator->acts[i]
		                .place.id == place.id &&
		                operator->acts[i]
		                .place.number == place.number)
			act = &operator->acts[i]; /* the later word counts */
	if (act == NULL) {
		if (operator->act_count == OPERATOR_ACTS_MAX)
			return false;
		act = &operator->acts[operator->act_count++];
	}
	*act = (struct operator_act){ place, verb };
	return true;
}

bool operator_take_note(
        struct operator* operator, struct spool_place place, enum request_verb *verb)
{
	for (size_t i = 0; i < operator->act_count; i++) {
		struct operator_act *act = &operator->acts[i];

		if (act->place.id != place.id || act->place.number != place.number)
			continue;
		*verb = act->verb;
		*act = operator->acts[--operator->act_count];
		return true;
	}
	return false;
}

bool operator_next(struct operator* operator, struct spool * spool, struct spool_place *place)
{
	const struct request *request = operator->request;

	if (request->verb == REQUEST_LIST || request->all) {
		if (!spool_walk(spool, &operator->at))
			return false;
		*place = operator->at;
		return true;
	}
	while (operator->id_index<request->ids_count) {
		uint64_t id = request->ids[operator->id_index];

		if (operator->at.id != id)
			operator->at =(struct spool_place){ id - 1, UINT16_MAX };
		if (spool_walk(spool, &operator->at) && operator->at.id == id) {
			*place = operator->at;
			return true;
		}
		operator->id_index++;
		operator->at =(struct spool_place){ 0 };
	}
	return false;
}

bool operator_takes(
        const struct operator* operator, const struct spool * spool, const struct job *job)
{
	const struct request_filter *filter = &operator->request->filter;
	const struct owed *owed = job_owed_const(job);
	struct message_cursor at = message_recipients(job->message);
	struct message_recipient recipient;

	if (!request_filter_takes(filter, view_of(spool_route_name(spool, job->route)),
	            message_get(job->message, MESSAGE_SENDER)))
		return false;
	if (filter->to.bytes == 0)
		return true;
	for (size_t i = 0; i < job->owed_count; i++)
		if (message_seek_recipient(&at, owed[i].index, &recipient) &&
		        request_filter_takes_recipient(filter, recipient.address))
			return true;
	return false;
}

bool operator_put_row(struct operator* operator, const struct spool * spool, const struct job *job,
        bool lent, struct wall now)
{
	static struct request_recipient
	        recipients[MESSAGE_RECIPIENTS_MAX]; /* the spooler's alone */
	const struct owed *owed = job_owed_const(job);
	struct message_cursor at = message_recipients(job->message);
	struct view last_reply = { 0 };

	for (size_t i = 0; i < job->owed_count; i++) {
		struct message_recipient recipient;
		struct reply_note note = { 0 };

		check(message_seek_recipient(&at, owed[i].index, &recipient));
		if (job_reply(job, i, &note) && last_reply.bytes == 0)
			last_reply = note.text;
		recipients[i] = (struct request_recipient){
			.address = recipient.address,
			.state = operator_state_word(job, lent, now),
			.reply = note.text,
		};
	}
	const struct request_row row = {
		.id = job->id,
		.route = view_of(spool_route_name(spool, job->route)),
		.from = message_get(job->message, MESSAGE_SENDER),
		.recipients = recipients,
		.recipients_count = job->owed_count,
		.bytes = job->message->body_bytes,
		.received = job->message->received,
		.state = operator_state_word(job, lent, now),
		.attempts = job->attempts,
		.next_attempt = job->held ? (struct wall){ 0 } : job->next_attempt,
		.reply = last_reply,
	};
	return request_put_row(operator->request, &row);
}

/* Postfix's words, which operators know: active, deferred, hold. */
static struct view operator_state_word(const struct job *job, bool lent, struct wall now)
{
	if (job->held)
		return VIEW("held");
	if (lent)
		return VIEW("active");
	return job->next_attempt.ms > now.ms ? VIEW("deferred") : VIEW("queued");
}
