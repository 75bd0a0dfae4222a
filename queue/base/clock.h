/*
 * The two clocks, as two types that can't be mixed. A seam: clock_linux.c reads the machine's,
 * tests/sim/clock_sim.c the simulator's.
 *
 * Thread:  any. Within a turn use loop_now() of engine/io/loop.h, read once a turn.
 */
#ifndef SLUICE_CLOCK_H
#define SLUICE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Monotonic, for deadlines and measuring; means nothing after a restart. */
struct mono {
	int64_t ns;
};

/* Unix time, for what is stored on disk and shown to people; may jump. */
struct wall {
	int64_t ms;
};

#define NS_PER_US 1000LL
#define NS_PER_MS 1000000LL
#define NS_PER_S  1000000000LL

#define MONO_NEVER ((struct mono){ INT64_MAX })
#define WALL_NEVER ((struct wall){ INT64_MAX })

struct mono clock_mono(void);
struct wall clock_wall(void);
/* CPU time used by the calling thread, in ns; for the turn's own accounts. */
int64_t clock_thread_cpu_ns(void);

static inline struct mono mono_after(struct mono from, int64_t ns)
{
	return from.ns > INT64_MAX - ns ? MONO_NEVER : (struct mono){ from.ns + ns };
}

static inline bool mono_reached(struct mono now, struct mono deadline)
{
	return now.ns >= deadline.ns;
}

static inline struct mono mono_earlier(struct mono a, struct mono b)
{
	return a.ns < b.ns ? a : b;
}

#endif
