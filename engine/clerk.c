#include "engine/clerk.h"

#include "queue/base/check.h"
#include "queue/verdict.h"

static void clerk_end_all(struct job *job, enum owed_outcome outcome, struct shelf *shelf);
static struct view clerk_state_word(const struct job *job, bool lent, struct wall now);

void clerk_begin(struct clerk *clerk, struct request *request)
{
	check(clerk->request == NULL);
	clerk->request = request;
	clerk->at = (struct spool_place){ request->after, request->after_number };
	clerk->counted = 0;
	clerk->id_index = 0;
}

bool clerk_acts(enum request_verb verb)
{
	static const bool acts[REQUEST_VERB_COUNT] = {
#define X(name, word, changes, text) [REQUEST_##name] = (changes),
		REQUEST_VERBS(X)
#undef X
	};

	check(verb < REQUEST_VERB_COUNT);
	return acts[verb];
}

bool clerk_apply(struct job *job, enum request_verb verb, struct wall now, struct shelf *shelf)
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
		clerk_end_all(job, OWED_BOUNCED, shelf);
		return true;
	case REQUEST_REMOVE:
		clerk_end_all(job, OWED_REMOVED, shelf);
		return true;
	default:
		check(false);
		return false;
	}
}

static void clerk_end_all(struct job *job, enum owed_outcome outcome, struct shelf *shelf)
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

bool clerk_note(struct clerk *clerk, struct spool_place place, enum request_verb verb)
{
	struct clerk_act *act = NULL;

	for (size_t i = 0; i < clerk->act_count && act == NULL; i++)
		if (clerk->acts[i].place.id == place.id &&
		        clerk->acts[i].place.number == place.number)
			act = &clerk->acts[i]; /* the later word counts */
	if (act == NULL) {
		if (clerk->act_count == CLERK_ACTS_MAX)
			return false;
		act = &clerk->acts[clerk->act_count++];
		act->awaited = false;
	}
	if (!act->awaited)
		clerk->awaited_count++;
	*act = (struct clerk_act){ .place = place, .verb = verb, .awaited = true };
	return true;
}

bool clerk_take_note(struct clerk *clerk, struct spool_place place, enum request_verb *verb)
{
	for (size_t i = 0; i < clerk->act_count; i++) {
		struct clerk_act *act = &clerk->acts[i];

		if (act->place.id != place.id || act->place.number != place.number)
			continue;
		*verb = act->verb;
		clerk->awaited_count -= act->awaited ? 1 : 0;
		*act = clerk->acts[--clerk->act_count];
		return true;
	}
	return false;
}

void clerk_await(struct clerk *clerk, struct mono now)
{
	clerk->await_until = mono_after(now, CLERK_WAIT_NS);
}

uint64_t clerk_forsake(struct clerk *clerk)
{
	uint64_t messages = 0;

	for (size_t i = 0; i < clerk->act_count; i++) {
		bool counted = !clerk->acts[i].awaited;

		for (size_t j = 0; j < i && !counted; j++)
			counted = clerk->acts[j].awaited &&
			          clerk->acts[j].place.id == clerk->acts[i].place.id;
		messages += counted ? 0 : 1;
	}
	for (size_t i = 0; i < clerk->act_count; i++)
		clerk->acts[i].awaited = false;
	clerk->awaited_count = 0;
	return messages;
}

bool clerk_next(struct clerk *clerk, struct spool *spool, struct spool_place *place)
{
	const struct request *request = clerk->request;

	if (request->verb == REQUEST_LIST || request->all) {
		clerk->before = clerk->at;
		*place = clerk->at;
		if (!spool_walk(spool, place))
			return false;
		clerk->at = *place;
		return true;
	}
	for (; clerk->id_index < request->ids_count; clerk->id_index++) {
		const uint64_t id = request->ids[clerk->id_index];

		if (clerk->at.id != id)
			clerk->at = (struct spool_place){ id - 1, UINT16_MAX };
		clerk->before = clerk->at;
		*place = clerk->at;
		if (id > 0 && spool_walk(spool, place) && place->id == id) {
			clerk->at = *place;
			return true;
		}
		clerk->at = (struct spool_place){ 0 };
	}
	return false;
}

void clerk_again(struct clerk *clerk)
{
	clerk->at = clerk->before;
}

/* A message's jobs come one after the other. */
void clerk_count(struct clerk *clerk, uint64_t id)
{
	if (clerk->counted == id)
		return;
	clerk->counted = id;
	clerk->request->count++;
}

bool clerk_takes(const struct clerk *clerk, const struct spool *spool, const struct job *job)
{
	const struct request_filter *filter = &clerk->request->filter;
	const struct owed *owed = job_owed_const(job);
	struct message_cursor at = message_recipients(job->message);
	struct message_recipient recipient;

	if (!request_filter_takes(filter, view_of(spool_route_name(spool, job->route)),
	            message_get(job->message, MESSAGE_SENDER)))
		return false;
	if (filter->in_doubt && job_tally(job).in_doubt == 0)
		return false;
	if (!filter->by_to)
		return true;
	for (size_t i = 0; i < job->owed_count; i++)
		if (message_seek_recipient(&at, owed[i].index, &recipient) &&
		        request_filter_takes_recipient(filter, recipient.address))
			return true;
	return false;
}

bool clerk_put_row(struct clerk *clerk, const struct spool *spool, const struct job *job, bool lent,
        struct wall now)
{
	const struct owed *owed = job_owed_const(job);
	struct message_cursor at = message_recipients(job->message);
	struct view last_reply = { 0 };

	for (size_t i = 0; i < job->owed_count; i++) {
		struct message_recipient recipient;
		struct reply_note note = { 0 };

		check(message_seek_recipient(&at, owed[i].index, &recipient));
		if (job_reply(job, i, &note) && last_reply.bytes == 0)
			last_reply = note.text;
		if (job->held && note.text.bytes == 0)
			note.text = clerk->why_held;
		clerk->recipients[i] = (struct request_recipient){
			.address = recipient.address,
			.state = clerk_state_word(job, lent, now),
			.reply = note.text,
		};
	}
	const struct request_row row = {
		.id = job->id,
		.number = job->number,
		.route = view_of(spool_route_name(spool, job->route)),
		.from = message_get(job->message, MESSAGE_SENDER),
		.recipients = clerk->recipients,
		.recipients_count = job->owed_count,
		.bytes = job->message->body_bytes,
		.received = job->message->received,
		.state = clerk_state_word(job, lent, now),
		.attempts = job->attempts,
		.next_attempt = job->held ? (struct wall){ 0 } : job->next_attempt,
		.reply = job->held && last_reply.bytes == 0 ? clerk->why_held : last_reply,
		.in_doubt = job_tally(job).in_doubt > 0,
	};
	return request_put_row(clerk->request, &row);
}

bool clerk_put_damaged(struct clerk *clerk, struct spool_place place)
{
	const struct request_row row = {
		.id = place.id,
		.number = place.number,
		.state = VIEW("damaged"),
	};

	return request_put_row(clerk->request, &row);
}

/* Postfix's words, which operators know: active, deferred, hold. */
static struct view clerk_state_word(const struct job *job, bool lent, struct wall now)
{
	if (job->held)
		return VIEW("held");
	if (lent)
		return VIEW("active");
	return job->next_attempt.ms > now.ms ? VIEW("deferred") : VIEW("queued");
}
