#include "engine/senders.h"

#include "engine/routing.h"
#include "queue/base/check.h"
#include "queue/base/map.h"

#include <stdlib.h>
#include <strings.h>

/* One name on one identity's list; those of the same route and name are neighbours. */
struct senders_name {
	const char *name;
	uint16_t route;
	uint16_t identity;
};

struct senders_binding {
	const char *name;
	uint16_t route;
	uint32_t first; /* of its identities */
	uint32_t count;
};

struct senders {
	struct senders_binding *bindings; /* by route and name */
	uint16_t *identities;
	uint32_t count;
	struct map places; /* of bindings, by senders_key() */
};

static size_t senders_count_names(const struct config *config);
static size_t senders_collect(const struct config *config, struct senders_name *names);
static int senders_compare(const void *left, const void *right);
static struct err senders_index(struct senders *senders);
static uint32_t senders_search(const struct senders *senders, uint16_t route, struct view name);
static struct map_key senders_key(uint16_t route, struct view name);
static bool senders_fits(const struct senders_binding *binding, uint16_t route, struct view name);

struct err senders_create(struct senders **result, const struct config *config)
{
	const size_t most = senders_count_names(config) + 1;
	struct senders *senders = calloc(1, sizeof *senders);
	struct senders_name *names = calloc(most, sizeof *names);

	if (senders != NULL) {
		senders->bindings = calloc(most, sizeof *senders->bindings);
		senders->identities = calloc(most, sizeof *senders->identities);
	}
	if (senders == NULL || names == NULL || senders->bindings == NULL ||
	        senders->identities == NULL) {
		free(names);
		senders_destroy(senders);
		return err_make(ERR_NO_MEMORY, 0);
	}
	const size_t count = senders_collect(config, names);
	uint32_t kept = 0;
	qsort(names, count, sizeof *names, senders_compare);
	for (size_t i = 0; i < count; i++) {
		struct senders_binding *last =
		        senders->count == 0 ? NULL : &senders->bindings[senders->count - 1];
		const bool same = last != NULL && last->route == names[i].route &&
		                  strcasecmp(last->name, names[i].name) == 0;
		if (!same) {
			last = &senders->bindings[senders->count++];
			*last = (struct senders_binding){ names[i].name, names[i].route, kept, 0 };
		} else if (senders->identities[kept - 1] == names[i].identity) {
			continue; /* twice on one list, or its own name */
		}
		senders->identities[kept++] = names[i].identity;
		last->count++;
	}
	free(names);
	const struct err err = senders_index(senders);
	if (failed(err)) {
		senders_destroy(senders);
		return err;
	}
	*result = senders;
	return err_ok();
}

/* Of names with the same key the later has the next number as its key, and so on. */
static struct err senders_index(struct senders *senders)
{
	const struct err err = map_init(&senders->places, senders->count + 1, 0);

	if (failed(err))
		return err;
	for (uint32_t i = 0; i < senders->count; i++) {
		const struct senders_binding *binding = &senders->bindings[i];
		struct map_key key = senders_key(binding->route, view_of(binding->name));
		while (map_find(&senders->places, key) != NULL)
			key.low++;
		check(map_set(&senders->places, key, i));
	}
	return err_ok();
}

void senders_destroy(struct senders *senders)
{
	if (senders == NULL)
		return;
	free(senders->bindings);
	free(senders->identities);
	map_finish(&senders->places);
	free(senders);
}

static size_t senders_count_names(const struct config *config)
{
	size_t count = 0;

	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_identities *identities = &config->routes.at[i].identities;
		for (size_t j = 0; j < identities->count; j++)
			count += 1 + identities->at[j].senders.count;
	}
	return count;
}

static size_t senders_collect(const struct config *config, struct senders_name *names)
{
	size_t count = 0;

	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_identities *identities = &config->routes.at[i].identities;
		for (size_t j = 0; j < identities->count; j++) {
			const struct config_words *list = &identities->at[j].senders;
			const uint16_t route = (uint16_t)i;
			const uint16_t identity = (uint16_t)j;
			names[count++] =
			        (struct senders_name){ identities->at[j].user, route, identity };
			for (size_t k = 0; k < list->count; k++)
				if (strcmp(list->at[k], "*") != 0)
					names[count++] = (struct senders_name){ list->at[k], route,
						identity };
		}
	}
	return count;
}

static int senders_compare(const void *left, const void *right)
{
	const struct senders_name *a = left;
	const struct senders_name *b = right;

	if (a->route != b->route)
		return a->route < b->route ? -1 : 1;
	const int order = strcasecmp(a->name, b->name);
	return order != 0 ? order : a->identity - b->identity;
}

uint32_t senders_count(const struct senders *senders)
{
	return senders->count;
}

uint32_t senders_bind(const struct senders *senders, const struct config *config, uint16_t route,
        const struct message *message)
{
	const struct view sender = message_get(message, MESSAGE_SENDER);

	if (sender.bytes == 0)
		return senders_find(senders, route, routing_null_sender(&config->routes.at[route]));
	if (message_author_is_open(message))
		return SENDERS_ANY;
	return senders_find(senders, route, sender);
}

uint32_t senders_find(const struct senders *senders, uint16_t route, struct view sender)
{
	size_t at = sender.bytes;

	if (sender.bytes == 0)
		return SENDERS_ANY;
	const uint32_t whole = senders_search(senders, route, sender);
	if (whole != SENDERS_ANY)
		return whole;
	while (at > 0 && sender.data[at - 1] != '@')
		at--;
	return at == 0 ? SENDERS_ANY : senders_search(senders, route, view_skip(sender, at - 1));
}

static uint32_t senders_search(const struct senders *senders, uint16_t route, struct view name)
{
	struct map_key key = senders_key(route, name);
	const uint64_t *place;

	while ((place = map_find(&senders->places, key)) != NULL) {
		if (senders_fits(&senders->bindings[*place], route, name))
			return (uint32_t)*place;
		key.low++;
	}
	return SENDERS_ANY;
}

/* The same whatever the case of the letters (FNV-1a). The names in the map are the
 * configuration's: a stranger can't crowd it. */
static struct map_key senders_key(uint16_t route, struct view name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < name.bytes; i++)
		hash = (hash ^ (unsigned char)byte_lower(name.data[i])) * UINT64_C(0x100000001b3);
	return (struct map_key){ route, hash };
}

static bool senders_fits(const struct senders_binding *binding, uint16_t route, struct view name)
{
	return binding->route == route && view_equal_fold(name, view_of(binding->name));
}

const uint16_t *senders_identities(const struct senders *senders, uint32_t binding, uint32_t *count)
{
	check(binding < senders->count);
	*count = senders->bindings[binding].count;
	return &senders->identities[senders->bindings[binding].first];
}

uint16_t senders_route(const struct senders *senders, uint32_t binding)
{
	check(binding < senders->count);
	return senders->bindings[binding].route;
}

bool senders_takes_any(const struct config_route *route, uint32_t identity)
{
	const struct config_identities *identities = &route->identities;
	bool anyone = false;

	for (size_t i = 0; i < identities->count && !anyone; i++)
		anyone = identities->at[i].senders.count == 0;
	const struct config_words *list = &identities->at[identity].senders;
	if (list->count == 0 || !anyone)
		return true;
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->at[i], "*") == 0)
			return true;
	return false;
}
