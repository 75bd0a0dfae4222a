#include "queue/base/errors.h"

#include "tests/death.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_every_code_has_its_sentence(void **state)
{
	(void)state;

	for (int code = 0; code < ERR_COUNT; code++) {
		assert_non_null(err_text((enum err_code)code));
		for (int other = 0; other < code; other++)
			assert_string_not_equal(
			        err_text((enum err_code)code), err_text((enum err_code)other));
	}
	assert_string_equal(err_text(ERR_NO_SPACE), "no space left on the disk");
}

static void test_failed(void **state)
{
	(void)state;

	assert_false(failed(err_ok()));
	for (int code = ERR_OK + 1; code < ERR_COUNT; code++)
		assert_true(failed(err_make((enum err_code)code, 0)));
	assert_int_equal(err_make(ERR_SYSTEM, 28).detail, 28);
}

static void ask_beyond(void *code)
{
	err_text(*(enum err_code *)code);
}

static void test_no_code_beyond_the_table(void **state)
{
	(void)state;
	enum err_code code = ERR_COUNT;

	assert_true(dies(ask_beyond, &code));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_has_its_sentence),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_no_code_beyond_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
