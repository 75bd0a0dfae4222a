#include "engine/config_check_devices.h"

#include "tests/engine/config_rows.h"

#define BEFORE "routes: [{host: a.test}]\nname: a.test\nlisteners:\n  - "

static void what_is_said_of_old_devices(void **state)
{
	static const struct config_row rows[] = {
		{ BEFORE "old_devices: [{name: a, networks: [10.1.0.0/16], tolerant: true}]\n", 0,
		        NULL, false },
		{ BEFORE "old_devices:\n      - {networks: [10.1.0.0/16], tolerant: true}\n", 5,
		        "listeners[0].old_devices[0]: name is missing", false },
		{ BEFORE "old_devices:\n      - {name: a, tolerant: true}\n", 5,
		        "networks is missing; right are theirs", false },
		{ BEFORE "old_devices:\n      - {name: a, networks: [], tolerant: true}\n", 5,
		        "networks is missing", false },
		{ BEFORE "old_devices:\n      - {name: a, networks: [0.0.0.0/0], tolerant: true}\n",
		        5, "everybody is an old device", true },
		{ BEFORE "old_devices:\n      - {name: a, networks: [10.1.0.1], tls: 1.0}\n", 5,
		        "old_devices[0].tls: the listener has no TLS", false },
		{ BEFORE "old_devices:\n      - {name: a, networks: [10.1.0.1], tls: 0.9}\n", 5,
		        "right is 1.0, 1.1 or 1.2", false },
		{ BEFORE "old_devices:\n      - name: a\n        networks: 10.1.0.1\n"
		         "        auth_without_tls: true\n",
		        7, "auth_without_tls: nobody signs in here", false },
		{ BEFORE "old_devices:\n      - {name: a, networks: [10.1.0.1]}\n", 5,
		        "it lets nothing in", true },
		{ BEFORE "old_devices:\n      - {name: a, networks: [10.1.0.1], bare_lf: no}\n", 5,
		        "right is refuse or repair", false },
	};

	(void)state;
	config_rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void who_may_sign_in(void **state)
{
	struct config_old_device devices[2] = { { .tolerant = true }, { .tolerant = true } };
	const struct config_listener listener = { .old_devices = { devices, 2 } };

	(void)state;
	assert_false(config_check_devices_sign_in(&listener));
	devices[1].auth_without_tls = true;
	assert_true(config_check_devices_sign_in(&listener));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_of_old_devices),
		cmocka_unit_test(who_may_sign_in),
	};

	return cmocka_run_group_tests_name("config_check_devices", tests, NULL, NULL);
}
