#include "queue/base/check.h"

#include "tests/death.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void check_argument(void *argument)
{
	check(*(int *)argument == 7);
}

static void test_holds(void **state)
{
	(void)state;
	int seven = 7;

	assert_false(dies(check_argument, &seven));
}

static void test_stops_the_process(void **state)
{
	(void)state;
	int eight = 8;

	assert_true(dies(check_argument, &eight));
}

static void test_names_what_failed(void **state)
{
	(void)state;
	int ends[2];
	char said[256];

	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		check_failed("1 == 2", "here.c", 42);
	}
	close(ends[1]);
	ssize_t bytes = read(ends[0], said, sizeof said - 1);
	assert_true(bytes > 0);
	said[bytes] = '\0';
	assert_non_null(strstr(said, "event=bug file=here.c line=42 check=\"1 == 2\"\n"));
	close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_stops_the_process),
		cmocka_unit_test(test_names_what_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
