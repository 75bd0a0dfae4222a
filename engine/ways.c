#include "engine/ways.h"

#include "engine/streams.h"
#include "queue/base/check.h"

static struct way ways_decide(
        const struct config *config, const struct rulebook_mail *mail, struct view recipient);
static struct way *ways_each(struct chunk *chunk);

bool ways_find(struct ways *ways, const struct config *config, const struct message *message,
        struct shelf *shelf, size_t reserve)
{
	const struct rulebook *book = config->rulebook;
	struct message_cursor at = message_recipients(message);
	struct rulebook_seen seen;
	struct message_recipient recipient;

	*ways = (struct ways){
		.stream = streams_find(config, message),
		.rule = ROUTING_NO_RULE,
	};
	if (book == NULL || (!message_sender_is_null(message) && !book->decides))
		return true;
	struct rulebook_mail mail = rulebook_mail_of(message);
	mail.seen = &seen;
	if (book->header_count > 0)
		rulebook_see(book, &message->body, &seen);
	else
		rulebook_see_none(&seen);
	while (message_next_recipient(&at, &recipient)) {
		const uint32_t index = at.index - 1;
		const struct way way = ways_decide(config, &mail, recipient.address);

		if (index == 0) {
			ways->all = way.way;
			ways->rule = way.rule;
		}
		if (ways->each == NULL && way.way == ways->all)
			continue;
		if (ways->each == NULL) {
			ways->each = shelf_take_above(shelf, reserve);
			if (ways->each == NULL)
				return false;
			for (uint32_t i = 0; i < index; i++)
				ways_each(ways->each)[i] = (struct way){ ways->all, ways->rule };
		}
		ways_each(ways->each)[index] = way;
	}
	return true;
}

static struct way ways_decide(
        const struct config *config, const struct rulebook_mail *mail, struct view recipient)
{
	const struct routing routing = routing_decide(config, mail, recipient);

	switch (routing.fate) {
	case ROUTING_TAKEN:
		return (struct way){ routing.route, routing.rule };
	case ROUTING_KEPT:
		return (struct way){ WAYS_KEPT, routing.rule };
	default:
		check(routing.fate == ROUTING_NOWHERE);
		return (struct way){ WAYS_NOWHERE, routing.rule };
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

uint16_t ways_of(const struct ways *ways, uint32_t index)
{
	check(index < MESSAGE_RECIPIENTS_MAX);
	return ways->each == NULL ? ways->all : ways_each(ways->each)[index].way;
}

uint16_t ways_rule(const struct ways *ways, uint32_t index)
{
	check(index < MESSAGE_RECIPIENTS_MAX);
	return ways->each == NULL ? ways->rule : ways_each(ways->each)[index].rule;
}

bool ways_have(const struct ways *ways, uint32_t recipient_count, uint16_t way)
{
	if (ways->each == NULL)
		return ways->all == way;
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
