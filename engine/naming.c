#include "engine/naming.h"

#include "engine/config_arena.h"
#include "engine/routing.h"
#include "queue/base/check.h"

#include <stdlib.h>

static struct view naming_first_mailbox(const struct config *config);
static const struct rulebook *naming_make_rules(const struct config *config);
static struct naming_pairs naming_make_pairs(
        const struct config *config, const struct config_words *map);
static struct view naming_find(const struct naming_pairs *pairs, struct view sender);
static struct view naming_search(const struct naming_pairs *pairs, struct view key);

static_assert(CONFIG_NAMINGS_MAX <= CONFIG_RULES_MAX, "a rulebook takes them all");

/* Making. */

void naming_make(struct config *config)
{
	const size_t count = config->names.count;

	if (count == 0)
		return;
	struct naming_book *book = config_arena_take(config->arena, sizeof *book);
	struct naming_pairs *pairs = config_arena_take(config->arena, count * sizeof *pairs);
	for (size_t i = 0; i < count; i++)
		pairs[i] = naming_make_pairs(config, &config->names.at[i].map);
	book->pairs = pairs;
	book->rules = naming_make_rules(config);
	book->mailbox = naming_first_mailbox(config);
	config->naming_book = book;
}

static struct view naming_first_mailbox(const struct config *config)
{
	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_route *route = &config->routes.at[i];
		struct view author = VIEW("");

		if (route->identities.count == 0)
			author = routing_author(route, NULL);
		for (size_t j = 0; j < route->identities.count && author.bytes == 0; j++)
			author = routing_author(route, &route->identities.at[j]);
		if (author.bytes > 0)
			return author;
	}
	return VIEW("");
}

bool naming_opens(const struct config_naming *naming)
{
	return naming->policy == POLICY_REWRITE && naming->address == NULL;
}

/* The conditions of `names`, as rules of their own. */
static const struct rulebook *naming_make_rules(const struct config *config)
{
	const size_t count = config->names.count;
	struct config_rule *at = config_arena_take(config->arena, count * sizeof *at);
	struct config_rules *rules = config_arena_take(config->arena, sizeof *rules);

	for (size_t i = 0; i < count; i++) {
		const struct config_naming *naming = &config->names.at[i];

		at[i] = (struct config_rule){
			.sender = naming->sender,
			.listener = naming->listener,
			.client = naming->client,
			.user = naming->user,
		};
	}
	*rules = (struct config_rules){ at, count };
	return rulebook_make_of(config, rules);
}

struct naming_pair naming_pair_of(const char *text)
{
	const struct view whole = view_of(text);
	const size_t colon = view_find(whole, ':');

	check(colon < whole.bytes);
	return (struct naming_pair){
		.from = view_first(whole, colon),
		.to = view_trim(view_skip(whole, colon + 1)),
	};
}

static int compare_pairs(const void *a_pointer, const void *b_pointer)
{
	const struct naming_pair *a = a_pointer;
	const struct naming_pair *b = b_pointer;

	return rulebook_compare(a->from, b->from);
}

static struct naming_pairs naming_make_pairs(
        const struct config *config, const struct config_words *map)
{
	struct naming_pair *at = config_arena_take(config->arena, map->count * sizeof *at);

	for (size_t i = 0; i < map->count; i++)
		at[i] = naming_pair_of(map->at[i]);
	if (map->count > 0)
		qsort(at, map->count, sizeof *at, compare_pairs);
	return (struct naming_pairs){ at, map->count };
}

/* Deciding. */

/* NAMING_NONE: none. */
static uint16_t naming_match(const struct config *config, const struct rulebook_mail *mail)
{
	if (config->naming_book == NULL)
		return NAMING_NONE;
	for (uint16_t i = 0; i < config->names.count; i++)
		if (rulebook_judge(config->naming_book->rules, i, mail, VIEW("")) ==
		        RULEBOOK_MATCHES)
			return i;
	return NAMING_NONE;
}

/* Whose it is shows when it is sent: until then it is the sender's, if there is one. */
static struct naming naming_open(const struct config *config, uint16_t entry, struct view sender)
{
	const char *by_default = config->names.at[entry].default_from;
	struct naming naming = { .entry = entry, .opens = true, .replaces = true };

	if (sender.bytes == 0)
		naming.sender =
		        by_default != NULL ? view_of(by_default) : config->naming_book->mailbox;
	naming.from = sender.bytes > 0 ? sender : naming.sender;
	return naming;
}

struct naming naming_decide(const struct config *config, const struct rulebook_mail *mail)
{
	struct naming naming = { .entry = naming_match(config, mail) };

	if (naming.entry == NAMING_NONE)
		return naming;
	const struct config_naming *entry = &config->names.at[naming.entry];
	const struct view address = view_of(entry->address);
	const struct view by_default =
	        entry->default_from != NULL ? view_of(entry->default_from) : address;
	const bool missing = mail->sender.bytes == 0;

	if (naming_opens(entry))
		return naming_open(config, naming.entry, mail->sender);
	switch (entry->policy) {
	case POLICY_REFUSE:
		naming.refuses = true;
		return naming;
	case POLICY_REWRITE:
		naming.from = missing ? by_default : address;
		naming.replaces = true;
		break;
	case POLICY_MAP:
		naming.from = naming_find(&config->naming_book->pairs[naming.entry], mail->sender);
		naming.replaces = naming.from.bytes > 0 || address.bytes > 0;
		if (naming.from.bytes == 0)
			naming.from = missing ? by_default : address;
		break;
	default:
		break;
	}
	if (naming.replaces || missing)
		naming.sender = naming.replaces ? naming.from : by_default;
	if (!naming.replaces)
		naming.from = by_default;
	if (view_equal_fold(naming.sender, mail->sender))
		naming.sender = VIEW("");
	return naming;
}

enum byline_rule naming_byline(const struct naming *naming)
{
	if (naming->opens)
		return BYLINE_OPEN;
	return naming->replaces ? BYLINE_REPLACE : BYLINE_REPAIR;
}

/* The address itself, then its domain; empty: neither is there. */
static struct view naming_find(const struct naming_pairs *pairs, struct view sender)
{
	const struct view domain = rulebook_domain(sender);
	const struct view to = naming_search(pairs, sender);

	if (to.bytes > 0 || domain.bytes == 0)
		return to;
	return naming_search(pairs, view_from(domain.data - 1, domain.bytes + 1));
}

static struct view naming_search(const struct naming_pairs *pairs, struct view key)
{
	size_t from = 0;
	size_t to = pairs->count;

	while (from < to) {
		const size_t middle = (from + to) / 2;
		const int order = rulebook_compare(key, pairs->at[middle].from);

		if (order == 0)
			return pairs->at[middle].to;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return VIEW("");
}
