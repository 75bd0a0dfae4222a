/*
 * Which route a message takes.
 *
 * The first route is everyone's. Mail with the null sender is the exception: Exchange Online
 * refuses it on client submission, High Volume Email and connectors matched by address, and
 * counts the refusal against the mailbox (reference.md, 1.4 and 4.5). It takes the first route
 * that can carry it; else the first whose `notices_from` can send it from a mailbox; else none.
 *
 * Thread:  any; pure.
 */
#ifndef SLUICE_ROUTING_H
#define SLUICE_ROUTING_H

#include "engine/config.h"
#include "queue/message.h"

struct routing {
	bool found;
	uint16_t route; /* index in config->routes */
	const char
	        *mailbox; /* notices_from, where that must stand in for the null sender; or NULL */
};

struct routing routing_pick(const struct config *config, const struct message *message);
/* For a report that is still to be written, to one recipient. */
struct routing routing_pick_report(const struct config *config, struct view recipient);
/* Whether the route, as it is configured today, can send the message at all: with the null sender
 * itself, or from notices_from in its place. */
bool routing_suits(const struct config *config, uint16_t route, const struct message *message);
/* Whether the route takes mail with the null sender to recipients of which `all_internal` says
 * whether each is in one of config->accepted_domains. */
bool routing_carries_null_sender(const struct config_route *route, bool all_internal);
/* What a session on the route writes for the null sender: itself (empty), or notices_from. */
struct view routing_null_sender(const struct config_route *route);

#endif
