#include "engine/config_check_rules.h"

#include "engine/routing.h"
#include "queue/base/check.h"

#define STREAM_QUEUES_MAX 1024 /* queue/spool.h: SPOOL_ROUTES_MAX */

#define complain(places, section, field, ...)                                                      \
	config_places_complain((places), CONFIG_WRONG, (section), (field), __VA_ARGS__)
#define remark(places, section, field, ...)                                                        \
	config_places_complain((places), CONFIG_NOTE, (section), (field), __VA_ARGS__)

/* The route that this one names, or NULL where there is none of that name. */
static const struct config_route *fallback_of(
        const struct config *config, const struct config_route *route)
{
	uint16_t index;

	if (route->fallback == NULL || !config_find_route(config, route->fallback, &index))
		return NULL;
	return &config->routes.at[index];
}

static void check_fallback(const struct config *config, size_t index, struct config_places *places)
{
	const struct config_route *route = &config->routes.at[index];
	const struct config_route *next = fallback_of(config, route);

	if (route->fallback == NULL)
		return;
	if (next == NULL) {
		complain(places, route, &route->fallback,
		        "routes[%zu].fallback: no route is named \"%s\"; right is one of routes",
		        index, route->fallback);
		return;
	}
	for (size_t steps = 0; next != NULL && steps < config->routes.count; steps++) {
		if (next == route) {
			complain(places, route, &route->fallback,
			        "routes[%zu].fallback: it leads back to \"%s\" itself; right is a "
			        "chain that ends",
			        index, route->name);
			return;
		}
		next = fallback_of(config, next);
	}
}

void config_check_listener_words(const struct config *config, const struct config_words *words,
        const void *section, const char *where, struct config_places *places)
{
	for (size_t i = 0; i < words->count; i++) {
		const struct view word = view_of(words->at[i]);
		struct endpoint endpoint = { .port = 0 };
		const bool is_address = endpoint_parse(word, &endpoint);
		bool found = false;

		for (size_t j = 0; j < config->listeners.count && !found; j++) {
			const struct config_listener *listener = &config->listeners.at[j];
			found = is_address ? endpoint_equal(&endpoint, &listener->address)
			                   : listener->name != NULL &&
			                             view_equal_fold(word, view_of(listener->name));
		}
		if (!found)
			complain(places, section, words,
			        "%s.listener: no listener has the address or name \"%s\"; "
			        "right is one of listeners",
			        where, words->at[i]);
	}
}

/* A list that is there and has nothing in it would match nothing. */
static void check_empty(const struct config_rule *rule, const void *field, size_t count,
        const char *name, size_t index, struct config_places *places)
{
	if (count == 0 && config_places_wrote(places, field))
		complain(places, rule, field,
		        "rules[%zu].%s: empty; right is at least one, or to leave it out", index,
		        name);
}

static void check_rule(const struct config *config, size_t index, struct config_places *places)
{
	const struct config_rule *rule = &config->rules.at[index];
	uint16_t route;

	check_empty(rule, &rule->recipient_domain, rule->recipient_domain.count, "recipient_domain",
	        index, places);
	check_empty(rule, &rule->recipient, rule->recipient.count, "recipient", index, places);
	check_empty(rule, &rule->sender, rule->sender.count, "sender", index, places);
	check_empty(rule, &rule->listener, rule->listener.count, "listener", index, places);
	check_empty(rule, &rule->client, rule->client.count, "client", index, places);
	check_empty(rule, &rule->user, rule->user.count, "user", index, places);
	check_empty(rule, &rule->header, rule->header.count, "header", index, places);
	char where[CONFIG_NAME_BYTES_MAX];
	struct text text = TEXT_ON(where);
	text_format(&text, "rules[%zu]", index);
	config_check_listener_words(config, &rule->listener, rule, text_string(&text), places);
	if (rule->route.count == 0)
		complain(places, rule, &rule->route,
		        "rules[%zu].route is missing; right is the name of a route", index);
	for (size_t i = 0; i < rule->route.count; i++)
		if (!config_find_route(config, rule->route.at[i], &route))
			complain(places, rule, &rule->route,
			        "rules[%zu].route: no route is named \"%s\"; right is one of "
			        "routes",
			        index, rule->route.at[i]);
}

