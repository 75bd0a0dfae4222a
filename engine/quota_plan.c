#include "engine/quota_plan.h"

#include "engine/config_arena.h"
#include "engine/gate_plan.h"
#include "queue/base/check.h"

#define KEY_EXTERNAL    "external_recipients_per_day"
#define KEY_ONMICROSOFT "onmicrosoft_recipients_per_day"

/* Where rows come from: counted first, then written. */
struct maker {
	struct quota_row *rows; /* NULL: only counted */
	uint32_t count;
};

static void quota_plan_visit(struct maker *maker, const struct config *config);
static void quota_plan_add_rates(struct maker *maker, const struct config *config);
static void quota_plan_add_total(struct maker *maker, const struct quota_row *form,
        const struct config_total *total, const struct config_total *otherwise);
static void quota_plan_add(struct maker *maker, const struct quota_row *form, enum quota_unit unit,
        const char *key, const struct config_limit *limit);

void quota_plan_make(struct config *config)
{
	struct maker maker = { 0 };

	quota_plan_visit(&maker, config);
	struct quota_plan *plan = config_arena_take(config->arena, sizeof *plan);
	maker.rows = config_arena_take(config->arena, (maker.count + 1) * sizeof *maker.rows);
	maker.count = 0;
	quota_plan_visit(&maker, config);
	*plan = (struct quota_plan){ maker.rows, maker.count };
	config->quotas = plan;
}

/* Its limit is not known, so nothing is counted; but the server may say that it is reached. */
static void quota_plan_add_unknown(
        struct maker *maker, const struct quota_row *form, enum quota_unit unit, const char *key)
{
	if (maker->rows != NULL) {
		maker->rows[maker->count] = *form;
		maker->rows[maker->count].unit = unit;
		maker->rows[maker->count].key = key;
		maker->rows[maker->count].settings.count = QUOTA_NONE;
	}
	maker->count++;
}

/* Of the only tenant, which is not named. */
static void quota_plan_add_nameless(struct maker *maker)
{
	const struct quota_row form = { .settings = { .guard = 0.01, .stop = 0.98 } };
	const struct config_limit onmicrosoft = { true, QUOTA_PLAN_ONMICROSOFT, 86400 * NS_PER_S };

	quota_plan_add_unknown(
	        maker, &(struct quota_row){ .settings.stop = 1 }, QUOTA_EXTERNAL, KEY_EXTERNAL);
	quota_plan_add(maker, &form, QUOTA_ONMICROSOFT, KEY_ONMICROSOFT, &onmicrosoft);
}

/* A limit that is `none` may yet be the server's. */
static void quota_plan_add_external(struct maker *maker, const struct quota_row *form,
        enum quota_unit unit, const char *key, const struct config_limit *limit)
{
	if (limit->count == LIMIT_NONE)
		quota_plan_add_unknown(maker, form, unit, key);
	quota_plan_add(maker, form, unit, key, limit);
}

static void quota_plan_visit(struct maker *maker, const struct config *config)
{
	const struct config_total none = { 0 };

	if (config->tenants.count == 0)
		quota_plan_add_nameless(maker);
	for (size_t i = 0; i < config->tenants.count; i++) {
		const struct config_tenant *tenant = &config->tenants.at[i];
		const struct quota_row form = {
			.owner = QUOTA_OF_TENANT,
			.name = tenant->name,
			.index = i,
			.settings = { .guard = tenant->guard, .stop = tenant->stop },
		};
		quota_plan_add_external(maker, &form, QUOTA_EXTERNAL, KEY_EXTERNAL,
		        &tenant->external_recipients_per_day);
		quota_plan_add_external(maker, &form, QUOTA_ONMICROSOFT, KEY_ONMICROSOFT,
		        &tenant->onmicrosoft_recipients_per_day);
		quota_plan_add_total(maker, &form, &tenant->total, &none);
	}
	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_route *route = &config->routes.at[i];
		const struct quota_row form = {
			.owner = QUOTA_OF_ROUTE,
			.name = route->name,
			.index = i,
			.settings = { .guard = route->guard, .stop = route->stop },
		};
		/* Where nobody signs in, what a mailbox may do is what the route may do. */
		const struct config_total own = {
			.connections = route->connections,
			.messages_per_minute = route->messages_per_minute,
			.recipients_per_day = route->recipients_per_day,
		};
		quota_plan_add_total(
		        maker, &form, &route->total, route->identities.count == 0 ? &own : &none);
	}
	const struct quota_row form = {
		.owner = QUOTA_OF_SOURCE,
		.settings = { .guard = config->source.guard, .stop = config->source.stop },
	};
	quota_plan_add_total(maker, &form, &config->source.total, &none);
	quota_plan_add_rates(maker, config);
}

