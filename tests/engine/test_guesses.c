#include "engine/guesses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define PER_CLIENT 5
#define PER_USER   20
#define PERIOD_NS  (1000 * NS_PER_S)
#define CLIENT_NS  (PERIOD_NS / PER_CLIENT) /* drains one of a client's */
#define USER_NS    (PERIOD_NS / PER_USER)

static const struct config_limits limits = {
	.auth_failures_per_client = { true, PER_CLIENT, PERIOD_NS },
	.auth_failures_per_user = { true, PER_USER, PERIOD_NS },
};
static struct guesses guesses;
static struct mono now = { 12345 };
static struct endpoint client;

static struct guesses_who who(const char *address, const char *user)
{
	assert_true(endpoint_parse_address(view_of(address), &client));
	return (struct guesses_who){ .users = &limits, .user = view_of(user), .client = &client };
}

static struct guesses_ruling ask(const char *address, const char *user)
{
	const struct guesses_who asking = who(address, user);

	return guesses_ask(&guesses, &asking, now);
}

static struct guesses_ruling wrong(const char *address, const char *user)
{
	const struct guesses_who asking = who(address, user);

	assert_int_equal(ask(address, user).bar, GUESSES_BAR_NONE);
	return guesses_wrong(&guesses, &asking, now);
}

static void right(const char *address, const char *user)
{
	const struct guesses_who asking = who(address, user);

	guesses_right(&guesses, &asking, now);
}

static void assert_bar(const char *address, const char *user, enum guesses_bar bar)
{
	const struct guesses_ruling ruling = ask(address, user);

	assert_int_equal(ruling.bar, bar);
	assert_int_equal(ruling.barred_ns > 0, bar != GUESSES_BAR_NONE);
	assert_int_equal(ruling.wait_ns, bar != GUESSES_BAR_NONE ? GUESSES_WAIT_NS_MAX : 0);
}

static void begin(void)
{
	assert_false(failed(guesses_init(&guesses, &limits)));
}

/* Whoever guesses at one address waits longer and longer, is barred, and may guess once whenever
 * the count has drained by one. */
static void an_address_is_slowed_and_barred(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < PER_CLIENT; i++) {
		char name[16];
		snprintf(name, sizeof name, "user%d", i); /* not one name: a spray */
		const struct guesses_ruling ruling = wrong("192.0.2.1", name);
		assert_int_equal(
		        ruling.wait_ns, i < 3 ? GUESSES_WAIT_NS << i : GUESSES_WAIT_NS_MAX);
		assert_int_equal(
		        ruling.bar, i == PER_CLIENT - 1 ? GUESSES_BAR_CLIENT : GUESSES_BAR_NONE);
	}
	for (int round = 0; round < 3; round++) {
		assert_int_equal(ask("192.0.2.1", "anna").barred_ns, CLIENT_NS);
		assert_bar("192.0.2.2", "anna", GUESSES_BAR_NONE);
		now = mono_after(now, CLIENT_NS - 1);
		assert_bar("192.0.2.1", "anna", GUESSES_BAR_CLIENT);
		now = mono_after(now, 1);
		assert_bar("192.0.2.1", "anna", GUESSES_BAR_NONE);
		assert_int_equal(wrong("192.0.2.1", "anna").bar, GUESSES_BAR_CLIENT);
	}
	/* Left alone for the whole period, it is as new. */
	now = mono_after(now, PERIOD_NS);
	assert_int_equal(wrong("192.0.2.1", "anna").wait_ns, GUESSES_WAIT_NS);
	guesses_finish(&guesses);
}

static void an_ipv6_network_is_one_client(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < PER_CLIENT; i++) {
		char address[32];
		snprintf(address, sizeof address, "2001:db8::%x", 1 + i);
		wrong(address, "anna");
	}
	assert_bar("2001:db8::ffff:1", "bert", GUESSES_BAR_CLIENT);
	assert_bar("2001:db8:0:1::1", "bert", GUESSES_BAR_NONE);
	guesses_finish(&guesses);
}

/* One client does all it can against a name, for ten periods: others still sign in as that. */
static void one_client_locks_no_user_out(void **state)
{
	(void)state;
	begin();
	for (const struct mono end = mono_after(now, 10 * PERIOD_NS); now.ns < end.ns;
	        now = mono_after(now, NS_PER_S)) {
		if (ask("192.0.2.1", "anna").bar == GUESSES_BAR_NONE)
			wrong("192.0.2.1", "anna");
		assert_bar("192.0.2.2", "anna", GUESSES_BAR_NONE);
	}
	guesses_finish(&guesses);
}

static void attack_from_many(const char *user)
{
	for (int i = 0; i < PER_USER; i++) {
		char address[32];
		snprintf(address, sizeof address, "198.51.100.%d", i);
		const struct guesses_ruling ruling = wrong(address, user);
		assert_int_equal(
		        ruling.bar, i == PER_USER - 1 ? GUESSES_BAR_USER : GUESSES_BAR_NONE);
		assert_int_equal(
		        ruling.wait_ns, i < 3 ? GUESSES_WAIT_NS << i : GUESSES_WAIT_NS_MAX);
	}
}

/* Many clients together bar a name where it is new; where it signed in before it goes on, and
 * elsewhere it has a chance now and then. */
