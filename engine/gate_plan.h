/*
 * Which routes close together when one is refused for a reason that lies in none of them: those on
 * which a tenant sends to anyone (submission, connector), and those that come to Exchange Online's
 * door for servers by our address (direct, connector).
 *
 * Behind these, each shard has some gates of its own for recipients who get more than they may:
 * whoever is refused takes one, and gives it back when it opens.
 *
 * Thread:  any; pure functions of the configuration.
 * Source:  reference.md, 3.2 and 3.4.
 */
#ifndef SLUICE_GATE_PLAN_H
#define SLUICE_GATE_PLAN_H

#include "engine/config.h"
#include "queue/verdict.h"

#define GATE_PLAN_NONE UINT32_MAX
/* Closed recipients of a shard. Each message's recipients are looked for among all that are closed,
 * so that there are few; who finds no place waits message by message. */
#define GATE_PLAN_RECIPIENTS 16

/* One a tenant, or one where the configuration names none; and one of our address. */
uint32_t gate_plan_count(const struct config *config);
/* With the recipients' of all shards. */
uint32_t gate_plan_total(const struct config *config);
/* The shard's first; GATE_PLAN_RECIPIENTS of them. */
uint32_t gate_plan_recipients(const struct config *config, uint32_t shard);
/* Whether the gate is of the route. */
bool gate_plan_has(const struct config *config, uint32_t gate, uint16_t route);
/* The gate that the verdict, heard on the route, closes; GATE_PLAN_NONE: none. */
uint32_t gate_plan_of(const struct config *config, uint16_t route, enum stage stage,
        const struct verdict *verdict);
/* "tenant contoso", "source address". */
void gate_plan_name(const struct config *config, uint32_t gate, struct text *name);

#endif
