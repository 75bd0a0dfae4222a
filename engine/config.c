#include "engine/config.h"

#include "engine/config_arena.h"
#include "engine/config_check.h"
#include "engine/config_file.h"
#include "engine/config_places.h"
#include "engine/config_reader.h"

#define WHY_BYTES 1024

static struct config *create(const char *path)
{
	struct config_arena *arena = config_arena_create();
	struct config *config = config_arena_take(arena, sizeof *config);

	config->arena = arena;
	config->path = config_arena_copy(arena, view_of(path));
	return config;
}

static bool read_file(const struct config *config, struct view *text, struct config_report *report)
{
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);

	if (config_file_read(config->path, config->arena, text, &why))
		return true;
	config_report_add(report, CONFIG_WRONG, config->path, 1, "%s", text_string(&why));
	return false;
}

/* Reports about mail are of no use where nothing of it is known. */
static void config_remember(struct config *config)
{
	for (size_t i = 0; i < config->listeners.count; i++)
		if (config->listeners.at[i].ndr_address != NULL &&
		        config->sent_memory.window_ns == 0)
			config->sent_memory.window_ns = CONFIG_REMEMBER_NS;
}

/* Takes config. */
static struct err read_text(struct config **result, struct config *config, struct view text,
        bool keyless, struct config_report *report)
{
	struct config_places places;

	config_places_init(&places, config->path, report);
	places.keyless = keyless;
	crypto_sha256(text, config->digest);
	if (config_reader_read(text, config, &places)) {
		config_remember(config);
		config_check(config, &places);
	}
	config_places_finish(&places);
	if (report->wrong_count > 0) {
		config_destroy(config);
		return err_make(ERR_FORMAT, 0);
	}
	*result = config;
	return err_ok();
}

static struct err load(
        struct config **result, const char *path, bool keyless, struct config_report *report)
{
	struct config *config = create(path);
	struct view text;

	*result = NULL;
	if (!read_file(config, &text, report)) {
		config_destroy(config);
		return err_make(ERR_NOT_FOUND, 0);
	}
	return read_text(result, config, text, keyless, report);
}

struct err config_load(struct config **result, const char *path, struct config_report *report)
{
	return load(result, path, false, report);
}

struct err config_load_keyless(
        struct config **result, const char *path, struct config_report *report)
{
	return load(result, path, true, report);
}

struct err config_load_text(
        struct config **result, const char *path, struct view text, struct config_report *report)
{
	*result = NULL;
	return read_text(result, create(path), text, false, report);
}

bool config_find_spool(const char *path, struct text *folder, struct config_report *report)
{
	struct config *config = create(path);
	struct config_places places;
	struct view text;

	config_places_init(&places, config->path, report);
	bool found = read_file(config, &text, report) && config_reader_read(text, config, &places);
	if (found)
		text_put(folder, view_of(config->spool.path));
	config_places_finish(&places);
	config_destroy(config);
	return found;
}

void config_destroy(struct config *config)
{
	/* The configuration itself lives in its arena. */
	if (config != NULL)
		config_arena_destroy(config->arena);
}

uint64_t config_message_most(uint64_t memory_bytes)
{
	const uint64_t most =
	        (memory_bytes - memory_bytes / CONFIG_RESERVE_SHARE) / CONFIG_MESSAGE_SHARE;

	return most < CONFIG_MESSAGE_BYTES_MAX ? most : CONFIG_MESSAGE_BYTES_MAX;
}

bool config_networks_contain(
        const struct config_networks *networks, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < networks->count; i++)
		if (endpoint_within(endpoint, networks->at[i].address, networks->at[i].prefix_bits))
			return true;
	return false;
}

bool config_networks_hold_everybody(const struct config_networks *networks)
{
	/* All there is, or all of IPv4, which is kept as ::ffff:0:0/96. */
	for (size_t i = 0; i < networks->count; i++)
		if (networks->at[i].prefix_bits == 0 ||
		        (networks->at[i].prefix_bits == 96 && networks->at[i].address[11] == 0xff))
			return true;
	return false;
}

bool config_identity_is_limited(const struct config_identity *identity)
{
	return identity->connections.count != LIMIT_NONE ||
	       identity->messages_per_minute.count != LIMIT_NONE ||
	       identity->recipients_per_day.count != LIMIT_NONE;
}

uint32_t config_identity_count(const struct config *config)
{
	uint32_t count = 0;

	for (size_t i = 0; i < config->routes.count; i++)
		count += (uint32_t)config->routes.at[i].identities.count;
	return count;
}

bool config_runs_commands(const struct config *config)
{
	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_identities *identities = &config->routes.at[i].identities;

		for (size_t j = 0; j < identities->count; j++)
			if (identities->at[j].auth == IDENTITY_AUTH_XOAUTH2 &&
			        identities->at[j].oauth.flow == FLOW_COMMAND)
				return true;
	}
	return false;
}

bool config_find_route(const struct config *config, const char *name, uint16_t *route)
{
	for (size_t i = 0; i < config->routes.count; i++) {
		if (strcmp(config->routes.at[i].name, name) != 0)
			continue;
		*route = (uint16_t)i;
		return true;
	}
	return false;
}
