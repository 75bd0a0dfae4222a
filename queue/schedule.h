/*
 * A schedule holds the jobs that are lent to one shard and not under way, in the order in which
 * they are to start.
 *
 * It has lines. A route's line is anyone's: each lane of the route may take from it. A lane's own
 * line holds the mail whose sender is the lane's mailbox, which another mailbox could not send. A
 * job keeps its place when it is put back.
 *
 * Thread:  its shard's own. Nothing here locks, blocks, allocates or reads the clock.
 * Owns:    the jobs in it (JOB_READY), until schedule_take() or schedule_withdraw() gives one.
 * Fails:   never; the number of jobs is bounded by the credit that the spooler gives.
 */
#ifndef SLUICE_SCHEDULE_H
#define SLUICE_SCHEDULE_H

#include "queue/job.h"
#include "queue/retry.h"

struct schedule_line {
	struct list back;    /* were taken before, by place: go first */
	struct list waiting; /* by place */
};

struct schedule {
	struct schedule_line *lines;
	uint32_t line_count;
	uint64_t places; /* given so far */
	size_t job_count;
};

/* The lines' memory is the caller's. */
void schedule_init(struct schedule *schedule, struct schedule_line *lines, uint32_t line_count);
/* Takes job, which comes from the spooler: to the end of the line. */
void schedule_add(struct schedule *schedule, uint32_t line, struct job *job);
/* Takes job, which was taken and not finished (JOB_SENDING): to its old place. */
void schedule_put_back(struct schedule *schedule, struct job *job);

size_t schedule_waiting(const struct schedule *schedule, uint32_t line);
/* The one that is next; lends. NULL: none. */
struct job *schedule_first(
        const struct schedule *schedule, uint32_t own_line, uint32_t shared_line);
/* Gives it, JOB_SENDING. NULL: none. */
struct job *schedule_take(struct schedule *schedule, uint32_t own_line, uint32_t shared_line);
/* Gives a job as it is settled without having been started (JOB_SETTLING). */
struct job *schedule_withdraw(struct schedule *schedule, struct job *job);
/* The job of this place in the spool; lends. NULL: it is not here, or was taken. */
struct job *schedule_find(const struct schedule *schedule, uint64_t id, uint16_t number);
/* Any job, for emptying the schedule; lends. NULL: it is empty. */
struct job *schedule_any(const struct schedule *schedule);
/* The first job from `*line` on whose time is over, by its line and place; lends. *line goes on
 * with it, so that a sweep is: line = 0; while ((job = schedule_expired(...)) != NULL). */
struct job *schedule_expired(const struct schedule *schedule, const struct retry_settings *retry,
        struct wall now, uint32_t *line);

#endif
