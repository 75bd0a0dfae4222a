/*
 * A quota is a limit wider than one shard: so many (a tenant's external recipients) within any
 * period, whoever spends them. Its owner lends portions of it and hears later what became of them.
 *
 * What is lent counts until then as if it were spent this very moment; what was spent counts from
 * when that is told, so it is forgotten late, never early. So portions and what was spent never
 * sum to more than the limit in any half-open window of its length, however the two race.
 * Ordinary mail stops a little below the limit, so that urgent mail finds room.
 *
 * A quota without a period is a cap: what is lent counts while it is, and comes back.
 *
 * Where the server says that it is used up, others have spent of it: it is shut for a while that
 * doubles, then lends one to find out, and for a period stays near what was spent at the time.
 * Where that was said by a report, long after the server took the mail, one that was spent proves
 * nothing until its own report has had time to come.
 *
 * A quota with a period and no count is a rate that nobody has stated. It is free, and only counts
 * what is sent, until the server refuses for its sake: then it is learned (queue/rate.h), and
 * free again once it has not been used up for long.
 *
 * It holds over a crash: nothing is lent beyond an allowance that is on disk, in a record that
 * says what counts and how much may be spent on top. After an unclean stop all of that counts as
 * spent, at the moment of the restart. The owner writes the record (quota_encode), and says when
 * it is on stable storage (quota_kept).
 *
 * Thread:  its owner's.
 * Owns:    nothing; of a fixed size.
 * Never:   reads a clock, allocates.
 * Source:  CONTRACT.md, Windows; reference.md, 3.2.
 */
#ifndef SLUICE_QUOTA_H
#define SLUICE_QUOTA_H

#include "queue/base/clock.h"
#include "queue/base/errors.h"
#include "queue/rate.h"
#include "queue/window_record.h"

#define QUOTA_RECORD_MAX (96 + WINDOW_RECORD_MAX)
#define QUOTA_COUNT_MAX  1000000000 /* a slot of the window holds it */
#define QUOTA_NONE       UINT64_MAX

/* A learned limit that is used up grows by a part after a while, to find the real one again. */
#define QUOTA_GROW_OF      20
#define QUOTA_GROW_NS      (900 * NS_PER_S)
#define QUOTA_SHUT_MOST_NS (3600 * NS_PER_S) /* throttling.md, 4.2: a probe every 15 to 60 min */
/* A report comes within that, mostly. Exchange Online makes it when it gives up, which is at once
 * where a limit refuses (reference.md, 6.4). */
#define QUOTA_REPORT_NS (120 * NS_PER_S)

struct quota_settings {
	uint64_t count;    /* 1 .. QUOTA_COUNT_MAX; or QUOTA_NONE: not known */
	int64_t period_ns; /* 0: a cap */
	double guard;      /* the window is so much longer; 0.01 */
	double stop;       /* ordinary mail uses so much of it; 0.98 */
};

struct quota {
	struct quota_settings settings;
	struct window window; /* what was spent, as far as told */
	uint64_t lent;        /* of which nothing was told yet */
	uint64_t left;        /* may be lent under the record on disk */
	uint64_t left_next;   /* and under the one that is being written */
	uint64_t wanted;      /* the most that was asked for and not allowed for */
	bool keeping;         /* a record is being written */
	bool last;            /* it is the last */
	bool open;            /* the record on disk allows something */
	bool changed;         /* what was learned is not on disk yet */
	/* What the server said. */
	uint32_t setbacks; /* in a row; 0: nothing is to be found out */
	bool late;         /* the last one by a report */
	bool doubted;      /* one was spent since: a report of that may be on its way */
	struct mono shut_at;
	struct mono shut_until;
	uint64_t learned; /* no more than that may count, until learned_until; or QUOTA_NONE */
	struct mono learned_until;
	struct mono grow_at;
	struct rate rate; /* of one that nobody stated */
};

enum quota_answer {
	QUOTA_LENT,
	QUOTA_SHORT,  /* the limit has no room */
	QUOTA_RECORD, /* the allowance has to be on disk first */
};

void quota_init(struct quota *quota, const struct quota_settings *settings);

/* Gives up to `most`, and of what is needed all, or what the limit has left; *lent. */
enum quota_answer quota_lend(struct quota *quota, struct mono now, bool urgent, uint64_t needed,
        uint64_t most, uint64_t *lent);
/* When `count` may be lent, if all that is lent is spent; MONO_NEVER: when something comes back. */
struct mono quota_when(struct quota *quota, struct mono now, bool urgent, uint64_t count);
/* So many of those lent were spent, before now. */
void quota_spend(struct quota *quota, struct mono now, uint64_t count);
/* So many of those lent come back unused. */
void quota_give_back(struct quota *quota, uint64_t count);
/* What counts now: spent, and lent. */
uint64_t quota_used(struct quota *quota, struct mono now);
/* As much as such mail may use. */
uint64_t quota_stop(const struct quota *quota, bool urgent);
/* Of what began then the server says that it is used up; `late`: by a report. True: that is news,
 * and it is shut for wait_ns or longer. */
bool quota_exhaust(
        struct quota *quota, struct mono now, struct mono began, int64_t wait_ns, bool late);
/* Of a rate that nobody stated: so many were sent while it was free. */
void quota_count(struct quota *quota, struct mono now, uint64_t count);
/* The server refuses for the rate's sake. True: it is learned, or lower than before. */
bool quota_cut(struct quota *quota, struct mono now);
/* Nothing has to be found out: without a limit of its own it need not be asked. */
bool quota_is_free(const struct quota *quota);
/* An operator said retry: what the server said is forgotten. True: it had said something. */
bool quota_resume(struct quota *quota);
static inline bool quota_is_cap(const struct quota *quota)
{
	return quota->settings.period_ns == 0;
}

/* The record on disk. */

/* The allowance is short, and no record is being written. */
bool quota_wants_record(struct quota *quota, struct mono now);
/* What counts, and an allowance on top; `last`: none, nothing is lent any more. Gives the bytes
 * written; `into` has QUOTA_RECORD_MAX. quota_kept() is to follow. */
size_t quota_encode(
        struct quota *quota, struct mono now, struct wall wall, bool last, struct span into);
/* It is on stable storage; or it is not (`failed`), and is to be tried again. */
void quota_kept(struct quota *quota, bool failed);
/* Nothing is lent, and the record on disk says so; or there is none of this run. */
bool quota_is_closed(const struct quota *quota);
/* Right after quota_init(). What the record allowed counts as spent now. ERR_FORMAT: it is
 * damaged; then the whole limit counts as spent now. */
MUST_CHECK struct err quota_decode(
        struct quota *quota, struct mono now, struct wall wall, struct view record);

#endif
