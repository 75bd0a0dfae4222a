#include "engine/rulebook.h"

#include "engine/config_arena.h"
#include "queue/base/check.h"

#include <stdlib.h>

#define NO_RULE UINT16_MAX /* of an entry: a domain of ours */

/* A rule under what it names. */
struct entry {
	struct view key;
	uint16_t rule;
};

struct maker {
	struct config_arena *arena;
	struct rulebook *book;
	struct entry *entries;
	size_t entry_count;
};

static struct config_rules make_stream_rules(struct config *config);
static void make_rule(struct maker *maker, uint16_t index);
static void make_headers(struct maker *maker, struct rulebook_rule *rule);
static void make_routes(struct maker *maker, struct rulebook_rule *rule);
static struct rulebook_words make_words(
        struct maker *maker, const struct config_words *from, const char *without);
static struct rulebook_words make_listeners(struct maker *maker, const struct config_words *from);
static void make_domains(struct maker *maker, struct rulebook_rule *rule);
static void make_entries(struct maker *maker);
static void make_slots(struct maker *maker);
static void make_lists(struct maker *maker);
static bool make_decides(const struct config *config);

void rulebook_make(struct config *config)
{
	struct config_rules *streams;

	config->rulebook = rulebook_make_of(config, &config->rules);
	if (config->streams.count == 0)
		return;
	streams = config_arena_take(config->arena, sizeof *streams);
	*streams = make_stream_rules(config);
	config->streambook = rulebook_make_of(config, streams);
}

/* The streams' conditions, as rules of their own. */
static struct config_rules make_stream_rules(struct config *config)
{
	const size_t count = config->streams.count;
	struct config_rule *rules = config_arena_take(config->arena, count * sizeof *rules);

	for (size_t i = 0; i < count; i++) {
		const struct config_stream *stream = &config->streams.at[i];
		rules[i] = (struct config_rule){
			.sender = stream->sender,
			.listener = stream->listener,
			.client = stream->client,
			.user = stream->user,
			.header = stream->header,
		};
	}
	return (struct config_rules){ rules, count };
}

const struct rulebook *rulebook_make_of(
        const struct config *config, const struct config_rules *rules)
{
	struct maker maker = { .arena = config->arena };
	struct rulebook *book = config_arena_take(maker.arena, sizeof *book);

	check(rules->count <= CONFIG_RULES_MAX);
	maker.book = book;
	book->config = config;
	book->from = rules;
	book->rules = config_arena_take(maker.arena, rules->count * sizeof *book->rules);
	book->headers =
	        config_arena_take(maker.arena, RULEBOOK_HEADERS_MAX * sizeof *book->headers);
	for (uint16_t i = 0; i < rules->count; i++)
		make_rule(&maker, i);
	make_entries(&maker);
	make_slots(&maker);
	make_lists(&maker);
	book->decides = make_decides(config);
	return book;
}

/* Whether there is anything to be decided about mail with a sender. */
static bool make_decides(const struct config *config)
{
	const struct config_route *first = &config->routes.at[0];

	return config->rules.count > 0 || first->interface == INTERFACE_DIRECT ||
	       (first->interface == INTERFACE_HVE && config->accepted_domains.count > 0);
}

static void make_rule(struct maker *maker, uint16_t index)
{
	const struct config_rule *config = &maker->book->from->at[index];
	struct rulebook_rule *rule = &maker->book->rules[index];

	rule->config = config;
	make_domains(maker, rule);
	rule->recipients = make_words(maker, &config->recipient, NULL);
	rule->senders = make_words(maker, &config->sender, "<>");
	rule->null_sender = rule->senders.count < config->sender.count;
	rule->users = make_words(maker, &config->user, NULL);
	rule->listeners = make_listeners(maker, &config->listener);
	make_headers(maker, rule);
	make_routes(maker, rule);
}

static int compare_views(const void *a_pointer, const void *b_pointer)
{
	const struct view *a = a_pointer;
	const struct view *b = b_pointer;

	return rulebook_compare(*a, *b);
}

