#include "engine/judge_inner.h"

static bool strike_counts(const struct judge *judge, const struct lane *lane);
static void strike_hold(struct judge *judge, struct lane *lane, int64_t wait_ns, struct view why);

/* Of unknown recipients. Those of senders are judge_denied()'s; whoever is full or has no licence
 * is held at once. */
void judge_strike(struct judge *judge, struct lane *lane, const struct judge_case *it)
{
	if (it->verdict.cause != CAUSE_RECIPIENT_UNKNOWN || !strike_counts(judge, lane))
		return;
	const int64_t wait_ns = strikes_add(
	        &lane->throttle->strikes, loop_now(&judge->shard->loop), STRIKE_RECIPIENT);
	if (wait_ns > 0)
		strike_hold(judge, lane, wait_ns,
		        VIEW("the mailbox had as many unknown recipients as it may for now: more "
		             "would bar it (550 5.2.255)"));
}

/* Who was asked for before the first that was too much is what a message may have. Where the server
 * told only at the end, half of it is tried. */
void judge_strike_crowd(struct judge *judge, struct lane *lane, uint16_t accepted, uint16_t asked)
{
	const struct mono now = loop_now(&judge->shard->loop);
	const uint16_t most = accepted > 0 ? accepted : asked / 2;

	if (!strike_counts(judge, lane))
		return;
	if (most > 0 && strikes_crowd(&lane->throttle->strikes, now, most)) {
		struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "learned");
		judge_log_lane(judge, lane, &line);
		log_word(&line, "limit", "recipients_per_message");
		log_word(&line, "how", "cut");
		log_number(&line, "now", most);
		log_word(&line, "advice",
		        "The tenant or the mailbox allows fewer recipients in a message "
		        "(Get-Mailbox, RecipientLimits): set recipients_per_message to that.");
		log_end(&line);
	}
	const int64_t wait_ns = strikes_add(&lane->throttle->strikes, now, STRIKE_CROWD);
	if (wait_ns > 0)
		strike_hold(judge, lane, wait_ns,
		        VIEW("the mailbox had as many messages with too many recipients as it may "
		             "for now: more would bar it (550 5.2.254)"));
}

/* Only client submission bars mailboxes for that. */
static bool strike_counts(const struct judge *judge, const struct lane *lane)
{
	const struct config_route *route = &judge->shard->config->routes.at[lane->route];

	return route->interface == INTERFACE_SUBMISSION && route->identities.count > 0;
}

/* Until the budget has room again: then one message tries. */
static void strike_hold(struct judge *judge, struct lane *lane, int64_t wait_ns, struct view why)
{
	const struct mono now = loop_now(&judge->shard->loop);
	const struct lane_wait wait = { wait_ns, wait_ns, false };
	const struct reply_note note = { .stage = STAGE_ANY, .text = why };

	const bool news = lane_hold(lane, now, lane->epoch, &wait, &judge->shard->random);
	lane_say(lane, now, loop_wall(&judge->shard->loop), &note);
	if (!news)
		return;
	struct log_line line = log_begin(judge->shard->log, LOG_WARNING, "held");
	judge_log_lane(judge, lane, &line);
	log_word(&line, "scope", "identity");
	log_seconds(&line, "for", lane->hold.until.ns - now.ns);
	log_text(&line, "reason", why);
	log_end(&line);
}
