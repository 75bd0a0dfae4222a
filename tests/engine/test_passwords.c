#include "tests/engine/ingest_fixture.h"

/* One shard's end, and the helper; both turned by hand. */
struct desk {
	struct depot *depot;
	struct shelf shelf;
	struct loop loop;
	struct passwords passwords;
	struct roster roster;
};

static struct desk desk;
static struct house house;

/* `failures` of a client before it is barred; 0: any number. */
static void desk_open(uint64_t failures)
{
	const struct io_settings settings = { 16, 1, 4096 };
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	house_prepare(&house);
	if (failures > 0)
		house.config.limits.auth_failures_per_client =
		        (struct config_limit){ true, failures, 3600 * NS_PER_S };
	house_add_users(&house, &house.listeners[0]);
	desk = (struct desk){ 0 };
	assert_false(failed(roster_open(&desk.roster, &house.config, &why)));
	assert_false(failed(depot_create(&desk.depot, 64 * CHUNK_BYTES)));
	shelf_init(&desk.shelf, desk.depot);
	assert_false(failed(loop_init(&desk.loop, &settings, &desk.shelf, &why)));
	assert_false(failed(passwords_init(
	        &desk.passwords, &desk.roster, &house.config.limits, desk.depot, &why)));
	assert_false(
	        failed(helper_join(&desk.passwords.helper, 0, &desk.loop, PASSWORDS_CHECKS_MAX)));
	loop_start(&desk.passwords.helper.loop);
}

static void desk_close(void)
{
	helper_leave(&desk.passwords.helper, 0, &desk.loop);
	loop_finish(&desk.loop);
	passwords_finish(&desk.passwords);
	shelf_finish(&desk.shelf);
	depot_destroy(desk.depot);
	roster_close(&desk.roster);
	unlink(house.users_path);
}

static struct endpoint from(const char *address)
{
	struct endpoint client;

	assert_true(endpoint_parse_address(view_of(address), &client));
	return client;
}

static void turn(void)
{
	io_wake(NULL, desk.passwords.helper.loop.io);
	passwords_turn(&desk.passwords.helper);
}

static struct password_check ask(const char *address, const char *user, const char *password)
{
	const struct endpoint client = from(address);
	struct password_check question = {
		.user = view_of(user),
		.password = view_of(password),
		.client = &client,
	};
	struct helper_ask *answered;

	helper_ask(&desk.passwords.helper, 0, &question.ask);
	while ((answered = helper_answered(&desk.passwords.helper, 0)) == NULL)
		turn();
	assert_ptr_equal(answered, &question.ask);
	question.client = NULL;
	return question;
}

static bool right(const char *user, const char *password)
{
	return ask("192.0.2.1", user, password).answer == PASSWORD_RIGHT;
}

static void tells_right_from_wrong(void **state)
{
	(void)state;
	desk_open(0);
	for (int round = 0; round < 3; round++) {
		assert_true(right("anna", "secret"));
		assert_true(right("ANNA", "secret"));
		assert_false(right("anna", "Secret"));
		assert_false(right("anna", ""));
		assert_false(right("bert", "secret"));
		assert_false(right("", ""));
		assert_false(right("annas", "ecret"));
	}
	desk_close();
}

/* What was right is remembered for a while, as a digest: no password lies in memory. */
static void remembers_what_was_right(void **state)
{
	(void)state;
	static const char secret[] = "secret";
	struct passwords_digest *remembered = NULL;
	size_t count = 0;

	desk_open(0);
	assert_true(right("anna", "secret"));
	assert_false(right("anna", "wrong"));
	for (size_t i = 0; i < PASSWORDS_REMEMBERED; i++) {
		if (desk.passwords.remembered[i].until.ns == 0)
			continue;
		remembered = &desk.passwords.remembered[i];
		count++;
	}
	assert_int_equal(count, 1);
	assert_null(memmem(&desk.passwords, sizeof desk.passwords, secret, strlen(secret)));
	/* It is used: only a hash sets the time anew. */
	const struct mono until = mono_after(clock_mono(), NS_PER_S);
	remembered->until = until;
	assert_true(right("anna", "secret"));
	assert_int_equal(remembered->until.ns, until.ns);
	/* And it ends. */
	remembered->until = (struct mono){ 1 };
	assert_true(right("anna", "secret"));
	assert_true(remembered->until.ns > until.ns);
	desk_close();
}

#define FAILURES 3

static void assert_unseen(
        const char *address, const char *user, const char *password, enum guesses_bar bar)
{
	const struct password_check check = ask(address, user, password);

	assert_int_equal(check.answer, PASSWORD_UNSEEN);
	assert_int_equal(check.ruling.bar, bar);
	assert_int_equal(check.ruling.wait_ns, GUESSES_WAIT_NS_MAX);
	assert_true(check.ruling.barred_ns > 0);
}

/* Beyond the limit nothing is looked at, not even what is remembered to be right. */
static void bars_who_guesses(void **state)
{
	(void)state;
	desk_open(FAILURES);
	assert_true(right("anna", "secret"));
	for (int i = 0; i < FAILURES; i++) {
		const struct password_check check = ask("192.0.2.9", i == 1 ? "bert" : "anna", "x");
		assert_int_equal(check.answer, PASSWORD_WRONG);
		assert_int_equal(check.ruling.wait_ns, GUESSES_WAIT_NS << i);
		assert_int_equal(check.ruling.bar,
		        i == FAILURES - 1 ? GUESSES_BAR_CLIENT : GUESSES_BAR_NONE);
	}
	assert_unseen("192.0.2.9", "anna", "secret", GUESSES_BAR_CLIENT);
	assert_unseen("192.0.2.9", "anna", "x", GUESSES_BAR_CLIENT);
	assert_unseen("192.0.2.9", "nobody", "x", GUESSES_BAR_CLIENT);
	/* Elsewhere it goes on. */
	assert_true(right("anna", "secret"));
	assert_int_equal(ask("192.0.2.8", "anna", "secret").answer, PASSWORD_RIGHT);
	desk_close();
}

/* What costs nothing is answered in one turn, however much of it there is: guesses that are barred
 * don't keep others waiting. */
static void barred_guesses_cost_no_turn(void **state)
{
	const struct endpoint client = from("192.0.2.9");
	struct password_check questions[PASSWORDS_CHECKS_MAX];

	(void)state;
	desk_open(FAILURES);
	for (int i = 0; i < FAILURES; i++)
		assert_int_equal(ask("192.0.2.9", "anna", "x").answer, PASSWORD_WRONG);
	for (size_t i = 0; i < PASSWORDS_CHECKS_MAX; i++) {
		questions[i] = (struct password_check){
			.user = VIEW("anna"), .password = VIEW("guess"), .client = &client
		};
		helper_ask(&desk.passwords.helper, 0, &questions[i].ask);
	}
	turn();
	for (size_t i = 0; i < PASSWORDS_CHECKS_MAX; i++) {
		struct helper_ask *answered = helper_answered(&desk.passwords.helper, 0);
		assert_ptr_equal(answered, &questions[i].ask);
		assert_int_equal(questions[i].answer, PASSWORD_UNSEEN);
	}
	desk_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_right_from_wrong),
		cmocka_unit_test(remembers_what_was_right),
		cmocka_unit_test(bars_who_guesses),
		cmocka_unit_test(barred_guesses_cost_no_turn),
	};

	return cmocka_run_group_tests_name("passwords", tests, NULL, NULL);
}
