#include "bench/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct histogram histogram;

static int setup(void **state)
{
	(void)state;
	histogram_clear(&histogram);
	return 0;
}

static void test_empty(void **state)
{
	(void)state;
	assert_int_equal(histogram_at(&histogram, 0.5), 0);
	assert_int_equal(histogram_at(&histogram, 1), 0);
}

/* One value is every share of all, and never more than itself. */
static void test_single(void **state)
{
	(void)state;
	for (int bit = 0; bit < 62; bit++) {
		const int64_t ns = ((int64_t)1 << bit) + (bit > 8 ? 77 : 0);
		histogram_clear(&histogram);
		histogram_add(&histogram, ns);
		assert_int_equal(histogram_at(&histogram, 0), ns);
		assert_int_equal(histogram_at(&histogram, 1), ns);
	}
	histogram_clear(&histogram);
	histogram_add(&histogram, INT64_MAX);
	assert_int_equal(histogram_at(&histogram, 0.5), INT64_MAX);
}

static void test_negative_is_zero(void **state)
{
	(void)state;
	histogram_add(&histogram, -5);
	assert_int_equal(histogram_at(&histogram, 0.5), 0);
	assert_int_equal(histogram.count, 1);
}

/* Every share is off by no more than a bucket's width. */
static void test_shares(void **state)
{
	(void)state;
	for (int64_t ns = 1; ns <= 100000; ns++)
		histogram_add(&histogram, ns);
	for (int percent = 1; percent <= 100; percent++) {
		const int64_t exact = percent * 1000;
		const int64_t got = histogram_at(&histogram, percent / 100.0);
		assert_true(got >= exact);
		assert_true(got <= exact + exact / 31 + 1);
	}
}

static void test_merges(void **state)
{
	(void)state;
	static struct histogram other;

	histogram_clear(&other);
	histogram_add(&histogram, 10);
	histogram_add(&other, 1000000);
	histogram_add(&other, 20);
	histogram_merge(&histogram, &other);
	assert_int_equal(histogram.count, 3);
	assert_int_equal(histogram.most_ns, 1000000);
	assert_int_equal(histogram_at(&histogram, 0.3), 10);
	assert_int_equal(histogram_at(&histogram, 0.66), 20);
	assert_int_equal(histogram_at(&histogram, 1), 1000000);
	assert_int_equal(histogram_bucket_most(20), 20);
}

static void test_takes_away(void **state)
{
	(void)state;
	static struct histogram earlier;

	histogram_add(&histogram, 20);
	histogram_add(&histogram, 1000000);
	earlier = histogram;
	histogram_add(&histogram, 10);
	histogram_add(&histogram, 20);
	histogram_take_away(&histogram, &earlier);
	assert_int_equal(histogram.count, 2);
	assert_int_equal(histogram.most_ns, 20);
	assert_int_equal(histogram_at(&histogram, 0.5), 10);
	earlier = histogram;
	histogram_take_away(&histogram, &earlier);
	assert_int_equal(histogram.count, 0);
	assert_int_equal(histogram.most_ns, 0);
	/* The most is never more than it was. */
	histogram_add(&histogram, 1000000);
	histogram_clear(&earlier);
	histogram_take_away(&histogram, &earlier);
	assert_int_equal(histogram.most_ns, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_single, setup),
		cmocka_unit_test_setup(test_negative_is_zero, setup),
		cmocka_unit_test_setup(test_shares, setup),
		cmocka_unit_test_setup(test_merges, setup),
		cmocka_unit_test_setup(test_takes_away, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
