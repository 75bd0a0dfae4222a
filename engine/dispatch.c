#include "engine/dispatch.h"

#include "queue/base/check.h"

static bool dispatch_wake_bound(struct dispatch *dispatch, uint32_t binding, bool urgent);
static void dispatch_read_streams(struct dispatch *dispatch);
static void dispatch_read_sessions(struct dispatch *dispatch);
static void dispatch_read_addresses(struct dispatch *dispatch);
static void dispatch_read_secrets(struct dispatch *dispatch);
static void dispatch_wake_placeless(struct dispatch *dispatch, struct dispatch_route *route);
static void dispatch_ask_secret(
        struct dispatch *dispatch, struct dispatch_lane *lane, enum signin_mechanism mechanism);
static void dispatch_sign_in(struct dispatch_lane *lane, const struct keeper_ask *ask);
static void dispatch_forget(struct dispatch *dispatch, struct outbound *outbound);
static void dispatch_wake_route(struct dispatch *dispatch, struct dispatch_route *route);
static void dispatch_resolved(struct dispatch *dispatch, struct dispatch_route *route);
static void dispatch_unresolved(struct dispatch *dispatch, struct dispatch_route *route);
static void dispatch_log_lookup(struct dispatch *dispatch, const struct dispatch_route *route);
static void dispatch_log_hosts(struct dispatch *dispatch, const struct dispatch_route *route);
static bool dispatch_resolve(struct dispatch *dispatch, struct dispatch_route *route);
static void dispatch_give_up_secrets(struct dispatch *dispatch);

/* Jobs in. */

static void dispatch_tell_sessions(struct dispatch_route *route)
{
	atomic_store_explicit(&route->sessions_told, route->session_count, memory_order_relaxed);
}

uint32_t dispatch_session_count(const struct dispatch *dispatch, size_t route)
{
	check(route < dispatch->route_count);
	return atomic_load_explicit(&dispatch->routes[route].sessions_told, memory_order_relaxed);
}

void dispatch_add(struct dispatch *dispatch, struct job *job)
{
	check(job->route < dispatch->route_count);
	struct dispatch_route *route = &dispatch->routes[job->route];
	uint32_t line = job->route;

	if (job->rehearsed) {
		job_enter(job, JOB_SETTLING);
		judge_rehearse(dispatch->judge, job);
		return;
	}
	if (route->has_fallback && dispatch_divert_new(dispatch, job))
		return;

	/* What is bound to mailboxes others could not send: it would be refused (Send As). */
	const uint32_t binding =
	        senders_bind(dispatch->senders, dispatch->shard->config, job->route, job->message);
	const bool urgent = schedule_is_urgent(dispatch->schedule, job);
	if (binding != SENDERS_ANY && dispatch_wake_bound(dispatch, binding, urgent))
		line = dispatch->route_count + binding;
	if (dispatch_rest_new(dispatch, job, line))
		return;
	schedule_add(dispatch->schedule, line, job);
	route->urgent |= urgent;
}

/* True: a lane of this shard may take it. Urgent mail need not wait for the pace of others. */
static bool dispatch_wake_bound(struct dispatch *dispatch, uint32_t binding, bool urgent)
{
	struct dispatch_route *route = &dispatch->routes[senders_route(dispatch->senders, binding)];
	bool found = false;
	uint32_t count;

	const uint16_t *identities = senders_identities(dispatch->senders, binding, &count);
	for (uint32_t i = 0; i < count; i++) {
		struct dispatch_lane *lane = route->lane_of[identities[i]];
		if (lane == NULL)
			continue;
		found = true;
		if (lane->state == DISPATCH_LANE_IDLE ||
		        (urgent && lane->state == DISPATCH_LANE_TIMED))
			dispatch_wake(dispatch, lane);
	}
	return found;
}

/* News. */

void dispatch_read_news(struct dispatch *dispatch)
{
	if (dispatch->resolver != NULL)
		dispatch_read_addresses(dispatch);
	if (dispatch->keeper != NULL)
		dispatch_read_secrets(dispatch);
	dispatch_read_streams(dispatch);
	dispatch_read_sessions(dispatch);
}

static void dispatch_read_streams(struct dispatch *dispatch)
{
	/* A stream that has news again is for the next turn. */
	size_t left = dispatch->stream_news.count;
	struct stream *stream;
	unsigned what;

	while (left-- > 0 && (stream = stream_next_news(&dispatch->stream_news, &what)) != NULL)
		outbound_on_news(container_of(stream, struct outbound, stream), what);
}

