#include "engine/vault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

/* Whether the mapping that holds this address is left out of core dumps ("dd" of its flags). */
static bool is_left_out(const void *address)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	char line[512];
	bool within = false;
	bool left_out = false;

	assert_non_null(file);
	while (fgets(line, sizeof line, file) != NULL) {
		unsigned long from;
		unsigned long to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			within = (unsigned long)address >= from && (unsigned long)address < to;
		else if (within && strncmp(line, "VmFlags:", 8) == 0)
			left_out = strstr(line, " dd") != NULL;
	}
	assert_int_equal(fclose(file), 0);
	return left_out;
}

static void test_vault(void **state)
{
	struct span vault;
	int here;

	(void)state;
	assert_false(failed(vault_create(&vault, 100000)));
	assert_int_equal(vault.bytes, 100000);
	for (size_t i = 0; i < vault.bytes; i++)
		assert_int_equal(vault.data[i], 0);
	assert_true(is_left_out(vault.data));
	assert_false(is_left_out(&here));
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