/* The last ones: one for each gate, in their order. */
static void quota_plan_add_rates(struct maker *maker, const struct config *config)
{
	for (uint32_t gate = 0; gate < gate_plan_count(config); gate++) {
		const bool source = gate + 1 == gate_plan_count(config);

		if (maker->rows != NULL)
			maker->rows[maker->count] = (struct quota_row){
				.owner = source ? QUOTA_OF_SOURCE : QUOTA_OF_TENANT,
				.unit = QUOTA_RATE,
				.key = "rate",
				.name = source || config->tenants.count == 0
				                ? NULL
				                : config->tenants.at[gate].name,
				.index = gate,
				.settings = {
					.count = QUOTA_NONE,
					.period_ns = QUOTA_PLAN_RATE_NS,
					.stop = 1,
				},
			};
		maker->count++;
	}
}

uint32_t quota_plan_rate(const struct config *config, uint32_t gate)
{
	check(gate < gate_plan_count(config));
	return config->quotas->count - gate_plan_count(config) + gate;
}

static void quota_plan_add_total(struct maker *maker, const struct quota_row *form,
        const struct config_total *total, const struct config_total *otherwise)
{
	const struct config_total *of[] = { otherwise, total };

	quota_plan_add(maker, form, QUOTA_RECIPIENTS, "recipients_per_day",
	        &of[total->recipients_per_day.set]->recipients_per_day);
	quota_plan_add(maker, form, QUOTA_MESSAGES, "messages_per_minute",
	        &of[total->messages_per_minute.set]->messages_per_minute);
	quota_plan_add(maker, form, QUOTA_IN_FLIGHT, "connections",
	        &of[total->connections.set]->connections);
}

static void quota_plan_add(struct maker *maker, const struct quota_row *form, enum quota_unit unit,
        const char *key, const struct config_limit *limit)
{
	if (!limit->set || limit->count == LIMIT_NONE)
		return;
	if (maker->rows != NULL) {
		struct quota_row *row = &maker->rows[maker->count];
		*row = *form;
		row->unit = unit;
		row->key = key;
		row->settings.count = limit->count;
		row->settings.period_ns = unit == QUOTA_IN_FLIGHT ? 0 : limit->period_ns;
		if (unit == QUOTA_IN_FLIGHT)
			row->settings.stop = 1; /* a part of one place is none */
	}
	maker->count++;
}

/* What direct send and High Volume Email carry does not count as external (reference.md, 1 and
 * 3.2), and only direct send and connectors come by our address. */
bool quota_plan_has(const struct config *config, const struct quota_row *row, uint16_t route)
{
	check(route < config->routes.count);
	const struct config_route *at = &config->routes.at[route];
	const enum route_interface interface = at->interface;

	if (row->unit == QUOTA_RATE)
		return gate_plan_has(config, (uint32_t)row->index, route);
	switch (row->owner) {
	case QUOTA_OF_TENANT:
		if (quota_unit_is_external(row->unit) && interface != INTERFACE_SUBMISSION &&
		        interface != INTERFACE_CONNECTOR)
			return false;
		return config->tenants.count == 0 || at->tenancy == &config->tenants.at[row->index];
	case QUOTA_OF_ROUTE:
		return row->index == route;
	default:
		return interface == INTERFACE_DIRECT || interface == INTERFACE_CONNECTOR;
	}
}

void quota_plan_name(const struct quota_row *row, struct text *name)
{
	if (row->owner == QUOTA_OF_SOURCE)
		text_put(name, VIEW("source address"));
	else if (row->name == NULL)
		text_put(name, VIEW("the tenant"));
	else
		text_format(name, "%s %s", row->owner == QUOTA_OF_TENANT ? "tenant" : "route",
		        row->name);
}