/* In order; those that are `without` are left out. */
static struct rulebook_words make_words(
        struct maker *maker, const struct config_words *from, const char *without)
{
	struct view *at = config_arena_take(maker->arena, from->count * sizeof *at);
	size_t count = 0;

	for (size_t i = 0; i < from->count; i++)
		if (without == NULL || strcmp(from->at[i], without) != 0)
			at[count++] = view_of(from->at[i]);
	if (count > 0)
		qsort(at, count, sizeof *at, compare_views);
	return (struct rulebook_words){ at, count };
}

/* "*.contoso.com" becomes ".contoso.com". */
static void make_domains(struct maker *maker, struct rulebook_rule *rule)
{
	const struct config_words *from = &rule->config->recipient_domain;
	struct view *at = config_arena_take(maker->arena, from->count * sizeof *at);
	size_t count = 0;

	for (size_t i = 0; i < from->count; i++) {
		const struct view word = view_of(from->at[i]);
		const bool wildcard = word.data[0] == '*';

		if (view_equal_fold(word, VIEW("internal")))
			rule->internal = true;
		else if (view_equal_fold(word, VIEW("external")))
			rule->external = true;
		else
			at[count++] = view_skip(word, wildcard ? 1 : 0);
		maker->book->wildcards |= wildcard;
	}
	if (count > 0)
		qsort(at, count, sizeof *at, compare_views);
	rule->domains = (struct rulebook_words){ at, count };
}

/* Every listener that has the address or the name; as doors write its address into messages. */
static struct rulebook_words make_listeners(struct maker *maker, const struct config_words *from)
{
	const struct config_listeners *listeners = &maker->book->config->listeners;
	struct view *at = config_arena_take(maker->arena, listeners->count * sizeof *at);
	size_t count = 0;

	for (size_t i = 0; i < listeners->count; i++) {
		const struct config_listener *listener = &listeners->at[i];
		bool named = false;

		for (size_t j = 0; j < from->count && !named; j++) {
			struct endpoint endpoint = { .port = 0 };
			named = view_equal_fold(view_of(from->at[j]), view_of(listener->name)) ||
			        (endpoint_parse(view_of(from->at[j]), &endpoint) &&
			                endpoint_equal(&endpoint, &listener->address));
		}
		if (!named)
			continue;
		char room[ENDPOINT_TEXT_BYTES];
		struct text text = TEXT_ON(room);
		endpoint_format(&text, &listener->address);
		at[count++] = view_of(config_arena_copy(maker->arena, text_view(&text)));
	}
	if (count > 0)
		qsort(at, count, sizeof *at, compare_views);
	return (struct rulebook_words){ at, count };
}

static void make_headers(struct maker *maker, struct rulebook_rule *rule)
{
	const struct config_words *from = &rule->config->header;
	struct rulebook *book = maker->book;

	check(book->header_count + from->count <= RULEBOOK_HEADERS_MAX);
	rule->header_first = (uint16_t)book->header_count;
	rule->header_count = (uint16_t)from->count;
	for (size_t i = 0; i < from->count; i++) {
		const struct view word = view_of(from->at[i]);
		const size_t colon = view_find(word, ':');

		book->headers[book->header_count++] = (struct rulebook_header){
			.name = view_first(word, colon),
			.pattern = view_trim(view_skip(word, colon + 1)),
		};
	}
}

static void make_routes(struct maker *maker, struct rulebook_rule *rule)
{
	const struct config_words *from = &rule->config->route;
	uint16_t *routes = config_arena_take(maker->arena, from->count * sizeof *routes);

	for (size_t i = 0; i < from->count; i++)
		check(config_find_route(maker->book->config, from->at[i], &routes[i]));
	rule->routes = routes;
	rule->route_count = from->count;
}

/* The table. */

static void add_entry(struct maker *maker, struct view key, uint16_t rule)
{
	maker->entries[maker->entry_count++] = (struct entry){ key, rule };
}

