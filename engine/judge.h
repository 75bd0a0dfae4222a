/*
 * The judge turns what a server said into what happens: to recipients, job, lane and session.
 *
 * What a reply means is queue/verdict's; this is the one place that acts on it. Each recipient has
 * its own end. A job goes back to the spooler as soon as something about it was decided; where
 * nothing was, it keeps its place in the schedule and its attempts. What the server holds
 * back for the sake of an identity or a route holds the lane, not the job.
 *
 * Thread:  the delivery shard's.
 * Owns:    nothing: jobs come from a session's train or the schedule, and leave by letter or back
 *          into the schedule.
 * Never:   fails, allocates, or lets a job start again and again for nothing: restarts are counted
 *          (JOB_RESTARTS_MAX in a row are a failed attempt), and what waits is looked at for its
 *          time.
 */
#ifndef SLUICE_JUDGE_H
#define SLUICE_JUDGE_H

#include "engine/gates.h"
#include "engine/incidents.h"
#include "engine/late.h"
#include "engine/portions.h"
#include "engine/shard.h"
#include "queue/lane.h"
#include "queue/outage.h"
#include "queue/schedule.h"
#include "queue/verdict.h"

struct judge {
	struct shard *shard;
	struct schedule *schedule;
	struct outage *outages; /* by route */
	struct incidents *incidents;
	struct gates *gates;
	struct portions *portions;
	struct retry_settings retries[SCHEDULE_STREAMS_MAX]; /* by stream */
};

/* What gathers while a transaction is answered. */
struct judgement {
	bool relayed;   /* set at the start: the server reports no further (no DSN) */
	bool held;      /* a gate was closed: what is pending waits behind it */
	bool restarted; /* to be started again, and counted */
	bool doubted;   /* its last byte went out, and no answer came: a failed attempt */
	bool split;     /* too many recipients at once */
	bool final;     /* then: the server said so for good (5yz) */
};

void judge_init(struct judge *judge, struct shard *shard, struct schedule *schedule);

/* Where a reply about a message comes from: what the message counts in, and since when. */
struct judge_origin {
	const struct throttle_ticket *ticket;
	uint32_t epoch; /* of the lane */
	uint32_t gates; /* gates_epoch() */
	struct mono began;
	const struct job *job; /* NULL: gone */
	bool late;             /* it was heard by a report; ticket and epochs say nothing */
};

/* A reply about a message: where it says that a mailbox may not send in its name, it is no end of
 * the message's. `sender`: the envelope's, as it is sent. */
void judge_denied(struct judge *judge, const struct lane *lane, struct judge_case *it,
        const struct message *message, struct view sender);
/* For the lane and its peers; `origin` NULL: it is about a session. True: the session is to end
 * after what is in flight. */
bool judge_lane(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct judge_origin *origin);
/* A report of a message that the lane sent: as if a session had heard the reply, but of sessions
 * and sign-ins it says nothing, nor of what was held since. */
void judge_late(struct judge *judge, struct lane *lane, const struct late_sheet *sheet);
/* A message was taken, which tries these gates: the route is well, gates forget their setbacks,
 * learned limits may grow. True: a report may still say otherwise, so that nothing is over yet. */
bool judge_taken(struct judge *judge, struct lane *lane, struct throttle_ticket *ticket,
        uint32_t epoch, uint64_t tries);
/* For the owed[at], whose address is given for the log. */
void judge_recipient(struct judge *judge, const struct lane *lane, struct job *job, size_t at,
        struct view address, struct judge_case *it, struct judgement *judgement);
/* Every recipient that has a mark in `marks` (1 << enum owed_mark) and no outcome yet. */
void judge_recipients(struct judge *judge, const struct lane *lane, struct job *job, unsigned marks,
        struct judge_case *it, struct judgement *judgement);
/* What is said of recipients that are pending as the session is lost; decides nothing. */
void judge_remark(struct judge *judge, struct job *job, struct judge_case *it);
/* The session was lost after the last byte: what is unanswered may have arrived. */
void judge_in_doubt(
        struct judge *judge, const struct lane *lane, struct job *job, struct judgement *judgement);
/* The transaction is over: settles the job or puts it back. Takes job (JOB_SENDING). */
void judge_transaction(
        struct judge *judge, struct lane *lane, struct job *job, const struct judgement *judgement);
/* A session could not be made: the lane's door is shut for a while. Where no other session of the
 * lane stands, the job in front is deferred with what was said, for all to see. */
void judge_session(struct judge *judge, struct lane *lane, struct judge_case *it);
/* A session was lost before any message was answered: the lane's door is shut for a while. */
void judge_useless(struct judge *judge, struct lane *lane, struct judge_case *it);
/* A server answered something about a message: its route can be reached. */
static inline void judge_answer(struct judge *judge, const struct lane *lane)
{
	outage_answer(&judge->outages[lane->route]);
}
/* The job goes back for another route to carry. Takes job (JOB_SETTLING). */
void judge_divert(struct judge *judge, struct job *job, uint16_t route);
/* No mailbox of its route may send it now: it waits so long at most, without blame, in the words
 * of `it` where none were said. Takes job, which is in the schedule. */
void judge_postpone(struct judge *judge, struct job *job, struct judge_case *it, int32_t wait_s);
/* Bounces jobs that waited too long behind a held lane. */
void judge_sweep(struct judge *judge);
/* Nobody may send the job until the lane's hold is over: it goes back until then, with the reason,
 * and keeps its attempts. `all`: nor anything else of its route in this shard. Takes job
 * (JOB_SETTLING). */
void judge_rest(struct judge *judge, struct lane *lane, struct job *job, bool all);
/* The same where limits are used up, in our words. */
void judge_rest_limited(struct judge *judge, struct job *job, struct wall until, struct view why);
/* Nothing of it is sent, and that is its end. Takes job (JOB_SETTLING). */
void judge_rehearse(struct judge *judge, struct job *job);
/* Draining: a job that was not started goes back as it came. Takes job (JOB_READY). */
void judge_return(struct judge *judge, struct job *job);

#endif
