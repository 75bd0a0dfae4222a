/*
 * Where a route leads: a host that is named or the MX hosts of a domain, and what DNSSEC is to say
 * of them.
 *
 * Thread:  start-up, once everything is read.
 * Never:   resolves a name; complains twice of one mistake.
 */
#ifndef SLUICE_CONFIG_CHECK_HOST_H
#define SLUICE_CONFIG_CHECK_HOST_H

#include "engine/config.h"
#include "engine/config_places.h"

/* Where Debian's dns-root-data puts the key of the DNS root. */
#define CONFIG_PACKAGED_ANCHOR "/usr/share/dns/root.key"

/* The trust anchor stays NULL where there is none: nothing is validated then. */
void config_check_dns(struct config *config);
void config_check_host(const struct config *config, struct config_route *route, size_t index,
        struct config_places *places);
/* After the route's TLS mode is known. */
void config_check_dane(const struct config *config, struct config_route *route, size_t index,
        struct config_places *places);

#endif
