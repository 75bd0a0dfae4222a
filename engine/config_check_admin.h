/*
 * What `admin` may say: a place of its own, that only this machine reaches, or a token.
 *
 * Thread:  start-up, once everything is read.
 * Never:   stops at the first mistake; reads the token.
 */
#ifndef SLUICE_CONFIG_CHECK_ADMIN_H
#define SLUICE_CONFIG_CHECK_ADMIN_H

#include "engine/config.h"
#include "engine/config_places.h"

void config_check_admin(const struct config *config, struct config_places *places);

#endif
