#include "engine/dispatch.h"

#include "engine/feed.h"
#include "engine/streams.h"
#include "engine/routing.h"
#include "engine/vault.h"
#include "queue/base/check.h"

#include <stdlib.h>

static struct err dispatch_init_reaches(struct dispatch *dispatch);
static void dispatch_visit_bound(struct dispatch *dispatch, bool fill);
static void dispatch_extend_reach(struct lane *lane, uint32_t line);
static struct err dispatch_count(struct dispatch *dispatch, uint32_t shard_count, size_t *sessions);
static struct err dispatch_init_route(struct dispatch *dispatch, uint32_t index,
        const struct route_plan *plan, const struct dispatch_helpers *helpers, struct text *why);
static struct err dispatch_init_tls(
        struct dispatch_route *route, const struct dispatch_helpers *helpers, struct text *why);
static struct err dispatch_init_lane(struct dispatch *dispatch, struct dispatch_route *route,
        uint16_t route_index, uint16_t identity_index, uint32_t sessions_max);
static uint32_t dispatch_lane_sessions(const struct config_route *route,
        const struct route_plan *plan, uint32_t shard, uint32_t identity);
static struct throttle *dispatch_throttle(struct dispatch *dispatch, struct dispatch_lane *lane,
        const struct config_route *route, uint16_t identity);
static void dispatch_gate_expired(struct timer *timer);

struct err dispatch_init(struct dispatch *dispatch, struct judge *judge, uint32_t shard_count,
        const struct dispatch_helpers *helpers, struct text *why)
{
	size_t sessions = 0;

	*dispatch = (struct dispatch){
		.shard = judge->shard,
		.judge = judge,
		.schedule = judge->schedule,
		.resolver = helpers->resolver,
		.keeper = helpers->keeper,
		.gate_timer.expired = dispatch_gate_expired,
	};
	list_init(&dispatch->news);
	list_init(&dispatch->stream_news);
	list_init(&dispatch->stirred);
	struct err err = dispatch_count(dispatch, shard_count, &sessions);
	if (failed(err))
		return err;
	judge->outages = dispatch->outages;
	streams_fill(dispatch->shard->config, dispatch->streams);
	for (uint32_t i = 0; i < streams_count(dispatch->shard->config); i++)
		dispatch->streams[i].retry = &judge->retries[i];
	judge->incidents = &dispatch->incidents;
	err = incidents_init(&dispatch->incidents, dispatch->shard);
	if (failed(err))
		return err;
	judge->gates = &dispatch->gates;
	judge->portions = &dispatch->portions;
	err = gates_init(&dispatch->gates, dispatch->shard);
	if (!failed(err))
		err = portions_init(&dispatch->portions, dispatch->shard);
	if (failed(err))
		return err;
	err = senders_create(&dispatch->senders, dispatch->shard->config);
	if (!failed(err))
		err = schedule_init(dispatch->schedule,
		        dispatch->route_count + senders_count(dispatch->senders),
		        dispatch->route_count, dispatch->streams,
		        streams_count(dispatch->shard->config));
	if (!failed(err))
		err = pool_init(&dispatch->sessions, sizeof(struct outbound), sessions);
	uint32_t lanes = dispatch->lane_count;
	if (!failed(err))
		err = heap_init(&dispatch->timed, lanes + 1);
	if (!failed(err))
		err = ledger_init(&dispatch->ledger, dispatch->shard, lanes);
	dispatch->lane_count = 0;
	for (uint32_t i = 0; i < dispatch->route_count && !failed(err); i++) {
		const struct route_plan plan =
		        feed_plan(&dispatch->shard->config->routes.at[i], shard_count);
		err = dispatch_init_route(dispatch, i, &plan, helpers, why);
	}
	check(failed(err) || dispatch->lane_count == lanes);
	return failed(err) ? err : dispatch_init_reaches(dispatch);
}

/* Each lane's lines: those of the bindings that name it, and anyone's. */
static struct err dispatch_init_reaches(struct dispatch *dispatch)
{
	const uint32_t bindings = senders_count(dispatch->senders);
	size_t most = dispatch->lane_count;
	uint32_t count;

