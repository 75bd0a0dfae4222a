/*
 * A throttle is what one mailbox may do: messages in flight, messages a period, recipients a
 * period. A message starts when all of them admit it, and then counts in all.
 *
 * A known limit (documented, configured) is never exceeded in any half-open window of its length,
 * by our clock and by as much of the server's as the guard covers. A learned one follows what the
 * server refuses (queue/learned.h) and lies at or below the known. Ordinary mail stops a little
 * below the limit and keeps a pace, so that urgent mail finds room at any time.
 *
 * Limits hold across a crash. What may be sent is allowed ahead, by a record on disk that says
 * what counts and how much may come on top: the allowance. After an unclean stop all of it counts
 * as sent, at the moment of the restart. Who owns the throttle writes the record
 * (throttle_encode), and says when it is on stable storage (throttle_kept).
 *
 * Thread:  its shard's own.
 * Owns:    nothing; of a fixed size.
 * Never:   reads a clock, allocates.
 * Source:  CONTRACT.md, Windows; reference.md, 3.1; throttling.md, part 4.
 */
#ifndef SLUICE_THROTTLE_H
#define SLUICE_THROTTLE_H

#include "queue/base/errors.h"
#include "queue/learned.h"
#include "queue/strikes.h"
#include "queue/window_record.h"

#define THROTTLE_NONE UINT64_MAX
/* A record: its head, and three windows. */
#define THROTTLE_RECORD_MAX (128 + STRIKES_RECORD_MAX + 3 * WINDOW_RECORD_MAX)

struct throttle_limit {
	uint64_t count; /* THROTTLE_NONE: any number */
	int64_t period_ns;
};

struct throttle_settings {
	uint64_t in_flight; /* messages at once; THROTTLE_NONE: any number */
	struct throttle_limit messages;
	struct throttle_limit recipients;
	double guard;  /* windows are so much longer than the limit's period; 0.01 */
	double stop;   /* ordinary mail uses so much of a limit; 0.98 */
	bool learn_up; /* messages a period may be learned beyond the known limit */
};

/* What a message counts in. */
struct throttle_ticket {
	bool open;
	bool written; /* its MAIL */
	bool urgent;
	uint32_t recipients; /* that count still */
	uint32_t cap_epoch;  /* of the learned limits when it began */
	uint32_t rate_epoch;
	uint32_t daily_epoch;
	struct window_stamp message_stamp;
	struct window_stamp recipient_stamp;
};

/* What keeps a message from starting, in order of what is asked first. */
enum throttle_reason {
	THROTTLE_FREE, /* nothing */
	THROTTLE_IN_FLIGHT,
	THROTTLE_MESSAGES,
	THROTTLE_RECIPIENTS,
	THROTTLE_PACE,
	THROTTLE_RECORD, /* the allowance is being written */
};

/* Which limit a refusal is about. */
enum throttle_kind {
	THROTTLE_OF_IN_FLIGHT,
	THROTTLE_OF_MESSAGES,
	THROTTLE_OF_RECIPIENTS,
	THROTTLE_KINDS,
};

/* What each message asks for comes first: there may be thousands of them, far apart. The windows'
 * slots are most of it. */
struct throttle {
	struct throttle_settings settings;
	uint64_t in_flight;
	struct mono pace_until; /* ordinary mail of now is what this time allows (GCRA) */
	/* The allowance: what may start before another record is on disk. */
	uint64_t messages_allowed;
	uint64_t recipients_allowed;
	uint64_t messages_asked; /* by the record that is being written */
	uint64_t recipients_asked;
	uint64_t messages_since; /* that started since it was encoded */
	uint64_t recipients_since;
	uint64_t recipients_wanted; /* more than a block: a message waits for them */
	bool keeping;               /* a record is being written */
	bool kept;                  /* is on a disk at all; else nothing needs to be */
	struct learned cap;         /* in flight */
	struct learned rate;        /* messages a period */
	struct learned daily;       /* recipients a period */
	struct strikes strikes;     /* that it had, and may have */
	struct window messages;     /* by MAIL */
	struct window taken;        /* of them, those that the server took */
	struct window recipients;   /* of MAILs, but those refused */
};

void throttle_init(struct throttle *throttle, const struct throttle_settings *settings);

/* Whether a message to `recipients` may start now; then it counts, and the ticket is open. */
enum throttle_reason throttle_admit(struct throttle *throttle, struct mono now, bool urgent,
        uint32_t recipients, struct throttle_ticket *ticket);
/* The same without starting it. */
enum throttle_reason throttle_look(
        struct throttle *throttle, struct mono now, bool urgent, uint32_t recipients);
/* The most recipients that a message of this mailbox can ever have at once. */
uint64_t throttle_recipients_most(const struct throttle *throttle, bool urgent);
/* When it may, as things stand; MONO_NEVER: when something changes. */
struct mono throttle_when(
        struct throttle *throttle, struct mono now, bool urgent, uint32_t recipients);
/* Its MAIL is being written: it counts from now on, for so many recipients as are asked for. */
void throttle_write(struct throttle *throttle, struct mono now, struct throttle_ticket *ticket);
/* So many of its recipients were not asked for, or were refused. */
void throttle_spare(struct throttle *throttle, struct throttle_ticket *ticket, uint32_t recipients);
/* The server took it. True: a learned limit grew. */
bool throttle_accept(struct throttle *throttle, struct mono now, struct throttle_ticket *ticket);
/* The server refused it for the sake of that limit. True: the limit was cut. */
bool throttle_refuse(struct throttle *throttle, struct mono now,
        const struct throttle_ticket *ticket, enum throttle_kind kind);
/* It is over. What was not written never counted. */
void throttle_end(struct throttle *throttle, struct throttle_ticket *ticket);
/* An operator said retry: what was learned is forgotten. */
void throttle_forget(struct throttle *throttle);
/* The limits in force: in flight, messages, recipients; THROTTLE_NONE. */
uint64_t throttle_limit(const struct throttle *throttle, enum throttle_kind kind);

/* The record on disk. */

/* From now on nothing starts beyond an allowance that is on disk. For throttles with limits. */
void throttle_keep(struct throttle *throttle);
/* There is a limit to keep. */
bool throttle_is_limited(const struct throttle *throttle);
/* The allowance is short, and no record is being written. */
bool throttle_wants_record(const struct throttle *throttle);
/* What counts, and the next allowance on top; `last`: none, nothing is under way any more. Gives
 * the bytes written; `into` has THROTTLE_RECORD_MAX. throttle_kept() is to follow. */
size_t throttle_encode(
        struct throttle *throttle, struct mono now, struct wall wall, bool last, struct span into);
/* It is on stable storage; or it is not (`failed`), and is to be tried again. */
void throttle_kept(struct throttle *throttle, bool failed);
/* Right after throttle_init(). What the record allowed counts as sent now. ERR_FORMAT: it is
 * damaged; then everything that the known limits allow counts as sent now. */
MUST_CHECK struct err throttle_decode(
        struct throttle *throttle, struct mono now, struct wall wall, struct view record);

#endif
