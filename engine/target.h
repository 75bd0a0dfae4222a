/*
 * A target is where the sessions of a route lead: its settings, its hosts as they are known now,
 * and which of their addresses have let us down.
 *
 * The next session goes to the best preference that has an address which is not avoided, and
 * there to each address by turns. An address that failed is avoided for TARGET_AVOID_NS; then one
 * session tries it, and it is avoided again until that one has been of use. So one bad address
 * costs one session now and then, and preference is respected as soon as it can be.
 *
 * Thread:  the delivery shard's.
 * Owns:    nothing; it is part of its route.
 * Never:   gives no address: where all are avoided, it is the one whose time is up first.
 */
#ifndef SLUICE_TARGET_H
#define SLUICE_TARGET_H

#include "engine/config.h"
#include "engine/hosts.h"
#include "engine/io/tls.h"
#include "queue/base/clock.h"

/* Microsoft names no time; what it asks for is another address, soon. Front ends that are taken out
 * of service come back, or leave DNS, within a TTL of half a minute to five. */
#define TARGET_AVOID_NS (30 * NS_PER_S)
/* Addresses that one session tries before the judge hears of it. RFC 5321 5.1 asks for two. */
#define TARGET_TRIES_MAX 5

struct target_address {
	struct mono avoided_until;
	bool suspect; /* it failed, and nothing has succeeded there since */
};

struct target {
	const struct config_route *route;
	const char *name;        /* ours, in EHLO */
	struct tls_context *tls; /* NULL: the route has none */
	struct hosts hosts;
	struct target_address addresses[HOSTS_ADDRESSES_MAX]; /* of hosts.addresses, one each */
	uint32_t turn;                                        /* of equal ones, who is next */
};

/* New hosts, with at least one address; what is known of an address stays known. */
void target_set(struct target *target, const struct hosts *hosts, struct random *random);
/* There is none any more. */
void target_clear(struct target *target);
bool target_is_known(const struct target *target);

/* Where the next session goes. Lends, until target_set(). */
const struct host_address *target_pick(struct target *target, struct mono now);
/* Whether there is an address that nobody has tried since then: where all are avoided, a session
 * still tries each of them. */
bool target_has_other(const struct target *target, struct mono since);
/* The address was of no use; it took a message, where a greeting proves nothing. One that is not
 * known any more is of no interest. */
void target_blame(struct target *target, const struct endpoint *endpoint, struct mono now);
void target_trust(struct target *target, const struct endpoint *endpoint);

/* Whom TLS with this host is to find: by its name, or by its records, which `records` then has. */
struct tls_peer target_peer(const struct config_route *route, const struct hosts *hosts,
        const struct host *host, struct view records[HOSTS_TLSA_MAX]);
/* TLS with this host is mandatory: the route says so, or its signed TLSA records do. */
bool target_requires_tls(const struct target *target, const struct host *host);

#endif