	for (uint32_t i = 0; i < bindings; i++) {
		(void)senders_identities(dispatch->senders, i, &count);
		most += count;
		schedule_set_group(dispatch->schedule, dispatch->route_count + i,
		        senders_route(dispatch->senders, i));
	}
	for (uint32_t i = 0; i < dispatch->route_count; i++)
		schedule_set_group(dispatch->schedule, i, i);
	dispatch->reaches = calloc(most + 1, sizeof *dispatch->reaches);
	if (dispatch->reaches == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	/* How many each has; then where they begin; then which. */
	dispatch_visit_bound(dispatch, false);
	uint32_t *next = dispatch->reaches;
	for (uint32_t i = 0; i < dispatch->lane_count; i++) {
		struct lane *lane = dispatch->lanes[i].lane;
		const struct config_route *route = dispatch->routes[lane->route].target.route;
		const bool any = dispatch->lanes[i].identity == NULL ||
		                 senders_takes_any(route, lane->identity);
		lane->reach.lines = next;
		next += lane->reach.count + any;
		lane->reach.count = 0;
		if (any)
			dispatch_extend_reach(lane, lane->route);
	}
	dispatch_visit_bound(dispatch, true);
	return err_ok();
}

static void dispatch_visit_bound(struct dispatch *dispatch, bool fill)
{
	for (uint32_t i = 0; i < senders_count(dispatch->senders); i++) {
		struct dispatch_route *route =
		        &dispatch->routes[senders_route(dispatch->senders, i)];
		uint32_t count;
		const uint16_t *identities = senders_identities(dispatch->senders, i, &count);
		for (uint32_t j = 0; j < count && route->lane_of != NULL; j++) {
			struct dispatch_lane *lane = route->lane_of[identities[j]];
			if (lane != NULL && fill)
				dispatch_extend_reach(lane->lane, dispatch->route_count + i);
			else if (lane != NULL)
				lane->lane->reach.count++;
		}
	}
}

static void dispatch_extend_reach(struct lane *lane, uint32_t line)
{
	((uint32_t *)(uintptr_t)lane->reach.lines)[lane->reach.count++] = line;
}

/* All memory but pools, in one sum: routes, lanes with their lines, a place for each session. */
static struct err dispatch_count(struct dispatch *dispatch, uint32_t shard_count, size_t *sessions)
{
	const struct config_routes *routes = &dispatch->shard->config->routes;
	const uint32_t shard = dispatch->shard->index;
	size_t places = 0;

