/*
 * What entries of `rehearsal` may say: one of `to` and `only`, streams and listeners that there
 * are, and nothing that is known only after the recipients before an entry with `to`.
 *
 * Thread:  start-up, once everything is read.
 * Never:   stops at the first mistake.
 */
#ifndef SLUICE_CONFIG_CHECK_REHEARSAL_H
#define SLUICE_CONFIG_CHECK_REHEARSAL_H

#include "engine/config.h"
#include "engine/config_places.h"

/* Makes config->rehearsalbook too, unless something is wrong. */
void config_check_rehearsal(struct config *config, struct config_places *places);

#endif
