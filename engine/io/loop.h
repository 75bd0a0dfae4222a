/*
 * A loop is what every thread turns: one clock reading, letters, completions, timers, one
 * submit-and-wait.
 *
 *	loop_begin(&loop);
 *	...take letters...
 *	loop_run_completions(&loop, LOOP_COMPLETIONS_PER_TURN);
 *	loop_run_timers(&loop);
 *	...read the news of streams, start what may start...
 *	loop_end(&loop);
 *
 * Thread:  loop_init() and loop_finish() anywhere, the rest the thread that called loop_start().
 * Owns:    its struct io; borrows the thread's shelf of chunks.
 * Never:   blocks but in loop_end(); runs more than its bounds in one turn: the rest waits for
 *          the next turn, which then comes without sleeping.
 */
#ifndef SLUICE_LOOP_H
#define SLUICE_LOOP_H

#include "engine/io/doorbell.h"
#include "engine/io/io.h"
#include "engine/io/mailbox.h"
#include "engine/io/timers.h"
#include "queue/base/depot.h"

#define LOOP_COMPLETIONS_PER_TURN 1024
#define LOOP_TIMERS_PER_TURN      1024
#define LOOP_HEAVY_PER_TURN       8                /* TLS handshake steps: up to 1 ms each */
#define LOOP_TURN_LONG_NS         (10 * NS_PER_MS) /* CPU time; longer turns are counted */
#define LOOP_CPU_READ_NS          (5 * NS_PER_MS)  /* it is read no more often */
#define LOOP_STARVED_RETRY_NS     (1 * NS_PER_MS)  /* when memory may be back */

/* Something to be run once, later in this turn or in one of the next. */
struct loop_task {
	struct link link;
	void (*run)(struct loop_task *task); /* out of its list by then */
};

struct loop {
	struct doorbell doorbell; /* for mailboxes this loop reads */
	struct io *io;
	struct shelf *shelf;
	struct mono now;
	struct wall wall;
	struct timers timers;
	struct mono wake_by;      /* this turn's sleep ends then */
	struct list heavy;        /* tasks that cost much: LOOP_HEAVY_PER_TURN a turn */
	struct list last;         /* tasks for the turn's end: what was written goes out */
	struct list starved;      /* tasks that found no memory or buffer: tried now and then */
	struct mono starved_next; /* not before */
	size_t news_unread;       /* streams whose owners have not read their news: no sleep yet */
	struct list reads;        /* mailboxes */
	struct list writes;
	/* accounts, for counters and the log */
	uint64_t turns;
	uint64_t turns_long;
	int64_t turn_longest_ns;
	struct mono cpu_read_at; /* the CPU clock costs a system call: read at most once a ms */
	int64_t cpu_ns;
};

/* On failure `why` says what forbids io_uring (see io_create()). */
MUST_CHECK struct err loop_init(struct loop *loop, const struct io_settings *settings,
        struct shelf *shelf, struct text *why);
/* Nothing in flight, no timer, task or mailbox left. */
void loop_finish(struct loop *loop);
/* Once, in the thread that will turn it. */
void loop_start(struct loop *loop);

/* Letters in it keep this loop awake; the mailbox's reader is &loop->doorbell. */
void loop_reads(struct loop *loop, struct mailbox *mailbox);
/* Rung at the end of each turn that put letters into it. */
void loop_writes(struct loop *loop, struct mailbox *mailbox);
/* Undoes loop_reads() or loop_writes(); for shutting down. */
void loop_leave(struct loop *loop, struct mailbox *mailbox);

void loop_begin(struct loop *loop);
/* Runs up to `max` completions, then up to LOOP_HEAVY_PER_TURN heavy tasks. */
void loop_run_completions(struct loop *loop, size_t max);
void loop_run_timers(struct loop *loop);
/* Runs the tasks for the turn's end, rings, submits, and sleeps unless there is work. */
void loop_end(struct loop *loop);

/* As read by loop_begin(): the only "now" there is within a turn. */
static inline struct mono loop_now(const struct loop *loop)
{
	return loop->now;
}

static inline struct wall loop_wall(const struct loop *loop)
{
	return loop->wall;
}

static inline void loop_timer_set(struct loop *loop, struct timer *timer, struct mono deadline)
{
	timers_set(&loop->timers, timer, deadline);
}

static inline void loop_timer_after(struct loop *loop, struct timer *timer, int64_t ns)
{
	timers_set(&loop->timers, timer, mono_after(loop->now, ns));
}

static inline void loop_timer_stop(struct loop *loop, struct timer *timer)
{
	timers_stop(&loop->timers, timer);
}

/* This turn's sleep ends then at the latest, exactly: timers are a millisecond's. */
static inline void loop_wake_by(struct loop *loop, struct mono time)
{
	loop->wake_by = mono_earlier(loop->wake_by, time);
}

/* Already in a list: nothing happens. */
void loop_task_add(struct list *list, struct loop_task *task);
/* In none: nothing happens. */
void loop_task_drop(struct list *list, struct loop_task *task);

#endif
