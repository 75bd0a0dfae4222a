#include "engine/roster.h"

#include "tests/engine/ingest_fixture.h"

static struct house house;

static void users_are_their_listeners(void **state)
{
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	struct roster roster;

	(void)state;
	house_prepare(&house);
	assert_false(roster_is_wanted(&house.config));
	house.config.listeners.count = 2;
	house_add_users(&house, &house.listeners[1]);
	assert_true(roster_is_wanted(&house.config));
	assert_false(failed(roster_open(&roster, &house.config, &why)));
	assert_int_equal(roster.count, 2);
	assert_null(roster.at[0]);
	assert_int_equal(users_count(roster.at[1]), 1);
	roster_close(&roster);
	roster_close(&roster);
	unlink(house.users_path);
}

static void what_is_wrong_is_named(void **state)
{
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	struct roster roster;

	(void)state;
	house_prepare(&house);
	house.listeners[0].users_file = "/nowhere/users";
	assert_true(failed(roster_open(&roster, &house.config, &why)));
	assert_non_null(strstr(text_string(&why), "/nowhere/users"));
	assert_null(roster.at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_their_listeners),
		cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests_name("roster", tests, NULL, NULL);
}