	dispatch->route_count = (uint32_t)routes->count;
	for (size_t i = 0; i < routes->count; i++) {
		const struct route_plan plan = feed_plan(&routes->at[i], shard_count);
		const uint32_t lanes = route_shard_lanes(&plan, shard);

		dispatch->lane_count += lanes;
		*sessions += route_shard_sessions(&plan, shard);
		for (uint32_t at = route_next_lane(&plan, shard, 0);
		        lanes > 0 && at < route_lane_end(&plan);
		        at = route_next_lane(&plan, shard, at + 1))
			places += dispatch_lane_sessions(&routes->at[i], &plan, shard, at);
	}
	check(dispatch->route_count > 0);
	/* A shard may serve none of a small route's sessions. */
	const size_t least = 1;
	*sessions += *sessions == 0 ? least : 0;
	dispatch->routes = calloc(dispatch->route_count, sizeof *dispatch->routes);
	dispatch->outages = calloc(dispatch->route_count, sizeof *dispatch->outages);
	dispatch->lanes = calloc(dispatch->lane_count + least, sizeof *dispatch->lanes);
	dispatch->lane_values = calloc(dispatch->lane_count + least, sizeof *dispatch->lane_values);
	dispatch->throttles = calloc(dispatch->lane_count + least, sizeof *dispatch->throttles);
	dispatch->accounts =
	        calloc(dispatch->shard->config->account_count + least, sizeof *dispatch->accounts);
	dispatch->session_places = calloc(places + least, sizeof(struct outbound *));
	if (dispatch->routes == NULL || dispatch->outages == NULL || dispatch->lanes == NULL ||
	        dispatch->lane_values == NULL || dispatch->session_places == NULL ||
	        dispatch->throttles == NULL || dispatch->accounts == NULL) {
		dispatch->route_count = 0; /* dispatch_finish() finds none */
		dispatch->lane_count = 0;
		return err_make(ERR_NO_MEMORY, 0);
	}
	return err_ok();
}

/* A mailbox may have as many sessions as messages under way; others their part of the route's. */
static uint32_t dispatch_lane_sessions(const struct config_route *route,
        const struct route_plan *plan, uint32_t shard, uint32_t identity)
{
	const uint32_t shards = route_shard_sessions(plan, shard);
	const uint64_t cap = route->identities.count == 0
	                             ? LIMIT_NONE
	                             : route->identities.at[identity].connections.count;
	const uint32_t part = plan->sliced || plan->identities == 0
	                              ? shards
	                              : (plan->sessions + plan->identities - 1) / plan->identities;
	const uint64_t most = cap == LIMIT_NONE ? part : cap;

	return most < shards ? (uint32_t)most : shards;
}

static struct err dispatch_init_route(struct dispatch *dispatch, uint32_t index,
        const struct route_plan *plan, const struct dispatch_helpers *helpers, struct text *why)
{
	const struct config *config = dispatch->shard->config;
	const struct config_route *settings = &config->routes.at[index];
	const uint32_t shard = dispatch->shard->index;
	const uint32_t lane_count = route_shard_lanes(plan, shard);
	struct dispatch_route *route = &dispatch->routes[index];

	/* The rest is zero already; most of it is hosts, which a shard that does not serve the
	 * route never touches. */
	route->target.route = settings;
	route->target.name = config->name;
	route->lanes = &dispatch->lanes[dispatch->lane_count];
	route->sessions_max = route_shard_sessions(plan, shard);
	route->has_fallback = routing_fallback(config, (uint16_t)index, &route->fallback);
	outage_init(&dispatch->outages[index]);
	list_init(&route->ready);
	list_init(&route->idle);
	list_init(&route->idle_standing);
	list_init(&route->placeless);
	list_init(&route->timed);
	if (settings->identities.count > 0) {
		route->lane_of = calloc(settings->identities.count, sizeof(struct dispatch_lane *));
		if (route->lane_of == NULL)
			return err_make(ERR_NO_MEMORY, 0);
	}
	if (lane_count == 0)
		return err_ok();
	lookup_ask_for(&route->ask.lookup, settings);
	struct err err = pool_init(&route->trains, settings->pipeline * sizeof(struct transaction),
	        route->sessions_max);
	if (!failed(err))
		err = dispatch_init_tls(route, helpers, why);
	for (uint32_t at = route_next_lane(plan, shard, 0);
	        at < route_lane_end(plan) && !failed(err);
	        at = route_next_lane(plan, shard, at + 1))
		err = dispatch_init_lane(dispatch, route, (uint16_t)index, (uint16_t)at,
		        dispatch_lane_sessions(settings, plan, shard, at));
	for (uint32_t lane = 0; lane < route->lane_count; lane++) {
		route->lanes[lane].lane->peers = route->lanes[0].lane;
		route->lanes[lane].lane->peer_count = route->lane_count;
	}
	return err;
}

static struct err dispatch_init_tls(
        struct dispatch_route *route, const struct dispatch_helpers *helpers, struct text *why)
{
	const struct config_route *settings = route->target.route;
	const struct tls_client_settings tls = {
		.verify = settings->tls.verify,
		.ca_file = settings->tls.ca_file,
		.roots = helpers->tls_roots,
		.certificate_file = settings->tls.certificate,
		.key_file = settings->tls.key,
		.keys = helpers->tls_keys,
	};

