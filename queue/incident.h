/*
 * An incident: something that stops mail and blames no message, so that mail waits instead of
 * bouncing: what a server refuses to whom, since when, how often, in which words, what that
 * means, and what an administrator can do about it.
 *
 * It is one as long as it lasts, however often the refusal comes: what it is about (cause, scope,
 * route, mailbox, sender) is its key. One that names a sender is a refused pair, of a mailbox and a
 * sender that it may not send as; it says until when the pair is not tried again.
 *
 * Thread:  whoever holds it. A value.
 * Owns:    its texts, which are cut to their room.
 */
#ifndef SLUICE_INCIDENT_H
#define SLUICE_INCIDENT_H

#include "queue/base/bytes.h"
#include "queue/base/clock.h"
#include "queue/base/errors.h"
#include "queue/verdict_words.h"

#define INCIDENT_ROUTE_MAX   64  /* as the spool has it */
#define INCIDENT_WHO_MAX     320 /* an address: 64 bytes, @, 255 bytes */
#define INCIDENT_REPLY_MAX   500 /* Microsoft's longest begin with what counts */
#define INCIDENT_ADVICE_MAX  600
#define INCIDENT_COMMAND_MAX (512 + 2 * INCIDENT_WHO_MAX)
#define INCIDENT_RECORD_MAX  2560

struct incident {
	enum cause cause;
	enum scope scope;
	char route[INCIDENT_ROUTE_MAX + 1];
	char identity[INCIDENT_WHO_MAX + 1]; /* empty: all of the route */
	char sender[INCIDENT_WHO_MAX + 1];   /* of a refused pair; else empty */

	struct wall first;
	struct wall last;
	struct wall closed; /* ms 0: it is open */
	uint64_t count;     /* refusals */
	char reply[INCIDENT_REPLY_MAX + 1];
	char advice[INCIDENT_ADVICE_MAX + 1];
	struct wall until; /* of a pair: not tried before */
	uint32_t setbacks; /* of a pair: tries that failed */
};

static inline bool incident_is_open(const struct incident *incident)
{
	return incident->closed.ms == 0;
}

static inline bool incident_is_pair(const struct incident *incident)
{
	return incident->sender[0] != '\0';
}

/* Copies what fits, as a string. */
void incident_set(char *into, size_t size, struct view text);
/* About the same; ASCII case ignored. */
bool incident_is_same(const struct incident *a, const struct incident *b);
/* More of the same, told later: counted, in the words of `news`. */
void incident_add(struct incident *incident, const struct incident *news);
/* The name in "not allowed to send as NAME"; lends. Empty: the reply names none. */
struct view incident_refused_name(struct view reply);
/* The Exchange Online command that would end it. False: there is none, the advice must do. */
bool incident_put_command(const struct incident *incident, struct text *text);

/* The durable record. Gives the bytes written; `into` has INCIDENT_RECORD_MAX. */
size_t incident_encode(const struct incident *incident, struct span into);
MUST_CHECK struct err incident_decode(struct incident *incident, struct view record);

#endif
