/*
 * A schedule holds the jobs that are lent to one shard and not under way, in the order in which
 * they are to start.
 *
 * It has lines. A route's line is anyone's: each lane of the route may take from it. Other lines
 * hold mail that only some lanes may send: in a mailbox's own name, or in a name bound to it. What
 * a lane may take from is its reach. A job keeps its place when it is put back.
 *
 * Within a line each stream has its own order. Urgent streams go first, and yet nobody starves: of
 * SCHEDULE_URGENT_RUN + 1 jobs that a group of lines (a route) gives out one is ordinary, where
 * ordinary ones wait. Streams of a kind share by their weights (start-time fair queueing: Goyal,
 * Vin, Cheng, 1996): one that was empty comes back without credit.
 *
 * Thread:  its shard's own. Nothing here locks, blocks, allocates or reads the clock.
 * Owns:    the jobs in it (JOB_READY), until schedule_take() or schedule_withdraw() gives one.
 * Fails:   never; the number of jobs is bounded by the credit that the spooler gives.
 */
#ifndef SLUICE_SCHEDULE_H
#define SLUICE_SCHEDULE_H

#include "queue/job.h"
#include "queue/retry.h"

#define SCHEDULE_STREAMS_MAX 64 /* a bit each */
#define SCHEDULE_URGENT_RUN  9
#define SCHEDULE_WEIGHT_MAX  1000

struct schedule_stream {
	bool urgent;
	uint32_t weight;                    /* 1..SCHEDULE_WEIGHT_MAX */
	const struct retry_settings *retry; /* says when its mail is given up; lent */
};

struct schedule_queue {
	struct list back;    /* were taken before, by place: go first */
	struct list waiting; /* by place */
};

struct schedule_line {
	uint32_t group;
	size_t count;
	uint64_t streams; /* those that have jobs here: bits */
	struct wall
	        expires; /* no job's time here is over before; earlier than need be, as jobs go */
	struct schedule_queue *queues;
};

/* What the streams of a group have had. */
struct schedule_group {
	uint64_t had[SCHEDULE_STREAMS_MAX]; /* weighted */
	uint64_t clock[2];                  /* of ordinary and urgent streams: the latest start */
	size_t count[SCHEDULE_STREAMS_MAX]; /* jobs in its lines */
	uint32_t urgent_run;                /* since an ordinary one, that waited, was given out */
};

struct schedule {
	struct schedule_line *lines;
	uint32_t line_count;
	struct schedule_group *groups;
	uint32_t group_count;
	const struct schedule_stream *streams;
	uint32_t stream_count;
	uint64_t urgent; /* the urgent streams: bits */
	uint64_t places; /* given so far */
	size_t job_count;
};

/* What a lane may take from: lines of one group. */
struct schedule_reach {
	const uint32_t *lines;
	uint32_t count;
};

/* Memory for these; NULL where there is none. Each line is in the group of its own by
 * schedule_set_group(), 0 at first. `streams` is lent. */
MUST_CHECK struct err schedule_init(struct schedule *schedule, uint32_t line_count,
        uint32_t group_count, const struct schedule_stream *streams, uint32_t stream_count);
void schedule_finish(struct schedule *schedule);
void schedule_set_group(struct schedule *schedule, uint32_t line, uint32_t group);

/* Takes job, which comes from the spooler: to the end of its stream in the line. */
void schedule_add(struct schedule *schedule, uint32_t line, struct job *job);
/* Takes job, which was taken and not finished (JOB_SENDING): to its old place. */
void schedule_put_back(struct schedule *schedule, struct job *job);

/* Into another line of its group, behind what waits there. */
void schedule_move(struct schedule *schedule, uint32_t line, struct job *job);

size_t schedule_waiting(const struct schedule *schedule, uint32_t line);
/* Whether urgent ones are among them. */
bool schedule_has_urgent(const struct schedule *schedule, uint32_t line);
/* Whether any waits in the group's lines. */
bool schedule_group_waits(const struct schedule *schedule, uint32_t group);
bool schedule_is_urgent(const struct schedule *schedule, const struct job *job);
/* The one that is next, of all streams or of the urgent ones; lends. NULL: none. */
struct job *schedule_first(
        const struct schedule *schedule, struct schedule_reach reach, bool urgent_only);
/* Gives a job that schedule_first() lent, JOB_SENDING. */
struct job *schedule_take(struct schedule *schedule, struct job *job);
/* Gives a job as it is settled without having been started (JOB_SETTLING). */
struct job *schedule_withdraw(struct schedule *schedule, struct job *job);
/* The job of this place in the spool; lends. NULL: it is not here, or was taken. */
struct job *schedule_find(const struct schedule *schedule, uint64_t id, uint16_t number);
/* Any job, for emptying the schedule; lends. NULL: it is empty. */
struct job *schedule_any(const struct schedule *schedule);
/* The first job from `*line` on whose time is over, by its line and place; lends. *line goes on
 * with it, so that a sweep is: line = 0; while ((job = schedule_expired(...)) != NULL).
 * Jobs are looked at only in lines where a time may be over. */
struct job *schedule_expired(struct schedule *schedule, struct wall now, uint32_t *line);

#endif
