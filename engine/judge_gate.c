#include "engine/judge_inner.h"

#include "queue/base/check.h"

struct judge_row {
	enum judge_act act;
	enum judge_gate gate;
	bool retire; /* the session takes no more */
};

static const struct judge_row judge_rows[] = {
	[OUTCOME_PROCEED] = { ACT_BY_FATE, GATE_NONE, false },
	[OUTCOME_RECONNECT] = { ACT_RESTART, GATE_DOOR, true },
	[OUTCOME_RETRY_OTHER_SESSION] = { ACT_RESTART, GATE_DOOR, true },
	[OUTCOME_BACKOFF_IDENTITY] = { ACT_HOLD, GATE_LANE, false },
	[OUTCOME_BACKOFF_TENANT] = { ACT_HOLD, GATE_ROUTE, false },
	[OUTCOME_BACKOFF_ROUTE] = { ACT_HOLD, GATE_ROUTE, false },
	[OUTCOME_BACKOFF_RECIPIENT] = { ACT_DEFER, GATE_NONE, false },
	[OUTCOME_PAUSE_IDENTITY] = { ACT_HOLD, GATE_LANE, false },
	[OUTCOME_PAUSE_ROUTE] = { ACT_HOLD, GATE_ROUTE, false },
	[OUTCOME_PAUSE_TENANT] = { ACT_HOLD, GATE_ROUTE, false },
	[OUTCOME_BOUNCE_RECIPIENT] = { ACT_BOUNCE, GATE_NONE, false },
	[OUTCOME_BOUNCE_MESSAGE] = { ACT_BOUNCE, GATE_NONE, false },
	[OUTCOME_SPLIT_RECIPIENTS] = { ACT_SPLIT, GATE_NONE, false },
	[OUTCOME_REFRESH_TOKEN] = { ACT_HOLD, GATE_REAUTH, true },
	[OUTCOME_REAUTH] = { ACT_HOLD, GATE_REAUTH, true },
	[OUTCOME_FAIL_CONFIG] = { ACT_HOLD, GATE_SCOPE, false },
};
static_assert(sizeof judge_rows / sizeof judge_rows[0] == OUTCOME_COUNT, "one row per outcome");

static enum judge_gate judge_scope_gate(enum scope scope);
static void judge_refuse(struct judge *judge, struct lane *lane, struct judge_case *it);
static bool judge_is_incident(const struct verdict *verdict);
static void judge_hold(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct judge_origin *origin, bool route);
static void judge_hold_lanes(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct lane_wait *wait, uint32_t epoch, bool route, bool *news);
static void judge_close_gate(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct judge_origin *origin, uint32_t gate, int64_t wait_ns, bool *news);
static bool judge_can_renew(const struct judge *judge, const struct lane *lane);
static bool judge_blames_route(const struct judge_case *it);
static void judge_shut(struct judge *judge, struct lane *lane, struct judge_case *it);
static bool judge_kind(const struct judge_case *it, enum throttle_kind *kind);
static void judge_log_doubt(struct judge *judge, struct lane *lane);
static void judge_log_learned(
        struct judge *judge, const struct lane *lane, enum throttle_kind kind, const char *how);

void judge_denied(struct judge *judge, const struct lane *lane, struct judge_case *it,
        const struct message *message, struct view sender)
{
	const struct config_route *route = &judge->shard->config->routes.at[lane->route];
	struct text name = TEXT_ON(it->own_memory);
	struct incidents_names names;

	if (it->verdict.cause != CAUSE_SEND_AS_DENIED || route->identities.count == 0)
		return;
	incidents_names_read(&names, message, sender);
	text_put(&name,
	        incidents_names_blame(&names, view_of(route->identities.at[lane->identity].user),
	                it->reply->whole));
	it->denied = text_view(&name);
}

