/*
 * The incidents that a shard knows: what its lanes are refused for reasons that lie in no message,
 * and which senders its mailboxes may not send as.
 *
 * The spooler has the book of all shards (queue/incident_book.h), and keeps it. It is told by
 * letter, of each incident once a second at most, so that a storm of refusals is no storm of
 * letters. A shard begins with those that were open when the last process ended.
 *
 * A refused pair (a mailbox, and the sender or From that it may not send as) is passed over for an
 * hour, then one message tries it; each refusal doubles that, up to a day.
 *
 * Thread:  the delivery shard's; incidents_init(), _read() and _finish(): start-up and its undoing.
 * Owns:    its entries and sheets.
 * Never:   allocates after init. Knows more than INCIDENTS_MAX: what finds no place is logged as
 *          any refusal is, and no more.
 */
#ifndef SLUICE_INCIDENTS_H
#define SLUICE_INCIDENTS_H

#include "engine/incident_sheet.h"
#include "engine/incidents_names.h"
#include "engine/judge_case.h"
#include "engine/shard.h"
#include "queue/base/pool.h"
#include "queue/incident_book.h"
#include "queue/lane.h"
#include "queue/spool.h"

#define INCIDENTS_TELL_NS       NS_PER_S
#define INCIDENTS_PAIR_FIRST_NS (3600 * NS_PER_S) /* a grant takes up to an hour to work */
#define INCIDENTS_PAIR_MOST_NS  (86400 * NS_PER_S)
#define INCIDENTS_PROBE_NS      (60 * NS_PER_S) /* a try without an answer: when the next may be */
#define INCIDENTS_BACKOFF_S     300 /* a back-off as long as this is worth an incident */
/* One of some mail only, which nobody sends any more, is over when other mail flows. */
#define INCIDENTS_OLD_MS (86400 * INT64_C(1000))

struct incidents_entry {
	struct incident incident; /* count: not told yet */
	struct link link;         /* of the known */
	uint16_t route;
	uint16_t identity;
	struct mono told;  /* when, last; MONO_NEVER: not yet */
	struct mono until; /* of a pair */
	bool trying;       /* of a pair: a message has been let through */
	bool over;
};

struct incidents {
	struct shard *shard;
	struct pool entries;
	struct list known;
	struct pool sheets;
	size_t pairs;       /* of the known */
	size_t wanting;     /* of the known: have something to tell */
	struct timer timer; /* the next one may be told */
};

MUST_CHECK struct err incidents_init(struct incidents *incidents, struct shard *shard);
void incidents_finish(struct incidents *incidents);
/* Those of the spool that are open; before the spooler runs. */
void incidents_read(struct incidents *incidents, struct spool *spool);

/* The lane is held for what was said, or all of its route are (`route`). */
void incidents_raise(
        struct incidents *incidents, const struct lane *lane, struct judge_case *it, bool route);
/* The lane's mailbox may not send as `name`. */
void incidents_refuse(struct incidents *incidents, const struct lane *lane, struct judge_case *it,
        struct view name);
/* The message was taken, which began in the lane's `epoch`: what stood in its way is over.
 * `sender` here and below: the envelope's, as it is sent. */
void incidents_taken(struct incidents *incidents, const struct lane *lane, uint32_t epoch,
        const struct message *message, struct view sender);

/* What stood in the way of the whole route, and lay in tenant or source address, is over. */
void incidents_opened(struct incidents *incidents, uint16_t route);

/* How long the lane's mailbox is to pass over the message; 0: it may send it. */
int64_t incidents_bar_ns(const struct incidents *incidents, const struct lane *lane,
        const struct message *message, struct view sender);
/* What the server said of it. Lends. Empty: nothing is known. */
struct view incidents_words(const struct incidents *incidents, const struct lane *lane,
        const struct message *message, struct view sender);
/* The message starts on the lane: others of a refused pair wait for what becomes of it. */
void incidents_try(struct incidents *incidents, const struct lane *lane,
        const struct message *message, struct view sender);
/* An operator said retry: refused pairs may be tried. */
void incidents_resume(struct incidents *incidents);

/* Tells the spooler what there is to tell. Once a turn. */
void incidents_work(struct incidents *incidents);
/* A sheet was read. Takes sheet. */
void incidents_told(struct incidents *incidents, struct incident_sheet *sheet);

#endif
