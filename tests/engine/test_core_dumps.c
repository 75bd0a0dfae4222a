#include "engine/core_dumps.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* In a child: this process goes on as it is. */
static void forbidden_and_allowed_again(void **state)
{
	int status;

	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct rlimit before;
		struct rlimit now;
		struct core_dumps dumps;

		bool good = getrlimit(RLIMIT_CORE, &before) == 0;
		core_dumps_forbid(&dumps);
		good = good && getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_cur == 0 &&
		       now.rlim_max == before.rlim_max && prctl(PR_GET_DUMPABLE) == 0;
		core_dumps_allow(&dumps);
		good = good && getrlimit(RLIMIT_CORE, &now) == 0 &&
		       now.rlim_cur == before.rlim_cur && prctl(PR_GET_DUMPABLE) == 1;
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(forbidden_and_allowed_again) };

	return cmocka_run_group_tests_name("core_dumps", tests, NULL, NULL);
}
