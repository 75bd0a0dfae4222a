/*
 * The sections of the configuration and their keys, as data: what config_schema.h says, for
 * those who walk over it (the reader, the help, the manual).
 *
 * Thread:  any; constant tables.
 */
#ifndef SLUICE_CONFIG_SECTION_H
#define SLUICE_CONFIG_SECTION_H

#include "engine/config.h"

/* KIND, struct; the table is CONFIG_<KIND> */
#define CONFIG_SECTIONS(X)                                                                         \
	X(TOP, config)                                                                             \
	X(SANDBOX, config_sandbox)                                                                 \
	X(SPOOL, config_spool)                                                                     \
	X(LIMITS, config_limits)                                                                   \
	X(DNS, config_dns)                                                                         \
	X(LISTENER, config_listener)                                                               \
	X(LISTENER_TLS, config_listener_tls)                                                       \
	X(OLD_DEVICE, config_old_device)                                                           \
	X(TENANT, config_tenant)                                                                   \
	X(OAUTH, config_oauth)                                                                     \
	X(ROUTE, config_route)                                                                     \
	X(ROUTE_TLS, config_route_tls)                                                             \
	X(TIMEOUTS, config_timeouts)                                                               \
	X(TOTAL, config_total)                                                                     \
	X(SOURCE, config_source)                                                                   \
	X(IDENTITY, config_identity)                                                               \
	X(RULE, config_rule)                                                                       \
	X(STREAM, config_stream)                                                                   \
	X(NAMING, config_naming)                                                                   \
	X(REHEARSAL, config_rehearsal)                                                             \
	X(IDEMPOTENCY, config_idempotency)                                                         \
	X(SENT_MEMORY, config_sent_memory)                                                         \
	X(TRACE, config_trace)                                                                     \
	X(ADMIN, config_admin)                                                                     \
	X(RETRY, config_retry)                                                                     \
	X(THREADS, config_threads)

/* KIND, KIND of its items, most items */
#define CONFIG_LISTS(X)                                                                            \
	X(LISTENERS, LISTENER, 64)                                                                 \
	X(OLD_DEVICES, OLD_DEVICE, 64)                                                             \
	X(TENANTS, TENANT, 1024)                                                                   \
	X(ROUTES, ROUTE, 1024)                                                                     \
	X(IDENTITIES, IDENTITY, 10000)                                                             \
	X(RULES, RULE, CONFIG_RULES_MAX)                                                           \
	X(STREAMS, STREAM, CONFIG_STREAMS_MAX)                                                     \
	X(NAMES, NAMING, CONFIG_NAMINGS_MAX)                                                       \
	X(REHEARSALS, REHEARSAL, CONFIG_REHEARSALS_MAX)

/* What a key holds: one of enum config_kind, or from there on a section, or a list of one. */
enum config_shape {
	CONFIG_SECTION_FIRST_ = CONFIG_KIND_COUNT - 1,
#define X(kind, name) CONFIG_KIND_##kind,
	CONFIG_SECTIONS(X)
#undef X
	        CONFIG_SECTION_END,
	CONFIG_LIST_FIRST_ = CONFIG_SECTION_END - 1,
#define X(kind, item, most) CONFIG_KIND_##kind,
	CONFIG_LISTS(X)
#undef X
	        CONFIG_SHAPE_END
};

struct config_key {
	const char *name;
	int shape;                /* enum config_kind or enum config_shape */
	const char *default_text; /* and the rest as in config_schema.h */
	const char *least;
	const char *most;
	const char *help;
	size_t offset; /* of the field in the section's struct */
};

struct config_section {
	const struct config_key *keys;
	size_t keys_count;
	size_t bytes; /* of its struct */
};

/* Every list's field has this layout. */
struct config_items {
	void *at;
	size_t count;
};

struct config_list {
	int item; /* the section of its items */
	size_t count_most;
};

static inline bool config_shape_is_section(int shape)
{
	return shape >= CONFIG_KIND_COUNT && shape < CONFIG_SECTION_END;
}

static inline bool config_shape_is_list(int shape)
{
	return shape >= CONFIG_SECTION_END;
}

const struct config_section *config_section_of(int shape);
const struct config_list *config_list_of(int shape);
/* NULL: no such key. */
const struct config_key *config_section_key(const struct config_section *section, struct view name);
/* The name nearest to a wrong one, or NULL where none is near. */
const char *config_section_nearest(const struct config_section *section, struct view name);
/* What a key of a route is by default on the interface; NULL: nothing of its own. */
const char *config_section_preset(enum route_interface interface, const char *key);
/* The TLS mode that the interface brings. */
enum route_tls config_section_preset_tls(enum route_interface interface);

#endif
