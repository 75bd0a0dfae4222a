#include "engine/rulebook.h"

#include "engine/wire/header_walk.h"
#include "queue/base/check.h"
#include "queue/base/glob.h"

static const struct rulebook_slot *rulebook_find(const struct rulebook *book, struct view key);
static void rulebook_look(struct rulebook_walk *walk, struct view key);
static void rulebook_add(struct rulebook_walk *walk, const struct rulebook_rules *rules);
static bool rulebook_has(const struct rulebook_words *words, struct view text);
static bool rulebook_has_address(const struct rulebook_words *words, struct view address);
static bool rulebook_takes_domain(
        const struct rulebook *book, const struct rulebook_rule *rule, struct view domain);
static bool rulebook_takes_sender(const struct rulebook_rule *rule, struct view sender);

/* Words. */

int rulebook_compare(struct view a, struct view b)
{
	const size_t both = a.bytes < b.bytes ? a.bytes : b.bytes;

	for (size_t i = 0; i < both; i++) {
		const unsigned char c = (unsigned char)byte_lower(a.data[i]);
		const unsigned char d = (unsigned char)byte_lower(b.data[i]);
		if (c != d)
			return c < d ? -1 : 1;
	}
	return (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

/* FNV-1a, ASCII case ignored. Keys come from the configuration alone, so nobody can choose them so
 * that they collide. */
uint32_t rulebook_hash(struct view key)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < key.bytes; i++)
		hash = (hash ^ (unsigned char)byte_lower(key.data[i])) * 16777619U;
	return hash;
}

