/*
 * A thread of the engine: a turn function called until it is told to stop.
 *
 * Thread:  start, await, stop: the main one; is_stopping, tell_started: the thread itself.
 * Owns:    the POSIX thread. A thread is a field of what it runs.
 */
#ifndef SLUICE_THREAD_H
#define SLUICE_THREAD_H

#include "engine/io/loop.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

struct thread {
	pthread_t id;
	const char *name;
	struct loop *loop; /* woken to see that it is to stop */
	void (*run)(struct thread *thread);
	sem_t started;
	atomic_bool stopping;
	bool running;
};

/* `name`, a literal of at most 15 bytes, is what ps and perf show. */
MUST_CHECK struct err thread_start(struct thread *thread, const char *name, struct loop *loop,
        void (*run)(struct thread *thread));
/* Until the thread has said that it started. */
void thread_await(struct thread *thread);
/* Tells it to stop, and waits until `run` has returned. Not running: nothing happens. */
void thread_stop(struct thread *thread);

/* Once its loop is the thread's. */
void thread_tell_started(struct thread *thread);
static inline bool thread_is_stopping(const struct thread *thread)
{
	return atomic_load_explicit(&thread->stopping, memory_order_relaxed);
}

#endif
