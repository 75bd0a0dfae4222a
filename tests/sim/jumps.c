#include "tests/sim/jumps.h"

#include "tests/sim/clock_sim.h"

void jumps_init(struct jumps *jumps, uint64_t seed)
{
	*jumps = (struct jumps){ 0 };
	random_seed(&jumps->random, seed ^ UINT64_C(0x3c10c4));
	jumps->on = random_below(&jumps->random, 4) == 0;
}

void jumps_draw(struct jumps *jumps)
{
	if (!jumps->on || random_below(&jumps->random, JUMPS_RARE) != 0)
		return;
	int64_t ms = -jumps->away_ms;
	if (ms == 0)
		ms = random_below(&jumps->random, 2) == 0 ? JUMPS_MS : -JUMPS_MS;
	clock_sim_jump(ms);
	jumps->away_ms += ms;
}
