#include "engine/core_dumps.h"

#include "queue/base/check.h"

#include <sys/prctl.h>

void core_dumps_forbid(struct core_dumps *dumps)
{
	check(getrlimit(RLIMIT_CORE, &dumps->before) == 0);
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = dumps->before.rlim_max };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void core_dumps_allow(const struct core_dumps *dumps)
{
	(void)setrlimit(RLIMIT_CORE, &dumps->before);
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}
