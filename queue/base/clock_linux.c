#include "queue/base/clock.h"

#include "queue/base/check.h"

#include <time.h>

static struct timespec clock_read(clockid_t id)
{
	struct timespec now;

	check(clock_gettime(id, &now) == 0);
	return now;
}

struct mono clock_mono(void)
{
	struct timespec now = clock_read(CLOCK_MONOTONIC);

	return (struct mono){ (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec };
}

struct wall clock_wall(void)
{
	struct timespec now = clock_read(CLOCK_REALTIME);

	return (struct wall){ (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS };
}

int64_t clock_thread_cpu_ns(void)
{
	struct timespec now = clock_read(CLOCK_THREAD_CPUTIME_ID);

	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}
