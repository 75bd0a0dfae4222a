#include "tests/engine/kept.h"

static struct kept kept;
static char packet[TUBE_PACKET_MAX];

static struct span room(void)
{
	memset(packet, 0x5a, sizeof packet);
	return (struct span){ packet, sizeof packet };
}

static int begin(void **state)
{
	(void)state;
	kept_open(&kept);
	return 0;
}

static int end(void **state)
{
	(void)state;
	kept_close(&kept);
	return 0;
}

static void secrets_go_both_ways(void **state)
{
	static struct keeper_ask ask;
	static struct keeper_ask copy;
	const struct config *config = &kept.house.config;

	(void)state;
	ask = (struct keeper_ask){
		.identity = &kept.identities[0],
		.mechanism = SIGNIN_LOGIN,
		.refused = true,
		.again = true,
		.serial = 7,
	};
	size_t bytes = trade_secrets.put_ask(config, &ask.ask, room());
	assert_true(trade_secrets.take_ask(config, view_from(packet, bytes), &copy.ask));
	assert_ptr_equal(copy.identity, &kept.identities[0]);
	assert_int_equal(copy.mechanism, SIGNIN_LOGIN);
	assert_true(copy.refused);
	assert_true(copy.again);
	assert_int_equal(copy.serial, 7);
	/* The longest answer. */
	copy.err = err_make(ERR_NOT_FOUND, 3);
	copy.transient = true;
	copy.wait_ns = 5;
	copy.advice = "advice";
	copy.hint = "hint";
	copy.bytes = sizeof copy.secret;
	memset(copy.secret, 's', sizeof copy.secret);
	memset(copy.why, 'w', sizeof copy.why - 1);
	bytes = trade_secrets.put_answer(&copy.ask, room());
	assert_true(trade_secrets.take_answer(view_from(packet, bytes), &ask.ask));
	assert_int_equal(ask.err.code, ERR_NOT_FOUND);
	assert_true(ask.transient);
	assert_int_equal(ask.wait_ns, 5);
	assert_string_equal(ask.advice, "advice");
	assert_string_equal(ask.hint, "hint");
	assert_string_equal(ask.why, copy.why);
	assert_int_equal(ask.bytes, sizeof ask.secret);
	assert_memory_equal(ask.secret, copy.secret, sizeof ask.secret);
	trade_secrets.wipe(&ask.ask);
	for (size_t i = 0; i < sizeof ask.secret; i++)
		assert_int_equal(ask.secret[i], 0);
}

static void checks_go_both_ways(void **state)
{
	struct endpoint client;
	struct password_check check = {
		.user = VIEW("anna"), .password = VIEW("secret"), .may_relay = true
	};
	struct trade_check copy;

	(void)state;
	assert_true(endpoint_parse_address(VIEW("192.0.2.1"), &client));
	check.client = &client;
	size_t bytes = trade_passwords.put_ask(&kept.house.config, &check.ask, room());
	assert_true(trade_passwords.take_ask(
	        &kept.house.config, view_from(packet, bytes), &copy.check.ask));
	assert_true(view_equal(copy.check.user, VIEW("anna")));
	assert_true(view_equal(copy.check.password, VIEW("secret")));
	assert_true(endpoint_equal(copy.check.client, &client));
	assert_true(copy.check.may_relay);
	assert_int_equal(copy.check.door, 0);
	copy.check.answer = PASSWORD_UNSEEN;
	copy.check.ruling = (struct guesses_ruling){ GUESSES_BAR_USER, 3, 4 };
	bytes = trade_passwords.put_answer(&copy.check.ask, room());
	assert_true(trade_passwords.take_answer(view_from(packet, bytes), &check.ask));
	assert_int_equal(check.answer, PASSWORD_UNSEEN);
	assert_int_equal(check.ruling.bar, GUESSES_BAR_USER);
	assert_int_equal(check.ruling.wait_ns, 4);
	trade_passwords.wipe(&copy.check.ask);
	assert_null(memmem(&copy, sizeof copy, "secret", strlen("secret")));
}

