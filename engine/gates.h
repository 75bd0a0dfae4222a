/*
 * The gates as a shard knows them: what is closed for a tenant, for our address or for a recipient,
 * on whichever shard that was heard, and whether this one may let a message through to find out.
 *
 * The spooler decides (queue/gate.h). A shard that is refused closes at once, tells, and goes by
 * what comes back. When the time is up it asks; one shard gets leave for one message.
 *
 * Thread:  the delivery shard's; gates_init() and _finish(): start-up and its undoing.
 * Owns:    its entries and sheets. A sheet is the spooler's while `telling`.
 * Never:   allocates after init.
 */
#ifndef SLUICE_GATES_H
#define SLUICE_GATES_H

#include "engine/gate_plan.h"
#include "engine/gate_sheet.h"
#include "engine/shard.h"

/* Leave that nobody uses for so long goes to another shard. */
#define GATES_IDLE_NS (10 * NS_PER_S)
/* Mail for a recipient who gets no more comes back one after the other: 3,600 an hour is what a
 * mailbox may get (reference.md, 6.1), which others send to, too. */
#define GATES_APART_NS (500 * NS_PER_MS)
#define GATES_NONE     UINT32_MAX

struct gates_entry {
	struct gate gate;    /* as far as known */
	bool mine;           /* we may let one through */
	bool used;           /* it is under way */
	bool asked;          /* for that, in this epoch */
	struct mono lent_at; /* mine: since when */
	struct gate_sheet sheet;
	bool telling;
	struct gate_sheet next; /* what there is to tell */
	bool wanting;           /* there is */
	/* of a recipient's */
	uint64_t hash;
	char recipient[GATE_RECIPIENT_BYTES];
	struct mono turn; /* of the next message that is put off */
	struct link link; /* busy */
};

/* A tenant's and our address's: no route has more. */
#define GATES_OF_ROUTE 2

struct gates_route {
	struct gates_entry *entries[GATES_OF_ROUTE]; /* NULL: none, nor behind it */
};

struct gates {
	struct shard *shard;
	struct gates_entry *entries; /* by the plan */
	uint32_t count;
	uint32_t own; /* the first of our recipients' */
	struct gates_route *routes;
	uint32_t closed;  /* of them; 0: nothing need be asked */
	uint32_t shut;    /* of these, recipients' */
	struct list busy; /* with something to tell, or leave that may go unused: few of many */
	struct timer timer;
};

/* What was said, but for its words. */
struct gates_refusal {
	uint32_t epoch; /* gates_epoch() when it began */
	int64_t wait_ns;
	bool elsewhere; /* another route may do */
	bool late;      /* it was heard by a report, and `began` counts instead of the epoch */
	struct mono began;
};

enum gates_way {
	GATES_OPEN,
	GATES_PROBE, /* one message may try */
	GATES_CLOSED,
};

MUST_CHECK struct err gates_init(struct gates *gates, struct shard *shard);
void gates_finish(struct gates *gates);
/* Whether a message may start on the route; what is up for a try is asked for. CLOSED: until then,
 * or until news come (MONO_NEVER). */
enum gates_way gates_look(struct gates *gates, uint16_t route, struct mono *until);
/* It starts: which gates it tries, as bits. */
uint64_t gates_try(struct gates *gates, uint16_t route);
/* It is over. */
void gates_end(struct gates *gates, uint16_t route, uint64_t tries, bool taken);
/* What a message that starts on the route says something about: changes as gates close. */
uint32_t gates_epoch(const struct gates *gates, uint16_t route);
/* A message was taken that tries these. True: of one of them a report may still say otherwise. */
bool gates_doubt(const struct gates *gates, uint16_t route, uint64_t tries);
/* It was refused for the gate's sake. True: it is closed by that, until gate.until at least. */
bool gates_refuse(struct gates *gates, uint32_t gate, uint16_t route,
        const struct gates_refusal *refusal, const struct reply_note *note);
/* Recipients. */

/* Whether the address may be asked for; if not OPEN: *gate. What is up for a try is asked for. */
enum gates_way gates_look_recipient(struct gates *gates, struct view address, uint32_t *gate);
static inline bool gates_any_recipient(const struct gates *gates)
{
	return gates->shut > 0;
}
/* A message with the address starts, and tries the gate; it is over. */
void gates_try_recipient(struct gates *gates, uint32_t gate);
void gates_end_recipient(struct gates *gates, uint32_t gate, bool taken);
/* The address was refused for its own sake. */
void gates_refuse_recipient(
        struct gates *gates, struct view address, int64_t wait_ns, const struct reply_note *note);
/* Mail for the recipient is put off: gives until when. */
struct mono gates_put_off(struct gates *gates, uint32_t gate);

/* LETTER_GATE_NEWS. True: it was closed, and is open now. */
bool gates_hear(struct gates *gates, const struct gate_news *news);
/* LETTER_GATE: it was read. */
void gates_told(struct gates *gates, const struct gate_sheet *sheet);
/* Tells what there is to tell. Once a turn. */
void gates_work(struct gates *gates);

#endif