bool judge_lane(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct judge_origin *origin)
{
	check(it->judged);
	const bool retire = judge_rows[it->verdict.outcome].retire && judge_act_of(it) != ACT_DEFER;

	if (origin != NULL)
		judge_strike(judge, lane, it);
	switch (judge_gate_of(it)) {
	case GATE_DOOR:
		if (origin != NULL) /* else its door is shut already */
			judge_shut(judge, lane, it);
		break;
	case GATE_LANE:
		judge_hold(judge, lane, it, origin, false);
		break;
	case GATE_ROUTE:
		judge_hold(judge, lane, it, origin, true);
		break;
	case GATE_PAIR:
		judge_refuse(judge, lane, it);
		break;
	case GATE_REAUTH:
		lane->refused = true;
		if (lane->reauths++ > 0 ||
		        (it->stage == STAGE_AUTH && !judge_can_renew(judge, lane)))
			judge_hold(judge, lane, it, origin, false);
		break;
	default:
		break;
	}
	return retire;
}

/* The next sign-in may bring another token; a password is the same again, and repeats lock the
 * account (reference.md, 4.3). */
static bool judge_can_renew(const struct judge *judge, const struct lane *lane)
{
	const struct config_identities *identities =
	        &judge->shard->config->routes.at[lane->route].identities;

	return lane->identity < identities->count &&
	       identities->at[lane->identity].auth == IDENTITY_AUTH_XOAUTH2;
}

/* What is said of one message or address, another session would hear too: it waits by itself. But
 * where IPv6 was refused, a session over IPv4 may do. */
enum judge_act judge_act_of(const struct judge_case *it)
{
	const enum judge_act act = judge_rows[it->verdict.outcome].act;
	const bool mail =
	        it->verdict.scope == SCOPE_MESSAGE || it->verdict.scope == SCOPE_RECIPIENT;

	if (it->denied.bytes > 0)
		return ACT_HOLD;
	return act == ACT_RESTART && mail && it->verdict.cause != CAUSE_IPV6_REFUSED ? ACT_DEFER
	                                                                             : act;
}

enum judge_gate judge_gate_of(const struct judge_case *it)
{
	const enum judge_gate gate = judge_rows[it->verdict.outcome].gate;

	if (it->denied.bytes > 0)
		return GATE_PAIR;
	if (gate == GATE_DOOR && judge_act_of(it) == ACT_DEFER)
		return GATE_NONE;
	return gate == GATE_SCOPE ? judge_scope_gate(it->verdict.scope) : gate;
}

/* A fault of one recipient or message is no reason to stop the others. */
static enum judge_gate judge_scope_gate(enum scope scope)
{
	switch (scope) {
	case SCOPE_MESSAGE:
	case SCOPE_RECIPIENT:
		return GATE_NONE;
	case SCOPE_IDENTITY:
		return GATE_LANE;
	default:
		return GATE_ROUTE;
	}
}

/* Which of the mailbox's limits a refusal is about; false: none of them. */
static bool judge_kind(const struct judge_case *it, enum throttle_kind *kind)
{
	if (it->verdict.scope != SCOPE_IDENTITY)
		return false;
	switch (it->verdict.cause) {
	case CAUSE_CONCURRENT_CONNECTIONS:
		*kind = THROTTLE_OF_IN_FLIGHT;
		return true;
	case CAUSE_SENDER_RATE:
		*kind = THROTTLE_OF_MESSAGES;
		return true;
	case CAUSE_RECIPIENT_RATE_DAILY:
		*kind = THROTTLE_OF_RECIPIENTS;
		return true;
	default:
		return false;
	}
}