/* An ask that is cut, or longer than it says, is none; nor is one of what isn't there. */
static void what_no_engine_writes_is_refused(void **state)
{
	static struct keeper_ask ask;
	static struct trade_check copy;
	struct endpoint client = { .port = 0 };
	struct config *config = &kept.house.config;
	struct password_check check = {
		.user = VIEW("anna"), .password = VIEW("secret"), .client = &client
	};

	(void)state;
	ask = (struct keeper_ask){ .identity = &kept.identities[0] };
	size_t bytes = trade_secrets.put_ask(config, &ask.ask, room());
	assert_false(trade_secrets.take_ask(config, view_from(packet, bytes), &ask.ask));
	ask.mechanism = SIGNIN_PLAIN;
	bytes = trade_secrets.put_ask(config, &ask.ask, room());
	for (size_t cut = 0; cut < bytes; cut++)
		assert_false(trade_secrets.take_ask(config, view_from(packet, cut), &ask.ask));
	assert_false(trade_secrets.take_ask(config, view_from(packet, bytes + 1), &ask.ask));
	kept.route.identities.count = 0;
	assert_false(trade_secrets.take_ask(config, view_from(packet, bytes), &ask.ask));
	kept.route.identities.count = 2;
	config->routes.count = 0;
	assert_false(trade_secrets.take_ask(config, view_from(packet, bytes), &ask.ask));
	config->routes.count = 1;
	bytes = trade_passwords.put_ask(config, &check.ask, room());
	for (size_t cut = 0; cut < bytes; cut++)
		assert_false(
		        trade_passwords.take_ask(config, view_from(packet, cut), &copy.check.ask));
	assert_false(
	        trade_passwords.take_ask(config, view_from(packet, bytes + 1), &copy.check.ask));
	kept.house.listeners[0].users_file = NULL;
	assert_false(trade_passwords.take_ask(config, view_from(packet, bytes), &copy.check.ask));
	kept.house.listeners[0].users_file = kept.house.users_path;
	config->listeners.count = 0;
	assert_false(trade_passwords.take_ask(config, view_from(packet, bytes), &copy.check.ask));
	config->listeners.count = 1;
}

/* As long as a sign-in can be, and a byte more. */
static void the_longest_password(void **state)
{
	static char long_one[SIGNIN_MEMORY_BYTES + 1];
	static struct trade_check copy;
	struct endpoint client = { .port = 0 };
	struct password_check check = { .user = VIEW("anna"), .client = &client };
	const size_t most = sizeof copy.memory - check.user.bytes;

	(void)state;
	memset(long_one, 'x', sizeof long_one);
	check.password = view_from(long_one, most);
	size_t bytes = trade_passwords.put_ask(&kept.house.config, &check.ask, room());
	assert_true(trade_passwords.take_ask(
	        &kept.house.config, view_from(packet, bytes), &copy.check.ask));
	assert_int_equal(copy.check.password.bytes, most);
	/* Said to be one longer, and so it is. */
	const uint16_t longer = (uint16_t)(most + 1);
	uint16_t told = 0;
	for (size_t at = 0; at + sizeof told <= bytes && told != most; at++) {
		memcpy(&told, packet + at, sizeof told);
		if (told == most)
			memcpy(packet + at, &longer, sizeof longer);
	}
	assert_int_equal(told, most);
	assert_false(trade_passwords.take_ask(
	        &kept.house.config, view_from(packet, bytes + 1), &copy.check.ask));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(secrets_go_both_ways, begin, end),
		cmocka_unit_test_setup_teardown(checks_go_both_ways, begin, end),
		cmocka_unit_test_setup_teardown(what_no_engine_writes_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(the_longest_password, begin, end),
	};

	return cmocka_run_group_tests_name("trade", tests, NULL, NULL);
}