static void dispatch_read_sessions(struct dispatch *dispatch)
{
	struct outbound *outbound;
	unsigned what;

	while ((outbound = outbound_next_news(&dispatch->news, &what)) != NULL) {
		struct dispatch_lane *lane = dispatch_lane_of(dispatch, outbound->carrier.lane);

		if ((what & OUTBOUND_WANTS_SECRET) != 0 && !lane->secret->ask.in_flight)
			dispatch_ask_secret(dispatch, lane, outbound_mechanism(outbound));
		if ((what & (OUTBOUND_READY | OUTBOUND_GONE)) != 0 && outbound->opening) {
			outbound->opening = false;
			lane->opening--;
			dispatch->routes[lane->lane->route].opening--;
			dispatch_wake(dispatch, lane);
			dispatch_wake_placeless(dispatch, &dispatch->routes[lane->lane->route]);
		}
		if ((what & OUTBOUND_GONE) != 0)
			dispatch_forget(dispatch, outbound);
	}
}

static void dispatch_wake_placeless(struct dispatch *dispatch, struct dispatch_route *route)
{
	struct link *first = list_first(&route->placeless);

	if (first != NULL)
		dispatch_wake(dispatch, container_of(first, struct dispatch_lane, link));
}

static void dispatch_ask_secret(
        struct dispatch *dispatch, struct dispatch_lane *lane, enum signin_mechanism mechanism)
{
	lane->secret->mechanism = mechanism;
	lane->secret->refused = lane->lane->refused;
	lane->secret->again = lane->lane->resumed;
	lane->lane->resumed = false;
	atomic_store(&lane->secret->given_up, false);
	helper_ask(dispatch->keeper, (uint16_t)dispatch->shard->index, &lane->secret->ask);
}

static void dispatch_forget(struct dispatch *dispatch, struct outbound *outbound)
{
	struct dispatch_lane *lane = dispatch_lane_of(dispatch, outbound->carrier.lane);
	struct dispatch_route *route = &dispatch->routes[lane->lane->route];
	uint32_t place = 0;

	while (lane->sessions[place] != outbound) {
		place++;
		check(place < lane->session_count);
	}
	lane->sessions[place] = lane->sessions[--lane->session_count];
	route->session_count--;
	dispatch_tell_sessions(route);
	dispatch_wake(dispatch, lane);
	dispatch_wake_placeless(dispatch, route);
	pool_give(&route->trains, MOVE(outbound->train));
	pool_give(&dispatch->sessions, outbound);
}

struct dispatch_lane *dispatch_lane_of(struct dispatch *dispatch, const struct lane *lane)
{
	return &dispatch->lanes[lane - dispatch->lane_values];
}

static void dispatch_read_addresses(struct dispatch *dispatch)
{
	struct helper_ask *answered;

	while ((answered = helper_answered(
	                &dispatch->resolver->helper, (uint16_t)dispatch->shard->index)) != NULL) {
		struct resolver_ask *ask = container_of(answered, struct resolver_ask, ask);
		struct dispatch_route *route = container_of(ask, struct dispatch_route, ask);

		dispatch_log_lookup(dispatch, route);
		if (ask->lookup.hosts.address_count > 0)
			dispatch_resolved(dispatch, route);
		else
			dispatch_unresolved(dispatch, route);
	}
}

static void dispatch_resolved(struct dispatch *dispatch, struct dispatch_route *route)
{
	const struct lookup *lookup = &route->ask.lookup;
	uint32_t ttl_s = lookup->ttl_s;

	/* A host that is left out may be well again sooner than its TTL says. */
	if (lookup->hosts.count < lookup->seen_count && ttl_s > DISPATCH_STALE_S)
		ttl_s = DISPATCH_STALE_S;
	ttl_s = ttl_s < DISPATCH_TTL_LEAST_S ? DISPATCH_TTL_LEAST_S : ttl_s;
	ttl_s = ttl_s > DISPATCH_TTL_MOST_S ? DISPATCH_TTL_MOST_S : ttl_s;
	target_set(&route->target, &lookup->hosts, &dispatch->shard->random);
	route->known_until = mono_after(loop_now(&dispatch->shard->loop), ttl_s * NS_PER_S);
	dispatch_wake_route(dispatch, route);
}

static void dispatch_wake_route(struct dispatch *dispatch, struct dispatch_route *route)
{
	for (uint32_t i = 0; i < route->lane_count; i++)
		dispatch_wake(dispatch, &route->lanes[i]);
}

/* What was known goes on for a while, unless DNS says for sure that it is over; otherwise it is as
 * if the server could not be reached. */