	if (settings->tls.mode == ROUTE_TLS_NONE)
		return err_ok();
	text_format(why, "route %s: ", settings->name);
	struct err err = tls_context_client(&route->target.tls, &tls, why);
	if (!failed(err))
		why->bytes = 0;
	return err;
}

static struct err dispatch_init_lane(struct dispatch *dispatch, struct dispatch_route *route,
        uint16_t route_index, uint16_t identity_index, uint32_t sessions_max)
{
	const struct config_identities *identities = &route->target.route->identities;
	const uint32_t index = dispatch->lane_count++;
	struct dispatch_lane *lane = &dispatch->lanes[index];

	*lane = (struct dispatch_lane){
		.lane = &dispatch->lane_values[index],
		.sessions = dispatch->session_places,
		.sessions_max = sessions_max,
	};
	dispatch->session_places += sessions_max;
	route->lane_count++;
	if (identities->count > 0)
		lane->identity = &identities->at[identity_index];
	lane_init(lane->lane, route_index, identity_index,
	        dispatch_throttle(dispatch, lane, route->target.route, identity_index));
	lane->lane->stirred = &dispatch->stirred;
	lane->lane->unproven = lane->identity != NULL;
	lane->depth = lane->lane->throttle->settings.in_flight == THROTTLE_NONE
	                      ? route->target.route->pipeline
	                      : 1;
	const uint64_t most = lane->identity == NULL
	                              ? route->target.route->recipients_per_message.count
	                              : lane->identity->recipients_per_message.count;
	lane->recipients_most =
	        most < MESSAGE_RECIPIENTS_MAX ? (uint32_t)most : MESSAGE_RECIPIENTS_MAX;
	if (route->lane_of != NULL)
		route->lane_of[identity_index] = lane;
	lane->state = DISPATCH_LANE_IDLE;
	list_push_last(&route->idle, &lane->link);
	if (identities->count == 0)
		return err_ok();
	check(dispatch->keeper != NULL);
	struct span vault;
	struct err err = vault_create(&vault, sizeof *lane->secret);
	if (failed(err))
		return err;
	lane->secret = (struct keeper_ask *)(void *)vault.data;
	lane->secret->identity = lane->identity;
	lane->secret->owner = lane;
	return err_ok();
}

/* The account's, which its lanes on other routes may have already: the first one's limits count. */
static struct throttle *dispatch_throttle(struct dispatch *dispatch, struct dispatch_lane *lane,
        const struct config_route *route, uint16_t identity)
{
	struct throttle_settings settings = {
		.in_flight = THROTTLE_NONE,
		.messages = { .count = THROTTLE_NONE },
		.recipients = { .count = THROTTLE_NONE },
		.stop = 1,
	};
	struct dispatch_lane **first = NULL;

	lane->sibling = lane;
	if (lane->identity != NULL && config_identity_is_limited(lane->identity)) {
		const struct config_limit *messages = &lane->identity->messages_per_minute;
		const struct config_limit *recipients = &lane->identity->recipients_per_day;
		settings = (struct throttle_settings){
			.in_flight = lane->identity->connections.count,
			.messages = { messages->count, messages->period_ns },
			.recipients = { recipients->count, recipients->period_ns },
			.guard = route->guard,
			.stop = route->stop,
			.learn_up = route->learn == LEARN_UP,
		};
		first = &dispatch->accounts[route->accounts[identity]];
	}
	if (first != NULL && *first != NULL) {
		lane->sibling = (*first)->sibling;
		(*first)->sibling = lane;
		lane->entry = (*first)->entry;
		return (*first)->lane->throttle;
	}
	struct throttle *throttle = &dispatch->throttles[dispatch->throttle_count++];
	throttle_init(throttle, &settings);
	if (first != NULL)
		*first = lane;
	if (throttle_is_limited(throttle)) {
		check(lane->identity != NULL);
		lane->entry = ledger_add(&dispatch->ledger, throttle, lane->identity->user, lane);
	}
	return throttle;
}

void dispatch_finish(struct dispatch *dispatch)
{
	for (uint32_t i = 0; i < dispatch->lane_count; i++) {
		/* The places are one array, which the first lane's begin. */
		dispatch->session_places -= dispatch->lanes[i].sessions_max;
		vault_destroy((struct span){ (char *)dispatch->lanes[i].secret,
		        dispatch->lanes[i].secret == NULL ? 0 : sizeof(struct keeper_ask) });
	}
	for (uint32_t i = 0; i < dispatch->route_count; i++) {
		tls_context_destroy(dispatch->routes[i].target.tls);
		free(dispatch->routes[i].lane_of);
		if (dispatch->routes[i].trains.memory != NULL)
			pool_finish(&dispatch->routes[i].trains);
	}
	if (dispatch->sessions.memory != NULL)
		pool_finish(&dispatch->sessions);
	loop_timer_stop(&dispatch->shard->loop, &dispatch->gate_timer);
	heap_finish(&dispatch->timed);
	free(dispatch->routes);
	free(dispatch->outages);
	free(dispatch->lanes);
	free(dispatch->lane_values);
	free(dispatch->reaches);
	senders_destroy(dispatch->senders);
	schedule_finish(dispatch->schedule);
	free(dispatch->session_places);
	free(dispatch->throttles);
	free(dispatch->accounts);
	ledger_finish(&dispatch->ledger);
	incidents_finish(&dispatch->incidents);
	portions_finish(&dispatch->portions);
	gates_finish(&dispatch->gates);
}

static void dispatch_gate_expired(struct timer *timer)
{
	(void)timer; /* it is enough that the loop turned: dispatch_start_jobs() looks again */
}