static void check_header_count(const struct config *config, struct config_places *places)
{
	size_t count = 0;

	for (size_t i = 0; i < config->rules.count; i++) {
		const struct config_rule *rule = &config->rules.at[i];

		count += rule->header.count;
		if (count <= RULEBOOK_HEADERS_MAX)
			continue;
		complain(places, rule, &rule->header,
		        "rules[%zu].header: more than %d headers in all rules; right is fewer", i,
		        RULEBOOK_HEADERS_MAX);
		return;
	}
}

/* Whether it matches by domain, whatever else the mail is; `all`: and any domain will do. */
static bool is_by_domain(const struct rulebook_rule *rule, bool *all)
{
	const struct config_rule *config = rule->config;
	const bool any = config->recipient_domain.count == 0;

	*all = any || (rule->internal && rule->external);
	return config->recipient.count + config->sender.count + config->listener.count +
	               config->client.count + config->user.count + config->header.count ==
	       0;
}

/* An earlier rule that takes all mail to this domain (with its @); ROUTING_NO_RULE: none. */
static uint16_t taken_by(
        const struct rulebook *book, uint16_t before, struct view domain, bool below)
{
	const struct rulebook_mail mail = { 0 };
	struct rulebook_walk walk;
	enum rulebook_reason reason;
	uint16_t rule;
	bool all;

	rulebook_begin(&walk, book, &mail, domain);
	while (rulebook_next(&walk, &rule, &reason) && rule < before) {
		const struct rulebook_rule *made = &book->rules[rule];
		/* Below a domain some names may be ours and some not. */
		const bool by_word = below && (made->internal || made->external);
		if (is_by_domain(made, &all) && (all || !by_word))
			return rule;
	}
	return ROUTING_NO_RULE;
}

/* Of the words internal and external. */
static uint16_t taken_by_word(const struct rulebook *book, uint16_t before, bool internal)
{
	bool all;

	for (uint16_t i = 0; i < before; i++) {
		const struct rulebook_rule *made = &book->rules[i];
		if (is_by_domain(made, &all) &&
		        (all || (internal ? made->internal : made->external)))
			return i;
	}
	return ROUTING_NO_RULE;
}

static uint16_t taken_before(const struct rulebook *book, uint16_t index, const char *item)
{
	const struct view word = view_of(item);
	char room[MESSAGE_ADDRESS_MAX];
	struct text text = TEXT_ON(room);
	const size_t at = view_find(word, '@');

	if (view_equal_fold(word, VIEW("internal")) || view_equal_fold(word, VIEW("external")))
		return taken_by_word(book, index, byte_lower(word.data[0]) == 'i');
	text_put_byte(&text, '@');
	text_put(&text, at < word.bytes ? rulebook_domain(word) : word);
	return taken_by(book, index, text_view(&text), word.data[0] == '*');
}

/* The rule is never reached if earlier ones take all that it names. */
static void remark_on_rule(
        const struct rulebook *book, uint16_t index, struct config_places *places)
{
	const struct config_rule *rule = &book->config->rules.at[index];
	const bool by_domain = rule->recipient_domain.count > 0;
	const struct config_words *words = by_domain ? &rule->recipient_domain : &rule->recipient;
	uint16_t taker = ROUTING_NO_RULE;

	if (words->count == 0) {
		const uint16_t inside = taken_by_word(book, index, true);
		const uint16_t outside = taken_by_word(book, index, false);
		taker = inside == ROUTING_NO_RULE || outside == ROUTING_NO_RULE ? ROUTING_NO_RULE
		                                                                : outside;
	}
	for (size_t i = 0; i < words->count; i++) {
		taker = taken_before(book, index, words->at[i]);
		if (taker == ROUTING_NO_RULE)
			break;
	}
	if (taker != ROUTING_NO_RULE)
		remark(places, rule, by_domain ? (const void *)words : (const void *)&rule->route,
		        "rules[%u]: never matches: rules[%u] takes all of that mail before it",
		        index, taker);
}

