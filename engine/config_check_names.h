/*
 * What entries of `names` may say: an address where the policy needs one and nowhere else, a map
 * that names each sender once, nothing that is never reached.
 *
 * Thread:  start-up, once everything is read.
 * Never:   stops at the first mistake.
 */
#ifndef SLUICE_CONFIG_CHECK_NAMES_H
#define SLUICE_CONFIG_CHECK_NAMES_H

#include "engine/config.h"
#include "engine/config_places.h"

/* Makes config->naming_book too, unless something is wrong. */
void config_check_names(struct config *config, struct config_places *places);

#endif
