#include "engine/config_check_quota.h"

#include "queue/base/clock.h"
#include "queue/quota.h"

#include <math.h>

static void derive_limit(struct config_tenant *tenant);

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

		if (tenant->licences > 0 && limit->set)
			config_places_complain(places, CONFIG_WRONG, tenant, limit,
			        "tenants[%zu].external_recipients_per_day: licences make that "
			        "limit; right is one of the two",
			        i);
		if (limit->count != LIMIT_NONE && limit->count > QUOTA_COUNT_MAX)
			config_places_complain(places, CONFIG_WRONG, tenant, limit,
			        "tenants[%zu].external_recipients_per_day: right is at most %d, or "
			        "none",
			        i, QUOTA_COUNT_MAX);
		derive_limit(tenant);
		if (limit->count != LIMIT_NONE && config->accepted_domains.count == 0)
			config_places_complain(places, CONFIG_NOTE, tenant, limit,
			        "tenants[%zu]: every recipient counts as external: set "
			        "accepted_domains, so that the tenant's own don't",
			        i);
	}
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
