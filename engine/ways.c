#include "engine/ways.h"

#include "engine/rehearsal.h"
#include "engine/streams.h"
#include "queue/base/check.h"

/* What is looked at for each recipient. */
struct ways_subject {
	const struct config *config;
	struct rulebook_mail mail;
	const struct config_rehearsal *rehearsal; /* the message's; NULL: it goes out in earnest */
};

static bool ways_are_asked(const struct config *config, const struct message *message);
static struct way ways_decide(const struct ways_subject *subject, struct view recipient);
static uint16_t ways_route(const struct routing *routing);
static struct way *ways_each(struct chunk *chunk);
static bool ways_part(struct ways *ways, uint32_t index, struct shelf *shelf, size_t reserve);

bool ways_find(struct ways *ways, const struct config *config, const struct message *message,
        struct shelf *shelf, size_t reserve)
{
	const struct rulebook *book = config->rulebook;
	struct message_cursor at = message_recipients(message);
	struct ways_subject subject = { .config = config };
	struct rulebook_seen seen;
	struct message_recipient recipient;

	*ways = (struct ways){
		.stream = streams_find(config, message),
		.all.rule = ROUTING_NO_RULE,
	};
	subject.rehearsal = rehearsal_find(config, message, ways->stream);
	if (!ways_are_asked(config, message) && subject.rehearsal == NULL)
		return true;
	subject.mail = rulebook_mail_of(message);
	subject.mail.seen = &seen;
	if (book != NULL && book->header_count > 0)
		rulebook_see(book, &message->body, &seen);
	else
		rulebook_see_none(&seen);
	while (message_next_recipient(&at, &recipient)) {
		const uint32_t index = at.index - 1;
		const struct way way = ways_decide(&subject, recipient.address);

		if (index == 0)
			ways->all = way;
		if (ways->each == NULL && ways_join(way, ways->all))
			continue;
		if (ways->each == NULL && !ways_part(ways, index, shelf, reserve))
			return false;
		ways_each(ways->each)[index] = way;
	}
	return true;
}

/* Else all go by the first route. */
static bool ways_are_asked(const struct config *config, const struct message *message)
{
	const struct rulebook *book = config->rulebook;

	return book != NULL && (message_sender_is_null(message) || book->decides);
}

/* From this recipient on they are not all alike. False: no memory. */
static bool ways_part(struct ways *ways, uint32_t index, struct shelf *shelf, size_t reserve)
{
	ways->each = shelf_take_above(shelf, reserve);
	if (ways->each == NULL)
		return false;
	for (uint32_t i = 0; i < index; i++)
		ways_each(ways->each)[i] = ways->all;
	return true;
}

static struct way ways_decide(const struct ways_subject *subject, struct view recipient)
{
	struct way way = { .rule = ROUTING_NO_RULE };

	if (subject->config->rulebook != NULL) {
		const struct routing routing =
		        routing_decide(subject->config, &subject->mail, recipient);
		way.way = ways_route(&routing);
		way.rule = routing.rule;
	}
	way.rehearsed = subject->rehearsal != NULL &&
	                !rehearsal_lets_out(subject->config, subject->rehearsal, recipient);
	return way;
}

static uint16_t ways_route(const struct routing *routing)
{
	switch (routing->fate) {
	case ROUTING_TAKEN:
		return routing->route;
	case ROUTING_KEPT:
		return WAYS_KEPT;
	default:
		check(routing->fate == ROUTING_NOWHERE);
		return WAYS_NOWHERE;
	}
}

static struct way *ways_each(struct chunk *chunk)
{
	return (void *)chunk->data;
}

void ways_free(struct ways *ways, struct shelf *shelf)
{
	if (ways->each != NULL)
		shelf_give(shelf, MOVE(ways->each));
}

struct way ways_at(const struct ways *ways, uint32_t index)
{
	check(index < MESSAGE_RECIPIENTS_MAX);
	return ways->each == NULL ? ways->all : ways_each(ways->each)[index];
}

bool ways_have(const struct ways *ways, uint32_t recipient_count, uint16_t way)
{
	if (ways->each == NULL)
		return ways->all.way == way;
	for (uint32_t i = 0; i < recipient_count; i++)
		if (ways_of(ways, i) == way)
			return true;
	return false;
}

bool ways_lead_nowhere(const struct ways *ways, uint32_t recipient_count)
{
	for (uint32_t i = 0; i < (ways->each == NULL ? 1 : recipient_count); i++)
		if (ways_of(ways, i) != WAYS_NOWHERE)
			return false;
	return true;
}
