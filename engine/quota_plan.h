/*
 * The limits that are wider than a mailbox's: what a tenant, a route or our address may send in
 * all, on whichever shard. Each is a quota (queue/quota.h) that the spooler owns.
 *
 * Thread:  quota_plan_make(): start-up; then constant, so any thread asks.
 * Owns:    nothing: it lies in the configuration's arena.
 * Source:  reference.md, 3.2 and 3.4; throttling.md, 4.1.
 */
#ifndef SLUICE_QUOTA_PLAN_H
#define SLUICE_QUOTA_PLAN_H

#include "engine/config.h"
#include "queue/quota.h"

/* A tenant's external recipients, in all and of its onmicrosoft.com senders; each three limits of
 * tenant, route and source address; and the rates of tenant and source address. */
#define QUOTA_PLAN_OF_ROUTE 13
/* Rates are learned by the minute. */
#define QUOTA_PLAN_RATE_NS (60 * NS_PER_S)
/* Where no tenant is named (reference.md, 3.2). */
#define QUOTA_PLAN_ONMICROSOFT 100

/* Whose it is. */
enum quota_owner { QUOTA_OF_TENANT, QUOTA_OF_ROUTE, QUOTA_OF_SOURCE };

/* What counts in it. */
enum quota_unit {
	QUOTA_EXTERNAL,    /* recipients outside accepted_domains */
	QUOTA_ONMICROSOFT, /* the same, where the sender is in a domain below onmicrosoft.com */
	QUOTA_RECIPIENTS,  /* all */
	QUOTA_MESSAGES,    /* from MAIL on */
	QUOTA_IN_FLIGHT,   /* while they are */
	QUOTA_RATE,        /* messages; it is learned when the gate of the same owner closes */
};

static inline bool quota_unit_is_external(enum quota_unit unit)
{
	return unit == QUOTA_EXTERNAL || unit == QUOTA_ONMICROSOFT;
}

struct quota_row {
	enum quota_owner owner;
	enum quota_unit unit;
	const char *key;  /* the setting that it comes from */
	const char *name; /* the tenant's or route's; NULL: it needs none, or has none */
	size_t index;     /* of tenants or routes */
	struct quota_settings settings;
};

struct quota_plan {
	const struct quota_row *rows;
	uint32_t count;
};

/* Into config->quotas. The configuration is whole and right. */
void quota_plan_make(struct config *config);
/* The row of the rate that is learned when the gate (engine/gate_plan.h) closes. */
uint32_t quota_plan_rate(const struct config *config, uint32_t gate);
/* Whether mail on the route counts in it. */
bool quota_plan_has(const struct config *config, const struct quota_row *row, uint16_t route);
/* "tenant contoso", "route relay", "source address". */
void quota_plan_name(const struct quota_row *row, struct text *name);

#endif
