#include "queue/retry.h"

#include "queue/base/check.h"

#define JITTER 0.2 /* a fifth to each side */
#define DAY_MS (INT64_C(86400) * 1000)

static int64_t retry_spread(int64_t low_ms, int64_t high_ms, struct random *random)
{
	if (high_ms <= low_ms)
		return low_ms;
	return low_ms + (int64_t)random_below(random, (uint64_t)(high_ms - low_ms) + 1);
}

static int64_t retry_base(const struct retry_settings *settings, uint32_t attempts)
{
	double base = (double)settings->first_ms;
	for (uint32_t i = 1; i < attempts && base < (double)settings->most_ms; i++) {
		/* A factor of 1 would go round as often as the message was tried. */
		if (settings->factor <= 1)
			break;
		base *= settings->factor;
	}
	return base < (double)settings->most_ms ? (int64_t)base : settings->most_ms;
}

int64_t retry_next(const struct retry_settings *settings, uint32_t attempts, int32_t wait_s,
        struct random *random)
{
	check(attempts >= 1);
	check(settings->first_ms > 0);
	check(settings->first_ms <= settings->most_ms);
	check(settings->factor >= 1);

	int64_t base = retry_base(settings, attempts);
	int64_t low = base - (int64_t)((double)base * JITTER);
	int64_t high = base + (int64_t)((double)base * JITTER);
	if (high > settings->most_ms)
		high = settings->most_ms;
	int64_t next = retry_spread(low, high, random);
	int64_t held = retry_held(wait_s, random);
	return next > held ? next : held;
}

int64_t retry_held(int32_t wait_s, struct random *random)
{
	check(wait_s >= 0);
	int64_t wait_ms = (int64_t)wait_s * 1000;
	return retry_spread(wait_ms, wait_ms + (int64_t)((double)wait_ms * JITTER), random);
}

struct retry_settings retry_within(const struct retry_settings *settings, uint32_t expire_s)
{
	struct retry_settings own = *settings;

	if (expire_s > 0 && (int64_t)expire_s * 1000 < own.give_up_after_ms)
		own.give_up_after_ms = (int64_t)expire_s * 1000;
	return own;
}

bool retry_expired(const struct retry_settings *settings, struct wall received, struct wall now)
{
	check(settings->give_up_after_ms >= 0);
	return now.ms >= received.ms && now.ms - received.ms >= settings->give_up_after_ms;
}

int64_t retry_ahead_ms(int64_t most_ms)
{
	const int64_t asked_ms = DAY_MS + (int64_t)((double)DAY_MS * JITTER);

	return most_ms > asked_ms ? most_ms : asked_ms;
}

struct wall retry_until(
        const struct retry_settings *settings, struct wall received, struct wall until)
{
	const int64_t most_ms = received.ms > INT64_MAX - settings->give_up_after_ms
	                                ? INT64_MAX
	                                : received.ms + settings->give_up_after_ms;

	return until.ms < most_ms ? until : (struct wall){ most_ms };
}
