#include "tests/sim/clock_sim.h"

#include "queue/base/check.h"

/* A seam's body has no owner to be kept in. */
static struct mono sim_mono;
static int64_t sim_wall_ns; /* what the wall's clock shows at mono 0 */

void clock_sim_set(struct mono mono, struct wall wall)
{
	sim_mono = mono;
	sim_wall_ns = wall.ms * NS_PER_MS - mono.ns;
}

void clock_sim_go_on(int64_t ns)
{
	check(ns >= 0);
	sim_mono.ns += ns;
}

void clock_sim_jump(int64_t ms)
{
	sim_wall_ns += ms * NS_PER_MS;
}

struct mono clock_mono(void)
{
	return sim_mono;
}

struct wall clock_wall(void)
{
	return (struct wall){ (sim_wall_ns + sim_mono.ns) / NS_PER_MS };
}

/* Turns cost nothing here: whether they are slow is the real clock's to say. */
int64_t clock_thread_cpu_ns(void)
{
	return 0;
}
