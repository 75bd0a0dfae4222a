#include "bench/mock_sources.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct mock_sources sources;

static struct endpoint from(const char *text)
{
	struct endpoint endpoint;

	assert_true(endpoint_parse(view_of(text), &endpoint));
	return endpoint;
}

static bool admits(const char *address, int64_t second)
{
	const struct endpoint endpoint = from(address);

	return mock_sources_admit(&sources, &endpoint, (struct mono){ second * NS_PER_S });
}

static void test_a_burst_then_the_rate(void **state)
{
	(void)state;
	mock_sources_init(&sources, 0.1 / (double)NS_PER_S, 3);
	for (int i = 0; i < 3; i++)
		assert_true(admits("192.0.2.1:1000", 0));
	assert_false(admits("192.0.2.1:1001", 0)); /* another port is the same address */
	assert_true(admits("192.0.2.2:1000", 0));
	assert_false(admits("192.0.2.1:1000", 9));
	assert_true(admits("192.0.2.1:1000", 11));
	assert_false(admits("192.0.2.1:1000", 11));
	for (int i = 0; i < 3; i++) /* filled up, and not beyond the burst */
		assert_true(admits("192.0.2.1:1000", 1000));
	assert_false(admits("192.0.2.1:1000", 1000));
}

static void test_no_rate_admits_all(void **state)
{
	(void)state;
	mock_sources_init(&sources, 0, 0);
	for (int i = 0; i < 100; i++)
		assert_true(admits("192.0.2.1:1000", 0));
}

static void test_strangers_take_the_oldest_place(void **state)
{
	char room[ENDPOINT_TEXT_BYTES];

	(void)state;
	mock_sources_init(&sources, 1e-12, 1);
	assert_true(admits("192.0.2.1:1", 0));
	for (int i = 1; i < MOCK_SOURCES_MAX; i++) {
		struct text text = TEXT_ON(room);
		text_format(&text, "198.51.100.%d:1", i);
		assert_true(admits(text_string(&text), i));
	}
	assert_false(admits("192.0.2.1:1", 100));  /* remembered, and now the youngest */
	assert_true(admits("203.0.113.1:1", 101)); /* in the place of 198.51.100.1 */
	assert_false(admits("192.0.2.1:1", 102));
	assert_true(admits("198.51.100.1:1", 103));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_then_the_rate),
		cmocka_unit_test(test_no_rate_admits_all),
		cmocka_unit_test(test_strangers_take_the_oldest_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
