/* Places under a cap go round: nobody who asks is passed for ever. */
#include "queue/rota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SOON_NS (100 * NS_PER_MS)

static void test_by_turns(void **state)
{
	struct rota rota = { 0 };
	struct mono now = { NS_PER_S };

	(void)state;
	assert_true(rota_serve(&rota, now, 0, 3, 1));
	assert_false(rota_serve(&rota, now, 2, 3, 0));
	assert_false(rota_serve(&rota, now, 1, 3, 0));
	/* 0 gives it back, and asks again at once: 1 comes first, then 2, then 0. */
	assert_false(rota_serve(&rota, now, 0, 3, 1));
	assert_false(rota_serve(&rota, now, 2, 3, 1));
	assert_true(rota_serve(&rota, now, 1, 3, 1));
	assert_false(rota_serve(&rota, now, 0, 3, 1));
	assert_true(rota_serve(&rota, now, 2, 3, 1));
	assert_true(rota_serve(&rota, now, 0, 3, 1));
	/* Nobody waits. */
	assert_true(rota_serve(&rota, now, 0, 3, 1));
}

static void test_enough_for_all(void **state)
{
	struct rota rota = { 0 };
	const struct mono now = { NS_PER_S };

	(void)state;
	assert_false(rota_serve(&rota, now, 1, 3, 0));
	assert_true(rota_serve(&rota, now, 0, 3, 2));
	assert_false(rota_serve(&rota, now, 0, 3, 1));
}

/* Who asks no more keeps nobody waiting. */
static void test_it_forgets(void **state)
{
	struct rota rota = { 0 };
	struct mono now = { NS_PER_S };

	(void)state;
	assert_false(rota_serve(&rota, now, 1, 2, 0));
	assert_false(rota_serve(&rota, now, 0, 2, 1));
	now = mono_after(now, ROTA_FORGET_NS - 1);
	assert_false(rota.starving == 0);
	now = mono_after(now, ROTA_FORGET_NS + 1);
	assert_true(rota_serve(&rota, now, 0, 2, 1));
}

/* Nor does one who asks again and again keep the others in mind by that. */
static void test_it_forgets_one_of_them(void **state)
{
	struct rota rota = { 0 };
	struct mono now = { NS_PER_S };
	int asked = 0;

	(void)state;
	assert_true(rota_serve(&rota, now, 0, 2, 1));
	assert_false(rota_serve(&rota, now, 1, 2, 0));
	for (; asked < 100 && !rota_serve(&rota, now, 0, 2, 1); asked++)
		now = mono_after(now, SOON_NS);
	assert_in_range(asked, ROTA_FORGET_NS / SOON_NS - 1, 2 * ROTA_FORGET_NS / SOON_NS);
}

/* However they ask, each of them is served as often as the others. */
static void test_nobody_is_passed(void **state)
{
	struct rota rota = { 0 };
	struct mono now = { NS_PER_S };
	unsigned served[5] = { 0 };
	unsigned holder = 5;

	(void)state;
	for (unsigned turn = 0; turn < 5000; turn++) {
		now = mono_after(now, SOON_NS / 5);
		const unsigned who = turn % 7 % 5; /* some ask more often */
		if (who == holder) {
			holder = 5; /* done, and wants another */
		}
		if (rota_serve(&rota, now, who, 5, holder == 5 ? 1 : 0)) {
			served[who]++;
			holder = who;
		}
	}
	for (unsigned i = 0; i < 5; i++)
		assert_in_range(served[i], served[0] * 9 / 10, served[0] * 11 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_turns),
		cmocka_unit_test(test_enough_for_all),
		cmocka_unit_test(test_it_forgets),
		cmocka_unit_test(test_it_forgets_one_of_them),
		cmocka_unit_test(test_nobody_is_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
