/*
 * The kinds of value that a setting can have: their C types, their words, and how they are read
 * from text. The same reader serves the file, the defaults and the bounds of config_schema.h.
 *
 * Thread:  start-up, before any other thread.
 * Owns:    nothing; what it makes lives in the arena it is given.
 * Never:   touches the file system: config_file.h checks what paths lead to.
 */
#ifndef SLUICE_CONFIG_VALUE_H
#define SLUICE_CONFIG_VALUE_H

#include "engine/config_kinds.h"
#include "engine/config_words.h"
#include "engine/io/endpoint.h"
#include "queue/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_arena;

/* Routes are indexed, and named, in the spool: it has these bounds too. */
#define CONFIG_NAME_BYTES_MAX 64
/* A header condition: longer names than these nobody has, and matching costs by the pattern. */
#define CONFIG_HEADER_NAME_MAX    64
#define CONFIG_HEADER_PATTERN_MAX 256
/* The largest message that may be taken, as config_schema.h has it: with our headers it still fits
 * a message of the spool. */
#define CONFIG_MESSAGE_BYTES_MAX (UINT64_C(255) << 20)

/* 0 is "unset" in each; after a load none is unset. */
enum route_interface {
	INTERFACE_UNSET,
#define X(name, ...) INTERFACE_##name,
	CONFIG_INTERFACES(X)
#undef X
	        INTERFACE_COUNT
};

enum route_tls {
	ROUTE_TLS_UNSET,
#define X(name, ...) ROUTE_TLS_##name,
	CONFIG_TLS_MODES(X)
#undef X
};

enum route_dane {
	ROUTE_DANE_UNSET,
#define X(name, ...) ROUTE_DANE_##name,
	CONFIG_DANES(X)
#undef X
};

enum identity_auth {
	IDENTITY_AUTH_UNSET,
#define X(name, ...) IDENTITY_AUTH_##name,
	CONFIG_AUTHS(X)
#undef X
};

enum listener_bare_lf {
	BARE_LF_UNSET,
#define X(name, ...) BARE_LF_##name,
	CONFIG_BARE_LFS(X)
#undef X
};

enum device_tls {
	DEVICE_TLS_UNSET,
#define X(name, ...) DEVICE_TLS_##name,
	CONFIG_OLDEST_TLSS(X)
#undef X
};

enum route_learn {
	LEARN_UNSET,
#define X(name, ...) LEARN_##name,
	CONFIG_LEARNS(X)
#undef X
};

enum tenant_cloud {
	CLOUD_UNSET,
#define X(name, ...) CLOUD_##name,
	CONFIG_CLOUDS(X)
#undef X
	        CLOUD_COUNT
};

enum oauth_flow {
	FLOW_UNSET,
#define X(name, ...) FLOW_##name,
	CONFIG_FLOWS(X)
#undef X
};

enum naming_policy {
	POLICY_UNSET,
#define X(name, ...) POLICY_##name,
	CONFIG_POLICIES(X)
#undef X
};

/* A number, a number in a period, or none. */
struct config_limit {
	bool set;          /* false: nothing was said; after a load only of what has no default */
	uint64_t count;    /* LIMIT_NONE: no limit */
	int64_t period_ns; /* 0: at once (in flight, in a message, in a session) */
};
#define LIMIT_NONE UINT64_MAX

/* IPv4 is kept as ::ffff:a.b.c.d, as in struct endpoint. */
struct config_network {
	uint8_t address[16];
	uint32_t prefix_bits; /* 0..128 */
};

struct config_networks {
	const struct config_network *at;
	size_t count;
};

struct config_words {
	const char *const *at;
	size_t count;
};

enum config_kind {
#define X(kind, ...) CONFIG_KIND_##kind,
	CONFIG_KINDS(X)
#undef X
	        CONFIG_KIND_COUNT
};

/* Whether the kind is a list of texts rather than one. */
bool config_value_is_list(enum config_kind kind);
/* Whether a text of a list's kind may stand there alone, as a list of one. */
bool config_value_is_list_or_one(enum config_kind kind);
/* Reads a value of a kind that is no list into its field. False: the text is not of the kind, and
 * the field is as it was. */
bool config_value_read(
        enum config_kind kind, struct view text, struct config_arena *arena, void *field);
/* Reads a list, item by item; false: items[*wrong] is not of the kind. */
bool config_value_read_list(enum config_kind kind, const struct view *items, size_t count,
        struct config_arena *arena, void *field, size_t *wrong);
/* Reads a default as config_schema.h writes it: a list has commas between its items. */
void config_value_read_default(
        enum config_kind kind, const char *text, struct config_arena *arena, void *field);
/* Whether the field lies within bounds, written as values of the kind; NULL: no bound there. */
bool config_value_is_within(
        enum config_kind kind, const void *field, const char *least, const char *most);
/* "a whole number from 1 to 65535". */
void config_value_describe(
        struct text *text, enum config_kind kind, const char *least, const char *most);
/* The words of the file for these. */
const char *config_interface_word(enum route_interface interface);
const char *config_auth_word(enum identity_auth auth);
const char *config_flow_word(enum oauth_flow flow);
const char *config_policy_word(enum naming_policy policy);

#endif
