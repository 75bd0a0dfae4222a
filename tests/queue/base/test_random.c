#include "queue/base/random.h"

#include "tests/death.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The reference implementation's first numbers for a state of 1, 2, 3, 4. */
static void test_is_xoshiro256starstar(void **state)
{
	(void)state;
	struct random random = { { 1, 2, 3, 4 } };
	static const uint64_t expected[] = { 11520, 0, 1509978240, 1215971899390074240 };

	for (int i = 0; i < 4; i++)
		assert_int_equal(random_u64(&random), expected[i]);
}

static void test_a_seed_gives_its_numbers_again(void **state)
{
	(void)state;
	struct random one, two, other;

	random_seed(&one, 42);
	random_seed(&two, 42);
	random_seed(&other, 43);
	int same = 0;
	for (int i = 0; i < 1000; i++) {
		uint64_t number = random_u64(&one);
		assert_int_equal(number, random_u64(&two));
		same += number == random_u64(&other);
	}
	assert_int_equal(same, 0);
}

static void test_seed_zero_is_as_good(void **state)
{
	(void)state;
	struct random random;

	random_seed(&random, 0);
	assert_true(random.state[0] != 0 && random.state[1] != 0);
	assert_int_not_equal(random_u64(&random), random_u64(&random));
}

static void test_bounds(void **state)
{
	(void)state;
	struct random random;
	int seen[6] = { 0 };

	random_seed(&random, 1);
	for (int i = 0; i < 6000; i++)
		seen[random_below(&random, 6)]++;
	for (int i = 0; i < 6; i++)
		assert_in_range(seen[i], 800, 1200);
	for (int i = 0; i < 100; i++)
		assert_int_equal(random_below(&random, 1), 0);
	for (int i = 0; i < 10000; i++) {
		double unit = random_unit(&random);
		assert_true(unit >= 0.0 && unit < 1.0);
	}
}

static void draw_below_nothing(void *random)
{
	random_below(random, 0);
}

static void test_nothing_is_below_zero(void **state)
{
	(void)state;
	struct random random;

	random_seed(&random, 1);
	assert_true(dies(draw_below_nothing, &random));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_xoshiro256starstar),
		cmocka_unit_test(test_a_seed_gives_its_numbers_again),
		cmocka_unit_test(test_seed_zero_is_as_good),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_nothing_is_below_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
