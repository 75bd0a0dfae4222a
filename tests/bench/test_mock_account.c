#include "bench/mock_account.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static json_int_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_non_null(value);
	return json_integer_value(value);
}

/* Every tenth id comes twice, through a table that grows several times. */
static void duplicates_are_found(void **state)
{
	(void)state;
	struct mock_account account;
	char id[32];

	assert_false(failed(mock_account_init(&account)));
	struct mock_identity *identity = mock_account_identity(&account, VIEW("user"));
	assert_ptr_equal(identity, mock_account_identity(&account, VIEW("user")));
	for (unsigned i = 0; i < 50000; i++) {
		snprintf(id, sizeof id, "<%u@relay>", i);
		for (unsigned n = 0; n < (i % 10 == 0 ? 2 : 1); n++)
			mock_account_take(&account, identity, view_of(id), 2, 100,
			        (struct mono){ i * NS_PER_MS });
	}
	mock_account_take(&account, identity, VIEW(""), 1, 1, (struct mono){ 50 * NS_PER_S });
	char *written = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&written, &bytes);
	assert_true(mock_account_write(&account, file));
	fclose(file);
	json_t *root = json_loadb(written, bytes, 0, NULL);
	assert_non_null(root);
	assert_int_equal(number(root, "messages"), 55001);
	assert_int_equal(number(root, "distinct"), 50001);
	assert_int_equal(number(root, "duplicates"), 5000);
	assert_int_equal(number(root, "without_id"), 1);
	assert_int_equal(number(root, "recipients"), 110001);
	assert_int_equal(number(root, "bytes"), 5500001);
	const json_t *duplicates = json_object_get(root, "duplicate_ids");
	assert_int_equal(json_array_size(duplicates), 5000);
	assert_string_equal(json_string_value(json_array_get(duplicates, 1)), "<10@relay>");
	const json_t *identities = json_object_get(root, "identities");
	assert_int_equal(number(json_object_get(identities, "user"), "messages"), 55001);
	json_decref(root);
	free(written);
	mock_account_finish(&account);
}

static void too_many_identities_share_the_last(void **state)
{
	(void)state;
	struct mock_account account;
	char name[32];

	assert_false(failed(mock_account_init(&account)));
	for (unsigned i = 0; i < MOCK_IDENTITIES_MAX + 10; i++) {
		snprintf(name, sizeof name, "user%u", i);
		assert_non_null(mock_account_identity(&account, view_of(name)));
	}
	assert_int_equal(account.identity_count, MOCK_IDENTITIES_MAX);
	mock_account_finish(&account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duplicates_are_found),
		cmocka_unit_test(too_many_identities_share_the_last),
	};

	return cmocka_run_group_tests_name("mock_account", tests, NULL, NULL);
}
