/* Which address the next session goes to. */
#include "engine/target.h"

#include "queue/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct target target;
static struct hosts hosts;
static struct random source;
static struct mono now;

static int begin(void **state)
{
	(void)state;
	target = (struct target){ 0 };
	hosts = (struct hosts){ 0 };
	now = (struct mono){ 1000 * NS_PER_S };
	random_seed(&source, 1);
	return 0;
}

static struct endpoint at(uint8_t number)
{
	struct endpoint endpoint = { .port = 25 };

	memset(endpoint.address + 10, 0xff, 2);
	endpoint.address[15] = number;
	return endpoint;
}

/* One more host of that preference, with addresses first .. last. */
static void add(const char *name, uint16_t preference, uint8_t first, uint8_t last)
{
	assert_non_null(hosts_add(&hosts, view_of(name), preference));
	for (uint8_t i = first; i <= last; i++) {
		const struct endpoint endpoint = at(i);
		assert_true(hosts_add_address(&hosts, &endpoint));
	}
}

static uint8_t pick(void)
{
	return target_pick(&target, now)->endpoint.address[15];
}

static void blame(uint8_t number)
{
	const struct endpoint endpoint = at(number);

	target_blame(&target, &endpoint, now);
}

static void pass(int64_t ns)
{
	now = mono_after(now, ns);
}

static void test_by_turns(void **state)
{
	(void)state;
	add("one", 10, 1, 3);
	target_set(&target, &hosts, &source);
	assert_true(target_is_known(&target));
	for (int round = 0; round < 3; round++)
		for (uint8_t i = 1; i <= 3; i++)
			assert_int_equal(pick(), i);
	target_clear(&target);
	assert_false(target_is_known(&target));
}

/* Sessions spread over hosts of equal preference, and leave the others alone. */
static void test_preference(void **state)
{
	unsigned picked[6] = { 0 };

	(void)state;
	add("one", 10, 1, 1);
	add("two", 10, 2, 3);
	add("three", 20, 4, 5);
	target_set(&target, &hosts, &source);
	for (int i = 0; i < 30; i++)
		picked[pick()]++;
	for (int i = 1; i <= 3; i++)
		assert_int_equal(picked[i], 10);
	assert_int_equal(picked[4] + picked[5], 0);
	/* Down they go by preference, and up again. */
	for (uint8_t i = 1; i <= 3; i++)
		blame(i);
	assert_true(target_has_other(&target, now));
	const uint8_t worse = pick();
	assert_true(worse >= 4);
	blame(4);
	assert_int_equal(pick(), 5);
	blame(5);
	assert_false(target_has_other(&target, now));
	pass(TARGET_AVOID_NS);
	assert_true(target_has_other(&target, now));
	assert_true(pick() <= 3);
}

/* All are avoided, and a session begins: it tries each once. */
static void test_each_once(void **state)
{
	bool tried[4] = { false };

	(void)state;
	add("one", 10, 1, 3);
	target_set(&target, &hosts, &source);
	for (uint8_t i = 1; i <= 3; i++)
		blame(i);
	pass(NS_PER_S);
	const struct mono since = now;
	for (int i = 0; i < 3; i++) {
		assert_true(target_has_other(&target, since));
		const uint8_t number = pick();
		assert_false(tried[number]);
		tried[number] = true;
		pass(1);
		blame(number);
	}
	assert_false(target_has_other(&target, since));
	pass(1);
	assert_true(target_has_other(&target, now));
}

/* After its time one session tries a suspect; the others keep away until that one was of use. */
static void test_one_tries_first(void **state)
{
	const struct endpoint first = at(1);

	(void)state;
	add("one", 10, 1, 2);
	target_set(&target, &hosts, &source);
	assert_int_equal(pick(), 1);
	blame(1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pick(), 2);
	pass(TARGET_AVOID_NS - 1);
	assert_int_equal(pick(), 2);
	pass(1);
	assert_int_equal(pick(), 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pick(), 2);
	target_trust(&target, &first);
	assert_int_equal(pick(), 1);
	assert_int_equal(pick(), 2);
	assert_int_equal(pick(), 1);
}

static void test_all_are_avoided(void **state)
{
	(void)state;
	add("one", 10, 1, 3);
	target_set(&target, &hosts, &source);
	blame(2);
	pass(1);
	blame(1);
	pass(1);
	blame(3);
	pass(1);
	assert_int_equal(pick(), 2);
	assert_int_equal(pick(), 1);
	assert_int_equal(pick(), 3);
}

/* A new answer of DNS makes nobody innocent. */
static void test_memory_survives_an_answer(void **state)
{
	const struct endpoint gone = at(9);

	(void)state;
	add("one", 10, 1, 2);
	target_set(&target, &hosts, &source);
	blame(2);
	hosts = (struct hosts){ 0 };
	add("zero", 5, 2, 2);
	add("one", 10, 1, 1);
	add("other", 10, 3, 3);
	target_set(&target, &hosts, &source);
	for (int i = 0; i < 6; i++)
		assert_int_not_equal(pick(), 2);
	target_blame(&target, &gone, now);
	target_trust(&target, &gone);
	pass(TARGET_AVOID_NS);
	assert_int_equal(pick(), 2);
}

static void test_tls(void **state)
{
	static const struct {
		enum route_tls mode;
		enum host_dane dane;
		bool required;
	} cases[] = {
		{ ROUTE_TLS_OPTIONAL, HOST_DANE_NONE, false },
		{ ROUTE_TLS_OPTIONAL, HOST_DANE_TLS, true },
		{ ROUTE_TLS_OPTIONAL, HOST_DANE_RECORDS, true },
		{ ROUTE_TLS_REQUIRED, HOST_DANE_NONE, true },
		{ ROUTE_TLS_NONE, HOST_DANE_NONE, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct config_route route = { .tls.mode = cases[i].mode };
		const struct host host = { .dane = (uint8_t)cases[i].dane };
		target.route = &route;
		assert_int_equal(target_requires_tls(&target, &host), cases[i].required);
	}
}

#define TARGET_TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TARGET_TEST(test_by_turns),
		TARGET_TEST(test_preference),
		TARGET_TEST(test_each_once),
		TARGET_TEST(test_one_tries_first),
		TARGET_TEST(test_all_are_avoided),
		TARGET_TEST(test_memory_survives_an_answer),
		TARGET_TEST(test_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
