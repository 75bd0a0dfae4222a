/*
 * Which routes mail may take that comes in by some conditions, whatever else it is: more than it
 * ever will, never fewer.
 *
 * Thread:  start-up; pure.
 */
#ifndef SLUICE_CONFIG_REACH_H
#define SLUICE_CONFIG_REACH_H

#include "engine/rulebook.h"

/* Whether mail that `entry` matches may come to the route: by a rule, by none, or as a fallback.
 * Both books are made. */
bool config_reach_has(
        const struct config *config, const struct rulebook_rule *entry, uint16_t route);

#endif
