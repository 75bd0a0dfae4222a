/*
 * Numbers the accounts of a configuration: an identity that stands on several routes is one
 * account, with one set of limits.
 *
 * Thread:  start-up.
 */
#ifndef SLUICE_CONFIG_ACCOUNTS_H
#define SLUICE_CONFIG_ACCOUNTS_H

#include "engine/config.h"

/* Fills in each route's `accounts`, and config->account_count. Names are compared without the case
 * of ASCII letters; an identity without one is an account of its own. */
void config_accounts_number(struct config *config);

#endif
