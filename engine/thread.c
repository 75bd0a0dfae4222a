#include "engine/thread.h"

#include "queue/base/check.h"

static void *thread_main(void *argument)
{
	struct thread *thread = argument;

	check(pthread_setname_np(pthread_self(), thread->name) == 0);
	thread->run(thread);
	return NULL;
}

struct err thread_start(struct thread *thread, const char *name, struct loop *loop,
        void (*run)(struct thread *thread))
{
	check(!thread->running);
	thread->name = name;
	thread->loop = loop;
	thread->run = run;
	atomic_store(&thread->stopping, false);
	check(sem_init(&thread->started, 0, 0) == 0);
	const int refused = pthread_create(&thread->id, NULL, thread_main, thread);
	if (refused != 0)
		return err_make(ERR_SYSTEM, refused);
	thread->running = true;
	return err_ok();
}

void thread_await(struct thread *thread)
{
	while (sem_wait(&thread->started) != 0)
		continue; /* interrupted by a signal */
}

void thread_stop(struct thread *thread)
{
	if (!thread->running)
		return;
	atomic_store(&thread->stopping, true);
	io_wake(NULL, thread->loop->io);
	check(pthread_join(thread->id, NULL) == 0);
	check(sem_destroy(&thread->started) == 0);
	thread->running = false;
}

void thread_tell_started(struct thread *thread)
{
	check(sem_post(&thread->started) == 0);
}
