/*
 * Which mailboxes of a route may send in a sender's name.
 *
 * A mailbox sends in its own name, and in those that its `senders` list: addresses, domains
 * (@contoso.com), or any (*). What no list binds, every mailbox without a list sends; where all
 * have one, all of them do. The narrowest binding counts: an address before a domain.
 *
 * Thread:  made at start; constant afterwards, any thread reads it.
 * Owns:    its table. Lends the configuration's texts.
 */
#ifndef SLUICE_SENDERS_H
#define SLUICE_SENDERS_H

#include "engine/config.h"
#include "queue/base/errors.h"
#include "queue/message.h"

#define SENDERS_ANY UINT32_MAX /* no binding: the route's mailboxes for any */

struct senders;

MUST_CHECK struct err senders_create(struct senders **result, const struct config *config);
/* NULL is fine. */
void senders_destroy(struct senders *senders);

/* Bindings are numbered from 0, over all routes. */
uint32_t senders_count(const struct senders *senders);
/* The binding of a message's sender on the route, or of notices_from where that stands in for the
 * null sender; SENDERS_ANY: none, or its author is open, so that any mailbox without a list will
 * do. */
uint32_t senders_bind(const struct senders *senders, const struct config *config, uint16_t route,
        const struct message *message);
/* The binding of this sender on the route; SENDERS_ANY: none. */
uint32_t senders_find(const struct senders *senders, uint16_t route, struct view sender);
/* The identities (indices on its route) that a binding names, in their order. */
const uint16_t *senders_identities(
        const struct senders *senders, uint32_t binding, uint32_t *count);
/* The route that a binding is of. */
uint16_t senders_route(const struct senders *senders, uint32_t binding);
/* Whether the identity takes what no binding names. */
bool senders_takes_any(const struct config_route *route, uint32_t identity);

#endif
