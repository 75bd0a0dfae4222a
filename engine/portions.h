/*
 * The portions that a shard has of limits wider than a mailbox's (engine/quota_plan.h): it asks the
 * spooler for more when its mail needs more, tells it now and then what was spent, and gives back
 * what nobody takes. Of a cap it keeps no more than its fair part while others may want some.
 *
 * Thread:  the delivery shard's; portions_init() and _finish(): start-up and its undoing.
 * Owns:    its entries and sheets. A sheet is the spooler's while `asking`.
 * Never:   allocates after init; spends more than it was lent.
 */
#ifndef SLUICE_PORTIONS_H
#define SLUICE_PORTIONS_H

#include "engine/portion_sheet.h"
#include "engine/quota_plan.h"
#include "engine/shard.h"

/* What was spent is told after a part of the limit's period, within these bounds: it counts from
 * when that is told, so that waiting wastes as much of the limit. */
#define PORTIONS_TELL_OF       256
#define PORTIONS_TELL_LEAST_NS (10 * NS_PER_MS)
#define PORTIONS_TELL_MOST_NS  (1 * NS_PER_S)
/* A place under a cap that another shard waits for is given up within that; and where there is none
 * it is asked for again. */
#define PORTIONS_TELL_CAP_NS (100 * NS_PER_MS)
/* More than a message needs is asked for, in parts of the limit that are nothing to lose. */
#define PORTIONS_AHEAD_OF   512
#define PORTIONS_AHEAD_MOST 1024
/* What is put off comes back at least so often: the limit may be free sooner than was thought. */
#define PORTIONS_PUT_OFF_MOST_NS (3600 * NS_PER_S)
/* Nor all at once where it is not known how soon the limit frees. */
#define PORTIONS_UNKNOWN_APART_NS (10 * NS_PER_MS)

struct portions_entry {
	struct portion portion;
	const struct quota_row *row;
	struct portion_sheet sheet;
	bool asking;    /* it is under way */
	bool free;      /* it has no limit: nothing is asked for */
	bool exhausted; /* to be told, in these words: */
	bool late;
	struct mono began;
	int64_t wait_ns;
	struct mono turn;    /* of the next one that is put off */
	struct mono ask_at;  /* not before that */
	struct mono tell_at; /* MONO_NEVER: there is nothing to tell */
	struct list waiting; /* for whoever waits for more; the one above's */
	struct link link;    /* busy */
};

/* What a route's mail counts in. */
struct portions_route {
	struct portions_entry *entries[QUOTA_PLAN_OF_ROUTE];
	uint32_t count;
};

/* What a message takes, all or none. */
struct portions_share {
	struct portions_entry *entry;
	struct portion_ticket ticket;
};

struct portions_shares {
	struct portions_share at[QUOTA_PLAN_OF_ROUTE];
	uint32_t count;
};

struct portions {
	struct shard *shard;
	struct portions_entry *entries; /* by the plan */
	uint32_t count;
	struct list
	        busy; /* entries that have something to ask or tell, now or later: few of many */
	struct portions_route *routes;
	struct timer timer;
};

MUST_CHECK struct err portions_init(struct portions *portions, struct shard *shard);
/* Every sheet is back, or never will be. */
void portions_finish(struct portions *portions);
/* What is in its pots. */
uint64_t portions_room(const struct portions_entry *entry);
/* portion_look(); what is ASKED for is asked. */
enum portion_reason portions_look(struct portions *portions, struct portions_entry *entry,
        bool urgent, uint32_t count, struct portion_ticket *ticket);
/* The message starts: it takes what the looks in the same breath gave. */
void portions_take(const struct portions_shares *shares);
/* Asks and tells. Once a turn. */
void portions_work(struct portions *portions);
/* The sheet is back. Gives the entry, whose waiting may go on. */
struct portions_entry *portions_told(struct portions *portions, struct portion_sheet *sheet);
/* So many of what the message took count: what it took beyond them is free again. */
void portions_end(struct portions *portions, struct portions_share *share, uint32_t counted);
/* The gate has closed: its rate may have been learned, and has to be asked for. */
void portions_heed(struct portions *portions, uint32_t gate);
/* Of what began then on the route the server says that the tenant's external recipients of `unit`
 * are used up; `late`: by a report. False: the route's mail counts in no such limit. */
bool portions_exhaust(struct portions *portions, uint16_t route, enum quota_unit unit,
        struct mono began, int64_t wait_ns, bool late);
/* Mail to `count` recipients is put off, since the quota is short: gives until when. One after the
 * other, as the limit frees, so that not all of it comes back at once to find no room. */
struct mono portions_put_off(
        struct portions *portions, struct portions_entry *entry, bool urgent, uint32_t count);
/* An operator said retry. */
void portions_resume(struct portions *portions);
/* Nothing is under way any more: all goes back. True: it has. */
bool portions_close(struct portions *portions);

#endif
