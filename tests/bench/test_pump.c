#include "bench/pump.h"

#include "queue/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static volatile sig_atomic_t interrupted;

/* Where nobody listens. */
static struct load_settings nowhere(void)
{
	struct load_settings settings = LOAD_SETTINGS;

	check(endpoint_parse(VIEW("127.0.0.1:1"), &settings.target));
	settings.sessions = 3;
	return settings;
}

static void test_opens_and_closes(void **state)
{
	(void)state;
	static struct pump pump;
	const struct load_settings settings = nowhere();
	char why_text[512];
	struct text why = TEXT_ON(why_text);

	if (failed(pump_open(&pump, &settings, &interrupted, &why)))
		fail_msg("%s", text_string(&why));
	pump_close(&pump);
}

static void test_goes_on_where_nobody_listens(void **state)
{
	(void)state;
	static struct pump pump;
	const struct load_settings settings = nowhere();
	char why_text[512];
	struct text why = TEXT_ON(why_text);

	assert_false(failed(pump_open(&pump, &settings, &interrupted, &why)));
	const struct mono begun = clock_mono();
	while (clock_mono().ns - begun.ns < 100 * NS_PER_MS)
		assert_true(pump_turn(&pump));
	assert_false(load_is_done(&pump.load));
	assert_int_equal(pump.load.account.connections, 0);
	/* Nothing moves for longer than it has patience. */
	pump.moved_at.ns -= PUMP_PATIENCE;
	assert_false(pump_run(&pump, &why));
	assert_string_equal(
	        text_string(&why), "nothing moved for 30 s: 0 of 20000 messages answered");
	pump_close(&pump);
}

static void test_is_interrupted(void **state)
{
	(void)state;
	static struct pump pump;
	const struct load_settings settings = nowhere();
	char why_text[512];
	struct text why = TEXT_ON(why_text);

	assert_false(failed(pump_open(&pump, &settings, &interrupted, &why)));
	interrupted = 1;
	assert_false(pump_run(&pump, &why));
	interrupted = 0;
	assert_string_equal(text_string(&why), "interrupted");
	pump_close(&pump);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_and_closes),
		cmocka_unit_test(test_goes_on_where_nobody_listens),
		cmocka_unit_test(test_is_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
