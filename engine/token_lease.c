#include "engine/token_lease.h"

#include "queue/base/check.h"

#define NEVER_YET ((struct mono){ 0 })

static bool is_good(const struct token_lease *lease, struct mono now);

void token_lease_init(struct token_lease *lease, int64_t margin_ns, bool rotates)
{
	check(margin_ns > 0);
	*lease = (struct token_lease){
		.margin_ns = margin_ns,
		.rotates = rotates,
		.renew_at = MONO_NEVER,
		.not_before = NEVER_YET,
	};
}

enum token_advice token_lease_ask(
        struct token_lease *lease, struct mono now, uint64_t refused, bool again)
{
	const bool good = is_good(lease, now);
	const bool forces = good && refused == lease->serial &&
	                    (!lease->forced || mono_reached(now, mono_after(lease->forced_at,
	                                                                 TOKEN_LEASE_FORCED_NS)));

	lease->used = true;
	if (lease->fetching)
		return good && refused != lease->serial ? TOKEN_GOOD : TOKEN_WAIT;
	if (good && lease->lapsed) {
		/* In use again: it renews itself as before. */
		lease->lapsed = false;
		lease->renew_at = now;
	}
	if (good && !forces)
		return TOKEN_GOOD;
	const bool hurried = again && !lease->named &&
	                     mono_reached(now, mono_after(lease->failed_at, TOKEN_LEASE_AGAIN_NS));
	if (lease->failures > 0 && !mono_reached(now, lease->not_before) && !hurried)
		return good ? TOKEN_GOOD : TOKEN_FAIL;
	if (forces) {
		lease->forced = true;
		lease->forced_at = now;
	}
	return TOKEN_FETCH;
}

static bool is_good(const struct token_lease *lease, struct mono now)
{
	return lease->held && !mono_reached(now, lease->good_until);
}

struct mono token_lease_due(const struct token_lease *lease)
{
	if (lease->fetching || !lease->held)
		return MONO_NEVER;
	if (lease->failures > 0 && lease->not_before.ns > lease->renew_at.ns)
		return lease->not_before;
	return lease->renew_at;
}

bool token_lease_renew(struct token_lease *lease, struct mono now)
{
	if (!mono_reached(now, token_lease_due(lease)))
		return false;
	if (lease->used || lease->lapsed)
		return true;
	lease->lapsed = true;
	lease->renew_at = lease->rotates ? mono_after(now, TOKEN_LEASE_ALIVE_NS) : MONO_NEVER;
	return false;
}

void token_lease_begin(struct token_lease *lease)
{
	check(!lease->fetching);
	lease->fetching = true;
}

void token_lease_got(struct token_lease *lease, struct mono now, int64_t lifetime_s, bool wanted,
        struct random *random)
{
	check(lease->fetching);
	check(lifetime_s > 0);
	const int64_t lifetime_ns = lifetime_s * NS_PER_S;
	/* Of a short-lived token, the margin is a part of its life. */
	const int64_t most_ns = lifetime_ns / 3;
	const int64_t margin_ns = lease->margin_ns < most_ns ? lease->margin_ns : most_ns;
	const int64_t jitter_ns = (int64_t)random_below(random, (uint64_t)margin_ns / 4 + 1);

	lease->fetching = false;
	lease->held = true;
	lease->used = wanted;
	lease->lapsed = false;
	lease->serial++;
	lease->failures = 0;
	lease->named = false;
	lease->good_until = mono_after(now, lifetime_ns - margin_ns / 3 * 2);
	lease->renew_at = mono_after(now, lifetime_ns - margin_ns - jitter_ns);
}

int64_t token_lease_failed(struct token_lease *lease, struct mono now, bool stuck, int64_t named_s,
        struct random *random)
{
	const int64_t most_ns = stuck ? TOKEN_LEASE_STUCK_MOST_NS : TOKEN_LEASE_MOST_NS;
	int64_t wait_ns = stuck ? TOKEN_LEASE_STUCK_NS : TOKEN_LEASE_FIRST_NS;

	check(lease->fetching);
	lease->fetching = false;
	for (uint32_t i = 0; i < lease->failures && wait_ns < most_ns; i++)
		wait_ns = wait_ns > most_ns / 2 ? most_ns : wait_ns * 2;
	lease->named = named_s > 0;
	if (named_s > TOKEN_LEASE_NAMED_MOST_NS / NS_PER_S)
		named_s = TOKEN_LEASE_NAMED_MOST_NS / NS_PER_S;
	if (named_s * NS_PER_S > wait_ns)
		wait_ns = named_s * NS_PER_S;
	/* Never shorter than was named; up to a quarter longer, so that many don't come at once. */
	wait_ns += (int64_t)random_below(random, (uint64_t)wait_ns / 4 + 1);
	lease->failures++;
	lease->failed_at = now;
	lease->not_before = mono_after(now, wait_ns);
	return wait_ns;
}
