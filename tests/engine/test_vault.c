#include "engine/vault.h"

#include "tests/dumps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void test_vault(void **state)
{
	struct span vault;
	int here;

	(void)state;
	assert_false(failed(vault_create(&vault, 100000)));
	assert_int_equal(vault.bytes, 100000);
	for (size_t i = 0; i < vault.bytes; i++)
		assert_int_equal(vault.data[i], 0);
	assert_true(dumps_leave_out(vault.data));
	assert_false(dumps_leave_out(&here));
	vault_destroy(vault);
	vault_destroy((struct span){ NULL, 0 });
}

static void test_no_memory(void **state)
{
	struct span vault;

	(void)state;
	assert_int_equal(vault_create(&vault, SIZE_MAX / 2).code, ERR_NO_MEMORY);
	assert_null(vault.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vault),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
