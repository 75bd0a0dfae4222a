/* What `admin` may say, by lines. */
#include "tests/engine/config_rows.h"

#define FILE_TEXT                                                                                  \
	"name: relay.test\n"                                                                       \
	"listeners: [{address: 127.0.0.1:2525}]\n"                                                 \
	"routes: [{host: a.test}]\n"                                                               \
	"admin:\n"

static const struct config_row rows[] = {
	{ FILE_TEXT "  address: 127.0.0.1:9000\n", 0, NULL, false },
	{ FILE_TEXT "  address: '[::1]:9000'\n", 0, NULL, false },
	{ FILE_TEXT "  address: 0.0.0.0:9000\n  token_file: token\n", 6,
	        "admin.token_file: can't read token", false },
	{ FILE_TEXT "  address: 0.0.0.0:9000\n", 5,
	        "admin.address: others can reach it, and there is no token_file", false },
	{ FILE_TEXT "  address: 127.0.0.1:2525\n", 5, "admin.address: listeners[0] has it already",
	        false },
	{ FILE_TEXT "  token_file: /etc/hostname\n", 5, "admin.address is missing", false },
	{ FILE_TEXT "  address: 127.0.0.1\n", 5, "ADDRESS:PORT", false },
};

static void every_row(void **state)
{
	(void)state;
	config_rows_check(rows, sizeof rows / sizeof rows[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
