/*
 * The portions of tenants' quotas that a shard has: it asks the spooler for more when its mail
 * needs more, tells it now and then what was spent, and gives back what nobody takes.
 *
 * Thread:  the delivery shard's; portions_init() and _finish(): start-up and its undoing.
 * Owns:    its entries and sheets. A sheet is the spooler's while `asking`.
 * Never:   allocates after init; spends more than it was lent.
 */
#ifndef SLUICE_PORTIONS_H
#define SLUICE_PORTIONS_H

#include "engine/portion_sheet.h"
#include "engine/shard.h"

/* What was spent is told after a part of the limit's period, within these bounds: it counts from
 * when that is told, so that waiting wastes as much of the limit. */
#define PORTIONS_TELL_OF       256
#define PORTIONS_TELL_LEAST_NS (10 * NS_PER_MS)
#define PORTIONS_TELL_MOST_NS  (1 * NS_PER_S)
/* More than a message needs is asked for, in parts of the limit that are nothing to lose. */
#define PORTIONS_AHEAD_OF   512
#define PORTIONS_AHEAD_MOST 1024
/* What is put off comes back at least so often: the limit may be free sooner than was thought. */
#define PORTIONS_PUT_OFF_MOST_NS (3600 * NS_PER_S)

struct portions_entry {
	struct portion portion;
	const struct config_tenant *tenant;
	struct portion_sheet sheet;
	bool asking;         /* it is under way */
	struct mono turn;    /* of the next one that is put off */
	struct mono tell_at; /* MONO_NEVER: there is nothing to tell */
	struct list waiting; /* for whoever waits for more; the one above's */
};

struct portions {
	struct shard *shard;
	struct portions_entry *entries; /* of those tenants that have a quota */
	uint32_t count;
	struct timer timer;
};

MUST_CHECK struct err portions_init(struct portions *portions, struct shard *shard);
/* Every sheet is back, or never will be. */
void portions_finish(struct portions *portions);
/* What the route's mail counts in; NULL: nothing. */
struct portions_entry *portions_of(struct portions *portions, const struct config_route *route);
/* Asks and tells. Once a turn. */
void portions_work(struct portions *portions);
/* The sheet is back. Gives the entry, whose waiting may go on. */
struct portions_entry *portions_told(struct portions *portions, struct portion_sheet *sheet);
/* So many recipients of the message count: what its ticket took beyond them is free again. */
void portions_end(struct portions_entry *entry, struct mono now, struct portion_ticket *ticket,
        uint32_t counted);
/* Mail to `count` recipients is put off, since the quota is short: gives until when. One after the
 * other, as the limit frees, so that not all of it comes back at once to find no room. */
struct mono portions_put_off(
        struct portions *portions, struct portions_entry *entry, bool urgent, uint32_t count);
/* An operator said retry. */
void portions_resume(struct portions *portions);
/* Nothing is under way any more: all goes back. True: it has. */
bool portions_close(struct portions *portions);

#endif
