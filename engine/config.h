/*
 * The configuration: everything the file says, checked, with every default filled in.
 *
 * It is read once and never changes: pass a `const struct config *` down, keep pointers into it.
 * The fields are the keys of config_schema.h, with a unit where the kind has one: the key
 * `memory` of `limits` is config->limits.memory_bytes, `drain` is config->drain_ns. Optional
 * texts and paths are NULL when unset; relative paths have been joined to the file's folder.
 *
 * Thread:  loaded at start; constant afterwards, so any thread reads it.
 * Owns:    all it points to, in one arena, until config_destroy().
 * Never:   keeps a secret, resolves a name, or touches the spool.
 * Fails:   with every complaint in the report, `file:line: what is wrong and what would be right`.
 */
#ifndef SLUICE_CONFIG_H
#define SLUICE_CONFIG_H

#include "engine/config_mail.h"
#include "engine/config_names.h"
#include "engine/config_schema.h"
#include "engine/config_value.h"
#include "engine/io/crypto.h"
#include "queue/base/clock.h"
#include "queue/base/errors.h"

struct config_report;
struct rulebook;
struct naming_book;
struct quota_plan;

#define CONFIG_FIELD(key, kind, ...) CONFIG_TYPE_##kind CONFIG_NAME_##kind(key);

struct config_sandbox {
	CONFIG_SANDBOX(CONFIG_FIELD)
};

struct config_spool {
	CONFIG_SPOOL(CONFIG_FIELD)
};

struct config_limits {
	CONFIG_LIMITS(CONFIG_FIELD)
};

struct config_dns {
	CONFIG_DNS(CONFIG_FIELD)
};

/* Without a certificate, the listener has no TLS. */
struct config_listener_tls {
	CONFIG_LISTENER_TLS(CONFIG_FIELD)
};

/* What is let in of them; see engine/inbound_device.h. */
struct config_old_device {
	CONFIG_OLD_DEVICE(CONFIG_FIELD)
};

struct config_old_devices {
	const struct config_old_device *at; /* the first whose networks match counts */
	size_t count;
};

struct config_listener {
	CONFIG_LISTENER(CONFIG_FIELD)
};

struct config_listeners {
	const struct config_listener *at;
	size_t count; /* at least 1 */
};

/* With a certificate of ours, a connector is matched by it, and takes null senders too. */
struct config_route_tls {
	CONFIG_ROUTE_TLS(CONFIG_FIELD)
};

struct config_timeouts {
	CONFIG_TIMEOUTS(CONFIG_FIELD)
};

struct config_tenant;

/* Of an identity that signs in with a token, what is inherited has been filled in: flow, token_url
 * and scope are set as the flow wants them. Elsewhere it is as the file says. */
struct config_oauth {
	CONFIG_OAUTH(CONFIG_FIELD)
	const struct config_tenant *tenancy; /* NULL: none is set */
};

struct config_total {
	CONFIG_TOTAL(CONFIG_FIELD)
};

struct config_source {
	CONFIG_SOURCE(CONFIG_FIELD)
};

/* Its external_recipients_per_day is set: a limit, or none. */
struct config_tenant {
	CONFIG_TENANT(CONFIG_FIELD)
};

struct config_tenants {
	const struct config_tenant *at; /* the first is the default */
	size_t count;
};

/* The limits of an account hold on all routes together: what its first identity says counts. */
struct config_identity {
	CONFIG_IDENTITY(CONFIG_FIELD)
	uint32_t token; /* with xoauth2, of all flows but file: those of one number share a token */
};

struct config_identities {
	const struct config_identity *at;
	size_t count; /* 0: no sign-in */
};

struct config_route {
	CONFIG_ROUTE(CONFIG_FIELD)
	const uint32_t
	        *accounts; /* of each identity: its account's number; the same user, the same */
	const struct config_tenant *tenancy; /* NULL: none is set */
};

struct config_routes {
	const struct config_route *at; /* the first is the default */
	size_t count;                  /* at least 1 */
};

struct config_idempotency {
	CONFIG_IDEMPOTENCY(CONFIG_FIELD)
};

struct config_sent_memory {
	CONFIG_SENT_MEMORY(CONFIG_FIELD)
};

struct config_trace {
	CONFIG_TRACE(CONFIG_FIELD)
};

/* Its address has no port where it is not set. */
struct config_admin {
	CONFIG_ADMIN(CONFIG_FIELD)
};

struct config_retry {
	CONFIG_RETRY(CONFIG_FIELD)
};

struct config_threads {
	CONFIG_THREADS(CONFIG_FIELD)
};

struct config {
	CONFIG_TOP(CONFIG_FIELD)
	uint32_t account_count;
	uint32_t token_count;              /* numbers of identities' tokens: 0 .. token_count - 1 */
	const char *path;                  /* of the file, for the log */
	const struct rulebook *rulebook;   /* made of it; NULL: the first route takes all */
	const struct rulebook *streambook; /* of the streams' conditions; NULL: there are none */
	const struct rulebook *rehearsalbook;  /* made by engine/rehearsal; NULL: there are none */
	const struct naming_book *naming_book; /* made of it; NULL: senders pass as they are */
	const struct quota_plan *quotas;       /* made of it: engine/quota_plan.h */
	uint8_t digest[CRYPTO_SHA256_BYTES];   /* of the file's text */
	struct config_arena *arena;
};

/* sent_memory.window, where a listener has an ndr_address. Exchange Online's own retries end after
 * a day (reference.md, 6.4). */
#define CONFIG_REMEMBER_NS (2 * 86400 * NS_PER_S)

/* Of all memory, an eighth is delivery's alone: it must be able to read a body back, and to write
 * to its servers, when clients have filled all the rest. */
#define CONFIG_RESERVE_SHARE 8
/* The largest message takes at most half of what is left: two can come in at once. */
#define CONFIG_MESSAGE_SHARE 2

/* Everything wrong is in the report (config_report.h), not only the first. */
MUST_CHECK struct err config_load(
        struct config **result, const char *path, struct config_report *report);
/* Without a look into what only the keeper reads: private keys, users, what a sign-in wants.
 * Whether they are right is not known then. */
MUST_CHECK struct err config_load_keyless(
        struct config **result, const char *path, struct config_report *report);
/* config_load() from memory; `path` gives the folder of relative paths and the name in
 * complaints. */
MUST_CHECK struct err config_load_text(
        struct config **result, const char *path, struct view text, struct config_report *report);
/* The spool's folder alone, whatever else is wrong with the file: an operator must reach a
 * running engine. False: there is no such file, or it is not YAML. */
bool config_find_spool(const char *path, struct text *folder, struct config_report *report);
/* NULL is fine. */
void config_destroy(struct config *config);

/* The largest message that a memory budget has room for. */
uint64_t config_message_most(uint64_t memory_bytes);
/* Whether the address is in one of the networks. */
bool config_networks_contain(
        const struct config_networks *networks, const struct endpoint *endpoint);
/* Whether one of them is all of IPv4, or of all. */
bool config_networks_hold_everybody(const struct config_networks *networks);
/* Whether an account has limits of its own, on messages or recipients. */
bool config_identity_is_limited(const struct config_identity *identity);
/* Of all routes. */
uint32_t config_identity_count(const struct config *config);
/* Whether some identity's tokens come from a command: a program is started while we run. */
bool config_runs_commands(const struct config *config);
/* False: no route has this name. */
bool config_find_route(const struct config *config, const char *name, uint16_t *route);

#endif
