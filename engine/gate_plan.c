#include "engine/gate_plan.h"

#include "queue/base/check.h"

static uint32_t gate_plan_source(const struct config *config);

uint32_t gate_plan_count(const struct config *config)
{
	return gate_plan_source(config) + 1;
}

uint32_t gate_plan_total(const struct config *config)
{
	return gate_plan_recipients(config, config->threads.delivery);
}

uint32_t gate_plan_recipients(const struct config *config, uint32_t shard)
{
	return gate_plan_count(config) + shard * GATE_PLAN_RECIPIENTS;
}

static uint32_t gate_plan_source(const struct config *config)
{
	return config->tenants.count > 0 ? (uint32_t)config->tenants.count : 1;
}

bool gate_plan_has(const struct config *config, uint32_t gate, uint16_t route)
{
	check(route < config->routes.count);
	const struct config_route *at = &config->routes.at[route];

	if (gate == gate_plan_source(config))
		return at->interface == INTERFACE_DIRECT || at->interface == INTERFACE_CONNECTOR;
	if (at->interface != INTERFACE_SUBMISSION && at->interface != INTERFACE_CONNECTOR)
		return false;
	return config->tenants.count == 0 || at->tenancy == &config->tenants.at[gate];
}

uint32_t gate_plan_of(const struct config *config, uint16_t route, enum stage stage,
        const struct verdict *verdict)
{
	/* A sign-in that is refused says nothing of those who sign in otherwise. */
	if (stage == STAGE_AUTH)
		return GATE_PLAN_NONE;
	if (verdict->scope == SCOPE_SOURCE_IP) {
		const bool six =
		        verdict->cause == CAUSE_IPV6_REFUSED || verdict->cause == CAUSE_IPV6_NO_PTR;
		const uint32_t gate = gate_plan_source(config);
		return !six && gate_plan_has(config, gate, route) ? gate : GATE_PLAN_NONE;
	}
	/* What a tenant has set up wrongly is a matter of that route. */
	if (verdict->scope != SCOPE_TENANT || (verdict->outcome != OUTCOME_BACKOFF_TENANT &&
	                                              verdict->outcome != OUTCOME_PAUSE_TENANT))
		return GATE_PLAN_NONE;
	for (uint32_t gate = 0; gate < gate_plan_source(config); gate++)
		if (gate_plan_has(config, gate, route))
			return gate;
	return GATE_PLAN_NONE;
}

void gate_plan_name(const struct config *config, uint32_t gate, struct text *name)
{
	if (gate == gate_plan_source(config))
		text_put(name, VIEW("source address"));
	else if (config->tenants.count == 0)
		text_put(name, VIEW("tenant"));
	else
		text_format(name, "tenant %s", config->tenants.at[gate].name);
}
