/*
 * A pump turns a load: memory, a loop, and the load on it, for the runs, whose main thread has
 * other things to do between turns (kill the server, look at its memory).
 *
 * Thread:  the one that opened it.
 * Owns:    all that its load needs.
 * Fails:   pump_open(): what forbids io_uring. pump_run(): the load failed, or nothing moved for
 *          PUMP_PATIENCE; `why` says which.
 */
#ifndef SLUICE_PUMP_H
#define SLUICE_PUMP_H

#include "bench/load.h"

#include <signal.h>

#define PUMP_MEMORY   ((size_t)1 << 30) /* address space of chunks */
#define PUMP_TURN_NS  (10 * NS_PER_MS)  /* a turn waits no longer */
#define PUMP_PATIENCE (30 * NS_PER_S)

struct pump {
	struct depot *depot;
	struct shelf shelf;
	struct loop loop;
	struct load load;
	struct timer tick;
	uint64_t moved; /* answers and open sessions, when last looked at */
	struct mono moved_at;
	const volatile sig_atomic_t *interrupted; /* set by a signal: end early */
};

MUST_CHECK struct err pump_open(struct pump *pump, const struct load_settings *settings,
        const volatile sig_atomic_t *interrupted, struct text *why);
/* Ends the load's connections. */
void pump_close(struct pump *pump);
/* One turn. False: the load is done, or it is of no use to go on. */
bool pump_turn(struct pump *pump);
/* Turns until the load is done. */
MUST_CHECK bool pump_run(struct pump *pump, struct text *why);
/* After pump_turn() gave false: is the load done as it should? Else `why`. */
MUST_CHECK bool pump_succeeded(const struct pump *pump, struct text *why);

#endif
