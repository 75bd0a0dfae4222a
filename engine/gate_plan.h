/*
 * Which routes close together when one is refused for a reason that lies in none of them: those on
 * which a tenant sends to anyone (submission, connector), and those that come to Exchange Online's
 * door for servers by our address (direct, connector).
 *
 * Thread:  any; pure functions of the configuration.
 * Source:  reference.md, 3.2 and 3.4.
 */
#ifndef SLUICE_GATE_PLAN_H
#define SLUICE_GATE_PLAN_H

#include "engine/config.h"
#include "queue/verdict.h"

#define GATE_PLAN_NONE UINT32_MAX

/* One a tenant, or one where the configuration names none; and one of our address. */
uint32_t gate_plan_count(const struct config *config);
/* Whether the gate is of the route. */
bool gate_plan_has(const struct config *config, uint32_t gate, uint16_t route);
/* The gate that the verdict, heard on the route, closes; GATE_PLAN_NONE: none. */
uint32_t gate_plan_of(const struct config *config, uint16_t route, enum stage stage,
        const struct verdict *verdict);
/* "tenant contoso", "source address". */
void gate_plan_name(const struct config *config, uint32_t gate, struct text *name);

#endif
