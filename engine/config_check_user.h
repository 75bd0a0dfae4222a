/*
 * Whether the account that the relay is to run as exists, and may read and write what it needs once
 * root's powers are gone.
 *
 * Thread:  start-up, once all else is checked. Part of config_check.
 * Never:   complains of a file that root itself can't read: that has been said.
 */
#ifndef SLUICE_CONFIG_CHECK_USER_H
#define SLUICE_CONFIG_CHECK_USER_H

#include "engine/config.h"
#include "engine/config_places.h"

void config_check_user(struct config *config, struct config_places *places);

#endif
