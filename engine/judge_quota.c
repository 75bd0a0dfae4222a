#include "engine/judge_inner.h"

#include "engine/routing.h"

static bool judge_is_external(const struct judge_case *it);
static bool judge_is_onmicrosoft(
        const struct judge *judge, const struct lane *lane, const struct judge_origin *origin);

/* The tenant's mail to its own recipients goes on, so this closes no gate. */
bool judge_exhaust(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct judge_origin *origin)
{
	struct shard *shard = judge->shard;
	const int64_t wait_ns = verdict_wait_s(&it->verdict) * NS_PER_S;

	const enum quota_unit unit =
	        it->verdict.cause == CAUSE_MOERA_RATE ? QUOTA_ONMICROSOFT : QUOTA_EXTERNAL;

	if (unit == QUOTA_EXTERNAL ? !judge_is_external(it)
	                           : !judge_is_onmicrosoft(judge, lane, origin))
		return false;
	/* A server that refuses internal mail too means more by it. */
	if (origin->job != NULL && routing_tally(shard->config, origin->job).external == 0)
		return false;
	if (!portions_exhaust(
	            judge->portions, lane->route, unit, origin->began, wait_ns, origin->late))
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

/* Of mail that we don't count there the server means something else by it: putting off what we do
 * count would not keep the rest back. */
static bool judge_is_onmicrosoft(
        const struct judge *judge, const struct lane *lane, const struct judge_origin *origin)
{
	const struct config_route *route = &judge->shard->config->routes.at[lane->route];
	const struct config_identity *identity = lane->identity < route->identities.count
	                                                 ? &route->identities.at[lane->identity]
	                                                 : NULL;

	if (origin->job == NULL)
		return true; /* a report */
	return routing_is_onmicrosoft(routing_sender(route, identity, origin->job->message));
}
