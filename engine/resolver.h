/*
 * The resolver turns host names into addresses, with libunbound, in a thread of its own.
 *
 * Names in the hosts file come first. Then both families are asked for, and the answers are put
 * in the order in which to try them: alternating, IPv6 first. How long they stand is the shorter
 * TTL. libunbound keeps a bounded cache of its own; who asks keeps the answer for its TTL.
 *
 * Signed answers are validated and say so; a forged or badly signed one is still given (secure is
 * false then), since what protects a session is the server's certificate, and many company
 * resolvers can't carry DNSSEC at all.
 *
 * Thread:  a helper's (engine/helper.h). A literal address needs no ask: resolver_literal().
 * Owns:    the library's context.
 * Fails:   by the ask: count 0 and why.
 */
#ifndef SLUICE_RESOLVER_H
#define SLUICE_RESOLVER_H

#include "engine/config.h"
#include "engine/helper.h"

#define RESOLVER_ADDRESSES_MAX 16
#define RESOLVER_HOST_MAX      255
#define RESOLVER_ASKS_MAX      4096 /* in flight, of all shards */

struct ub_ctx;

struct resolver {
	struct helper helper;
	struct ub_ctx *library;
	struct timer timer; /* while lookups are under way */
	size_t lookups;     /* of both families */
};

struct resolver_ask {
	struct helper_ask ask;
	const char *host;
	uint16_t port;
	/* the answer */
	struct endpoint addresses[RESOLVER_ADDRESSES_MAX];
	uint32_t count;
	uint32_t ttl_s;
	bool secure;   /* every answer was signed, and the signature is good */
	char why[128]; /* count is 0: "no such name" */
	/* the resolver's own */
	struct resolver *resolver;
	struct endpoint found[2][RESOLVER_ADDRESSES_MAX];
	uint32_t found_count[2];
	uint8_t pending;
};

/* `why` names the file or setting that is wrong. */
MUST_CHECK struct err resolver_init(struct resolver *resolver, const struct config_dns *config,
        struct depot *depot, struct text *why);
void resolver_finish(struct resolver *resolver);
/* One turn of its thread. */
void resolver_turn(struct helper *helper);
/* True: the host is a literal address, and the ask is answered. */
bool resolver_literal(struct resolver_ask *ask);

#endif