static void dispatch_unresolved(struct dispatch *dispatch, struct dispatch_route *route)
{
	const struct mono now = loop_now(&dispatch->shard->loop);
	const struct lookup *lookup = &route->ask.lookup;
	char memory[LOOKUP_WHY_BYTES + OUTBOUND_TEXT_BYTES];
	struct text text = TEXT_ON(memory);
	struct judge_case it;

	if (target_is_known(&route->target) && !lookup->final) {
		route->known_until = mono_after(now, DISPATCH_STALE_S * NS_PER_S);
		return;
	}
	target_clear(&route->target);
	text_format(&text, "look up %s", lookup->why);
	judge_case_say(&it, STAGE_CONNECT, text_view(&text));
	counters_add(dispatch->shard->counters, sessions_failed, 1);
	for (uint32_t i = 1; i < route->lane_count; i++)
		(void)lane_shut(
		        route->lanes[i].lane, now, LANE_DOOR_MOST_NS, &dispatch->shard->random);
	if (!dispatch->draining)
		judge_session(dispatch->judge, route->lanes[0].lane, &it);
	dispatch_wake_route(dispatch, route);
}

/* What DNS said, where it is news; and what can't be used, and why, each time. */
static void dispatch_log_lookup(struct dispatch *dispatch, const struct dispatch_route *route)
{
	const struct lookup *lookup = &route->ask.lookup;

	for (uint32_t i = 0; i < lookup->seen_count; i++) {
		if (lookup->seen[i].why[0] == '\0')
			continue;
		struct log_line line =
		        log_begin(dispatch->shard->log, LOG_WARNING, "host_left_out");
		log_word(&line, "route", route->target.route->name);
		log_word(&line, "host", lookup->seen[i].name);
		log_text(&line, "cause", view_of(lookup->seen[i].why));
		log_end(&line);
	}
	if (lookup->hosts.count > 0) {
		dispatch_log_hosts(dispatch, route);
		return;
	}
	struct log_line line = log_begin(dispatch->shard->log, LOG_WARNING, "lookup_failed");
	log_word(&line, "route", route->target.route->name);
	log_word(&line, lookup->mx ? "domain" : "host", lookup->name);
	log_text(&line, "cause", view_of(lookup->why));
	if (lookup->distrusted)
		log_word(&line, "advice",
		        "If this is so with every name, the resolvers can't carry DNSSEC: set "
		        "dns.servers to others, or the route's tls.dane to off. Else the domain's "
		        "owner must mend it.");
	log_end(&line);
}

static void dispatch_log_hosts(struct dispatch *dispatch, const struct dispatch_route *route)
{
	static const char *const dane[] = {
		[HOST_DANE_NONE] = "",
		[HOST_DANE_TLS] = " tlsa-unusable",
		[HOST_DANE_RECORDS] = " tlsa",
	};
	const struct lookup *lookup = &route->ask.lookup;
	const struct hosts *hosts = &lookup->hosts;
	const enum log_level level = hosts_same(hosts, &route->target.hosts) ? LOG_DEBUG : LOG_INFO;

	if (!log_wants(dispatch->shard->log, level))
		return;
	struct log_line line = log_begin(dispatch->shard->log, level, "looked_up");
	log_word(&line, "route", route->target.route->name);
	log_word(&line, lookup->mx ? "domain" : "host", lookup->name);
	for (uint32_t i = 0; lookup->mx && i < hosts->count; i++) {
		char memory[RDATA_NAME_MAX + 32];
		struct text text = TEXT_ON(memory);
		text_format(&text, "%u %s%s", hosts->list[i].preference, hosts->list[i].name,
		        dane[hosts->list[i].dane]);
		log_text(&line, "mx", text_view(&text));
	}
	if (!lookup->mx)
		log_word(&line, "tlsa", hosts->list[0].dane == HOST_DANE_NONE ? "no" : "yes");
	log_number(&line, "addresses", hosts->address_count);
	log_word(&line, "signed", lookup->secure ? "yes" : "no");
	log_number(&line, "ttl_s", lookup->ttl_s);
	log_end(&line);
}

static void dispatch_read_secrets(struct dispatch *dispatch)
{
	struct helper_ask *answered;

	while ((answered = helper_answered(dispatch->keeper, (uint16_t)dispatch->shard->index)) !=
	        NULL) {
		struct keeper_ask *ask = container_of(answered, struct keeper_ask, ask);
		struct dispatch_lane *lane = ask->owner;

		dispatch_sign_in(lane, ask);
		keeper_wipe(ask);
	}
}

/* Another host of the route may want another mechanism: its session asks again. */
static void dispatch_sign_in(struct dispatch_lane *lane, const struct keeper_ask *ask)
{
	for (uint32_t i = 0; i < lane->session_count; i++) {
		struct outbound *outbound = lane->sessions[i];

		if (outbound->step != STEP_SECRET)
			continue;
		if (failed(ask->err) || outbound_mechanism(outbound) == ask->mechanism)
			outbound_sign_in(outbound, ask);
		else
			outbound_want_secret(outbound);
	}
}

