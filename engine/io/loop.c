#include "engine/io/loop.h"

#include "queue/base/check.h"

static void loop_account(struct loop *loop);
static void loop_run_tasks(struct list *list, size_t max);
static bool loop_has_letters(const struct loop *loop);
static struct mono loop_wanted(const struct loop *loop);

struct err loop_init(struct loop *loop, const struct io_settings *settings, struct shelf *shelf,
        struct text *why)
{
	*loop = (struct loop){
		.shelf = shelf, .now = clock_mono(), .wake_by = MONO_NEVER, .wall = clock_wall()
	};
	struct err err = io_create(&loop->io, settings, why);
	if (failed(err))
		return err;
	doorbell_init(&loop->doorbell, loop->io);
	timers_init(&loop->timers, loop->now);
	list_init(&loop->heavy);
	list_init(&loop->last);
	list_init(&loop->starved);
	list_init(&loop->reads);
	list_init(&loop->writes);
	return err_ok();
}

void loop_finish(struct loop *loop)
{
	check(list_is_empty(&loop->heavy));
	check(list_is_empty(&loop->last));
	check(list_is_empty(&loop->starved));
	check(list_is_empty(&loop->reads));
	check(list_is_empty(&loop->writes));
	check(timers_wanted(&loop->timers).ns == MONO_NEVER.ns);
	io_destroy(MOVE(loop->io));
}

void loop_start(struct loop *loop)
{
	io_start(loop->io);
	loop->cpu_read_at = clock_mono();
	loop->cpu_ns = clock_thread_cpu_ns();
}

void loop_reads(struct loop *loop, struct mailbox *mailbox)
{
	check(mailbox->reader == &loop->doorbell);
	list_push_last(&loop->reads, &mailbox->reader_link);
}

void loop_writes(struct loop *loop, struct mailbox *mailbox)
{
	list_push_last(&loop->writes, &mailbox->writer_link);
}

void loop_leave(struct loop *loop, struct mailbox *mailbox)
{
	if (mailbox->reader == &loop->doorbell)
		list_remove(&loop->reads, &mailbox->reader_link);
	else
		list_remove(&loop->writes, &mailbox->writer_link);
}

void loop_begin(struct loop *loop)
{
	doorbell_get_up(&loop->doorbell);
	loop->now = clock_mono();
	loop->wall = clock_wall();
	loop->wake_by = MONO_NEVER;
	loop->turns++;
	loop_account(loop);
	timers_advance(&loop->timers, loop->now);
}

/* The CPU clock is a system call, so it is read at the first turn's start that is some time after
 * the last: what it then shows is the turn before, and less than that time more. */
static void loop_account(struct loop *loop)
{
	if (loop->now.ns - loop->cpu_read_at.ns < LOOP_CPU_READ_NS)
		return;
	int64_t cpu_ns = clock_thread_cpu_ns();
	int64_t used_ns = cpu_ns - loop->cpu_ns;
	loop->cpu_read_at = loop->now;
	loop->cpu_ns = cpu_ns;
	if (used_ns < LOOP_TURN_LONG_NS)
		return;
	loop->turns_long++;
	if (used_ns > loop->turn_longest_ns)
		loop->turn_longest_ns = used_ns;
}

void loop_run_completions(struct loop *loop, size_t max)
{
	struct io_result result;

	for (size_t i = 0; i < max && io_reap(loop->io, &result); i++)
		result.op->done(result.op, &result);
	loop_run_tasks(&loop->heavy, LOOP_HEAVY_PER_TURN);
}

void loop_run_timers(struct loop *loop)
{
	for (size_t i = 0; i < LOOP_TIMERS_PER_TURN; i++) {
		struct timer *timer = timers_next_due(&loop->timers);
		if (timer == NULL)
			break;
		timer->expired(timer);
	}
}

/* Tasks that add themselves again wait for the next turn. */
static void loop_run_tasks(struct list *list, size_t max)
{
	size_t count = list->count < max ? list->count : max;

	for (size_t i = 0; i < count && !list_is_empty(list); i++) {
		struct loop_task *task = container_of(list_pop_first(list), struct loop_task, link);
		task->run(task);
	}
}

void loop_end(struct loop *loop)
{
	/* Not every turn: what is tried has news, news begin the next turn at once, and as long as
	 * nothing is free again that goes round without a pause. */
	if (!list_is_empty(&loop->starved) && mono_reached(loop->now, loop->starved_next)) {
		loop->starved_next = mono_after(loop->now, LOOP_STARVED_RETRY_NS);
		loop_run_tasks(&loop->starved, SIZE_MAX);
	}
	loop_run_tasks(&loop->last, SIZE_MAX);
	list_each(link, &loop->writes)
		mailbox_ring(container_of(link, struct mailbox, writer_link), loop->io);
	struct mono until = loop_wanted(loop);
	if (!mono_reached(loop->now, until)) {
		doorbell_lie_down(&loop->doorbell);
		if (loop_has_letters(loop))
			until = loop->now;
	}
	io_wait(loop->io, until);
}

static struct mono loop_wanted(const struct loop *loop)
{
	if (!list_is_empty(&loop->heavy) || !list_is_empty(&loop->last) || loop->news_unread > 0)
		return loop->now;
	struct mono until = mono_earlier(timers_wanted(&loop->timers), loop->wake_by);
	if (!list_is_empty(&loop->starved))
		until = mono_earlier(until, loop->starved_next);
	return until;
}

static bool loop_has_letters(const struct loop *loop)
{
	list_each(link, &loop->reads)
		if (!mailbox_is_empty(container_of(link, struct mailbox, reader_link)))
			return true;
	return false;
}

void loop_task_add(struct list *list, struct loop_task *task)
{
	if (!link_is_linked(&task->link))
		list_push_last(list, &task->link);
}

void loop_task_drop(struct list *list, struct loop_task *task)
{
	if (link_is_linked(&task->link))
		list_remove(list, &task->link);
}
