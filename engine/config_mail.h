/*
 * The part of the configuration that picks mail by what it is: rules, streams, rehearsals, names.
 * As config.h, which includes and describes it.
 *
 * Thread:  constant once loaded, so any thread reads it.
 */
#ifndef SLUICE_CONFIG_MAIL_H
#define SLUICE_CONFIG_MAIL_H

#include "engine/config_names.h"
#include "engine/config_schema_mail.h"
#include "engine/config_value.h"

#define CONFIG_MAIL_FIELD(key, kind, ...) CONFIG_TYPE_##kind CONFIG_NAME_##kind(key);

/* Every condition that it has must hold; of a list, one is enough. None: it matches all mail. */
struct config_rule {
	CONFIG_RULE(CONFIG_MAIL_FIELD)
};

#define CONFIG_RULES_MAX 5000

struct config_rules {
	const struct config_rule *at; /* the first that matches decides */
	size_t count;
};

/* Its conditions are as a rule's. */
struct config_stream {
	CONFIG_STREAM(CONFIG_MAIL_FIELD)
};

#define CONFIG_STREAMS_MAX 63 /* and what is in none of them: queue/schedule.h has 64 */

struct config_streams {
	const struct config_stream *at; /* the first that matches counts */
	size_t count;
};

/* Conditions as a rule's. */
struct config_naming {
	CONFIG_NAMING(CONFIG_MAIL_FIELD)
};

#define CONFIG_NAMINGS_MAX 1000

struct config_namings {
	const struct config_naming *at; /* the first that matches decides */
	size_t count;
};

/* Conditions as a rule's. */
struct config_rehearsal {
	CONFIG_REHEARSAL(CONFIG_MAIL_FIELD)
};

/* Each is asked for every message. */
#define CONFIG_REHEARSALS_MAX 64

struct config_rehearsals {
	const struct config_rehearsal *at; /* the first that matches decides */
	size_t count;
};

#endif