static void judge_hold(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct judge_origin *origin, bool route)
{
	const struct mono now = loop_now(&judge->shard->loop);
	const bool again = judge_rows[it->verdict.outcome].gate == GATE_REAUTH;
	/* A sign-in that failed twice is no matter of the seconds that its verdict names. */
	const enum outcome outcome = again ? OUTCOME_PAUSE_IDENTITY : it->verdict.outcome;
	const struct verdict verdict = {
		.outcome = outcome,
		.wait_s = again ? VERDICT_NO_WAIT : it->verdict.wait_s,
	};
	struct lane_wait wait = {
		verdict_wait_s(&verdict) * NS_PER_S,
		LANE_HOLD_MOST_NS,
		it->late,
	};
	const uint32_t epoch = origin == NULL ? lane->epoch : origin->epoch;
	enum throttle_kind kind;
	bool news = false;

	if (route && origin != NULL && judge_exhaust(judge, lane, it, origin))
		return;
	if (route && judge_blames_route(it))
		outage_refuse(&judge->outages[lane->route]);
	/* A store that is busy or moves is often back at once; the hold grows where it is not. */
	if (it->verdict.outcome == OUTCOME_BACKOFF_IDENTITY &&
	        it->verdict.cause == CAUSE_SERVER_BUSY && wait.first_ns > LANE_BUSY_NS)
		wait.first_ns = LANE_BUSY_NS;
	if (origin != NULL && judge_kind(it, &kind)) {
		if (throttle_refuse(lane->throttle, now, origin->ticket, kind))
			judge_log_learned(judge, lane, kind, "cut");
		/* What is learned keeps us below the limit; the hold is for what is there now. But
		 * a day's quota frees too slowly, and what is not known can't be learned. */
		if (kind != THROTTLE_OF_RECIPIENTS &&
		        throttle_limit(lane->throttle, kind) != THROTTLE_NONE)
			wait = (struct lane_wait){ LANE_LEARNED_NS, LANE_LEARNED_MOST_NS, false };
	}
	const uint32_t gate =
	        route ? gate_plan_of(judge->shard->config, lane->route, it->stage, &it->verdict)
	              : GATE_PLAN_NONE;
	if (gate == GATE_PLAN_NONE)
		judge_hold_lanes(judge, lane, it, &wait, epoch, route, &news);
	else
		judge_close_gate(judge, lane, it, origin, gate, wait.first_ns, &news);
	if (judge_is_incident(&verdict) && it->verdict.cause != CAUSE_SERVER_BUSY)
		incidents_raise(judge->incidents, lane, it, route);
	if (!news)
		return;
	struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "held");
	judge_log_lane(judge, lane, &line);
	log_word(&line, "scope", route ? "route" : "identity");
	log_seconds(&line, "for", lane->hold.until.ns - now.ns);
	judge_case_log(&line, it);
	log_end(&line);
}

static void judge_hold_lanes(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct lane_wait *wait, uint32_t epoch, bool route, bool *news)
{
	const struct mono now = loop_now(&judge->shard->loop);
	const struct wall wall = loop_wall(&judge->shard->loop);

	for (uint32_t i = 0; i < (route ? lane->peer_count : 1); i++) {
		struct lane *at = route ? &lane->peers[i] : lane;
		*news |= lane_hold(
		        at, now, at == lane ? epoch : at->epoch, wait, &judge->shard->random);
		lane_say(at, now, wall, judge_case_note(it));
	}
}

/* What concerns a tenant or our address: its other lanes, here and on other shards, are closed as
 * the spooler says, for as long as it says. */
static void judge_close_gate(struct judge *judge, struct lane *lane, struct judge_case *it,
        const struct judge_origin *origin, uint32_t gate, int64_t wait_ns, bool *news)
{
	const struct mono now = loop_now(&judge->shard->loop);
	const struct gates_refusal refusal = {
		.epoch = origin == NULL ? gates_epoch(judge->gates, lane->route) : origin->gates,
		.wait_ns = wait_ns,
		.elsewhere = judge_blames_route(it),
		.late = it->late,
		.began = it->began,
	};

	*news = gates_refuse(judge->gates, gate, lane->route, &refusal, judge_case_note(it));
	for (uint32_t i = 0; *news && i < lane->peer_count; i++) {
		lane_close(&lane->peers[i], now, mono_after(now, wait_ns));
		lane_say(&lane->peers[i], now, loop_wall(&judge->shard->loop), judge_case_note(it));
	}
}

