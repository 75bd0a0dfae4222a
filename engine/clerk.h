/*
 * The operator's hand on the queue: runs the requests of engine/request.h for the spooler.
 *
 * A job that lies on disk is changed at once. One that is lent to a shard is called back, and
 * what was asked is done when it comes: it may have been delivered meanwhile.
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

struct clerk_act {
	struct spool_place place;
	enum request_verb verb;
};

struct clerk {
	struct request *request;   /* being run; NULL: none */
	struct spool_place at;     /* the walk's place */
	struct spool_place before; /* and before its last step */
	uint64_t counted;          /* the message that was acted on last */
	size_t id_index;           /* into request->ids */
	struct view why_held;      /* of the next row, where no server said anything of it */
	size_t act_count;
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
