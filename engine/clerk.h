/*
 * The operator's hand on the queue: runs the requests of engine/request.h for the spooler.
 *
 * A job that lies on disk is changed at once. One that is lent to a shard is called back, and
 * what was asked is done when it comes: it may have been delivered meanwhile. The answer waits for
 * it, CLERK_WAIT_NS at most: what no shard has given back by then is told as under way, for a crash
 * would undo it.
 *
 * Thread:  the spooler's.
 * Owns:    nothing of the request; it is the spooler's from REQUEST to REQUEST_DONE.
 * Never:   does more than CLERK_JOBS_PER_TURN jobs in a turn, however long the queue is.
 */
#ifndef SLUICE_CLERK_H
#define SLUICE_CLERK_H

#include "engine/batch.h"
#include "engine/request.h"
#include "queue/spool.h"

#define CLERK_JOBS_PER_TURN 128
/* Acts that wait for lent jobs: more than any shards' windows hold is never needed, and this
 * many are few enough to look through for each settle. Beyond it a request takes more turns. */
#define CLERK_ACTS_MAX 1024
/* A shard gives back at once what it has not begun; what is begun has a server's answer to wait
 * for, which may take minutes. An operator is at a terminal, and the next one waits behind him. */
#define CLERK_WAIT_NS (5 * NS_PER_S)

struct clerk_act {
	struct spool_place place;
	enum request_verb verb;
	bool awaited; /* by the request that asked last */
};

struct clerk {
	struct request *request;   /* being run; NULL: none */
	struct spool_place at;     /* the walk's place */
	struct spool_place before; /* and before its last step */
	uint64_t counted;          /* the message that was acted on last */
	size_t id_index;           /* into request->ids */
	struct view why_held;      /* of the next row, where no server said anything of it */
	size_t act_count;
	size_t awaited_count;    /* of acts: the request's answer waits for them, */
	struct mono await_until; /* and no longer than this */
	struct clerk_act acts[CLERK_ACTS_MAX];
	struct request_recipient recipients[MESSAGE_RECIPIENTS_MAX]; /* scratch: of a row */
};

/* Takes a request in hand. */
void clerk_begin(struct clerk *clerk, struct request *request);
/* Whether the verb changes anything. */
bool clerk_acts(enum request_verb verb);
/* Whether the verb changes this job as it stands; applies it to the job's fields. */
bool clerk_apply(struct job *job, enum request_verb verb, struct wall now, struct shelf *shelf);

/* Asks that the verb be applied to a lent job when it comes back. False: no room now. */
bool clerk_note(struct clerk *clerk, struct spool_place place, enum request_verb verb);
/* What was asked for this job, and forgets it. False: nothing. */
bool clerk_take_note(struct clerk *clerk, struct spool_place place, enum request_verb *verb);
/* The request, all of whose jobs were seen, is answered no later than CLERK_WAIT_NS from now. */
void clerk_await(struct clerk *clerk, struct mono now);
/* Whether lent jobs keep it from being answered. */
static inline bool clerk_awaits(const struct clerk *clerk, struct mono now)
{
	return clerk->awaited_count > 0 && !mono_reached(now, clerk->await_until);
}
/* It is answered now: gives how many messages are under way still. Their notes stay. */
uint64_t clerk_forsake(struct clerk *clerk);

/* The next job that the running request is about, by ids or by walking all. False: none left. */
bool clerk_next(struct clerk *clerk, struct spool *spool, struct spool_place *place);
/* The job that clerk_next() gave could not be seen to now: it comes next again. */
void clerk_again(struct clerk *clerk);
/* One of the message's jobs was acted on: messages are counted. */
void clerk_count(struct clerk *clerk, uint64_t id);
/* Whether the request's filter takes the job. */
bool clerk_takes(const struct clerk *clerk, const struct spool *spool, const struct job *job);
/* Writes the job's row into the request's page. False: the page is full. */
bool clerk_put_row(struct clerk *clerk, const struct spool *spool, const struct job *job, bool lent,
        struct wall now);
/* The same for a job whose records can't be read: that it is there, and no more. */
bool clerk_put_damaged(struct clerk *clerk, struct spool_place place);

#endif
