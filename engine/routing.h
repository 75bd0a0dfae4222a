/*
 * Which route a recipient's mail takes.
 *
 * The first rule that matches decides, and of its routes the first that can carry the mail; where
 * none matches, the first of all routes that can. `direct` carries mail to the tenant's own domains
 * alone, and so does `hve` where accepted_domains tells which those are: the service would refuse
 * the rest (5.7.54).
 *
 * Mail with the null sender is harder: Exchange Online refuses it on client submission, High
 * Volume Email and connectors matched by address, and counts the refusal against the mailbox
 * (reference.md, 1.4 and 4.5). It takes the first route that can carry it; else the first whose
 * `notices_from` can send it from a mailbox; else none, and is kept for the operator.
 *
 * Thread:  any; pure.
 */
#ifndef SLUICE_ROUTING_H
#define SLUICE_ROUTING_H

#include "engine/config.h"
#include "engine/rulebook.h"
#include "queue/job.h"

#define ROUTING_NO_RULE UINT16_MAX

/* name, what is true */
#define ROUTING_FATES(X)                                                                           \
	X(TAKEN, "a route takes it")                                                               \
	X(OPEN, "a route may take it; which one hangs on the header, which isn't there yet")       \
	X(KEPT, "it has the null sender, and no route of its can carry that")                      \
	X(NOWHERE, "no route of its takes mail to this recipient")

enum routing_fate {
#define X(name, text) ROUTING_##name,
	ROUTING_FATES(X)
#undef X
};

struct routing {
	enum routing_fate fate;
	uint16_t route; /* TAKEN: its index in config->routes; else 0 */
	uint16_t rule;  /* the one that decided; ROUTING_NO_RULE: none matched */
	const char
	        *mailbox; /* notices_from, where that must stand in for the null sender; or NULL */
};

/* For one recipient of the mail. */
struct routing routing_decide(
        const struct config *config, const struct rulebook_mail *mail, struct view recipient);
/* For a report that is still to be written, to one recipient. */
struct routing routing_pick_report(const struct config *config, struct view recipient);
/* Whether the route, as it is configured today, can carry mail from this sender to the recipient:
 * with the null sender itself, or from notices_from in its place. */
bool routing_carries(
        const struct config *config, uint16_t route, struct view sender, struct view recipient);
/* Whether it can carry all that the job still owes. */
bool routing_suits(const struct config *config, uint16_t route, const struct job *job);
/* Whether the route takes mail to recipients of which `internal` says whether they are ours. */
bool routing_takes(const struct config *config, const struct config_route *route, bool internal);
/* Whether an address is none of ours. */
bool routing_is_external(const struct config *config, struct view address);
/* Whether an address is in a domain below onmicrosoft.com: every tenant has one to begin with. */
bool routing_is_onmicrosoft(struct view address);
/* The job's recipients that nothing is decided of yet. */
struct routing_tally {
	uint32_t internal;
	uint32_t external;
};
struct routing_tally routing_tally(const struct config *config, const struct job *job);
/* The route that takes over where this one is out. False: none. */
bool routing_fallback(const struct config *config, uint16_t route, uint16_t *fallback);
/* Who stands as the author of a message that leaves that open (queue/message.h), on a session that
 * this identity signed in (NULL: none did): the identity, where its name is an address, or else
 * notices_from; empty: whoever the message says. */
struct view routing_author(
        const struct config_route *route, const struct config_identity *identity);
/* In whose name it sends a message: MAIL's sender there; empty: the null sender. */
struct view routing_sender(const struct config_route *route, const struct config_identity *identity,
        const struct message *message);
/* What a session on the route writes for the null sender: itself (empty), or notices_from. */
struct view routing_null_sender(const struct config_route *route);

#endif
