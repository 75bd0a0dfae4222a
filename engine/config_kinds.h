/*
 * The kinds of value that a setting can have: what is right for each, in words, and its C type.
 *
 * Thread:  none; tables only. Part of config_value.h.
 */
#ifndef SLUICE_CONFIG_KINDS_H
#define SLUICE_CONFIG_KINDS_H

/* X(KIND, what is right, for complaints); the twelve last list their words themselves */
#define CONFIG_KINDS(X)                                                                            \
	X(TEXT, "a text")                                                                          \
	X(NAME, "up to 64 letters, digits, '-', '_' and '.'")                                      \
	X(HOST, "a host name or an IP address")                                                    \
	X(DOMAIN, "a domain such as contoso.com")                                                  \
	X(ADDRESS, "a mail address such as notify@contoso.com")                                    \
	X(FILE, "the path of a file")                                                              \
	X(SECRET, "the path of a file")                                                            \
	X(DIRECTORY, "the path of a folder")                                                       \
	X(NUMBER, "a whole number")                                                                \
	X(FLAG, "true or false")                                                                   \
	X(FACTOR, "a number such as 2 or 1.5")                                                     \
	X(PERCENT, "a percentage such as 98%")                                                     \
	X(SIZE, "a size such as 1024, 35MB or 512MiB")                                             \
	X(DURATION, "a duration such as 500ms, 30s, 5m, 1h or 2d")                                 \
	X(CLOCK, "a time of the day such as 18:00")                                                \
	X(LIMIT, "a number or none")                                                               \
	X(LIMIT_MINUTE, "a number (a minute), NUMBER/PERIOD such as 30/1s, or none")               \
	X(LIMIT_DAY, "a number (a day), NUMBER/PERIOD such as 10000/24h, or none")                 \
	X(ENDPOINT, "ADDRESS:PORT such as 127.0.0.1:2525 or [::1]:2525")                           \
	X(NETWORKS, "networks such as 10.0.0.0/8 or ::1/128")                                      \
	X(TENANT_ID, "a tenant's id (a GUID) or one of its domains")                               \
	X(URL, "an address that begins with https://, without user or blanks")                     \
	X(PROXY, "a proxy's address that begins with http:// or https://")                         \
	X(WORDS, "a program's path and its arguments, such as [/usr/bin/token, --quiet]")          \
	X(DOMAINS, "domains such as contoso.com")                                                  \
	X(RESOLVERS, "addresses such as 127.0.0.1 or 127.0.0.1@5353")                              \
	X(SENDERS, "addresses such as a@contoso.com, domains such as @contoso.com, or *")          \
	X(ROUTE_NAMES, "names of routes")                                                          \
	X(TEXTS, "texts")                                                                          \
	X(CLIENTS, "networks such as 10.0.0.0/8 or ::1/128")                                       \
	X(DOMAIN_GLOBS, "domains such as contoso.com or \"*.contoso.com\", internal or external")  \
	X(RECIPIENTS, "addresses such as a@contoso.com, or \"@contoso.com\" for a domain")         \
	X(RULE_SENDERS,                                                                            \
	        "addresses such as a@contoso.com, \"@contoso.com\" for a domain, or \"<>\"")       \
	X(HEADERS, "headers such as \"X-Priority: high*\"")                                        \
	X(MAPPINGS, "pairs such as \"@old.com: new@contoso.com\"")                                 \
	X(INTERFACE, NULL)                                                                         \
	X(TLS_MODE, NULL)                                                                          \
	X(DANE, NULL)                                                                              \
	X(AUTH, NULL)                                                                              \
	X(BARE_LF, NULL)                                                                           \
	X(OLDEST_TLS, NULL)                                                                        \
	X(LEARN, NULL)                                                                             \
	X(CLOUD, NULL)                                                                             \
	X(FLOW, NULL)                                                                              \
	X(POLICY, NULL)                                                                            \
	X(CLAIM_BY, NULL)                                                                          \
	X(IN_DOUBT, NULL)

/* The C type of each kind, and its field's name: the key, with the unit where there is one. */
#define CONFIG_TYPE_TEXT         const char *
#define CONFIG_TYPE_NAME         const char *
#define CONFIG_TYPE_HOST         const char *
#define CONFIG_TYPE_DOMAIN       const char *
#define CONFIG_TYPE_ADDRESS      const char *
#define CONFIG_TYPE_FILE         const char *
#define CONFIG_TYPE_SECRET       const char *
#define CONFIG_TYPE_DIRECTORY    const char *
#define CONFIG_TYPE_NUMBER       uint32_t
#define CONFIG_TYPE_FLAG         bool
#define CONFIG_TYPE_FACTOR       double
#define CONFIG_TYPE_SIZE         uint64_t
#define CONFIG_TYPE_DURATION     int64_t
#define CONFIG_TYPE_CLOCK        uint32_t /* minutes, and one; 0: none */
#define CONFIG_TYPE_LIMIT        struct config_limit
#define CONFIG_TYPE_LIMIT_MINUTE struct config_limit
#define CONFIG_TYPE_LIMIT_DAY    struct config_limit
#define CONFIG_TYPE_ENDPOINT     struct endpoint
#define CONFIG_TYPE_NETWORKS     struct config_networks
#define CONFIG_TYPE_TENANT_ID    const char *
#define CONFIG_TYPE_URL          const char *
#define CONFIG_TYPE_PROXY        const char *
#define CONFIG_TYPE_WORDS        struct config_words
#define CONFIG_TYPE_DOMAINS      struct config_words
#define CONFIG_TYPE_RESOLVERS    struct config_words
#define CONFIG_TYPE_ROUTE_NAMES  struct config_words
#define CONFIG_TYPE_TEXTS        struct config_words
#define CONFIG_TYPE_CLIENTS      struct config_networks
#define CONFIG_TYPE_DOMAIN_GLOBS struct config_words
#define CONFIG_TYPE_RECIPIENTS   struct config_words
#define CONFIG_TYPE_SENDERS      struct config_words
#define CONFIG_TYPE_HEADERS      struct config_words
#define CONFIG_TYPE_INTERFACE    enum route_interface
#define CONFIG_TYPE_TLS_MODE     enum route_tls
#define CONFIG_TYPE_DANE         enum route_dane
#define CONFIG_TYPE_AUTH         enum identity_auth
#define CONFIG_TYPE_BARE_LF      enum listener_bare_lf
#define CONFIG_TYPE_OLDEST_TLS   enum device_tls
#define CONFIG_TYPE_PERCENT      double
#define CONFIG_TYPE_RULE_SENDERS struct config_words
#define CONFIG_TYPE_MAPPINGS     struct config_words
#define CONFIG_TYPE_POLICY       enum naming_policy
#define CONFIG_TYPE_LEARN        enum route_learn
#define CONFIG_TYPE_CLOUD        enum tenant_cloud
#define CONFIG_TYPE_FLOW         enum oauth_flow
#define CONFIG_TYPE_CLAIM_BY     enum claim_by
#define CONFIG_TYPE_IN_DOUBT     enum route_in_doubt

#endif
