/*
 * What a key becomes in C: its field's name, with the unit where the kind has one, and the
 * types of the kinds that are sections or lists of sections.
 *
 * Thread:  none; macros only.
 */
#ifndef SLUICE_CONFIG_NAMES_H
#define SLUICE_CONFIG_NAMES_H

#define CONFIG_NAME_TEXT(key)         key
#define CONFIG_NAME_NAME(key)         key
#define CONFIG_NAME_HOST(key)         key
#define CONFIG_NAME_DOMAIN(key)       key
#define CONFIG_NAME_ADDRESS(key)      key
#define CONFIG_NAME_FILE(key)         key
#define CONFIG_NAME_SECRET(key)       key
#define CONFIG_NAME_DIRECTORY(key)    key
#define CONFIG_NAME_NUMBER(key)       key
#define CONFIG_NAME_FLAG(key)         key
#define CONFIG_NAME_FACTOR(key)       key
#define CONFIG_NAME_SIZE(key)         key##_bytes
#define CONFIG_NAME_DURATION(key)     key##_ns
#define CONFIG_NAME_CLOCK(key)        key
#define CONFIG_NAME_LIMIT(key)        key
#define CONFIG_NAME_LIMIT_MINUTE(key) key
#define CONFIG_NAME_LIMIT_DAY(key)    key
#define CONFIG_NAME_ENDPOINT(key)     key
#define CONFIG_NAME_NETWORKS(key)     key
#define CONFIG_NAME_TENANT_ID(key)    key
#define CONFIG_NAME_URL(key)          key
#define CONFIG_NAME_PROXY(key)        key
#define CONFIG_NAME_WORDS(key)        key
#define CONFIG_NAME_DOMAINS(key)      key
#define CONFIG_NAME_RESOLVERS(key)    key
#define CONFIG_NAME_ROUTE_NAMES(key)  key
#define CONFIG_NAME_TEXTS(key)        key
#define CONFIG_NAME_CLIENTS(key)      key
#define CONFIG_NAME_DOMAIN_GLOBS(key) key
#define CONFIG_NAME_RECIPIENTS(key)   key
#define CONFIG_NAME_SENDERS(key)      key
#define CONFIG_NAME_HEADERS(key)      key
#define CONFIG_NAME_INTERFACE(key)    key
#define CONFIG_NAME_TLS_MODE(key)     key
#define CONFIG_NAME_DANE(key)         key
#define CONFIG_NAME_AUTH(key)         key
#define CONFIG_NAME_BARE_LF(key)      key
#define CONFIG_NAME_OLDEST_TLS(key)   key
#define CONFIG_NAME_OLD_DEVICES(key)  key
#define CONFIG_NAME_PERCENT(key)      key
#define CONFIG_NAME_RULE_SENDERS(key) key
#define CONFIG_NAME_LEARN(key)        key
#define CONFIG_NAME_CLOUD(key)        key
#define CONFIG_NAME_FLOW(key)         key
#define CONFIG_NAME_MAPPINGS(key)     key
#define CONFIG_NAME_POLICY(key)       key
#define CONFIG_NAME_CLAIM_BY(key)     key
#define CONFIG_NAME_IN_DOUBT(key)     key
#define CONFIG_NAME_IDEMPOTENCY(key)  key
#define CONFIG_NAME_SENT_MEMORY(key)  key
#define CONFIG_NAME_TRACE(key)        key
#define CONFIG_NAME_SANDBOX(key)      key
#define CONFIG_NAME_SPOOL(key)        key
#define CONFIG_NAME_LIMITS(key)       key
#define CONFIG_NAME_DNS(key)          key
#define CONFIG_NAME_LISTENERS(key)    key
#define CONFIG_NAME_ROUTES(key)       key
#define CONFIG_NAME_RETRY(key)        key
#define CONFIG_NAME_RULES(key)        key
#define CONFIG_NAME_STREAMS(key)      key
#define CONFIG_NAME_NAMES(key)        key
#define CONFIG_NAME_ADMIN(key)        key
#define CONFIG_NAME_REHEARSALS(key)   key
#define CONFIG_NAME_THREADS(key)      key
#define CONFIG_NAME_LISTENER_TLS(key) key
#define CONFIG_NAME_ROUTE_TLS(key)    key
#define CONFIG_NAME_TIMEOUTS(key)     key
#define CONFIG_NAME_TOTAL(key)        key
#define CONFIG_NAME_SOURCE(key)       key
#define CONFIG_NAME_IDENTITIES(key)   key
#define CONFIG_NAME_TENANTS(key)      key
#define CONFIG_NAME_OAUTH(key)        key

#define CONFIG_TYPE_SANDBOX      struct config_sandbox
#define CONFIG_TYPE_SPOOL        struct config_spool
#define CONFIG_TYPE_LIMITS       struct config_limits
#define CONFIG_TYPE_DNS          struct config_dns
#define CONFIG_TYPE_LISTENERS    struct config_listeners
#define CONFIG_TYPE_LISTENER_TLS struct config_listener_tls
#define CONFIG_TYPE_OLD_DEVICES  struct config_old_devices
#define CONFIG_TYPE_ROUTES       struct config_routes
#define CONFIG_TYPE_ROUTE_TLS    struct config_route_tls
#define CONFIG_TYPE_TIMEOUTS     struct config_timeouts
#define CONFIG_TYPE_TOTAL        struct config_total
#define CONFIG_TYPE_SOURCE       struct config_source
#define CONFIG_TYPE_IDENTITIES   struct config_identities
#define CONFIG_TYPE_TENANTS      struct config_tenants
#define CONFIG_TYPE_OAUTH        struct config_oauth
#define CONFIG_TYPE_IDEMPOTENCY  struct config_idempotency
#define CONFIG_TYPE_SENT_MEMORY  struct config_sent_memory
#define CONFIG_TYPE_TRACE        struct config_trace
#define CONFIG_TYPE_RETRY        struct config_retry
#define CONFIG_TYPE_RULES        struct config_rules
#define CONFIG_TYPE_STREAMS      struct config_streams
#define CONFIG_TYPE_NAMES        struct config_namings
#define CONFIG_TYPE_ADMIN        struct config_admin
#define CONFIG_TYPE_REHEARSALS   struct config_rehearsals
#define CONFIG_TYPE_THREADS      struct config_threads

#endif