/* A rule for outside whose routes all stay inside refuses what it matches. */
static void remark_on_reach(
        const struct rulebook *book, uint16_t index, struct config_places *places)
{
	const struct config *config = book->config;
	const struct rulebook_rule *rule = &book->rules[index];
	const char *name = NULL;

	for (size_t i = 0; i < rule->route_count; i++) {
		const struct config_route *route = &config->routes.at[rule->routes[i]];
		if (routing_takes(config, route, false))
			return;
		name = route->name;
	}
	if (rule->external || rule->config->recipient_domain.count == 0)
		remark(places, rule->config, &rule->config->route,
		        "rules[%u]: \"%s\" goes to accepted_domains alone: other recipients that "
		        "it matches are refused",
		        index, name);
}

static bool is_led_to(const struct config *config, size_t index)
{
	const char *name = config->routes.at[index].name;

	for (size_t i = 0; i < config->routes.count; i++)
		if (config->routes.at[i].fallback != NULL &&
		        strcmp(config->routes.at[i].fallback, name) == 0)
			return true;
	for (size_t i = 0; i < config->rules.count; i++)
		for (size_t j = 0; j < config->rules.at[i].route.count; j++)
			if (strcmp(config->rules.at[i].route.at[j], name) == 0)
				return true;
	return false;
}

static void remark_on_routes(const struct config *config, struct config_places *places)
{
	const struct config_route *taker = NULL;

	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_route *route = &config->routes.at[i];
		const bool outside = routing_takes(config, route, false);

		if (!outside && config->accepted_domains.count == 0)
			remark(places, route, &route->interface,
			        "routes[%zu]: direct send goes to accepted_domains alone, and "
			        "there "
			        "are none: nothing takes this route",
			        i);
		else if (route->interface == INTERFACE_HVE && outside)
			remark(places, route, &route->interface,
			        "routes[%zu]: High Volume Email refuses recipients outside of the "
			        "tenant: set accepted_domains, so that they don't come here",
			        i);
		if (taker != NULL && !is_led_to(config, i))
			remark(places, route, &route->interface,
			        "routes[%zu]: no rule and no fallback leads here: all mail takes "
			        "the first route that can carry it, \"%s\", but for null senders",
			        i, taker->name);
		if (taker == NULL && outside)
			taker = route;
	}
}

static void check_streams(const struct config *config, struct config_places *places)
{
	const struct config_streams *streams = &config->streams;
	size_t headers = 0;

	for (size_t i = 0; i < streams->count; i++) {
		const struct config_stream *stream = &streams->at[i];

		if (stream->name == NULL && !config_places_wrote(places, &stream->name))
			complain(places, stream, &stream->name,
			        "streams[%zu]: name is missing; right is a name of its own", i);
		for (size_t j = 0; j < i; j++)
			if (stream->name != NULL && streams->at[j].name != NULL &&
			        strcmp(stream->name, streams->at[j].name) == 0)
				complain(places, stream, &stream->name,
				        "streams[%zu].name: streams[%zu] is named \"%s\" already; "
				        "right is a name of its own",
				        i, j, stream->name);
		if (stream->urgent && stream->finish_by != 0)
			complain(places, stream, &stream->finish_by,
			        "streams[%zu].finish_by: the stream is urgent; right is one of the "
			        "two",
			        i);
		headers += stream->header.count;
	}
	if (headers > RULEBOOK_HEADERS_MAX)
		complain(places, config, &config->streams,
		        "streams: more than %d headers in all of them; right is fewer",
		        RULEBOOK_HEADERS_MAX);
	if (config->routes.count * (streams->count + 1) > STREAM_QUEUES_MAX)
		complain(places, config, &config->streams,
		        "streams: %zu for %zu routes are too many; right is at most %d queues, one "
		        "for each stream (and for mail in none) on each route",
		        streams->count, config->routes.count, STREAM_QUEUES_MAX);
}

void config_check_rules(struct config *config, struct config_places *places)
{
	for (size_t i = 0; i < config->routes.count; i++)
		check_fallback(config, i, places);
	for (size_t i = 0; i < config->rules.count; i++)
		check_rule(config, i, places);
	check_header_count(config, places);
	check_streams(config, places);
	if (places->report->wrong_count > 0)
		return;
	rulebook_make(config);
	remark_on_routes(config, places);
	for (uint16_t i = 0; i < config->rules.count; i++) {
		remark_on_rule(config->rulebook, i, places);
		remark_on_reach(config->rulebook, i, places);
	}
}
