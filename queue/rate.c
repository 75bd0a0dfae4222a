#include "queue/rate.h"

#include "queue/base/check.h"

static uint64_t rate_brink(const struct rate *rate);

void rate_init(struct rate *rate)
{
	*rate = (struct rate){ .limit = RATE_NONE, .step = 1, .stay_ns = RATE_STAY_NS };
}

bool rate_cut(struct rate *rate, struct mono now, uint64_t used)
{
	const bool known = rate_is_known(rate);

	/* What it had lately is no rate to speak of: a probe, or the rest of what was under way. */
	if (used < RATE_LEAST || (known && (rate->resting || used < rate->limit / 2)))
		return false;
	/* Past the brink it was to be expected, and is not to be soon again. */
	if (known && rate->limit > rate_brink(rate))
		rate->stay_ns = rate->stay_ns < RATE_STAY_MOST_NS / 2 ? rate->stay_ns * 2
		                                                      : RATE_STAY_MOST_NS;
	rate->refused = known && rate->limit < used ? rate->limit : used;
	rate->limit = rate->refused * 3 / 4;
	rate->step = 1;
	rate->changed = now;
	rate->full = now;
	rate->resting = true;
	check(rate->limit > 0);
	return true;
}

/* A little below what was refused. */
static uint64_t rate_brink(const struct rate *rate)
{
	return rate->refused - rate->refused / 20 - 1;
}

bool rate_take(struct rate *rate, struct mono now, uint64_t used)
{
	const uint64_t brink = rate_brink(rate);

	if (!rate_is_known(rate))
		return false;
	if (rate->resting)
		rate->changed = now; /* the waits begin with the first one */
	rate->resting = false;
	if (used < rate->limit - rate->limit / 10)
		return false;
	rate->full = now;
	/* Far more than was refused is taken: what stood in the way is gone. */
	const bool gone = rate->limit > rate->refused + rate->refused / 4;
	const int64_t wait_ns = rate->limit < brink || gone ? RATE_CLIMB_NS : rate->stay_ns;
	if (now.ns - rate->changed.ns < wait_ns)
		return false;
	rate->changed = now;
	if (rate->limit < brink) {
		rate->limit += (brink - rate->limit + 1) / 2;
	} else {
		rate->limit += rate->step;
		rate->step = rate->step * 2 + rate->limit / 20;
	}
	if (gone)
		rate->stay_ns = RATE_STAY_NS;
	return true;
}

bool rate_look(struct rate *rate, struct mono now)
{
	if (!rate_is_known(rate) || rate->resting || now.ns - rate->full.ns < RATE_IDLE_NS)
		return false;
	rate_init(rate);
	return true;
}

void rate_restore(
        struct rate *rate, struct mono now, uint64_t limit, uint64_t refused, int64_t stay_ns)
{
	rate_init(rate);
	if (limit == 0 || limit == RATE_NONE || refused < RATE_LEAST || refused == RATE_NONE)
		return;
	rate->limit = limit;
	rate->refused = refused;
	rate->changed = now;
	rate->full = now;
	rate->resting = true;
	if (stay_ns >= RATE_STAY_NS && stay_ns <= RATE_STAY_MOST_NS)
		rate->stay_ns = stay_ns;
}
