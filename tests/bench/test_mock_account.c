#include "bench/mock_account.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct mock_account account;

static int setup(void **state)
{
	(void)state;
	return failed(mock_account_init(&account)) ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	mock_account_finish(&account);
	return 0;
}

static void take(const char *id, int64_t second)
{
	mock_account_take(&account, mock_account_identity(&account, VIEW("a@contoso.com")),
	        view_of(id), 2, 100, (struct mono){ second * NS_PER_S });
}

/* As sluice-mock prints it. The caller's to release. */
static json_t *written(void)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);

	assert_non_null(file);
	assert_true(mock_account_write(&account, NULL, file));
	assert_int_equal(fclose(file), 0);
	json_t *root = json_loads(text, 0, NULL);
	assert_non_null(root);
	free(text);
	return root;
}

static json_int_t number(const json_t *root, const char *key)
{
	const json_t *value = json_object_get(root, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void test_empty(void **state)
{
	(void)state;
	json_t *root = written();

	assert_int_equal(number(root, "messages"), 0);
	assert_int_equal(number(root, "distinct"), 0);
	assert_int_equal(json_object_size(json_object_get(root, "identities")), 0);
	assert_true(json_number_value(json_object_get(root, "messages_per_second")) == 0);
	json_decref(root);
}

static void test_counts(void **state)
{
	(void)state;
	take("<1@x>", 10);
	take("<2@x>", 11);
	take("<1@x>", 12);
	take("", 13);
	take("", 14);
	json_t *root = written();

	assert_int_equal(number(root, "messages"), 5);
	assert_int_equal(number(root, "distinct"), 4);
	assert_int_equal(number(root, "duplicates"), 1);
	assert_int_equal(number(root, "without_id"), 2);
	assert_int_equal(number(root, "recipients"), 10);
	assert_int_equal(number(root, "bytes"), 500);
	assert_int_equal(number(root, "first_ns"), 10 * NS_PER_S);
	assert_int_equal(number(root, "last_ns"), 14 * NS_PER_S);
	assert_true(json_real_value(json_object_get(root, "seconds")) == 4);
	const json_t *twice = json_object_get(root, "duplicate_ids");
	assert_int_equal(json_array_size(twice), 1);
	assert_string_equal(json_string_value(json_array_get(twice, 0)), "<1@x>");
	json_decref(root);
}

static void test_connections_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		mock_account_joined(&account);
	mock_account_left(&account);
	mock_account_left(&account);
	mock_account_joined(&account);
	json_t *root = written();

	assert_int_equal(number(root, "connections"), 4);
	assert_int_equal(number(root, "connections_open_max"), 3);
	json_decref(root);
}

/* The table grows; nothing in it is forgotten or found where it is not. */
static void test_many_ids(void **state)
{
	(void)state;
	char id[32];
	const int many = 200000;

	for (int i = 0; i < many; i++) {
		(void)snprintf(id, sizeof id, "<%d@x>", i);
		take(id, 1);
	}
	assert_int_equal(account.duplicates, 0);
	assert_int_equal(account.ids_count, many);
	for (int i = 0; i < many; i += 7) {
		(void)snprintf(id, sizeof id, "<%d@x>", i);
		take(id, 1);
	}
	assert_int_equal(account.duplicates, (many + 6) / 7);
	assert_int_equal(account.ids_count, many);
	assert_int_equal(account.duplicate_ids_count, MOCK_DUPLICATES_KEPT);
}

static void test_identities(void **state)
{
	(void)state;
	struct mock_identity *first = mock_account_identity(&account, VIEW("a@x"));

	assert_ptr_equal(mock_account_identity(&account, VIEW("A@X")), first);
	assert_ptr_not_equal(mock_account_identity(&account, VIEW("b@x")), first);
	for (int i = 0; i < 2 * MOCK_IDENTITIES_MAX; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "%d@y", i);
		assert_non_null(mock_account_identity(&account, view_of(name)));
	}
	assert_int_equal(account.identity_count, MOCK_IDENTITIES_MAX);
	assert_ptr_equal(mock_account_identity(&account, VIEW("one more")),
	        &account.identities[MOCK_IDENTITIES_MAX - 1]);
	assert_ptr_equal(mock_account_identity(&account, VIEW("a@x")), first);
}

static void test_rates_by_minute(void **state)
{
	(void)state;
	const struct mock_identity *identity =
	        mock_account_identity(&account, VIEW("a@contoso.com"));

	for (int i = 0; i < 30; i++)
		take("", 100);
	for (int i = 0; i < 10; i++)
		take("", 159);
	assert_int_equal(identity->minute_messages, 40);
	take("", 160);
	assert_int_equal(identity->minute_messages, 1);
	assert_int_equal(identity->minute_messages_max, 40);
}

static void test_a_full_disk_shows(void **state)
{
	(void)state;
	FILE *full = fopen("/dev/full", "w");

	assert_non_null(full);
	assert_false(mock_account_write(&account, NULL, full));
	fclose(full);
}

/* How long a message was on its way, the first time it came. */
static void test_latency(void **state)
{
	(void)state;
	take("<run.0000000001.0000000002000000000@load.example>", 5);
	take("<run.0000000002.0000000004000000000@load.example>", 5);
	take("<run.0000000002.0000000004000000000@load.example>", 9);
	take("<run.0000000003.0000000099000000000@load.example>", 5);
	take("<another@load.example>", 5);
	assert_int_equal(account.latency.count, 2);
	assert_int_equal(account.latency.most_ns, 3 * NS_PER_S);
	json_t *root = written();
	assert_int_equal(number(json_object_get(root, "latency"), "count"), 2);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_connections_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_identities, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rates_by_minute, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_full_disk_shows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_latency, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
