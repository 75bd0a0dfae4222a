/*
 * What a message costs a delivery shard, by the number of lanes that it has: real CPU time of its
 * turns (schedule, throttles, lanes, sessions, protocol), around a network, a disk and a service
 * that are simulated and do not count.
 *
 * Thread:  the simulator's one; each number of lanes is run in a process of its own.
 */
#ifndef SLUICE_SIM_LANES_H
#define SLUICE_SIM_LANES_H

#include <stdint.h>
#include <stdio.h>

#define LANES_MOST 10000

/* Prints a line for 1, 10, ... lanes, from `least` to `most`, LANES_MOST at most. `secret` is a
 * file with a secret in it. */
void lanes_run(uint64_t least, uint64_t most, uint64_t seed, const char *secret, FILE *out);

#endif