static void many_clients_bar_a_name_where_it_is_new(void **state)
{
	(void)state;
	begin();
	right("192.0.2.2", "Anna");
	attack_from_many("anna");
	assert_bar("192.0.2.3", "anna", GUESSES_BAR_USER);
	assert_bar("192.0.2.3", "ANNA", GUESSES_BAR_USER);
	assert_bar("192.0.2.3", "bert", GUESSES_BAR_NONE);
	assert_bar("192.0.2.2", "anna", GUESSES_BAR_NONE);
	now = mono_after(now, USER_NS);
	assert_bar("192.0.2.3", "anna", GUESSES_BAR_NONE);
	right("192.0.2.3", "anna");
	assert_int_equal(wrong("198.51.100.200", "anna").bar, GUESSES_BAR_USER);
	assert_bar("192.0.2.4", "anna", GUESSES_BAR_USER);
	assert_bar("192.0.2.3", "anna", GUESSES_BAR_NONE);
	/* A name of another file is another's. */
	struct guesses_who other = who("192.0.2.4", "anna");
	other.users = &guesses;
	assert_int_equal(guesses_ask(&guesses, &other, now).bar, GUESSES_BAR_NONE);
	/* What was known is not for ever. */
	now = mono_after(now, GUESSES_KNOWN_NS);
	attack_from_many("anna");
	assert_bar("192.0.2.2", "anna", GUESSES_BAR_USER);
	guesses_finish(&guesses);
}

/* At an address where somebody guesses, who was there before goes on; and a known pair's own
 * failures bar it alone, until the right password. */
static void known_pairs_count_alone(void **state)
{
	(void)state;
	begin();
	right("192.0.2.1", "anna");
	for (int i = 0; i < PER_CLIENT; i++)
		wrong("192.0.2.1", "bert");
	assert_bar("192.0.2.1", "bert", GUESSES_BAR_CLIENT);
	assert_bar("192.0.2.1", "carl", GUESSES_BAR_CLIENT);
	assert_bar("192.0.2.1", "anna", GUESSES_BAR_NONE);
	for (int i = 0; i < PER_CLIENT - 1; i++)
		wrong("192.0.2.1", "anna");
	right("192.0.2.1", "anna");
	for (int i = 0; i < PER_CLIENT; i++)
		assert_int_equal(wrong("192.0.2.1", "anna").bar,
		        i == PER_CLIENT - 1 ? GUESSES_BAR_PAIR : GUESSES_BAR_NONE);
	assert_bar("192.0.2.1", "anna", GUESSES_BAR_PAIR);
	assert_bar("192.0.2.2", "anna", GUESSES_BAR_NONE);
	now = mono_after(now, CLIENT_NS);
	assert_bar("192.0.2.1", "anna", GUESSES_BAR_NONE);
	guesses_finish(&guesses);
}

/* A right password doesn't wipe out an address's other guesses. */
static void one_right_password_excuses_no_guesses(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < PER_CLIENT; i++) {
		wrong("192.0.2.1", "bert");
		right("192.0.2.1", "anna");
	}
	assert_bar("192.0.2.1", "bert", GUESSES_BAR_CLIENT);
	guesses_finish(&guesses);
}

static void who_may_relay_bars_only_his_own_pair(void **state)
{
	(void)state;
	begin();
	struct guesses_who printer = who("192.0.2.1", "scan");
	printer.may_relay = true;
	for (int i = 0; i < PER_CLIENT; i++)
		guesses_wrong(&guesses, &printer, now);
	assert_int_equal(guesses_ask(&guesses, &printer, now).bar, GUESSES_BAR_PAIR);
	printer.user = VIEW("print");
	assert_int_equal(guesses_ask(&guesses, &printer, now).bar, GUESSES_BAR_NONE);
	assert_bar("192.0.2.2", "scan", GUESSES_BAR_NONE);
	guesses_finish(&guesses);
}

/* More names and addresses than there is room for: whose count is full keeps its place. */
static void full_tables_forget_the_least(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < PER_CLIENT; i++)
		wrong("192.0.2.1", "anna");
	for (int i = 0; i < 2 * GUESSES_COUNTS; i++) {
		char address[32];
		snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		wrong(address, address);
	}
	assert_bar("192.0.2.1", "bert", GUESSES_BAR_CLIENT);
	guesses_finish(&guesses);
}

static void no_limits_bar_nobody(void **state)
{
	static const struct config_limits none = {
		.auth_failures_per_client = { true, LIMIT_NONE, 0 },
		.auth_failures_per_user = { true, LIMIT_NONE, 0 },
	};

	(void)state;
	assert_false(failed(guesses_init(&guesses, &none)));
	for (int i = 0; i < 10 * PER_USER; i++)
		assert_int_equal(wrong("192.0.2.1", "anna").wait_ns, GUESSES_WAIT_NS);
	guesses_finish(&guesses);
}

static void bars_have_words(void **state)
{
	(void)state;
	assert_string_equal(guesses_bar_word(GUESSES_BAR_CLIENT), "client");
	assert_string_equal(guesses_bar_word(GUESSES_BAR_USER), "user");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_slowed_and_barred),
		cmocka_unit_test(an_ipv6_network_is_one_client),
		cmocka_unit_test(one_client_locks_no_user_out),
		cmocka_unit_test(many_clients_bar_a_name_where_it_is_new),
		cmocka_unit_test(known_pairs_count_alone),
		cmocka_unit_test(one_right_password_excuses_no_guesses),
		cmocka_unit_test(who_may_relay_bars_only_his_own_pair),
		cmocka_unit_test(full_tables_forget_the_least),
		cmocka_unit_test(no_limits_bar_nobody),
		cmocka_unit_test(bars_have_words),
	};

	return cmocka_run_group_tests_name("guesses", tests, NULL, NULL);
}