static bool rulebook_has(const struct rulebook_words *words, struct view text)
{
	size_t from = 0;
	size_t to = words->count;

	while (from < to) {
		const size_t middle = (from + to) / 2;
		const int order = rulebook_compare(text, words->at[middle]);
		if (order == 0)
			return true;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return false;
}

/* The address itself, or its domain with the @. */
static bool rulebook_has_address(const struct rulebook_words *words, struct view address)
{
	const struct view domain = rulebook_domain(address);

	if (rulebook_has(words, address))
		return true;
	return domain.bytes > 0 &&
	       rulebook_has(words, view_from(domain.data - 1, domain.bytes + 1));
}

struct view rulebook_domain(struct view address)
{
	size_t at = address.bytes;

	while (at > 0 && address.data[at - 1] != '@')
		at--;
	return at > 0 ? view_skip(address, at) : VIEW("");
}

/* What a message says. */

struct rulebook_mail rulebook_mail_of(const struct message *message)
{
	struct rulebook_mail mail = {
		.sender = message_get(message, MESSAGE_SENDER),
		.user = message_get(message, MESSAGE_USER),
		.listener = message_get(message, MESSAGE_LISTENER),
	};

	const struct view client = message_get(message, MESSAGE_CLIENT);
	mail.has_client = client.bytes > 0 && endpoint_parse_address(client, &mail.client);
	return mail;
}

void rulebook_see_none(struct rulebook_seen *seen)
{
	*seen = (struct rulebook_seen){ 0 };
}

static void rulebook_see_field(const struct rulebook *book, struct view name, struct view value,
        struct rulebook_seen *seen)
{
	for (size_t i = 0; i < book->header_count; i++) {
		const struct rulebook_header *header = &book->headers[i];

		if (view_equal_fold(header->name, name) && glob_matches(header->pattern, value))
			seen->bits[i / 64] |= UINT64_C(1) << (i % 64);
	}
}

void rulebook_see(const struct rulebook *book, const struct rope *body, struct rulebook_seen *seen)
{
	struct rope_cursor at = rope_start(body);
	struct header_walk walk;
	enum header_walk_news news = HEADER_WALK_MORE;
	size_t left = RULEBOOK_HEADER_BYTES_MAX;
	struct view piece;
	struct view name;
	struct view value;

	rulebook_see_none(seen);
	header_walk_init(&walk);
	while (news != HEADER_WALK_OVER && left > 0 && rope_next(&at, &piece)) {
		piece = view_first(piece, left);
		left -= piece.bytes;
		while ((news = header_walk_next(&walk, &piece, &name, &value)) == HEADER_WALK_FIELD)
			rulebook_see_field(book, name, value, seen);
	}
	if (left > 0 && header_walk_finish(&walk, &name, &value))
		rulebook_see_field(book, name, value, seen);
}

void rulebook_see_text(const struct rulebook *book, struct view header, struct rulebook_seen *seen)
{
	struct header_walk walk;
	struct view name;
	struct view value;

	rulebook_see_none(seen);
	header_walk_init(&walk);
	while (header_walk_next(&walk, &header, &name, &value) == HEADER_WALK_FIELD)
		rulebook_see_field(book, name, value, seen);
	if (header_walk_finish(&walk, &name, &value))
		rulebook_see_field(book, name, value, seen);
}

/* Looking up. */

static const struct rulebook_slot *rulebook_find(const struct rulebook *book, struct view key)
{
	if (key.bytes == 0 || book->slots == NULL)
		return NULL;
	for (uint32_t at = rulebook_hash(key);; at++) {
		const struct rulebook_slot *slot = &book->slots[at & book->slot_mask];
		if (slot->key.bytes == 0)
			return NULL;
		if (view_equal_fold(slot->key, key))
			return slot;
	}
}

bool rulebook_is_internal(const struct rulebook *book, struct view domain)
{
	const struct rulebook_slot *slot = book == NULL ? NULL : rulebook_find(book, domain);

	return slot != NULL && slot->accepted;
}

void rulebook_begin(struct rulebook_walk *walk, const struct rulebook *book,
        const struct rulebook_mail *mail, struct view recipient)
{
	struct view domain = rulebook_domain(recipient);

	walk->book = book;
	walk->mail = mail;
	walk->recipient = recipient;
	walk->place_count = 0;
	if (book == NULL)
		return;
	const bool internal = rulebook_is_internal(book, domain);
	rulebook_add(walk, &book->others);
	rulebook_add(walk, internal ? &book->internal : &book->external);
	rulebook_look(walk, recipient);
	rulebook_look(walk, domain);
	while (book->wildcards && domain.bytes > 0) {
		domain = view_skip(domain, view_find(domain, '.'));
		rulebook_look(walk, domain); /* with its dot */
		if (domain.bytes > 0)
			domain = view_skip(domain, 1);
	}
}

static void rulebook_look(struct rulebook_walk *walk, struct view key)
{
	const struct rulebook_slot *slot = rulebook_find(walk->book, key);

	if (slot != NULL)
		rulebook_add(walk, &slot->rules);
}

static void rulebook_add(struct rulebook_walk *walk, const struct rulebook_rules *rules)
{
	/* No address that was taken has more; one read from a bad disk may. */
	if (rules->count == 0 || walk->place_count == RULEBOOK_PLACES_MAX)
		return;
	walk->places[walk->place_count++] = *rules;
}

bool rulebook_next(struct rulebook_walk *walk, uint16_t *rule, enum rulebook_reason *reason)
{
	for (;;) {
		uint16_t next = UINT16_MAX;

		for (size_t i = 0; i < walk->place_count; i++)
			if (walk->places[i].count > 0 && walk->places[i].at[0] < next)
				next = walk->places[i].at[0];
		if (next == UINT16_MAX)
			return false;
		for (size_t i = 0; i < walk->place_count; i++) {
			struct rulebook_rules *place = &walk->places[i];
			if (place->count > 0 && place->at[0] == next)
				*place = (struct rulebook_rules){ place->at + 1, place->count - 1 };
		}
		*reason = rulebook_judge(walk->book, next, walk->mail, walk->recipient);
		if (*reason == RULEBOOK_MATCHES || *reason == RULEBOOK_OPEN) {
			*rule = next;
			return true;
		}
	}
}

/* Judging. */

static bool rulebook_takes_domain(
        const struct rulebook *book, const struct rulebook_rule *rule, struct view domain)
{
	if (rule->internal != rule->external &&
	        rulebook_is_internal(book, domain) == rule->internal)
		return true;
	if ((rule->internal && rule->external) || rulebook_has(&rule->domains, domain))
		return true;
	while (book->wildcards && domain.bytes > 0) {
		domain = view_skip(domain, view_find(domain, '.'));
		if (domain.bytes == 0)
			break;
		if (rulebook_has(&rule->domains, domain))
			return true;
		domain = view_skip(domain, 1);
	}
	return false;
}

static bool rulebook_takes_sender(const struct rulebook_rule *rule, struct view sender)
{
	return sender.bytes == 0 ? rule->null_sender : rulebook_has_address(&rule->senders, sender);
}

static enum rulebook_reason rulebook_judge_header(
        const struct rulebook_rule *rule, const struct rulebook_seen *seen)
{
	if (seen == NULL)
		return RULEBOOK_OPEN;
	for (unsigned i = rule->header_first; i < rule->header_first + rule->header_count; i++)
		if ((seen->bits[i / 64] >> (i % 64) & 1) != 0)
			return RULEBOOK_MATCHES;
	return RULEBOOK_HEADER;
}

enum rulebook_reason rulebook_judge(const struct rulebook *book, uint16_t index,
        const struct rulebook_mail *mail, struct view recipient)
{
	check(index < book->from->count);
	const struct rulebook_rule *rule = &book->rules[index];
	const struct config_rule *config = rule->config;

	if (config->recipient_domain.count > 0 &&
	        !rulebook_takes_domain(book, rule, rulebook_domain(recipient)))
		return RULEBOOK_RECIPIENT_DOMAIN;
	if (rule->recipients.count > 0 && !rulebook_has_address(&rule->recipients, recipient))
		return RULEBOOK_RECIPIENT;
	if (config->sender.count > 0 && !rulebook_takes_sender(rule, mail->sender))
		return RULEBOOK_SENDER;
	if (config->listener.count > 0 && !rulebook_has(&rule->listeners, mail->listener))
		return RULEBOOK_LISTENER;
	if (config->client.count > 0 &&
	        (!mail->has_client || !config_networks_contain(&config->client, &mail->client)))
		return RULEBOOK_CLIENT;
	if (rule->users.count > 0 && !rulebook_has(&rule->users, mail->user))
		return RULEBOOK_USER;
	return rule->header_count > 0 ? rulebook_judge_header(rule, mail->seen) : RULEBOOK_MATCHES;
}

const char *rulebook_reason_words(enum rulebook_reason reason)
{
	static const char *const words[] = {
#define X(name, text) [RULEBOOK_##name] = (text),
		RULEBOOK_REASONS(X)
#undef X
	};

	check(reason < sizeof words / sizeof words[0]);
	return words[reason];
}
