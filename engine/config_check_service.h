/*
 * Settings that Exchange Online, as documented, does not go along with: a sign-in or a port that
 * it does not offer, limits above its own. Each is a note, since the service may change; and only
 * of routes that lead to its hosts, since of others nothing is known.
 *
 * Thread:  start-up, once routes and identities are whole.
 * Source:  reference.md, 1.1, 1.2 and 3.1.
 */
#ifndef SLUICE_CONFIG_CHECK_SERVICE_H
#define SLUICE_CONFIG_CHECK_SERVICE_H

#include "engine/config.h"
#include "engine/config_places.h"

void config_check_service(
        const struct config_route *route, size_t index, struct config_places *places);

#endif
