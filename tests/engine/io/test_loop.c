#include "tests/engine/io/fixture.h"

#include "engine/io/loop.h"

struct counter {
	struct loop *loop;
	struct timer timer;
	struct loop_task task;
	struct list *again; /* where the task adds itself while it runs; NULL: nowhere */
	int timers;
	int tasks;
};

static void counter_on_time(struct timer *timer)
{
	struct counter *counter = container_of(timer, struct counter, timer);

	counter->timers++;
}

static void counter_run(struct loop_task *task)
{
	struct counter *counter = container_of(task, struct counter, task);

	counter->tasks++;
	if (counter->again != NULL)
		loop_task_add(counter->again, task);
}

static void counter_init(struct counter *counter, struct fixture *fixture)
{
	*counter = (struct counter){ .loop = &fixture->loop,
		.timer = { .expired = counter_on_time },
		.task = { .run = counter_run } };
}

static void test_timers_run_in_their_time(void **state)
{
	struct fixture fixture;
	struct counter counter;

	(void)state;
	fixture_init(&fixture);
	counter_init(&counter, &fixture);
	struct mono begun = loop_now(&fixture.loop);
	loop_timer_after(&fixture.loop, &counter.timer, 20 * NS_PER_MS);
	fixture_turn_until(&fixture, counter.timers == 1);
	assert_true(clock_mono().ns - begun.ns >= 20 * NS_PER_MS);
	loop_timer_set(&fixture.loop, &counter.timer, loop_now(&fixture.loop));
	loop_timer_stop(&fixture.loop, &counter.timer);
	fixture_turn(&fixture);
	assert_int_equal(counter.timers, 1);
	assert_true(loop_wall(&fixture.loop).ms > 1600000000000);
	fixture_finish(&fixture, 32);
}

/* Once, and no other turn ends for it. */
static void test_a_sleep_ends_when_told(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture);
	loop_timer_stop(&fixture.loop, &fixture.tick);
	loop_begin(&fixture.loop);
	const struct mono until = mono_after(loop_now(&fixture.loop), NS_PER_MS / 4);
	loop_wake_by(&fixture.loop, MONO_NEVER);
	loop_wake_by(&fixture.loop, until);
	loop_wake_by(&fixture.loop, mono_after(until, NS_PER_MS));
	loop_end(&fixture.loop); /* would sleep for ever */
	assert_true(mono_reached(clock_mono(), until));
	loop_begin(&fixture.loop);
	assert_int_equal(fixture.loop.wake_by.ns, MONO_NEVER.ns);
	fixture_finish(&fixture, 32);
}

static void test_a_task_that_comes_back_waits_for_the_next_turn(void **state)
{
	struct fixture fixture;
	struct counter last;
	struct counter starved;

	(void)state;
	fixture_init(&fixture);
	counter_init(&last, &fixture);
	counter_init(&starved, &fixture);
	last.again = &fixture.loop.last;
	starved.again = &fixture.loop.starved;
	loop_task_add(last.again, &last.task);
	loop_task_add(last.again, &last.task);
	loop_task_add(starved.again, &starved.task);
	/* What found no memory is tried at once, then in its time, whatever turns there are. */
	const struct mono began = clock_mono();
	int turns = 0;
	while (turns < 10 || starved.tasks < 4) {
		fixture_turn(&fixture);
		assert_int_equal(last.tasks, ++turns);
		assert_true(starved.tasks >= 1);
		const int64_t passed_ns = clock_mono().ns - began.ns;
		assert_true((starved.tasks - 1) * LOOP_STARVED_RETRY_NS <= passed_ns);
	}
	loop_task_drop(last.again, &last.task);
	loop_task_drop(last.again, &last.task);
	loop_task_drop(starved.again, &starved.task);
	fixture_turn(&fixture);
	assert_int_equal(last.tasks, turns);
	fixture_finish(&fixture, 32);
}

static void test_heavy_tasks_are_bounded(void **state)
{
	enum { COUNT = LOOP_HEAVY_PER_TURN * 2 + 1 };
	struct fixture fixture;
	struct counter counters[COUNT];
	int ran = 0;

	(void)state;
	fixture_init(&fixture);
	for (int i = 0; i < COUNT; i++) {
		counter_init(&counters[i], &fixture);
		loop_task_add(&fixture.loop.heavy, &counters[i].task);
	}
	loop_timer_stop(&fixture.loop, &fixture.tick); /* what is left is a reason not to sleep */
	fixture_turn(&fixture);
	fixture_turn(&fixture);
	assert_int_equal(fixture.loop.heavy.count, 1);
	loop_run_completions(&fixture.loop, 0);
	for (int i = 0; i < COUNT; i++)
		ran += counters[i].tasks;
	assert_int_equal(ran, COUNT);
	fixture_finish(&fixture, 32);
}

static void test_long_turns_are_counted(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_init(&fixture);
	fixture_turn(&fixture);
	uint64_t before = fixture.loop.turns_long;
	loop_begin(&fixture.loop);
	int64_t begun = clock_thread_cpu_ns();
	while (clock_thread_cpu_ns() - begun < LOOP_TURN_LONG_NS)
		continue;
	loop_end(&fixture.loop);
	fixture_turn(&fixture);
	assert_int_equal(fixture.loop.turns_long, before + 1);
	assert_true(fixture.loop.turn_longest_ns >= LOOP_TURN_LONG_NS);
	fixture_finish(&fixture, 32);
}

/* A loop neither sleeps on a letter nor spins for want of one. */
static void test_letters_keep_a_loop_awake(void **state)
{
	struct fixture fixture;
	struct mailbox mailbox;
	int letter = 7;

	(void)state;
	fixture_init(&fixture);
	assert_false(failed(mailbox_init(&mailbox, sizeof letter, 4, &fixture.loop.doorbell)));
	loop_reads(&fixture.loop, &mailbox);
	loop_timer_stop(&fixture.loop, &fixture.tick);
	assert_true(mailbox_put(&mailbox, &letter));
	mailbox_ring(&mailbox, NULL); /* awake: no wake-up is sent */
	loop_begin(&fixture.loop);
	loop_end(&fixture.loop); /* would sleep for ever */
	assert_true(mailbox_take(&mailbox, &letter));
	loop_leave(&fixture.loop, &mailbox);
	mailbox_finish(&mailbox);
	fixture_finish(&fixture, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers_run_in_their_time),
		cmocka_unit_test(test_a_sleep_ends_when_told),
		cmocka_unit_test(test_a_task_that_comes_back_waits_for_the_next_turn),
		cmocka_unit_test(test_heavy_tasks_are_bounded),
		cmocka_unit_test(test_long_turns_are_counted),
		cmocka_unit_test(test_letters_keep_a_loop_awake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
