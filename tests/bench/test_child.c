#include "bench/child.h"

#include "queue/base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static char output[64];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(output, sizeof output, "test_child.%d.log", (int)getpid());
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return remove(output);
}

/* A shell that runs the script. */
static struct child shell(const char *script, bool append)
{
	const char *const words[] = { "sh", "-c", script, NULL };
	struct child child = { 0 };

	assert_false(failed(child_start(&child, words, output, append)));
	assert_true(child.pid > 0);
	return child;
}

static void test_runs_to_its_end(void **state)
{
	(void)state;
	const char *const fine[] = { "true", NULL };
	const char *const wrong[] = { "false", NULL };
	const char *const missing[] = { "there-is-no-such-program", NULL };
	struct child child;

	assert_true(child_run(fine, output));
	assert_false(child_run(wrong, output));
	assert_false(child_run(missing, output));
	assert_false(failed(child_start(&child, missing, output, false)));
	assert_int_equal(child_wait(&child), CHILD_NOT_FOUND);
	assert_false(child_is_running(&child));
}

static void test_tells_exit_codes(void **state)
{
	(void)state;
	struct child child = shell("exit 3", false);
	int code;

	assert_true(child_wait_for(&child, 10 * NS_PER_S, &code));
	assert_int_equal(code, 3);
	child = shell("exec sleep 100", false);
	assert_false(child_wait_for(&child, 10 * NS_PER_MS, &code));
	assert_true(child_is_running(&child));
	child_signal(&child, SIGINT);
	assert_true(child_wait_for(&child, 10 * NS_PER_S, &code));
	assert_int_equal(code, 128 + SIGINT);
	child_end(&child);
	child_kill(&child);
}

static void test_ends_politely_and_at_once(void **state)
{
	(void)state;
	struct child child =
	        shell("trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.01;"
	              " done",
	                false);

	assert_true(child_await(&child, "up", 10 * NS_PER_S));
	child_end(&child);
	assert_int_equal(child.pid, 0);
	assert_true(child_await(&child, "asked", 0));
	child = shell("exec sleep 100", false);
	child_kill(&child);
	assert_int_equal(child.pid, 0);
}

/* What an earlier child said is no answer of the next. */
static void test_awaits_words(void **state)
{
	(void)state;
	struct child child = shell("echo ready", false);

	assert_true(child_await(&child, "ready", 10 * NS_PER_S));
	(void)child_wait(&child);
	child = shell("exec sleep 100", false);
	assert_false(child_await(&child, "ready", 20 * NS_PER_MS));
	child_kill(&child);
	child = shell("exit 0", false);
	assert_false(child_await(&child, "ready", 10 * NS_PER_S)); /* it ended */
	(void)child_wait(&child);
}

static void test_reads_logs(void **state)
{
	(void)state;
	uint64_t number = 0;
	struct child child = shell("echo 'event=stopped messages=1 commits=2';"
	                           "echo 'event=other messages=9';"
	                           "echo 'event=stopped messages=3 commits=4'",
	        false);

	(void)child_wait(&child);
	child = shell("echo 'event=stopped_at_once messages=8'", true);
	(void)child_wait(&child);
	assert_true(child_logged(output, "stopped", "messages", &number));
	assert_int_equal(number, 3);
	assert_true(child_logged(output, "stopped", "commits", &number));
	assert_int_equal(number, 4);
	assert_false(child_logged(output, "stopped", "turns", &number));
	assert_false(child_logged("there-is-no-such-file", "stopped", "commits", &number));
	child_last_words(output);
	child_last_words("there-is-no-such-file");
}

static void test_tells_usage(void **state)
{
	(void)state;
	struct child child = shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done;"
	                           "exec sleep 100",
	        false);
	struct child_usage usage;

	assert_true(child_await(&child, "done", 60 * NS_PER_S));
	assert_true(child_usage(&child, &usage));
	assert_true(usage.cpu_ns > 0);
	assert_true(usage.switches > 0);
	assert_true(usage.memory_bytes > 0);
	assert_true(usage.memory_most_bytes >= usage.memory_bytes);
	child_kill(&child);
	assert_false(child_usage(&child, &usage));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_runs_to_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tells_exit_codes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends_politely_and_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_awaits_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reads_logs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tells_usage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
