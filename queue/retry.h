/*
 * When a deferred message is tried again, and when it is given up.
 *
 * The wait grows by `factor` with every failed try, from `first_ms` up to `most_ms`, and is
 * spread by a fifth to both sides (but never above `most_ms`), so that what failed together does
 * not come back together. A wait that the server asked for lengthens it, never shortens it. What
 * the server held back without failing it (verdict_counts() is false) is not a try: it waits as
 * the verdict says and keeps its place in the back-off.
 *
 * Thread:  any; pure but for the generator that is handed in.
 */
#ifndef SLUICE_RETRY_H
#define SLUICE_RETRY_H

#include "queue/base/clock.h"
#include "queue/base/random.h"

#include <stdbool.h>
#include <stdint.h>

struct retry_settings {
	int64_t first_ms; /* 0 < first_ms <= most_ms */
	int64_t most_ms;
	double factor; /* >= 1 */
	int64_t give_up_after_ms;
};

/* CONTRACT.md's defaults: 60s, 1h, 2, 2d. */
#define RETRY_DEFAULTS                                                                             \
	{                                                                                          \
		.first_ms = 60 * 1000, .most_ms = 3600 * 1000, .factor = 2,                        \
		.give_up_after_ms = 2 * 86400LL * 1000                                             \
	}

/* Milliseconds from now to the next try, after `attempts` failed ones (at least 1); `wait_s` is
 * what verdict_wait_s() says, or 0. */
int64_t retry_next(const struct retry_settings *settings, uint32_t attempts, int32_t wait_s,
        struct random *random);
/* The same for a message held back without a failure: `wait_s` and up to a fifth more. */
int64_t retry_held(int32_t wait_s, struct random *random);
/* The settings for a message with a time of its own, where that is the shorter one; 0: it has
 * none. */
struct retry_settings retry_within(const struct retry_settings *settings, uint32_t expire_s);
/* Whether a message that failed once more at `now` is to be bounced. A clock set back never
 * gives one up. */
bool retry_expired(const struct retry_settings *settings, struct wall received, struct wall now);
/* No attempt is planned further ahead than this: the longest wait between two, or the day that
 * limits and servers ask for at most, and the fifth that spreads it; whoever asks for more is tried
 * before. So what lies further ahead was planned before the wall clock was set back, and is due:
 * mail doesn't wait until the clock is there again. */
int64_t retry_ahead_ms(int64_t most_ms);
/* `until`, but no later than the message's time is over. */
struct wall retry_until(
        const struct retry_settings *settings, struct wall received, struct wall until);

#endif
