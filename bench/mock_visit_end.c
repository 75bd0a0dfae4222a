#include "bench/mock_visit_inner.h"

#include "queue/base/check.h"

static enum mock_saying visit_judge_end(struct mock_visit *visit, struct mono now);
static enum mock_saying visit_judge_mailbox(struct mock_visit *visit, struct mono now);
static enum mock_saying visit_judge_limits(struct mock_visit *visit, struct mono now);
static enum mock_saying visit_judge_rate(struct mock_visit *visit, struct mono now);
static bool visit_may_send(const struct mock_visit *visit);
static enum mock_saying visit_judge_external(const struct mock_visit *visit, struct mono now);
static enum mock_saying visit_late(const struct mock_visit *visit, struct mono now);
static void visit_bounce(
        struct mock_visit *visit, enum mock_saying saying, struct mono now, struct wall wall);

enum mock_saying mock_visit_end(struct mock_visit *visit, struct mono now)
{
	struct mock_tenant *tenant = visit->tenant;

	mock_tenant_advance(tenant, now);
	visit->delay_ns = 0;
	check(visit->open);
	visit->open = false;
	tenant->in_flight++;
	if (tenant->in_flight > tenant->in_flight_max)
		tenant->in_flight_max = tenant->in_flight;
	if (visit->mailbox != NULL && mock_visit_facts(visit)->limits_mailboxes)
		mock_mailbox_entered(visit->mailbox);
	const enum mock_saying saying = mock_visit_say(visit, visit_judge_end(visit, now));
	if (saying != MOCK_SAYS_NOTHING && visit->slot) {
		/* A refused message takes up nothing, however late its reply. */
		mock_mailbox_give_slot(visit->mailbox);
		visit->slot = false;
	}
	return saying;
}

static enum mock_saying visit_judge_end(struct mock_visit *visit, struct mono now)
{
	struct mock_tenant *tenant = visit->tenant;

	if (mock_tenant_is_busy(tenant, STAGE_EOD, now))
		return MOCK_SAYS_BUSY_EOD;
	if (mock_tenant_roll(tenant, tenant->settings.fault_replication))
		return MOCK_SAYS_FAULT_REPLICATION;
	if (visit->mailbox != NULL) {
		const enum mock_saying saying = visit_judge_mailbox(visit, now);
		if (saying != MOCK_SAYS_NOTHING)
			return saying;
	}
	if (tenant->settings.banned_refusal == MOCK_REFUSAL_SESSION &&
	        mock_tenant_bans(tenant, view_of(visit->sender)))
		return MOCK_SAYS_SENDER_BANNED;
	return tenant->settings.external_refusal == MOCK_REFUSAL_SESSION
	               ? visit_judge_external(visit, now)
	               : MOCK_SAYS_NOTHING;
}

static enum mock_saying visit_judge_mailbox(struct mock_visit *visit, struct mono now)
{
	struct mock_mailbox *mailbox = visit->mailbox;
	const enum mock_saying bar = mock_mailbox_bar(mailbox, now);

	if (bar != MOCK_SAYS_NOTHING)
		return bar;
	if (mock_visit_facts(visit)->limits_mailboxes) {
		const enum mock_saying saying = visit_judge_limits(visit, now);
		if (saying != MOCK_SAYS_NOTHING)
			return saying;
	}
	switch (mailbox->state) {
	case MOCK_MAILBOX_FULL:
		mock_visit_strike(visit, MOCK_STRIKE_FULL, now);
		return MOCK_SAYS_MAILBOX_FULL;
	case MOCK_MAILBOX_LOGON_FAILS:
		return MOCK_SAYS_LOGON_FAILED;
	case MOCK_MAILBOX_SUSPENDED:
		return MOCK_SAYS_SUSPENDED;
	default:
		break;
	}
	if (!visit_may_send(visit)) {
		mock_visit_strike(visit, MOCK_STRIKE_SEND_AS, now);
		return MOCK_SAYS_SEND_AS;
	}
	return MOCK_SAYS_NOTHING;
}

static enum mock_saying visit_judge_limits(struct mock_visit *visit, struct mono now)
{
	struct mock_mailbox *mailbox = visit->mailbox;

	if (visit->tenant->settings.counts == MOCK_COUNTS_DATA) {
		visit->slot = mock_mailbox_take_slot(mailbox);
		visit->over = !visit->slot;
	}
	if (visit->over)
		return MOCK_SAYS_CONCURRENT;
	if (!mock_meter_fits(&mailbox->recipients, now, visit->recipients))
		return MOCK_SAYS_DAILY;
	return visit_judge_rate(visit, now);
}

static enum mock_saying visit_judge_rate(struct mock_visit *visit, struct mono now)
{
	struct mock_meter *messages = &visit->mailbox->messages;