void judge_count(struct judge *judge, struct lane *lane, struct judge_case *it, bool route)
{
	if (judge_is_incident(&it->verdict) && it->verdict.cause != CAUSE_SERVER_BUSY)
		incidents_raise(judge->incidents, lane, it, route);
}

/* What lasts, and what only a person can mend. */
static bool judge_is_incident(const struct verdict *verdict)
{
	switch (verdict->outcome) {
	case OUTCOME_PAUSE_IDENTITY:
	case OUTCOME_PAUSE_ROUTE:
	case OUTCOME_PAUSE_TENANT:
	case OUTCOME_FAIL_CONFIG:
		return true;
	default:
		return verdict_wait_s(verdict) >= INCIDENTS_BACKOFF_S;
	}
}

/* The mailbox passes over the sender; refused too often, it does nothing at all for a while. */
static void judge_refuse(struct judge *judge, struct lane *lane, struct judge_case *it)
{
	const struct mono now = loop_now(&judge->shard->loop);
	const struct lane_wait wait = { STRIKES_NS, LANE_HOLD_MOST_NS, false };

	incidents_refuse(judge->incidents, lane, it, it->denied);
	lane_stir(lane);
	if (strikes_add(&lane->throttle->strikes, now, STRIKE_SENDER) == 0)
		return;
	const bool news = lane_hold(lane, now, lane->epoch, &wait, &judge->shard->random);
	lane_say(lane, now, loop_wall(&judge->shard->loop), judge_case_note(it));
	if (!news)
		return;
	struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "held");
	judge_log_lane(judge, lane, &line);
	log_word(&line, "scope", "identity");
	log_seconds(&line, "for", lane->hold.until.ns - now.ns);
	judge_case_log(&line, it);
	log_end(&line);
}

/* The route itself is at fault, and not a limit, a tenant or what it carries: another may do. */
static bool judge_blames_route(const struct judge_case *it)
{
	const struct verdict *verdict = &it->verdict;

	if (verdict->outcome == OUTCOME_PAUSE_ROUTE)
		return true;
	return verdict->outcome == OUTCOME_FAIL_CONFIG &&
	       (verdict->scope == SCOPE_ROUTE || verdict->scope == SCOPE_SOURCE_IP);
}

static void judge_shut(struct judge *judge, struct lane *lane, struct judge_case *it)
{
	const struct mono now = loop_now(&judge->shard->loop);
	const bool news = lane_door_opens(lane, now).ns == MONO_NEVER.ns;
	/* A session that is over, with nobody to blame, asks for no wait but the door's own. */
	const int64_t first_ns = it->verdict.outcome == OUTCOME_RECONNECT
	                                 ? LANE_DOOR_FIRST_NS
	                                 : verdict_wait_s(&it->verdict) * NS_PER_S;
	const int64_t wait_ns = lane_fault(lane, now, first_ns, &judge->shard->random);

	if (!news)
		return;
	struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "elsewhere");
	judge_log_lane(judge, lane, &line);
	log_seconds(&line, "retry_in", wait_ns);
	judge_case_log(&line, it);
	log_end(&line);
}

static void judge_log_learned(
        struct judge *judge, const struct lane *lane, enum throttle_kind kind, const char *how)
{
	static const char *const limits[] = {
		[THROTTLE_OF_IN_FLIGHT] = "connections",
		[THROTTLE_OF_MESSAGES] = "messages_per_minute",
		[THROTTLE_OF_RECIPIENTS] = "recipients_per_day",
	};
	struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "learned");

	judge_log_lane(judge, lane, &line);
	log_word(&line, "limit", limits[kind]);
	log_word(&line, "how", how);
	log_number(&line, "now", throttle_limit(lane->throttle, kind));
	if (kind == THROTTLE_OF_IN_FLIGHT)
		log_word(&line, "advice",
		        "The mailbox has fewer messages under way than it may: somebody else uses "
		        "it.");
	log_end(&line);
}

