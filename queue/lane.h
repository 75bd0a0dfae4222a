/*
 * A lane: an identity on a route, or a slice of a route without sign-in. It says whether a
 * message may start on it now, and whether a session may be opened for it.
 *
 * It has two gates. What servers say about messages and identities holds the lane: nothing starts
 * until the time is up, then one message at a time until one succeeds. What goes wrong before a
 * session is ready shuts its door: no session is opened until the time is up; sessions that stand
 * go on. Each gate's wait doubles with every setback in a row, and ends its growth with success.
 *
 * Limits of a mailbox (messages in flight, rates, quotas) are asked here too: lane_room() is the
 * one place that says how many messages may start.
 *
 * Thread:  its shard's own.
 * Owns:    nothing.
 * Never:   reads a clock.
 */
#ifndef SLUICE_LANE_H
#define SLUICE_LANE_H

#include "queue/base/clock.h"
#include "queue/base/random.h"

#include <stdbool.h>
#include <stdint.h>

#define LANE_HOLD_MOST_NS  (3600 * NS_PER_S) /* a growing hold; a verdict may ask for more */
#define LANE_DOOR_FIRST_NS (1 * NS_PER_S)
#define LANE_DOOR_MOST_NS  (60 * NS_PER_S)

/* A wait that grows. Reached and setbacks > 0: trying, carefully. */
struct lane_gate {
	struct mono until;
	uint32_t setbacks; /* in a row */
};

struct lane {
	uint16_t route;
	uint16_t identity;    /* of the route; meaningless where the route has none */
	uint32_t shared_line; /* of the schedule: any lane of the route takes from it */
	uint32_t own_line;    /* mail that only this mailbox may send */
	uint32_t standing;    /* sessions that are ready */
	uint32_t in_flight;   /* messages of its sessions' trains */
	uint32_t reauths;     /* sign-ins tried once more since the last success */
	struct lane_gate hold;
	struct lane_gate door;
	struct lane *peers; /* all lanes of the route in this shard, one after the other */
	uint32_t peer_count;
};

void lane_init(struct lane *lane, uint16_t route, uint16_t identity);

/* How many more messages may start now. */
uint32_t lane_room(const struct lane *lane, struct mono now);
/* Whether another session may be opened now; `opening` are on their way. */
bool lane_door_open(const struct lane *lane, struct mono now, uint32_t opening);
/* Nothing starts for at least wait_ns. True: it began or grew, and is worth a line in the log. */
bool lane_hold(struct lane *lane, struct mono now, int64_t wait_ns, struct random *random);
/* No session is opened for a second at first, most_ns at most; gives how long. */
int64_t lane_shut(struct lane *lane, struct mono now, int64_t most_ns, struct random *random);
/* A message was taken: both gates forget their setbacks. */
void lane_succeed(struct lane *lane);
/* An operator said retry: both gates open. */
void lane_resume(struct lane *lane);
/* When a gate that is closed now opens; MONO_NEVER: both are open. */
struct mono lane_wanted(const struct lane *lane, struct mono now);

#endif
