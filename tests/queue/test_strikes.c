/* How many refusals of a kind a mailbox may have, and what is kept of them over a restart. */
#include "queue/strikes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define AT(s) ((struct mono){ (int64_t)(s)*NS_PER_S })

static int64_t add(struct strikes *strikes, int64_t at_s, enum strike kind)
{
	return strikes_add(strikes, AT(at_s), kind) / NS_PER_S;
}

static void test_budget(void **state)
{
	struct strikes strikes = { 0 };

	(void)state;
	assert_int_equal(add(&strikes, 0, STRIKE_SENDER), 0);
	assert_int_equal(add(&strikes, 300, STRIKE_SENDER), 0);
	/* Three in ten minutes; not three in all. */
	assert_int_equal(add(&strikes, 601, STRIKE_SENDER), 0);
	/* Until one is ten minutes old, and there is room for another. */
	assert_int_equal(add(&strikes, 602, STRIKE_SENDER), 298);
	assert_int_equal(add(&strikes, 603, STRIKE_SENDER), 598);
	assert_int_equal(strikes_wait_ns(&strikes, AT(1201), STRIKE_SENDER), 0);
	assert_int_equal(add(&strikes, 1300, STRIKE_SENDER), 0);
	assert_int_equal(add(&strikes, 1300, STRIKE_SENDER), 0);
	strikes_forget(&strikes);
	assert_int_equal(add(&strikes, 1301, STRIKE_SENDER), 0);
	assert_int_equal(add(&strikes, 1301, STRIKE_SENDER), 0);
	assert_int_equal(add(&strikes, 1301, STRIKE_SENDER), 600);
}

static void test_budgets_of_kinds(void **state)
{
	struct strikes strikes = { 0 };

	(void)state;
	for (int64_t i = 0; i < 5; i++)
		assert_int_equal(add(&strikes, i, STRIKE_RECIPIENT), 0);
	assert_int_equal(add(&strikes, 5, STRIKE_SENDER), 0);
	assert_int_equal(add(&strikes, 5, STRIKE_CROWD), 0);
	assert_int_equal(add(&strikes, 10, STRIKE_RECIPIENT), 590);
	assert_int_equal(add(&strikes, 600, STRIKE_RECIPIENT), 1);
}

static void test_crowd(void **state)
{
	struct strikes strikes = { 0 };

	(void)state;
	assert_int_equal(strikes_crowd_most(&strikes, AT(0)), UINT16_MAX);
	assert_true(strikes_crowd(&strikes, AT(0), 100));
	assert_false(strikes_crowd(&strikes, AT(1), 100)); /* was under way */
	assert_true(strikes_crowd(&strikes, AT(2), 50));
	assert_int_equal(strikes_crowd_most(&strikes, AT(86401)), 50);
	assert_int_equal(strikes_crowd_most(&strikes, AT(86402)), UINT16_MAX);
	assert_true(strikes_crowd(&strikes, AT(90000), 200));
	strikes_forget(&strikes);
	assert_int_equal(strikes_crowd_most(&strikes, AT(90001)), UINT16_MAX);
}

static void test_kept(void **state)
{
	struct strikes strikes = { 0 };
	struct strikes again = { 0 };
	char room[STRIKES_RECORD_MAX];

	(void)state;
	for (int64_t i = 0; i < 8; i++)
		(void)add(&strikes, 1000 + i, STRIKE_RECIPIENT);
	(void)add(&strikes, 1100, STRIKE_SENDER);
	assert_true(strikes_crowd(&strikes, AT(1100), 50));
	assert_true(strikes.changed);
	struct record_writer writer = record_write((struct span){ room, sizeof room });
	strikes_put(&writer, &strikes, AT(1200));
	assert_false(strikes.changed);
	/* A clock that began anew: 100 s have passed, of which 50 after its start. */
	struct record_reader reader = record_read(record_view(&writer));
	strikes_get(&reader, &again, AT(-50));
	assert_true(record_is_read(&reader));
	assert_int_equal(
	        strikes_wait_ns(&again, AT(50), STRIKE_RECIPIENT) / NS_PER_S, 600 - (1300 - 1002));
	assert_int_equal(strikes_wait_ns(&again, AT(50), STRIKE_SENDER), 0);
	assert_int_equal(strikes_crowd_most(&again, AT(50)), 50);
	assert_int_equal(strikes_crowd_most(&again, AT(-50 + 86300)), UINT16_MAX);
	/* Every record cut short is bad, and so is one with more than a budget. */
	for (size_t bytes = 0; bytes < writer.bytes; bytes++) {
		reader = record_read(view_from(room, bytes));
		strikes_get(&reader, &again, AT(0));
		assert_false(record_is_read(&reader));
	}
	room[0] = STRIKES_MAX;
	reader = record_read(record_view(&writer));
	strikes_get(&reader, &again, AT(0));
	assert_false(record_is_read(&reader));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_budgets_of_kinds),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
