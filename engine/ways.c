#include "engine/ways.h"

#include "engine/streams.h"
#include "queue/base/check.h"

static uint16_t ways_decide(
        const struct config *config, const struct rulebook_mail *mail, struct view recipient);
static uint16_t *ways_each(struct chunk *chunk);

bool ways_find(struct ways *ways, const struct config *config, const struct message *message,
        struct shelf *shelf, size_t reserve)
{
	const struct rulebook *book = config->rulebook;
	struct message_cursor at = message_recipients(message);
	struct rulebook_seen seen;
	struct message_recipient recipient;

	*ways = (struct ways){ .stream = streams_find(config, message) };
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
		const uint16_t way = ways_decide(config, &mail, recipient.address);

		if (index == 0)
			ways->all = way;
		if (ways->each == NULL && way == ways->all)
			continue;
		if (ways->each == NULL) {
			ways->each = shelf_take_above(shelf, reserve);
			if (ways->each == NULL)
				return false;
			for (uint32_t i = 0; i < index; i++)
				ways_each(ways->each)[i] = ways->all;
		}
		ways_each(ways->each)[index] = way;
	}
	return true;
}

static uint16_t ways_decide(
        const struct config *config, const struct rulebook_mail *mail, struct view recipient)
{
	const struct routing routing = routing_decide(config, mail, recipient);

	switch (routing.fate) {
	case ROUTING_TAKEN:
		return routing.route;
	case ROUTING_KEPT:
		return WAYS_KEPT;
	default:
		check(routing.fate == ROUTING_NOWHERE);
		return WAYS_NOWHERE;
	}
}

static uint16_t *ways_each(struct chunk *chunk)
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
	return ways->each == NULL ? ways->all : ways_each(ways->each)[index];
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
