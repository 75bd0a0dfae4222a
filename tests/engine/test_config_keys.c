#include "engine/config_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void each_file_is_counted_once(void **state)
{
	struct config_listener listeners[3] = {
		{ .tls = { .certificate = "a.pem", .key = "a.key" } },
		{ .tls = { .certificate = NULL } },
		{ .tls = { .certificate = "again.pem", .key = "a.key" } },
	};
	struct config_route routes[3] = {
		{ .tls = { .certificate = "b.pem", .key = "b.key", .mode = ROUTE_TLS_REQUIRED } },
		{ .tls = { .certificate = "c.pem", .key = "c.key", .mode = ROUTE_TLS_NONE } },
		{ .tls = { .mode = ROUTE_TLS_REQUIRED } },
	};
	const struct config config = { .listeners = { listeners, 3 }, .routes = { routes, 3 } };
	struct config_keys keys;

	(void)state;
	assert_false(failed(config_keys_open(&keys, &config)));
	assert_int_equal(keys.count, 2);
	assert_string_equal(keys.keys[0], "a.key");
	assert_string_equal(keys.certificates[0], "a.pem");
	assert_string_equal(keys.keys[1], "b.key");
	assert_string_equal(keys.certificates[1], "b.pem");
	config_keys_close(&keys);
	config_keys_close(&keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_is_counted_once),
	};

	return cmocka_run_group_tests_name("config_keys", tests, NULL, NULL);
}
