#include "queue/throttle.h"

#include "queue/base/check.h"

/* Ordinary mail of a mailbox goes out evenly: a little faster than the limit, so that what was
 * missed is caught up with, and after a rest so many at once. */
#define PACE_SHARE     0.9
#define PACE_BURST_OF  6 /* a sixth of the limit */
#define PACE_BURST_MAX 10

/* How fast a learned limit grows: docs give none, operators' figures are minutes to an hour. */
#define CAP_WAIT_NS        (20 * NS_PER_S)
#define CAP_WAIT_MOST_NS   (600 * NS_PER_S)
#define RATE_WAIT_MOST_NS  (3600 * NS_PER_S)
#define DAILY_WAIT_NS      (900 * NS_PER_S)
#define DAILY_WAIT_MOST_NS (3600 * NS_PER_S)
#define LEARN_UP_MOST      32 /* times the known limit; the service is seen to take 22 (660/min) */

static uint64_t throttle_stop(const struct throttle *throttle, uint64_t limit, bool urgent);
static uint64_t throttle_rate_limit(const struct throttle *throttle, bool urgent);
static uint64_t throttle_daily_limit(const struct throttle *throttle, bool urgent);
static bool throttle_rate_room(struct throttle *throttle, struct mono now, bool urgent);
static int64_t throttle_pace_ns(const struct throttle *throttle);
static struct mono throttle_pace_at(const struct throttle *throttle);
static struct learned *throttle_learned(struct throttle *throttle, enum throttle_kind kind);

void throttle_init(struct throttle *throttle, const struct throttle_settings *settings)
{
	const struct throttle_limit *messages = &settings->messages;
	const struct throttle_limit *recipients = &settings->recipients;
	const bool up = settings->learn_up && messages->count < THROTTLE_NONE / LEARN_UP_MOST;
	const uint64_t rate_most = up ? messages->count * LEARN_UP_MOST : messages->count;
	const int64_t rate_wait_ns = messages->period_ns > 0 ? messages->period_ns : 60 * NS_PER_S;
	const double longer = 1 + settings->guard;

	check(settings->in_flight > 0);
	check(settings->guard >= 0);
	check(settings->stop > 0);
	check(settings->stop <= 1);
	memset(throttle, 0, sizeof *throttle);
	throttle->settings = *settings;
	throttle->messages_allowed = THROTTLE_NONE;
	throttle->recipients_allowed = THROTTLE_NONE;
	throttle->pace_until.ns = INT64_MIN;
	const struct learned_settings cap = { settings->in_flight, settings->in_flight, CAP_WAIT_NS,
		CAP_WAIT_MOST_NS };
	const struct learned_settings rate = { messages->count, rate_most, rate_wait_ns,
		rate_wait_ns > RATE_WAIT_MOST_NS ? rate_wait_ns : RATE_WAIT_MOST_NS };
	const struct learned_settings daily = { recipients->count, recipients->count, DAILY_WAIT_NS,
		DAILY_WAIT_MOST_NS };
	learned_init(&throttle->cap, &cap);
	learned_init(&throttle->rate, &rate);
	learned_init(&throttle->daily, &daily);
	window_init(
	        &throttle->messages, rate_most, (int64_t)((double)messages->period_ns * longer));
	window_init(&throttle->taken, rate_most, (int64_t)((double)messages->period_ns * longer));
	window_init(&throttle->recipients, recipients->count,
	        (int64_t)((double)recipients->period_ns * longer));
}

bool throttle_is_limited(const struct throttle *throttle)
{
	return window_is_limited(&throttle->messages) || window_is_limited(&throttle->recipients);
}

/* Admission. */

enum throttle_reason throttle_look(
        struct throttle *throttle, struct mono now, bool urgent, uint32_t recipients)
{
	const uint64_t daily = throttle_daily_limit(throttle, urgent);

	if (throttle->in_flight >= throttle->cap.limit)
		return THROTTLE_IN_FLIGHT;
	if (!throttle_is_limited(throttle))
		return THROTTLE_FREE;
	if (!throttle_rate_room(throttle, now, urgent))
		return THROTTLE_MESSAGES;
	if (window_room_under(&throttle->recipients, now.ns, daily) < recipients)
		return THROTTLE_RECIPIENTS;
	if (!urgent && !mono_reached(now, throttle_pace_at(throttle)))
		return THROTTLE_PACE;
	if (throttle->messages_allowed == 0 || throttle->recipients_allowed < recipients) {
		if (recipients > throttle->recipients_wanted)
			throttle->recipients_wanted = recipients;
		return THROTTLE_RECORD;
	}
	return THROTTLE_FREE;
}

