#include "engine/config_check_quota.h"

#include "engine/quota_plan.h"
#include "queue/base/clock.h"

#include <math.h>

#define WHERE_BYTES 64 /* "tenants[1023].total" */

static void derive_limit(struct config_tenant *tenant);
static void check_count(const struct config_limit *limit, const void *section, const char *where,
        const char *key, struct config_places *places);
static void check_total(
        const struct config_total *total, const char *where, struct config_places *places);

/* Source: Microsoft, "Introducing Exchange Online Tenant Outbound Email Limits", Exchange Team
 * Blog, 2025 (reference.md, 3.2); trial tenants have 5,000, which no number of licences gives. */
uint64_t config_check_quota_of(uint32_t licences)
{
	return (uint64_t)llround(500 * pow((double)licences, 0.7) + 9500);
}

void config_check_quota(struct config *config, struct config_places *places)
{
	struct config_tenant *tenants = (struct config_tenant *)config->tenants.at;

	for (size_t i = 0; i < config->tenants.count; i++) {
		struct config_tenant *tenant = &tenants[i];
		const struct config_limit *limit = &tenant->external_recipients_per_day;
		char room[WHERE_BYTES];
		struct text where = TEXT_ON(room);

		if (tenant->licences > 0 && limit->set)
			config_places_complain(places, CONFIG_WRONG, tenant, limit,
			        "tenants[%zu].external_recipients_per_day: licences make that "
			        "limit; right is one of the two",
			        i);
		text_format(&where, "tenants[%zu]", i);
		check_count(
		        limit, tenant, text_string(&where), "external_recipients_per_day", places);
		check_count(&tenant->onmicrosoft_recipients_per_day, tenant, text_string(&where),
		        "onmicrosoft_recipients_per_day", places);
		check_total(&tenant->total, text_string(&where), places);
		derive_limit(tenant);
		if (limit->count != LIMIT_NONE && config->accepted_domains.count == 0)
			config_places_complain(places, CONFIG_NOTE, tenant, limit,
			        "tenants[%zu]: every recipient counts as external: set "
			        "accepted_domains, so that the tenant's own don't",
			        i);
	}
	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_route *route = &config->routes.at[i];
		char room[WHERE_BYTES];
		struct text where = TEXT_ON(room);

		text_format(&where, "routes[%zu]", i);
		check_total(&route->total, text_string(&where), places);
		if (route->identities.count > 0)
			continue;
		check_count(&route->messages_per_minute, route, text_string(&where),
		        "messages_per_minute", places);
		check_count(&route->recipients_per_day, route, text_string(&where),
		        "recipients_per_day", places);
	}
	check_total(&config->source.total, "source", places);
	if (places->report->wrong_count == 0)
		quota_plan_make(config);
}

static void check_total(
        const struct config_total *total, const char *where, struct config_places *places)
{
	char room[WHERE_BYTES];
	struct text text = TEXT_ON(room);

	text_format(&text, "%s.total", where);
	check_count(&total->connections, total, text_string(&text), "connections", places);
	check_count(&total->messages_per_minute, total, text_string(&text), "messages_per_minute",
	        places);
	check_count(&total->recipients_per_day, total, text_string(&text), "recipients_per_day",
	        places);
}

static void check_count(const struct config_limit *limit, const void *section, const char *where,
        const char *key, struct config_places *places)
{
	if (limit->set && limit->count != LIMIT_NONE && limit->count > QUOTA_COUNT_MAX)
		config_places_complain(places, CONFIG_WRONG, section, limit,
		        "%s.%s: right is at most %d, or none", where, key, QUOTA_COUNT_MAX);
}

static void derive_limit(struct config_tenant *tenant)
{
	struct config_limit *limit = &tenant->external_recipients_per_day;

	if (limit->set)
		return;
	*limit = (struct config_limit){
		.set = true,
		.count =
		        tenant->licences > 0 ? config_check_quota_of(tenant->licences) : LIMIT_NONE,
		.period_ns = 86400 * NS_PER_S,
	};
}