bool judge_taken(struct judge *judge, struct lane *lane, struct throttle_ticket *ticket,
        uint32_t epoch, uint64_t tries)
{
	const struct mono now = loop_now(&judge->shard->loop);
	uint64_t before[THROTTLE_KINDS];
	bool doubted = gates_doubt(judge->gates, lane->route, tries);

	for (int i = 0; i < THROTTLE_KINDS; i++)
		before[i] = throttle_limit(lane->throttle, (enum throttle_kind)i);
	if (lane_succeed(lane, now, epoch)) {
		judge_log_doubt(judge, lane);
		doubted = true;
	}
	if (!doubted && outage_end(&judge->outages[lane->route])) {
		struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "route_back");
		judge_log_lane(judge, lane, &line);
		log_end(&line);
	}
	if (!throttle_accept(lane->throttle, now, ticket))
		return doubted;
	lane_stir(lane);
	for (int i = 0; i < THROTTLE_KINDS; i++)
		if (throttle_limit(lane->throttle, (enum throttle_kind)i) != before[i])
			judge_log_learned(judge, lane, (enum throttle_kind)i, "raised");
	return doubted;
}

/* What waits says why. */
static void judge_log_doubt(struct judge *judge, struct lane *lane)
{
	static const struct reply_note note = {
		.stage = STAGE_ANY,
		.text = VIEW_INIT("mail was refused by a report after it was taken; one more was "
		                  "taken since, and a report of that may come"),
	};
	const struct loop *loop = &judge->shard->loop;
	struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "doubted");

	lane_say(lane, loop_now(loop), loop_wall(loop), &note);
	judge_log_lane(judge, lane, &line);
	log_seconds(&line, "for", lane->hold.until.ns - loop_now(loop).ns);
	log_text(&line, "reason", note.text);
	log_end(&line);
}

void judge_useless(struct judge *judge, struct lane *lane, struct judge_case *it)
{
	struct shard *shard = judge->shard;
	/* "Try again later, elsewhere" names a time itself; a fault of the network does not. */
	const int64_t named_ns = verdict_wait_s(&it->verdict) * NS_PER_S;
	const bool named = it->judged && judge_rows[it->verdict.outcome].act == ACT_RESTART &&
	                   named_ns < LANE_DOOR_MOST_NS;
	const int64_t wait_ns = lane_shut(
	        lane, loop_now(&shard->loop), named ? named_ns : LANE_DOOR_MOST_NS, &shard->random);
	outage_fail(&judge->outages[lane->route], loop_now(&shard->loop));
	struct log_line line = log_begin(shard->log, LOG_WARNING, "unreachable");

	judge_log_lane(judge, lane, &line);
	log_seconds(&line, "retry_in", wait_ns);
	judge_case_log(&line, it);
	log_end(&line);
}

int32_t judge_wait_s(const struct judge_case *it)
{
	const bool fault = it->verdict.outcome == OUTCOME_RETRY_OTHER_SESSION;
	const int32_t least_s =
	        (int32_t)((fault ? LANE_FAULT_FIRST_NS : LANE_DOOR_FIRST_NS) / NS_PER_S);
	const int32_t most_s = (int32_t)(LANE_FAULT_MOST_NS / NS_PER_S);
	const int32_t wait_s = verdict_wait_s(&it->verdict);

	if (judge_act_of(it) != ACT_RESTART)
		return wait_s;
	return wait_s < least_s ? least_s : wait_s > most_s ? most_s : wait_s;
}

void judge_log_lane(struct judge *judge, const struct lane *lane, struct log_line *line)
{
	const struct config_route *route = &judge->shard->config->routes.at[lane->route];

	log_word(line, "route", route->name);
	if (route->identities.count > 0)
		log_word(line, "identity", route->identities.at[lane->identity].user);
}