enum throttle_reason throttle_admit(struct throttle *throttle, struct mono now, bool urgent,
        uint32_t recipients, struct throttle_ticket *ticket)
{
	const enum throttle_reason reason = throttle_look(throttle, now, urgent, recipients);

	if (reason != THROTTLE_FREE)
		return reason;
	throttle->in_flight++;
	*ticket = (struct throttle_ticket){
		.open = true,
		.urgent = urgent,
		.recipients = recipients,
		.cap_epoch = throttle->cap.epoch,
		.rate_epoch = throttle->rate.epoch,
		.daily_epoch = throttle->daily.epoch,
	};
	if (!throttle_is_limited(throttle))
		return reason;
	ticket->message_stamp = window_add(&throttle->messages, now.ns, 1);
	ticket->recipient_stamp = window_add(&throttle->recipients, now.ns, recipients);
	if (!urgent && window_is_limited(&throttle->messages)) {
		const int64_t from =
		        throttle->pace_until.ns > now.ns ? throttle->pace_until.ns : now.ns;
		throttle->pace_until.ns = from + throttle_pace_ns(throttle);
	}
	if (throttle->kept) {
		throttle->messages_allowed--;
		throttle->recipients_allowed -= recipients;
		throttle->messages_since++;
		throttle->recipients_since += recipients;
		throttle->recipients_wanted = 0;
	}
	return reason;
}

struct mono throttle_when(
        struct throttle *throttle, struct mono now, bool urgent, uint32_t recipients)
{
	const enum throttle_reason reason = throttle_look(throttle, now, urgent, recipients);
	const uint64_t limit = throttle_rate_limit(throttle, urgent);
	int64_t at;
	int64_t taken_at;

	switch (reason) {
	case THROTTLE_FREE:
		return now;
	case THROTTLE_MESSAGES:
		at = window_when(&throttle->messages, now.ns,
		        throttle_stop(throttle, throttle->messages.limit, urgent), 1);
		/* Those in flight may come to nothing: then something has changed. */
		taken_at = throttle->in_flight >= limit
		                   ? INT64_MAX
		                   : window_when(&throttle->taken, now.ns, limit,
		                             (uint32_t)throttle->in_flight + 1);
		return (struct mono){ at > taken_at ? at : taken_at };
	case THROTTLE_RECIPIENTS:
		return (struct mono){ window_when(&throttle->recipients, now.ns,
			throttle_daily_limit(throttle, urgent), recipients) };
	case THROTTLE_PACE:
		return throttle_pace_at(throttle);
	default:
		return MONO_NEVER;
	}
}

uint64_t throttle_recipients_most(const struct throttle *throttle, bool urgent)
{
	return throttle_daily_limit(throttle, urgent);
}

uint64_t throttle_limit(const struct throttle *throttle, enum throttle_kind kind)
{
	return throttle_learned((struct throttle *)(uintptr_t)throttle, kind)->limit;
}

/* What of a limit this mail may use; never nothing. */
static uint64_t throttle_stop(const struct throttle *throttle, uint64_t limit, bool urgent)
{
	if (urgent || limit == THROTTLE_NONE)
		return limit;
	const uint64_t stop = (uint64_t)((double)limit * throttle->settings.stop);
	return stop > 0 ? stop : 1;
}

static uint64_t throttle_rate_limit(const struct throttle *throttle, bool urgent)
{
	return throttle_stop(throttle, throttle->rate.limit, urgent);
}

static uint64_t throttle_daily_limit(const struct throttle *throttle, bool urgent)
{
	return throttle_stop(throttle, throttle->daily.limit, urgent);
}

/* By MAILs under the known limit; by what the server took, and what it may yet take, under the
 * learned one. */
static bool throttle_rate_room(struct throttle *throttle, struct mono now, bool urgent)
{
	const uint64_t limit = throttle_rate_limit(throttle, urgent);

	if (!window_is_limited(&throttle->messages))
		return true;
	if (window_room_under(&throttle->messages, now.ns,
	            throttle_stop(throttle, throttle->messages.limit, urgent)) == 0)
		return false;
	const uint64_t taken = window_used(&throttle->taken, now.ns);
	return taken + throttle->in_flight < limit;
}

