#include "queue/lane.h"

#include "queue/base/check.h"

static int64_t lane_gate_close(struct lane_gate *gate, struct mono now, int64_t first_ns,
        int64_t most_ns, struct random *random);
static bool lane_gate_is_open(const struct lane_gate *gate, struct mono now);

void lane_init(struct lane *lane, uint16_t route, uint16_t identity)
{
	*lane = (struct lane){
		.route = route,
		.identity = identity,
		.peers = lane,
		.peer_count = 1,
	};
}

uint32_t lane_room(const struct lane *lane, struct mono now)
{
	if (!lane_gate_is_open(&lane->hold, now))
		return 0;
	if (lane->hold.setbacks > 0)
		return lane->in_flight == 0 ? 1 : 0;
	return UINT32_MAX - lane->in_flight;
}

bool lane_door_open(const struct lane *lane, struct mono now, uint32_t opening)
{
	if (!lane_gate_is_open(&lane->door, now))
		return false;
	return lane->door.setbacks == 0 || opening == 0;
}

bool lane_hold(struct lane *lane, struct mono now, int64_t wait_ns, struct random *random)
{
	check(wait_ns >= 0);
	/* The rest of a train gets the same answer as its first: that is no further setback. */
	if (!lane_gate_is_open(&lane->hold, now)) {
		const struct mono until = mono_after(now, wait_ns);
		if (until.ns > lane->hold.until.ns)
			lane->hold.until = until;
		return false;
	}
	const int64_t most_ns = wait_ns > LANE_HOLD_MOST_NS ? wait_ns : LANE_HOLD_MOST_NS;
	(void)lane_gate_close(&lane->hold, now, wait_ns, most_ns, random);
	return true;
}

int64_t lane_shut(struct lane *lane, struct mono now, int64_t most_ns, struct random *random)
{
	if (most_ns < LANE_DOOR_FIRST_NS)
		most_ns = LANE_DOOR_FIRST_NS;
	if (!lane_gate_is_open(&lane->door, now))
		return lane->door.until.ns - now.ns;
	return lane_gate_close(&lane->door, now, LANE_DOOR_FIRST_NS, most_ns, random);
}

void lane_succeed(struct lane *lane)
{
	lane->hold.setbacks = 0;
	lane->door.setbacks = 0;
	lane->reauths = 0;
}

void lane_resume(struct lane *lane)
{
	lane->hold = (struct lane_gate){ 0 };
	lane->door = (struct lane_gate){ 0 };
	lane->reauths = 0;
}

struct mono lane_wanted(const struct lane *lane, struct mono now)
{
	struct mono wanted = MONO_NEVER;

	if (!lane_gate_is_open(&lane->hold, now))
		wanted = mono_earlier(wanted, lane->hold.until);
	if (!lane_gate_is_open(&lane->door, now))
		wanted = mono_earlier(wanted, lane->door.until);
	return wanted;
}

static bool lane_gate_is_open(const struct lane_gate *gate, struct mono now)
{
	return mono_reached(now, gate->until);
}

/* Doubles first_ns per setback before, to most_ns at most, and up to a fifth more, so that lanes
 * which failed together don't come back together. Never shorter: a server may have named it. */
static int64_t lane_gate_close(struct lane_gate *gate, struct mono now, int64_t first_ns,
        int64_t most_ns, struct random *random)
{
	int64_t wait_ns = first_ns;

	check(first_ns <= most_ns);
	for (uint32_t i = 0; i < gate->setbacks && wait_ns < most_ns; i++)
		wait_ns = wait_ns > most_ns / 2 ? most_ns : wait_ns * 2;
	wait_ns += (int64_t)random_below(random, (uint64_t)wait_ns / 5 + 1);
	gate->setbacks++;
	gate->until = mono_after(now, wait_ns);
	return wait_ns;
}
