#include "tests/engine/ingest_fixture.h"

#include "engine/config_report.h"

/* One shard's end, and the helper; both turned by hand. */
struct desk {
	struct depot *depot;
	struct shelf shelf;
	struct loop loop;
	struct passwords passwords;
	struct post post;
	struct users *users;
};

static struct desk desk;
static struct house house;

static void desk_open(void)
{
	const struct io_settings settings = { 16, 1, 4096 };
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	house_prepare(&house);
	house_add_users(&house, &house.listeners[0]);
	desk = (struct desk){ 0 };
	struct config_report report;
	config_report_init(&report);
	assert_false(failed(users_load(&desk.users, house.users_path, &report)));
	config_report_finish(&report);
	assert_false(failed(depot_create(&desk.depot, 64 * CHUNK_BYTES)));
	shelf_init(&desk.shelf, desk.depot);
	assert_false(failed(loop_init(&desk.loop, &settings, &desk.shelf, &why)));
	assert_false(failed(passwords_init(&desk.passwords, desk.depot, &why)));
	assert_false(failed(passwords_join(&desk.passwords, &desk.loop, &desk.post)));
	passwords_start(&desk.passwords);
}

static void desk_close(void)
{
	loop_leave(&desk.loop, desk.post.in);
	loop_leave(&desk.loop, desk.post.out);
	loop_finish(&desk.loop);
	passwords_finish(&desk.passwords);
	shelf_finish(&desk.shelf);
	depot_destroy(desk.depot);
	users_destroy(desk.users);
	unlink(house.users_path);
}

static bool right(const char *user, const char *password)
{
	struct password_check question = {
		.users = desk.users, .user = view_of(user), .password = view_of(password)
	};
	struct password_check *pointer = &question;

	assert_true(mailbox_put(desk.post.out, &pointer));
	pointer = NULL;
	while (!mailbox_take(desk.post.in, &pointer)) {
		io_wake(NULL, desk.passwords.loop.io);
		passwords_turn(&desk.passwords);
	}
	assert_ptr_equal(pointer, &question);
	return question.right;
}

static void tells_right_from_wrong(void **state)
{
	(void)state;
	desk_open();
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

	desk_open();
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_right_from_wrong),
		cmocka_unit_test(remembers_what_was_right),
	};

	return cmocka_run_group_tests_name("passwords", tests, NULL, NULL);
}