static int64_t throttle_pace_ns(const struct throttle *throttle)
{
	return (int64_t)(PACE_SHARE * (double)throttle->settings.messages.period_ns /
	                 (double)throttle_rate_limit(throttle, false));
}

/* When the next ordinary message may start. */
static struct mono throttle_pace_at(const struct throttle *throttle)
{
	if (!window_is_limited(&throttle->messages) || throttle->pace_until.ns == INT64_MIN)
		return (struct mono){ INT64_MIN };
	int64_t burst = (int64_t)(throttle->rate.limit / PACE_BURST_OF);
	burst = burst < 1 ? 1 : burst > PACE_BURST_MAX ? PACE_BURST_MAX : burst;
	return (struct mono){ throttle->pace_until.ns - (burst - 1) * throttle_pace_ns(throttle) };
}

/* What becomes of it. */

void throttle_write(struct throttle *throttle, struct mono now, struct throttle_ticket *ticket)
{
	check(ticket->open);
	check(!ticket->written);
	ticket->written = true;
	if (!throttle_is_limited(throttle))
		return;
	/* It waited for its turn since: it counts as of now. */
	window_give_back(&throttle->messages, ticket->message_stamp, 1);
	window_give_back(&throttle->recipients, ticket->recipient_stamp, ticket->recipients);
	ticket->message_stamp = window_add(&throttle->messages, now.ns, 1);
	ticket->recipient_stamp = window_add(&throttle->recipients, now.ns, ticket->recipients);
}

void throttle_spare(struct throttle *throttle, struct throttle_ticket *ticket, uint32_t recipients)
{
	check(ticket->open);
	check(recipients <= ticket->recipients);
	ticket->recipients -= recipients;
	window_give_back(&throttle->recipients, ticket->recipient_stamp, recipients);
}

bool throttle_accept(struct throttle *throttle, struct mono now, struct throttle_ticket *ticket)
{
	check(ticket->open);
	const bool cap = learned_accept(&throttle->cap, now, ticket->cap_epoch, throttle->in_flight,
	        throttle->in_flight >= throttle->cap.limit);
	if (!throttle_is_limited(throttle))
		return cap;
	(void)window_add(&throttle->taken, now.ns, 1);
	const uint64_t taken = window_used(&throttle->taken, now.ns);
	const uint64_t daily = window_used(&throttle->recipients, now.ns);
	const bool rate = learned_accept(&throttle->rate, now, ticket->rate_epoch, taken,
	        taken >= throttle_rate_limit(throttle, ticket->urgent));
	const bool more = learned_accept(&throttle->daily, now, ticket->daily_epoch, daily,
	        daily >= throttle_daily_limit(throttle, ticket->urgent));
	return cap || rate || more;
}

bool throttle_refuse(struct throttle *throttle, struct mono now,
        const struct throttle_ticket *ticket, enum throttle_kind kind)
{
	check(ticket->open);
	switch (kind) {
	case THROTTLE_OF_IN_FLIGHT:
		return learned_refuse(
		        &throttle->cap, now, ticket->cap_epoch, throttle->in_flight - 1);
	case THROTTLE_OF_MESSAGES:
		return window_is_limited(&throttle->taken) &&
		       learned_refuse(&throttle->rate, now, ticket->rate_epoch,
		               window_used(&throttle->taken, now.ns));
	default:
		return window_is_limited(&throttle->recipients) &&
		       learned_refuse(&throttle->daily, now, ticket->daily_epoch,
		               window_used(&throttle->recipients, now.ns) - ticket->recipients);
	}
}

void throttle_end(struct throttle *throttle, struct throttle_ticket *ticket)
{
	check(ticket->open);
	check(throttle->in_flight > 0);
	throttle->in_flight--;
	if (!ticket->written) {
		window_give_back(&throttle->messages, ticket->message_stamp, 1);
		window_give_back(
		        &throttle->recipients, ticket->recipient_stamp, ticket->recipients);
	}
	*ticket = (struct throttle_ticket){ 0 };
}

void throttle_forget(struct throttle *throttle)
{
	learned_forget(&throttle->cap);
	learned_forget(&throttle->rate);
	learned_forget(&throttle->daily);
	strikes_forget(&throttle->strikes);
}

static struct learned *throttle_learned(struct throttle *throttle, enum throttle_kind kind)
{
	switch (kind) {
	case THROTTLE_OF_IN_FLIGHT:
		return &throttle->cap;
	case THROTTLE_OF_MESSAGES:
		return &throttle->rate;
	default:
		return &throttle->daily;
	}
}
