#include "engine/config_check_service.h"

#include "queue/base/clock.h"

#define PORT_IMPLICIT_TLS 465
#define DAY_NS            (86400 * NS_PER_S)
#define WHERE_BYTES       64 /* "routes[65535].identities[65535]" */

#define remark(places, section, field, ...)                                                        \
	config_places_complain((places), CONFIG_NOTE, (section), (field), __VA_ARGS__)

/* A mailbox's, on client submission. */
struct service_limit {
	const char *key;
	uint64_t count;
	int64_t period_ns; /* 0: none */
	const char *beyond;
};

static const struct service_limit service_connections = { "connections", 3, 0,
	"more messages in flight are refused after their data (432 4.3.2)" };
static const struct service_limit service_messages = { "messages_per_minute", 30, 60 * NS_PER_S,
	"what becomes of more is not documented: they may be delayed or refused" };
static const struct service_limit service_recipients = { "recipients_per_day", 10000, DAY_NS,
	"more are refused for hours (554 5.2.0)" };
static const struct service_limit service_crowd = { "recipients_per_message", 1000, 0,
	"more are refused (452 4.5.3), and repeated refusals bar the mailbox (550 5.2.254)" };

/* Where clients submit: the clouds' names, and the one for old TLS. */
static bool service_serves(const struct config_route *route)
{
	static const char *const hosts[] = {
#define X(name, word, login, resource, delegated, submission, hve) submission,
		CONFIG_CLOUDS(X)
#undef X
		        "smtp-legacy.office365.com",
	};

	if (route->interface != INTERFACE_SUBMISSION || route->host == NULL)
		return false;
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		if (view_equal_fold(view_of(route->host), view_of(hosts[i])))
			return true;
	return false;
}

/* `10000/12h` is more a day than the service has. */
static bool service_is_above(const struct config_limit *limit, const struct service_limit *known)
{
	if (limit->count == LIMIT_NONE)
		return true;
	if (known->period_ns == 0)
		return limit->count > known->count;
	return (double)limit->count * (double)known->period_ns >
	       (double)known->count * (double)limit->period_ns;
}

static void service_check_limit(const struct config_limit *limit, const struct service_limit *known,
        const void *section, const char *where, struct config_places *places)
{
	if (!config_places_wrote(places, limit) || !service_is_above(limit, known))
		return;
	remark(places, section, limit, "%s.%s: Exchange Online's own is %llu a mailbox; %s", where,
	        known->key, (unsigned long long)known->count, known->beyond);
}

static void service_check_identity(
        const struct config_route *route, size_t index, size_t number, struct config_places *places)
{
	const struct config_identity *identity = &route->identities.at[number];
	char memory[WHERE_BYTES];
	struct text text = TEXT_ON(memory);

	text_format(&text, "routes[%zu].identities[%zu]", index, number);
	const char *where = text_string(&text);
	if (identity->auth == IDENTITY_AUTH_PLAIN)
		remark(places, identity, &identity->auth,
		        "%s.auth: %s does not offer PLAIN (504 5.7.4); right is login, or xoauth2",
		        where, route->host);
	service_check_limit(&identity->connections, &service_connections, identity, where, places);
	service_check_limit(
	        &identity->messages_per_minute, &service_messages, identity, where, places);
	service_check_limit(
	        &identity->recipients_per_day, &service_recipients, identity, where, places);
	service_check_limit(
	        &identity->recipients_per_message, &service_crowd, identity, where, places);
}

void config_check_service(
        const struct config_route *route, size_t index, struct config_places *places)
{
	char memory[WHERE_BYTES];
	struct text text = TEXT_ON(memory);

	if (!service_serves(route))
		return;
	text_format(&text, "routes[%zu]", index);
	const char *where = text_string(&text);
	if (route->port == PORT_IMPLICIT_TLS)
		remark(places, route, &route->port,
		        "%s.port: %s does not serve 465; right is 587, or 25, with STARTTLS", where,
		        route->host);
	service_check_limit(&route->connections, &service_connections, route, where, places);
	service_check_limit(&route->messages_per_minute, &service_messages, route, where, places);
	service_check_limit(&route->recipients_per_day, &service_recipients, route, where, places);
	service_check_limit(&route->recipients_per_message, &service_crowd, route, where, places);
	for (size_t i = 0; i < route->identities.count; i++)
		service_check_identity(route, index, i, places);
}
