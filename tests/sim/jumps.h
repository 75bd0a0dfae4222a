/*
 * Jumps of the wall clock, by a day, there and back: somebody sets it wrong, and right again.
 *
 * Thread:  the simulator's one.
 */
#ifndef SLUICE_SIM_JUMPS_H
#define SLUICE_SIM_JUMPS_H

#include "queue/base/random.h"

#include <stdbool.h>

#define JUMPS_MS   (INT64_C(86400) * 1000)
#define JUMPS_RARE 500 /* one in so many chances */

struct jumps {
	struct random random; /* of its own: the dice of the world fall as they did without it */
	bool on;              /* in a quarter of the worlds */
	int64_t away_ms;      /* the clock, from where it would be */
};

void jumps_init(struct jumps *jumps, uint64_t seed);
/* A chance. */
void jumps_draw(struct jumps *jumps);

#endif
