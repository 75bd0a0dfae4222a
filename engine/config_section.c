#include "engine/config_section.h"

#include "queue/base/check.h"

#include <assert.h>

#define NEAR_MOST  3  /* letters that differ */
#define NAME_BYTES 32 /* longer than any key */

#define KEY(key, kind, by_default, low, high, text)                                                \
	{                                                                                          \
		.name = #key,                                                                      \
		.shape = CONFIG_KIND_##kind,                                                       \
		.default_text = (by_default),                                                      \
		.least = (low),                                                                    \
		.most = (high),                                                                    \
		.help = (text),                                                                    \
		.offset = offsetof(struct SECTION, CONFIG_NAME_##kind(key)),                       \
	},

/* One table of keys a section; offsetof() needs the struct's name, hence the defines. */
#define SECTION config
static const struct config_key keys_TOP[] = { CONFIG_TOP(KEY) };
#undef SECTION
#define SECTION config_sandbox
static const struct config_key keys_SANDBOX[] = { CONFIG_SANDBOX(KEY) };
#undef SECTION
#define SECTION config_spool
static const struct config_key keys_SPOOL[] = { CONFIG_SPOOL(KEY) };
#undef SECTION
#define SECTION config_limits
static const struct config_key keys_LIMITS[] = { CONFIG_LIMITS(KEY) };
#undef SECTION
#define SECTION config_dns
static const struct config_key keys_DNS[] = { CONFIG_DNS(KEY) };
#undef SECTION
#define SECTION config_listener
static const struct config_key keys_LISTENER[] = { CONFIG_LISTENER(KEY) };
#undef SECTION
#define SECTION config_listener_tls
static const struct config_key keys_LISTENER_TLS[] = { CONFIG_LISTENER_TLS(KEY) };
#undef SECTION
#define SECTION config_old_device
static const struct config_key keys_OLD_DEVICE[] = { CONFIG_OLD_DEVICE(KEY) };
#undef SECTION
#define SECTION config_tenant
static const struct config_key keys_TENANT[] = { CONFIG_TENANT(KEY) };
#undef SECTION
#define SECTION config_oauth
static const struct config_key keys_OAUTH[] = { CONFIG_OAUTH(KEY) };
#undef SECTION
#define SECTION config_route
static const struct config_key keys_ROUTE[] = { CONFIG_ROUTE(KEY) };
#undef SECTION
#define SECTION config_route_tls
static const struct config_key keys_ROUTE_TLS[] = { CONFIG_ROUTE_TLS(KEY) };
#undef SECTION
#define SECTION config_timeouts
static const struct config_key keys_TIMEOUTS[] = { CONFIG_TIMEOUTS(KEY) };
#undef SECTION
#define SECTION config_total
static const struct config_key keys_TOTAL[] = { CONFIG_TOTAL(KEY) };
#undef SECTION
#define SECTION config_source
static const struct config_key keys_SOURCE[] = { CONFIG_SOURCE(KEY) };
#undef SECTION
#define SECTION config_identity
static const struct config_key keys_IDENTITY[] = { CONFIG_IDENTITY(KEY) };
#undef SECTION
#define SECTION config_rule
static const struct config_key keys_RULE[] = { CONFIG_RULE(KEY) };
#undef SECTION
#define SECTION config_stream
static const struct config_key keys_STREAM[] = { CONFIG_STREAM(KEY) };
#undef SECTION
#define SECTION config_naming
static const struct config_key keys_NAMING[] = { CONFIG_NAMING(KEY) };
#undef SECTION
#define SECTION config_rehearsal
static const struct config_key keys_REHEARSAL[] = { CONFIG_REHEARSAL(KEY) };
#undef SECTION
#define SECTION config_idempotency
static const struct config_key keys_IDEMPOTENCY[] = { CONFIG_IDEMPOTENCY(KEY) };
#undef SECTION
#define SECTION config_sent_memory
static const struct config_key keys_SENT_MEMORY[] = { CONFIG_SENT_MEMORY(KEY) };
#undef SECTION
#define SECTION config_trace
static const struct config_key keys_TRACE[] = { CONFIG_TRACE(KEY) };
#undef SECTION
#define SECTION config_admin
static const struct config_key keys_ADMIN[] = { CONFIG_ADMIN(KEY) };
#undef SECTION
#define SECTION config_retry
static const struct config_key keys_RETRY[] = { CONFIG_RETRY(KEY) };
#undef SECTION
#define SECTION config_threads
static const struct config_key keys_THREADS[] = { CONFIG_THREADS(KEY) };
#undef SECTION

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static const struct config_section sections[] = {
#define X(kind, name) { keys_##kind, COUNT_OF(keys_##kind), sizeof(struct name) },
	CONFIG_SECTIONS(X)
#undef X
};

static const struct config_list lists[] = {
#define X(kind, item, most) { CONFIG_KIND_##item, most },
	CONFIG_LISTS(X)
#undef X
};

static_assert(sizeof(struct config_items) == sizeof(struct config_listeners), "one layout");
static_assert(sizeof(struct config_items) == sizeof(struct config_old_devices), "one layout");
static_assert(sizeof(struct config_items) == sizeof(struct config_tenants), "one layout");
static_assert(sizeof(struct config_items) == sizeof(struct config_routes), "one layout");
static_assert(sizeof(struct config_items) == sizeof(struct config_identities), "one layout");
static_assert(sizeof(struct config_items) == sizeof(struct config_rules), "one layout");
static_assert(sizeof(struct config_items) == sizeof(struct config_namings), "one layout");
static_assert(sizeof(struct config_items) == sizeof(struct config_rehearsals), "one layout");

static const struct preset {
	enum route_interface interface;
	const char *key;
	const char *text;
} presets[] = {
#define X(interface, key, text) { INTERFACE_##interface, #key, text },
	CONFIG_PRESETS(X)
#undef X
};

static const enum route_tls preset_tls[INTERFACE_COUNT] = {
#define X(name, word, text, mode) [INTERFACE_##name] = ROUTE_TLS_##mode,
	CONFIG_INTERFACES(X)
#undef X
};

const struct config_section *config_section_of(int shape)
{
	check(config_shape_is_section(shape));
	return &sections[shape - CONFIG_KIND_COUNT];
}

const struct config_list *config_list_of(int shape)
{
	check(config_shape_is_list(shape));
	check(shape < CONFIG_SHAPE_END);
	return &lists[shape - CONFIG_SECTION_END];
}

const struct config_key *config_section_key(const struct config_section *section, struct view name)
{
	for (size_t i = 0; i < section->keys_count; i++)
		if (view_equal(name, view_of(section->keys[i].name)))
			return &section->keys[i];
	return NULL;
}

/* Levenshtein's distance, ASCII case ignored, row by row. */
static size_t distance(struct view a, struct view b)
{
	size_t row[NAME_BYTES + 1];

	check(b.bytes <= NAME_BYTES);
	for (size_t j = 0; j <= b.bytes; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.bytes; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.bytes; j++) {
			bool same = byte_lower(a.data[i - 1]) == byte_lower(b.data[j - 1]);
			size_t best = diagonal + (same ? 0 : 1);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[b.bytes];
}

const char *config_section_nearest(const struct config_section *section, struct view name)
{
	const char *nearest = NULL;
	size_t least = NEAR_MOST + 1;

	if (name.bytes > NAME_BYTES)
		return NULL;
	for (size_t i = 0; i < section->keys_count; i++) {
		struct view key = view_of(section->keys[i].name);
		size_t letters = distance(name, key);

		/* Of a short name, three other letters are another name. */
		if (letters < least && letters * 2 <= key.bytes) {
			least = letters;
			nearest = section->keys[i].name;
		}
	}
	return nearest;
}

const char *config_section_preset(enum route_interface interface, const char *key)
{
	for (size_t i = 0; i < COUNT_OF(presets); i++)
		if (presets[i].interface == interface && strcmp(presets[i].key, key) == 0)
			return presets[i].text;
	return NULL;
}

enum route_tls config_section_preset_tls(enum route_interface interface)
{
	check(interface != INTERFACE_UNSET);
	return preset_tls[interface];
}
