#include "bench/commits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

/* It measures, and leaves nothing behind. */
static void test_runs(void **state)
{
	(void)state;

	for (unsigned i = 0; i < 6; i++) {
		const struct commits_settings settings = {
			.path = "commits.spool",
			.bytes = i < 3 ? 10240 : 700,
			.group = i < 3 ? 1 : 16,
			.way = (enum commits_way)(i % 3),
			.within_ns = 20 * NS_PER_MS,
		};
		struct commits_result result;
		assert_int_equal(commits_run(&settings, &result).code, ERR_OK);
		assert_true(result.per_s > 0);
		assert_true(result.cpu_us > 0);
		assert_true(result.p50_ns > 0);
		assert_int_not_equal(access(settings.path, F_OK), 0);
	}
}

static void test_fit(void **state)
{
	(void)state;

	assert_true(commits_fit(10240, 256));
	assert_false(commits_fit((size_t)100 << 10, 256));
	assert_false(commits_fit(10240, 0));
	assert_false(commits_fit(1, COMMITS_GROUP_MAX + 1));
}

static void test_fails(void **state)
{
	(void)state;
	struct commits_settings settings = {
		.path = "there-is-no-such-folder/commits.spool", .bytes = 1024, .group = 1
	};
	struct commits_result result;

	for (settings.way = COMMITS_APPEND; settings.way <= COMMITS_SPOOL; settings.way++)
		assert_true(failed(commits_run(&settings, &result)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
