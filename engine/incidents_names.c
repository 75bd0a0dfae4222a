#include "engine/incidents_names.h"

#include "engine/wire/header_walk.h"

static struct view names_address(struct view value);

void incidents_names_read(
        struct incidents_names *names, const struct message *message, struct view sender)
{
	struct rope_cursor at = rope_start(&message->body);
	struct header_walk walk;
	struct view piece;
	struct view name;
	struct view value;

	names->sender = sender;
	names->from_bytes = 0;
	if (message_author_is_open(message))
		return; /* From is the sender's too, or will be */
	if (!rope_next(&at, &piece))
		return;
	header_walk_init(&walk);
	while (header_walk_next(&walk, &piece, &name, &value) == HEADER_WALK_FIELD) {
		if (!view_equal_fold(name, VIEW("From")))
			continue;
		const struct view address = names_address(value);
		if (address.bytes > 0 && address.bytes <= sizeof names->from_room) {
			memcpy(names->from_room, address.data, address.bytes);
			names->from_bytes = address.bytes;
		}
		return;
	}
}

/* In angle brackets, or the whole; the first one's of several. Empty: there is none. */
static struct view names_address(struct view value)
{
	const size_t open = view_find(value, '<');

	if (open < value.bytes) {
		const struct view rest = view_skip(value, open + 1);
		const size_t close = view_find(rest, '>');
		value = close < rest.bytes ? view_first(rest, close) : VIEW("");
	}
	value = view_trim(value);
	const bool clean =
	        view_find(value, ' ') == value.bytes && view_find(value, '@') < value.bytes;
	return clean ? value : VIEW("");
}

struct view incidents_names_blame(
        const struct incidents_names *names, struct view mailbox, struct view reply)
{
	const struct view from = incidents_names_from(names);
	const struct view named = incident_refused_name(reply);

	if (named.bytes > 0 && incidents_names_have(names, named))
		return view_equal_fold(from, named) ? from : names->sender;
	if (from.bytes > 0 && !view_equal_fold(from, mailbox))
		return from;
	return names->sender;
}

bool incidents_names_have(const struct incidents_names *names, struct view name)
{
	return view_equal_fold(names->sender, name) ||
	       view_equal_fold(incidents_names_from(names), name);
}
