/*
 * What the servers of a world refuse, break and lie about: for ever, or in times of trouble.
 *
 * A lie never says that mail was taken or refused that was not: nobody could find that out. It is
 * slow, is no reply at all, or says that a connection ends that does not.
 *
 * Thread:  the simulator's one.
 */
#ifndef SLUICE_SIM_WORLD_RULES_H
#define SLUICE_SIM_WORLD_RULES_H

#include "bench/mock_script.h"
#include "queue/base/random.h"

struct world_rules {
	bool trouble;
	bool barring;  /* the tenant is refused now and then */
	bool refusing; /* the other route is */
	uint64_t lies; /* that the servers have: bits */
};

/* In place of what the scripts had; `random` draws of the troubles those that are on. */
void world_rules_set(struct mock_script *mock, struct mock_script *other,
        const struct world_rules *rules, struct random *random);

#endif
