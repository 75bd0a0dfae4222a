#include "tests/engine/ingest_fixture.h"

static struct house house;

static void names_come_from_the_configuration(void **state)
{
	(void)state;
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	struct doors *doors;

	house_prepare(&house);
	house.config.listeners.count = 2;
	house.listeners[0].name = NULL;
	house.listeners[1].name = "other.test";
	assert_false(failed(doors_open(&doors, &house.config, NULL, NULL, &why)));
	assert_int_equal(doors->count, 2);
	assert_string_equal(doors->at[0].name, "relay.test");
	assert_string_equal(doors->at[0].address, "127.0.0.1:0");
	assert_int_equal(doors->at[0].number, 0);
	assert_null(doors->at[0].tls);
	assert_string_equal(doors->at[1].name, "other.test");
	assert_int_equal(doors->at[1].number, 1);
	doors_close(doors);
	doors_close(NULL);
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	struct doors *doors;

	house_prepare(&house);
	house.listeners[0].tls.certificate = "/nowhere/cert.pem";
	house.listeners[0].tls.key = "/nowhere/key.pem";
	assert_true(failed(doors_open(&doors, &house.config, NULL, NULL, &why)));
	assert_non_null(strstr(text_string(&why), "/nowhere/cert.pem"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_come_from_the_configuration),
		cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests_name("doors", tests, NULL, NULL);
}
