/*
 * The simulator's clocks: they stand still until they are told to go on.
 *
 * Thread:  the simulator's one.
 */
#ifndef SLUICE_CLOCK_SIM_H
#define SLUICE_CLOCK_SIM_H

#include "queue/base/clock.h"

void clock_sim_set(struct mono mono, struct wall wall);
/* Both clocks; not backwards. */
void clock_sim_go_on(int64_t ns);
/* Somebody sets the machine's clock: the wall's alone, either way. */
void clock_sim_jump(int64_t ms);

#endif
