/*
 * What no key says alone: defaults that hang on other keys, and keys that don't go together.
 *
 * Thread:  start-up, once everything is read.
 * Never:   stops at the first mistake; complains twice of one.
 */
#ifndef SLUICE_CONFIG_CHECK_H
#define SLUICE_CONFIG_CHECK_H

#include "engine/config.h"
#include "engine/config_places.h"

void config_check(struct config *config, struct config_places *places);

#endif
