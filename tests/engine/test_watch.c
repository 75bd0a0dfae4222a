/* Signals, events and time, as the main thread hears of them. */
#include "engine/watch.h"
#include "tests/death.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static struct mono soon(void)
{
	return mono_after(clock_mono(), 20 * NS_PER_MS);
}

static void each_kind_of_news(void **state)
{
	const uint64_t one = 1;
	struct watch watch;

	(void)state;
	assert_false(failed(watch_open(&watch)));
	const struct mono until = soon();
	assert_int_equal(watch_wait(&watch, until), WATCH_TIMEOUT);
	assert_true(mono_reached(clock_mono(), until));
	assert_int_equal(watch_wait(&watch, (struct mono){ 0 }), WATCH_TIMEOUT);
	assert_int_equal(write(watch.events, &one, sizeof one), sizeof one);
	assert_int_equal(write(watch.events, &one, sizeof one), sizeof one);
	assert_int_equal(watch_wait(&watch, MONO_NEVER), WATCH_EVENT);
	assert_int_equal(watch_wait(&watch, soon()), WATCH_TIMEOUT); /* told once */
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(watch_wait(&watch, MONO_NEVER), WATCH_END);
	assert_int_equal(raise(SIGINT), 0);
	assert_int_equal(watch_wait(&watch, MONO_NEVER), WATCH_END);
	assert_int_equal(raise(SIGHUP), 0);
	assert_int_equal(watch_wait(&watch, MONO_NEVER), WATCH_HANGUP);
	assert_int_equal(watch_wait(&watch, soon()), WATCH_TIMEOUT);
	watch_close(&watch);
	watch_close(&watch);
}

static void ask_twice(void *argument)
{
	struct watch watch;

	(void)argument;
	if (failed(watch_open(&watch)))
		_exit(9);
	watch_let_go(&watch);
	(void)raise(SIGTERM);
	_exit(9);
}

/* Whoever is busy with the end, a signal makes it come at once; closed, it waits again. */
static void let_go_ends_at_once(void **state)
{
	struct watch watch;

	(void)state;
	assert_false(dies(ask_twice, NULL));
	assert_false(failed(watch_open(&watch)));
	watch_let_go(&watch);
	watch_close(&watch);
	assert_int_equal(raise(SIGTERM), 0);
	assert_false(failed(watch_open(&watch)));
	assert_int_equal(watch_wait(&watch, MONO_NEVER), WATCH_END);
	watch_close(&watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_news),
		cmocka_unit_test(let_go_ends_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
