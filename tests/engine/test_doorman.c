#include "engine/doorman.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct endpoint client(const char *address)
{
	struct endpoint endpoint;

	assert_true(endpoint_parse_address(view_of(address), &endpoint));
	return endpoint;
}

static void counts_all_and_each(void **state)
{
	(void)state;
	const struct endpoint a = client("192.0.2.1");
	const struct endpoint b = client("192.0.2.2");
	struct doorman *doorman;

	assert_false(failed(doorman_create(&doorman, 3, 2)));
	assert_int_equal(doorman_admit(doorman, &a), DOORMAN_WELCOME);
	assert_int_equal(doorman_admit(doorman, &a), DOORMAN_WELCOME);
	assert_int_equal(doorman_admit(doorman, &a), DOORMAN_CLIENT_FULL);
	assert_int_equal(doorman_admit(doorman, &b), DOORMAN_WELCOME);
	assert_int_equal(doorman_admit(doorman, &b), DOORMAN_FULL);
	assert_int_equal(doorman_count(doorman), 3);
	doorman_leave(doorman, &a);
	assert_int_equal(doorman_admit(doorman, &b), DOORMAN_WELCOME);
	assert_int_equal(doorman_admit(doorman, &a), DOORMAN_FULL);
	doorman_leave(doorman, &b);
	assert_int_equal(doorman_admit(doorman, &a), DOORMAN_WELCOME);
	doorman_leave(doorman, &b);
	doorman_leave(doorman, &a);
	doorman_leave(doorman, &a);
	assert_int_equal(doorman_count(doorman), 0);
	doorman_destroy(doorman);
}

/* Unless somebody set a number, this host may come as often as it likes. */
static void this_host_is_trusted(void **state)
{
	static const char *const clients[] = { "192.0.2.1", "127.0.0.1", "::1", "2001:db8::1" };
	struct doorman *doorman;

	(void)state;
	for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
		const struct endpoint a = client(clients[i]);
		const bool own = i == 1 || i == 2;
		assert_false(failed(doorman_create(&doorman, 1000, 0)));
		for (int j = 0; j < DOORMAN_PER_CLIENT; j++)
			assert_int_equal(doorman_admit(doorman, &a), DOORMAN_WELCOME);
		assert_int_equal(
		        doorman_admit(doorman, &a), own ? DOORMAN_WELCOME : DOORMAN_CLIENT_FULL);
		for (int j = 0; j < DOORMAN_PER_CLIENT + own; j++)
			doorman_leave(doorman, &a);
		doorman_destroy(doorman);
	}
	const struct endpoint a = client("127.0.0.1");
	assert_false(failed(doorman_create(&doorman, 1000, 1)));
	assert_int_equal(doorman_admit(doorman, &a), DOORMAN_WELCOME);
	assert_int_equal(doorman_admit(doorman, &a), DOORMAN_CLIENT_FULL);
	doorman_leave(doorman, &a);
	doorman_destroy(doorman);
}

static void takes_fewer_when_told(void **state)
{
	const struct endpoint a = client("192.0.2.1");
	struct doorman *doorman;

	(void)state;
	assert_false(failed(doorman_create(&doorman, 3, 3)));
	doorman_lower(doorman, 1);
	assert_int_equal(doorman_admit(doorman, &a), DOORMAN_WELCOME);
	assert_int_equal(doorman_admit(doorman, &a), DOORMAN_FULL);
	doorman_leave(doorman, &a);
	doorman_destroy(doorman);
}

static void network_of_ipv6_counts_as_one(void **state)
{
	(void)state;
	const struct endpoint a = client("2001:db8::1");
	const struct endpoint same = client("2001:db8::ffff:1");
	const struct endpoint other = client("2001:db8:0:1::1");
	struct doorman *doorman;

	assert_false(failed(doorman_create(&doorman, 10, 1)));
	assert_int_equal(doorman_admit(doorman, &a), DOORMAN_WELCOME);
	assert_int_equal(doorman_admit(doorman, &same), DOORMAN_CLIENT_FULL);
	assert_int_equal(doorman_admit(doorman, &other), DOORMAN_WELCOME);
	doorman_leave(doorman, &same);
	doorman_leave(doorman, &other);
	doorman_destroy(doorman);
}

/* As many clients as connections, again and again. */
static void many_clients_fit(void **state)
{
	(void)state;
	struct doorman *doorman;

	assert_false(failed(doorman_create(&doorman, 1000, 1)));
	for (int round = 0; round < 3; round++) {
		struct endpoint endpoint = client("10.0.0.0");
		for (int i = 0; i < 1000; i++) {
			endpoint.address[14] = (uint8_t)(i >> 8);
			endpoint.address[15] = (uint8_t)i;
			assert_int_equal(doorman_admit(doorman, &endpoint), DOORMAN_WELCOME);
		}
		assert_int_equal(doorman_admit(doorman, &endpoint), DOORMAN_FULL);
		for (int i = 0; i < 1000; i++) {
			endpoint.address[14] = (uint8_t)(i >> 8);
			endpoint.address[15] = (uint8_t)i;
			doorman_leave(doorman, &endpoint);
		}
	}
	doorman_destroy(doorman);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_all_and_each),
		cmocka_unit_test(this_host_is_trusted),
		cmocka_unit_test(takes_fewer_when_told),
		cmocka_unit_test(network_of_ipv6_counts_as_one),
		cmocka_unit_test(many_clients_fit),
	};

	return cmocka_run_group_tests_name("doorman", tests, NULL, NULL);
}