static void make_entries(struct maker *maker)
{
	const struct rulebook *book = maker->book;
	const struct config *config = book->config;
	size_t count = config->accepted_domains.count;

	for (size_t i = 0; i < book->from->count; i++)
		count += book->rules[i].domains.count + book->rules[i].recipients.count;
	maker->entries = config_arena_take(maker->arena, count * sizeof *maker->entries);
	for (size_t i = 0; i < config->accepted_domains.count; i++)
		add_entry(maker, view_of(config->accepted_domains.at[i]), NO_RULE);
	for (uint16_t i = 0; i < book->from->count; i++) {
		const struct rulebook_rule *rule = &book->rules[i];

		for (size_t j = 0; j < rule->domains.count; j++)
			add_entry(maker, rule->domains.at[j], i);
		/* The domain is what it is found by; the address is looked at then. */
		if (rule->config->recipient_domain.count > 0)
			continue;
		for (size_t j = 0; j < rule->recipients.count; j++) {
			const struct view word = rule->recipients.at[j];
			add_entry(maker, view_skip(word, word.data[0] == '@' ? 1 : 0), i);
		}
	}
	check(maker->entry_count <= count);
}

static int compare_entries(const void *a_pointer, const void *b_pointer)
{
	const struct entry *a = a_pointer;
	const struct entry *b = b_pointer;
	const int keys = rulebook_compare(a->key, b->key);

	return keys != 0 ? keys : (a->rule > b->rule) - (a->rule < b->rule);
}

static struct rulebook_slot *free_slot(struct rulebook *book, struct view key)
{
	uint32_t at = rulebook_hash(key);

	while (book->slots[at & book->slot_mask].key.bytes > 0)
		at++;
	return &book->slots[at & book->slot_mask];
}

/* Half of the table stays empty, so that what is not there is soon missed. */
static void make_slots(struct maker *maker)
{
	struct rulebook *book = maker->book;
	uint16_t *rules = config_arena_take(maker->arena, maker->entry_count * sizeof *rules);
	uint32_t slot_count = 2;

	if (maker->entry_count == 0)
		return; /* nothing is looked up */
	while (slot_count < 2 * maker->entry_count)
		slot_count *= 2;
	book->slots = config_arena_take(maker->arena, slot_count * sizeof *book->slots);
	book->slot_mask = slot_count - 1;
	qsort(maker->entries, maker->entry_count, sizeof *maker->entries, compare_entries);
	for (size_t from = 0; from < maker->entry_count;) {
		const struct view key = maker->entries[from].key;
		struct rulebook_slot *slot = free_slot(book, key);

		*slot = (struct rulebook_slot){ .key = key, .rules.at = rules };
		for (; from < maker->entry_count &&
		        rulebook_compare(maker->entries[from].key, key) == 0;
		        from++) {
			const uint16_t rule = maker->entries[from].rule;
			const size_t count = slot->rules.count;

			if (rule == NO_RULE)
				slot->accepted = true;
			else if (count == 0 || rules[count - 1] != rule)
				rules[slot->rules.count++] = rule;
		}
		rules += slot->rules.count;
	}
}

/* Those that no domain or address leads to. */
static void make_lists(struct maker *maker)
{
	struct rulebook *book = maker->book;
	const size_t count = book->from->count;
	struct rulebook_rules *const lists[] = { &book->internal, &book->external, &book->others };
	uint16_t *rules[3];

	for (size_t i = 0; i < 3; i++) {
		rules[i] = config_arena_take(maker->arena, count * sizeof *rules[i]);
		lists[i]->at = rules[i];
	}
	for (uint16_t i = 0; i < count; i++) {
		const struct rulebook_rule *rule = &book->rules[i];
		const bool other =
		        rule->config->recipient_domain.count == 0 && rule->recipients.count == 0;

		if (rule->internal)
			rules[0][book->internal.count++] = i;
		if (rule->external)
			rules[1][book->external.count++] = i;
		if (other)
			rules[2][book->others.count++] = i;
	}
}
