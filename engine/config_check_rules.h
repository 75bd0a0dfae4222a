/*
 * What rules and routes say of each other: names that lead nowhere, fallbacks that go in circles,
 * rules that never match.
 *
 * Thread:  start-up, once everything is read and each route was looked at by itself.
 * Never:   stops at the first mistake.
 */
#ifndef SLUICE_CONFIG_CHECK_RULES_H
#define SLUICE_CONFIG_CHECK_RULES_H

#include "engine/config.h"
#include "engine/config_places.h"

/* Makes config->rulebook too, unless something is wrong. */
void config_check_rules(struct config *config, struct config_places *places);
/* Each word of a section's `listener` is that of a listener; `where` names the section. */
void config_check_listener_words(const struct config *config, const struct config_words *words,
        const void *section, const char *where, struct config_places *places);

#endif