/* Sessions. */

/* False: its addresses are not known yet. */
static bool dispatch_resolve(struct dispatch *dispatch, struct dispatch_route *route)
{
	struct resolver_ask *ask = &route->ask;

	if (!mono_reached(loop_now(&dispatch->shard->loop), route->known_until))
		return true;
	if (ask->ask.in_flight)
		return target_is_known(&route->target); /* it is the resolver's to touch */
	if (resolver_literal(&ask->lookup)) {
		target_set(&route->target, &ask->lookup.hosts, &dispatch->shard->random);
		route->known_until = MONO_NEVER;
	} else {
		check(dispatch->resolver != NULL);
		helper_ask(
		        &dispatch->resolver->helper, (uint16_t)dispatch->shard->index, &ask->ask);
	}
	return target_is_known(&route->target);
}

bool dispatch_open(
        struct dispatch *dispatch, struct dispatch_route *route, struct dispatch_lane *lane)
{
	if (route->session_count == route->sessions_max || !dispatch_resolve(dispatch, route))
		return false;
	struct outbound *outbound = pool_take(&dispatch->sessions);
	struct transaction *train = pool_take(&route->trains);
	const uint64_t id = shard_connection_id(dispatch->shard);

	check(outbound != NULL);
	check(train != NULL);
	check(lane->session_count < lane->sessions_max);
	lane->sessions[lane->session_count++] = outbound;
	route->session_count++;
	dispatch_tell_sessions(route);
	lane->opening++;
	route->opening++;
	outbound_open(outbound, &route->target, lane->identity, dispatch->judge, lane->lane, train,
	        id, &dispatch->news, &dispatch->stream_news);
	outbound->opening = true;
	return true;
}

/* Ending. */

void dispatch_resume(struct dispatch *dispatch)
{
	for (uint32_t i = 0; i < dispatch->lane_count; i++)
		lane_resume(dispatch->lanes[i].lane);
	for (uint32_t i = 0; i < dispatch->route_count; i++)
		dispatch->routes[i].resting = NULL;
	incidents_resume(&dispatch->incidents);
	portions_resume(&dispatch->portions);
}

void dispatch_drain(struct dispatch *dispatch)
{
	dispatch->draining = true;
	dispatch_give_up_secrets(dispatch);
	for (uint32_t i = 0; i < dispatch->lane_count; i++)
		for (uint32_t j = 0; j < dispatch->lanes[i].session_count; j++)
			outbound_retire(dispatch->lanes[i].sessions[j]);
}

/* A token endpoint that hangs is nothing to wait for. */
static void dispatch_give_up_secrets(struct dispatch *dispatch)
{
	for (uint32_t i = 0; i < dispatch->lane_count; i++)
		if (dispatch->lanes[i].secret != NULL)
			atomic_store(&dispatch->lanes[i].secret->given_up, true);
}

void dispatch_abort(struct dispatch *dispatch)
{
	dispatch_give_up_secrets(dispatch);
	for (uint32_t i = 0; i < dispatch->lane_count; i++)
		for (uint32_t j = 0; j < dispatch->lanes[i].session_count; j++)
			outbound_abort(dispatch->lanes[i].sessions[j]);
}

bool dispatch_is_idle(const struct dispatch *dispatch)
{
	for (uint32_t i = 0; i < dispatch->route_count; i++)
		if (dispatch->routes[i].ask.ask.in_flight)
			return false;
	for (uint32_t i = 0; i < dispatch->lane_count; i++)
		if (dispatch->lanes[i].secret != NULL && dispatch->lanes[i].secret->ask.in_flight)
			return false;
	return dispatch->sessions.taken == 0;
}

/* The ledger. */

void dispatch_noted(struct dispatch *dispatch, struct note *note)
{
	const struct ledger_entry *entry = ledger_noted(&dispatch->ledger, note);
	struct dispatch_lane *lane = entry->owner;

	lane_stir(lane->lane);
}

void dispatch_read_ledger(struct dispatch *dispatch, struct spool *spool)
{
	ledger_read(&dispatch->ledger, spool);
	for (uint32_t i = 0; i < dispatch->lane_count; i++)
		lane_restrain(dispatch->lanes[i].lane, clock_mono(), clock_wall());
	incidents_read(&dispatch->incidents, spool);
}

bool dispatch_close_ledger(struct dispatch *dispatch)
{
	ledger_close(&dispatch->ledger);
	ledger_work(&dispatch->ledger);
	return portions_close(&dispatch->portions) && ledger_is_closed(&dispatch->ledger);
}
