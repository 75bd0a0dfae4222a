#include "engine/judge_inner.h"

#include "engine/routing.h"

static bool judge_is_external(const struct judge_case *it);

/* The tenant's mail to its own recipients goes on, so this closes no gate. */
bool judge_exhaust(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct judge_origin *origin)
{
	struct shard *shard = judge->shard;
	const int64_t wait_ns = verdict_wait_s(&it->verdict) * NS_PER_S;

	if (!judge_is_external(it))
		return false;
	/* A server that refuses internal mail too means more by it. */
	if (origin->job != NULL && routing_tally(shard->config, origin->job).external == 0)
		return false;
	if (!portions_exhaust(judge->portions, lane->route, origin->began, wait_ns, origin->late))
		return false;
	incidents_raise(judge->incidents, lane, it, true);
	return true;
}

static bool judge_is_external(const struct judge_case *it)
{
	const struct reply *reply = it->reply;

	if (it->verdict.cause != CAUSE_TENANT_RATE || reply == NULL)
		return false;
	return verdict_is_external(reply->whole);
}