	if (visit->tenant->settings.rate == MOCK_RATE_REFUSES)
		return mock_meter_fits(messages, now, 1) ? MOCK_SAYS_NOTHING : MOCK_SAYS_RATE;
	const struct mono room = mock_window_room(&messages->taken, now, 1, messages->limit);
	const int64_t longest = mock_tenant_ns(visit->tenant, MOCK_VISIT_DELAY_S_MAX);
	if (room.ns == MONO_NEVER.ns || room.ns - now.ns > longest)
		return MOCK_SAYS_RATE;
	visit->delay_ns = room.ns - now.ns;
	return MOCK_SAYS_NOTHING;
}

/* In the envelope and in From; the null sender is nobody's. */
static bool visit_may_send(const struct mock_visit *visit)
{
	const struct view from = mock_letter_from(&visit->letter);

	return mock_mailbox_may_send_as(visit->mailbox, view_of(visit->sender)) &&
	       (from.bytes == 0 || mock_mailbox_may_send_as(visit->mailbox, from));
}

/* Acceptance */

bool mock_visit_take(struct mock_visit *visit, struct mono now, struct wall wall)
{
	struct mock_tenant *tenant = visit->tenant;
	struct mock_mailbox *mailbox = visit->mailbox;
	const bool slot = visit->slot;
	const enum mock_saying late = visit_late(visit, now);

	visit->slot = false;
	tenant->accepted++;
	tenant->recipients_accepted += visit->recipients;
	if (mailbox != NULL) {
		mailbox->accepted++;
		mailbox->recipients_accepted += visit->recipients;
		if (mock_visit_facts(visit)->limits_mailboxes) {
			mock_meter_take(&mailbox->messages, mono_after(now, visit->delay_ns), 1);
			mock_meter_take(&mailbox->recipients, now, visit->recipients);
		}
	}
	if (late != MOCK_SAYS_NOTHING)
		visit_bounce(visit, late, now, wall);
	else if (mock_visit_facts(visit)->external)
		mock_tenant_external_take(tenant, view_of(visit->sender), now, visit->external);
	return slot;
}

/* What its 250 does not say. */
static enum mock_saying visit_late(const struct mock_visit *visit, struct mono now)
{
	struct mock_tenant *tenant = visit->tenant;

	if (mock_tenant_bans(tenant, view_of(visit->sender)))
		return MOCK_SAYS_SENDER_BANNED;
	return visit_judge_external(visit, now);
}

static enum mock_saying visit_judge_external(const struct mock_visit *visit, struct mono now)
{
	if (!mock_visit_facts(visit)->external)
		return MOCK_SAYS_NOTHING;
	switch (mock_tenant_external_full(
	        visit->tenant, view_of(visit->sender), now, visit->external)) {
	case MOCK_LIMIT_EXTERNAL:
		return MOCK_SAYS_EXTERNAL_QUOTA;
	case MOCK_LIMIT_ONMICROSOFT:
		return MOCK_SAYS_ONMICROSOFT_QUOTA;
	default:
		return MOCK_SAYS_NOTHING;
	}
}

static void visit_bounce(
        struct mock_visit *visit, enum mock_saying saying, struct mono now, struct wall wall)
{
	char room[MOCK_SAYING_BYTES_MAX];
	char list[2 * MOCK_BOUNCE_RECIPIENTS_BYTES];
	struct text reply = TEXT_ON(room);
	struct text recipients = TEXT_ON(list);
	struct mock_bounce bounce;

	(void)mock_visit_say(visit, saying);
	if (visit->mailbox != NULL)
		visit->mailbox->late++;
	mock_visit_put(visit, &reply, saying, now, wall);
	if (saying == MOCK_SAYS_SENDER_BANNED) /* the others leave internal mail alone */
		text_put(&recipients, view_from(visit->inside.data, visit->inside.bytes));
	text_put(&recipients, view_from(visit->outside.data, visit->outside.bytes));
	mock_bounce_init(&bounce, view_of(visit->sender), text_view(&reply), text_view(&recipients),
	        &visit->letter);
	mock_host_pick(&bounce.host, MOCK_HOST_BACK, &visit->tenant->random);
	bounce.arrived = wall;
	mock_tenant_bounce(visit->tenant, &bounce, now);
}

void mock_visit_answered(struct mock_visit *visit, bool slot)
{
	check(visit->tenant->in_flight > 0);
	visit->tenant->in_flight--;
	if (visit->mailbox == NULL || !mock_visit_facts(visit)->limits_mailboxes)
		return;
	mock_mailbox_left(visit->mailbox);
	if (slot)
		mock_mailbox_give_slot(visit->mailbox);
}
