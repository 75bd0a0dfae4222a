#include "queue/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct retry_settings defaults = RETRY_DEFAULTS;

struct growth_case {
	uint32_t attempts;
	int64_t least_ms;
	int64_t most_ms;
};

static void wait_grows_and_stays_in_bounds(void **state)
{
	(void)state;
	static const struct growth_case cases[] = {
		{ 1, 48000, 72000 },
		{ 2, 96000, 144000 },
		{ 3, 192000, 288000 },
		{ 6, 1536000, 2304000 },
		{ 7, 2880000, 3600000 },
		{ 8, 2880000, 3600000 },
		{ UINT32_MAX, 2880000, 3600000 },
	};
	struct random random;
	random_seed(&random, 7);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t seen_least = INT64_MAX;
		int64_t seen_most = 0;
		for (int n = 0; n < 2000; n++) {
			int64_t wait = retry_next(&defaults, cases[i].attempts, 0, &random);
			assert_true(wait >= cases[i].least_ms);
			assert_true(wait <= cases[i].most_ms);
			seen_least = wait < seen_least ? wait : seen_least;
			seen_most = wait > seen_most ? wait : seen_most;
		}
		/* Spread over the whole of the range, not a corner of it. */
		int64_t range = cases[i].most_ms - cases[i].least_ms;
		assert_true(seen_least < cases[i].least_ms + range / 20);
		assert_true(seen_most > cases[i].most_ms - range / 20);
	}
}

static void factor_of_one_never_grows(void **state)
{
	(void)state;
	struct retry_settings settings = defaults;
	settings.factor = 1;
	struct random random;
	random_seed(&random, 1);
	assert_true(retry_next(&settings, UINT32_MAX, 0, &random) <= 72000);
}

static void servers_wait_lengthens_but_never_shortens(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 3);
	for (int n = 0; n < 1000; n++) {
		int64_t longer = retry_next(&defaults, 1, 7200, &random);
		assert_true(longer >= 7200000);
		assert_true(longer <= 8640000);
		assert_true(retry_next(&defaults, 5, 1, &random) >= 768000);
	}
}

static void held_message_waits_as_told(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 4);
	assert_int_equal(retry_held(0, &random), 0);
	for (int n = 0; n < 1000; n++) {
		int64_t wait = retry_held(2, &random);
		assert_true(wait >= 2000);
		assert_true(wait <= 2400);
	}
	assert_true(retry_held(INT32_MAX, &random) >= INT32_MAX * 1000LL);
}

static void same_seed_same_waits(void **state)
{
	(void)state;
	struct random a;
	struct random b;
	random_seed(&a, 42);
	random_seed(&b, 42);
	for (uint32_t n = 1; n < 100; n++)
		assert_int_equal(
		        retry_next(&defaults, n, 30, &a), retry_next(&defaults, n, 30, &b));
}

static void gives_up_after_its_time(void **state)
{
	(void)state;
	struct wall received = { 1000 };
	int64_t life = defaults.give_up_after_ms;
	assert_false(retry_expired(&defaults, received, (struct wall){ 1000 }));
	assert_false(retry_expired(&defaults, received, (struct wall){ 1000 + life - 1 }));
	assert_true(retry_expired(&defaults, received, (struct wall){ 1000 + life }));
	assert_false(retry_expired(&defaults, received, (struct wall){ 0 }));
	struct retry_settings at_once = defaults;
	at_once.give_up_after_ms = 0;
	assert_true(retry_expired(&at_once, received, received));
	assert_false(retry_expired(&at_once, received, (struct wall){ 999 }));
}

/* A message's own time counts where it is the shorter one. */
static void a_message_may_have_less_time(void **state)
{
	(void)state;
	assert_int_equal(retry_within(&defaults, 0).give_up_after_ms, defaults.give_up_after_ms);
	assert_int_equal(retry_within(&defaults, 600).give_up_after_ms, 600 * 1000);
	assert_int_equal(
	        retry_within(&defaults, 3 * 86400).give_up_after_ms, defaults.give_up_after_ms);
	assert_int_equal(retry_within(&defaults, 600).most_ms, defaults.most_ms);
}

/* What waits for long is looked at when its time is over. */
static void waits_end_with_the_message(void **state)
{
	const struct retry_settings settings = { .give_up_after_ms = 1000 };

	(void)state;
	assert_int_equal(retry_until(&settings, (struct wall){ 50 }, (struct wall){ 900 }).ms, 900);
	assert_int_equal(
	        retry_until(&settings, (struct wall){ 50 }, (struct wall){ 1050 }).ms, 1050);
	assert_int_equal(
	        retry_until(&settings, (struct wall){ 50 }, (struct wall){ 9000 }).ms, 1050);
	assert_true(retry_until(&settings, (struct wall){ INT64_MAX }, (struct wall){ 1 }).ms == 1);
}

/* The longest of all waits: what retry.most, a server or a setting in days may ask for. */
static void nothing_is_planned_further_ahead(void **state)
{
	const int64_t day_ms = INT64_C(86400) * 1000;
	struct random random;

	(void)state;
	random_seed(&random, 5);
	assert_int_equal(retry_ahead_ms(1000), day_ms * 6 / 5);
	assert_int_equal(retry_ahead_ms(7 * day_ms), 7 * day_ms);
	for (int n = 0; n < 1000; n++) {
		assert_true(retry_held(86400, &random) <= retry_ahead_ms(1000));
		assert_true(retry_next(&defaults, 40, 86400, &random) <=
		            retry_ahead_ms(defaults.most_ms));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wait_grows_and_stays_in_bounds),
		cmocka_unit_test(factor_of_one_never_grows),
		cmocka_unit_test(servers_wait_lengthens_but_never_shortens),
		cmocka_unit_test(held_message_waits_as_told),
		cmocka_unit_test(same_seed_same_waits),
		cmocka_unit_test(gives_up_after_its_time),
		cmocka_unit_test(a_message_may_have_less_time),
		cmocka_unit_test(waits_end_with_the_message),
		cmocka_unit_test(nothing_is_planned_further_ahead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
