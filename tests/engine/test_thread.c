/* A thread starts, says so, turns, and stops when told, even where its loop sleeps. */
#include "engine/thread.h"
#include "queue/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct runner {
	struct thread thread;
	struct loop loop;
	uint64_t turns;
	char name[16];
};

static void run(struct thread *thread)
{
	struct runner *runner = container_of(thread, struct runner, thread);

	loop_start(&runner->loop);
	check(pthread_getname_np(pthread_self(), runner->name, sizeof runner->name) == 0);
	thread_tell_started(thread);
	while (!thread_is_stopping(thread)) {
		loop_begin(&runner->loop);
		runner->turns++;
		loop_end(&runner->loop); /* nothing to do: sleeps */
	}
}

static void it_runs_and_stops(void **state)
{
	static struct runner runner;
	const struct io_settings settings = { 64, 1, 4096 };
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	struct depot *depot;
	struct shelf shelf;

	(void)state;
	assert_false(failed(depot_create(&depot, 64 * CHUNK_BYTES)));
	shelf_init(&shelf, depot);
	for (int round = 0; round < 3; round++) {
		runner = (struct runner){ 0 };
		if (failed(loop_init(&runner.loop, &settings, &shelf, &why)))
			fail_msg("%s", text_string(&why));
		thread_stop(&runner.thread); /* not running: nothing happens */
		assert_false(failed(thread_start(&runner.thread, "runner", &runner.loop, run)));
		thread_await(&runner.thread);
		thread_stop(&runner.thread);
		assert_string_equal(runner.name, "runner");
		assert_false(runner.thread.running);
		loop_finish(&runner.loop);
	}
	shelf_finish(&shelf);
	depot_destroy(depot);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(it_runs_and_stops) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
