#include "engine/config_check_names.h"

#include "engine/config_check_rules.h"
#include "engine/config_reach.h"
#include "engine/naming.h"
#include "engine/routing.h"
#include "queue/base/utf8.h"

#define complain(places, section, field, ...)                                                      \
	config_places_complain((places), CONFIG_WRONG, (section), (field), __VA_ARGS__)
#define remark(places, section, field, ...)                                                        \
	config_places_complain((places), CONFIG_NOTE, (section), (field), __VA_ARGS__)

#define WHERE_BYTES 32 /* "names[999]" */

/* A list that is there and has nothing in it would match nothing. */
static void check_empty(const struct config_naming *naming, const void *field, size_t count,
        const char *key, const char *where, struct config_places *places)
{
	if (count == 0 && config_places_wrote(places, field))
		complain(places, naming, field,
		        "%s.%s: empty; right is at least one, or to leave it out", where, key);
}

/* Whether the policy goes with the key: needed where it is missing, useless where it is not. */
static void check_policy(
        const struct config_naming *naming, const char *where, struct config_places *places)
{
	const enum naming_policy policy = naming->policy;
	const bool rewrites = policy == POLICY_REWRITE || policy == POLICY_MAP;

	if (!rewrites && naming->address != NULL)
		complain(places, naming, &naming->address,
		        "%s.address: only rewrite and map use it; right is one of these as "
		        "policy, or default_from",
		        where);
	if (policy == POLICY_MAP && naming->map.count == 0 &&
	        !config_places_wrote(places, &naming->map))
		complain(places, naming, &naming->policy,
		        "%s: map is missing; right is a list such as "
		        "[\"@old.com: new@contoso.com\"]",
		        where);
	if (policy != POLICY_MAP && naming->map.count > 0)
		complain(places, naming, &naming->map,
		        "%s.map: only policy: map uses it; right is that, or no map", where);
	if (policy == POLICY_REFUSE && naming->default_from != NULL)
		complain(places, naming, &naming->default_from,
		        "%s.default_from: refuse lets no sender pass; right is an entry before "
		        "this one, with sender: \"<>\"",
		        where);
}

/* What we write goes to servers without SMTPUTF8 too. */
static void check_ascii(const struct config_naming *naming, const char *const *address,
        const char *key, const char *where, struct config_places *places)
{
	if (*address != NULL && !utf8_is_ascii(view_of(*address)))
		complain(places, naming, address,
		        "%s.%s: \"%s\" is not ASCII; right is an address that every server takes",
		        where, key, *address);
}

static void check_map(
        const struct config_naming *naming, const char *where, struct config_places *places)
{
	for (size_t i = 0; i < naming->map.count; i++) {
		const struct naming_pair pair = naming_pair_of(naming->map.at[i]);

		if (!utf8_is_ascii(pair.to))
			complain(places, naming, &naming->map,
			        "%s.map: \"%.*s\" is not ASCII; right is an address that every "
			        "server takes",
			        where, VIEW_ARGS(pair.to));
	}
}

/* Made, they are in order: twins are neighbours. */
static void check_pairs(const struct config *config, size_t index, struct config_places *places)
{
	const struct config_naming *naming = &config->names.at[index];
	const struct naming_pairs *pairs = &config->naming_book->pairs[index];

	for (size_t i = 1; i < pairs->count; i++)
		if (view_equal_fold(pairs->at[i].from, pairs->at[i - 1].from))
			complain(places, naming, &naming->map,
			        "names[%zu].map: \"%.*s\" is there twice; right is each once",
			        index, VIEW_ARGS(pairs->at[i].from));
}

/* Its identities stand as authors: each is to be an address. */
static void check_authors(
        const struct config *config, size_t index, size_t route_index, struct config_places *places)
{
	const struct config_route *route = &config->routes.at[route_index];

	for (size_t i = 0; i < route->identities.count; i++) {
		const struct config_identity *identity = &route->identities.at[i];
		const struct view author = routing_author(route, identity);

		if (view_equal(author, view_of(identity->user)))
			continue;
		complain(places, identity, &identity->user,
		        "routes[%zu].identities[%zu].user: \"%s\" is no mail address in ASCII, and "
		        "names[%zu] sends in its name; right is the mailbox's address, or an "
		        "address in names[%zu]",
		        route_index, i, identity->user, index, index);
	}
}

/* What it matches leaves the author open: whoever may send it must be one. */
static void check_open(const struct config *config, size_t index, struct config_places *places)
{
	const struct config_naming *naming = &config->names.at[index];
	const struct rulebook_rule *entry = &config->naming_book->rules->rules[index];

	for (uint16_t i = 0; i < config->routes.count; i++) {
		const struct config_route *route = &config->routes.at[i];

		if (!config_reach_has(config, entry, i))
			continue;
		if (route->identities.count > 0)
			check_authors(config, index, i, places);
		else if (route->notices_from == NULL)
			complain(places, naming, &naming->policy,
			        "names[%zu]: address is missing, and route \"%s\", which may take "
			        "such mail, has no identities to send it in the name of; right is "
			        "the mailbox that rewrite puts in the sender's place, or "
			        "notices_from on the route",
			        index, route->name);
	}
}

static bool takes_all(const struct config_naming *naming)
{
	return naming->sender.count + naming->listener.count + naming->client.count +
	               naming->user.count ==
	       0;
}

void config_check_names(struct config *config, struct config_places *places)
{
	size_t taker = config->names.count;

	for (size_t i = 0; i < config->names.count; i++) {
		const struct config_naming *naming = &config->names.at[i];
		char room[WHERE_BYTES];
		struct text text = TEXT_ON(room);

		text_format(&text, "names[%zu]", i);
		const char *where = text_string(&text);
		check_empty(naming, &naming->sender, naming->sender.count, "sender", where, places);
		check_empty(naming, &naming->listener, naming->listener.count, "listener", where,
		        places);
		check_empty(naming, &naming->client, naming->client.count, "client", where, places);
		check_empty(naming, &naming->user, naming->user.count, "user", where, places);
		check_empty(naming, &naming->map, naming->map.count, "map", where, places);
		config_check_listener_words(config, &naming->listener, naming, where, places);
		check_policy(naming, where, places);
		check_ascii(naming, &naming->address, "address", where, places);
		check_ascii(naming, &naming->default_from, "default_from", where, places);
		check_map(naming, where, places);
		if (taker < i)
			remark(places, naming, &naming->policy,
			        "%s: never matches: names[%zu] takes all mail before it", where,
			        taker);
		else if (takes_all(naming))
			taker = i;
	}
	if (places->report->wrong_count > 0)
		return;
	naming_make(config);
	for (size_t i = 0; i < config->names.count; i++) {
		check_pairs(config, i, places);
		if (naming_opens(&config->names.at[i]))
			check_open(config, i, places);
	}
}
