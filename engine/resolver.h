/*
 * The resolver turns a route's name into hosts and their addresses, with libunbound, in a thread
 * of its own: engine/lookup.h says what is asked and what it means.
 *
 * Names in the hosts file come first, and are never signed. libunbound keeps a bounded cache of
 * its own; who asks keeps the answer for its TTL. With a trust anchor what is signed is validated
 * here, whatever the configured servers say that they did.
 *
 * Thread:  a helper's (engine/helper.h). A literal address needs no ask: resolver_literal().
 * Owns:    the library's context.
 * Fails:   by the ask: no address, and why. Each is answered within RESOLVER_PATIENCE_NS.
 */
#ifndef SLUICE_RESOLVER_H
#define SLUICE_RESOLVER_H

#include "engine/helper.h"
#include "engine/lookup.h"
#include "queue/base/list.h"

/* Name servers that don't answer are asked again by the library; beyond this, a route waits less
 * by being told so, and asking anew. */
#define RESOLVER_PATIENCE_NS (20 * NS_PER_S)

struct ub_ctx;
struct resolver_ask;

struct resolver {
	struct helper helper;
	struct ub_ctx *library;
	struct timer timer; /* while lookups are under way */
	struct list asks;   /* those under way */
};

/* What the library is asked for an ask; lent to it until it answers or is told to forget. */
struct resolver_question {
	struct resolver_ask *ask;
	int library_id;
};

struct resolver_ask {
	struct helper_ask ask;
	struct lookup lookup; /* the question, and the answer */
	/* the resolver's own */
	struct mono until;
	struct resolver_question questions[LOOKUP_QUESTIONS];
};

/* `why` names the file or setting that is wrong. */
MUST_CHECK struct err resolver_init(struct resolver *resolver, const struct config_dns *config,
        struct depot *depot, struct text *why);
void resolver_finish(struct resolver *resolver);
/* Starts its threads, the library's too: not before what threads are to be without is given up. */
MUST_CHECK struct err resolver_start(struct resolver *resolver);
/* One turn of its thread. */
void resolver_turn(struct helper *helper);
/* True: the name is a literal address, and the lookup is answered. */
bool resolver_literal(struct lookup *lookup);

#endif
