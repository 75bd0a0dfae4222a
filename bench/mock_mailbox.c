#include "bench/mock_mailbox.h"

#include "queue/base/check.h"

#include <stdlib.h>

static char *mailbox_copy(struct view text);
static bool mailbox_covers(struct view allowed, struct view sender);

void mock_mailbox_init(struct mock_mailbox *mailbox, struct view name, struct view password,
        struct view token, const struct mock_periods *periods)
{
	*mailbox = (struct mock_mailbox){ .barred = MOCK_SAYS_NOTHING, .token_until = MONO_NEVER };
	struct text copy = TEXT_ON(mailbox->name);
	text_put(&copy, name);
	(void)text_string(&copy);
	check(!copy.overflow);
	mailbox->password = password.bytes > 0 ? mailbox_copy(password) : NULL;
	mailbox->token = token.bytes > 0 ? mailbox_copy(token) : NULL;
	mailbox->connections = mock_limit_default(MOCK_LIMIT_CONNECTIONS);
	mailbox->connections_first = mailbox->connections;
	mock_meter_init(
	        &mailbox->messages, mock_limit_default(MOCK_LIMIT_MESSAGES), periods->minute_ns);
	mock_meter_init(
	        &mailbox->recipients, mock_limit_default(MOCK_LIMIT_RECIPIENTS), periods->day_ns);
	for (int i = 0; i < MOCK_STRIKE_COUNT; i++)
		mock_window_init(&mailbox->strikes[i], periods->strikes_ns);
}

void mock_mailbox_finish(struct mock_mailbox *mailbox)
{
	free(mailbox->password);
	free(mailbox->token);
	for (size_t i = 0; i < mailbox->send_as_count; i++)
		free(mailbox->send_as[i]);
	free(mailbox->send_as);
	mock_meter_finish(&mailbox->messages);
	mock_meter_finish(&mailbox->recipients);
	for (int i = 0; i < MOCK_STRIKE_COUNT; i++)
		mock_window_finish(&mailbox->strikes[i]);
	*mailbox = (struct mock_mailbox){ 0 };
}

static char *mailbox_copy(struct view text)
{
	char *copy = strndup(text.data, text.bytes);

	check(copy != NULL); /* a test tool's start-up */
	return copy;
}

void mock_mailbox_set_token(struct mock_mailbox *mailbox, struct view token, struct mono until)
{
	free(mailbox->token);
	mailbox->token = mailbox_copy(token);
	mailbox->token_until = until;
}

bool mock_mailbox_token_expired(const struct mock_mailbox *mailbox, struct mono now)
{
	return mono_reached(now, mailbox->token_until);
}

void mock_mailbox_allow(struct mock_mailbox *mailbox, struct view sender)
{
	const size_t count = mailbox->send_as_count + 1;
	char **grown = reallocarray(mailbox->send_as, count, sizeof *grown);

	check(grown != NULL);
	mailbox->send_as = grown;
	mailbox->send_as[mailbox->send_as_count++] = mailbox_copy(sender);
}

bool mock_mailbox_may_send_as(const struct mock_mailbox *mailbox, struct view sender)
{
	if (view_equal_fold(view_of(mailbox->name), sender))
		return true;
	for (size_t i = 0; i < mailbox->send_as_count; i++)
		if (mailbox_covers(view_of(mailbox->send_as[i]), sender))
			return true;
	return false;
}

static bool mailbox_covers(struct view allowed, struct view sender)
{
	if (view_equal(allowed, VIEW("*")))
		return sender.bytes > 0;
	if (allowed.data[0] == '@')
		return sender.bytes > allowed.bytes && view_ends_fold(sender, allowed);
	return view_equal_fold(allowed, sender);
}

void mock_mailbox_first_limit(struct mock_mailbox *mailbox, enum mock_limit limit, uint64_t value)
{
	mock_mailbox_set_limit(mailbox, limit, value);
	if (limit == MOCK_LIMIT_CONNECTIONS)
		mailbox->connections_first = value;
	else if (limit == MOCK_LIMIT_MESSAGES)
		mailbox->messages.limit_first = value;
	else
		mailbox->recipients.limit_first = value;
}

void mock_mailbox_set_limit(struct mock_mailbox *mailbox, enum mock_limit limit, uint64_t value)
{
	check(limit < MOCK_LIMITS_MAILBOX);
	if (limit == MOCK_LIMIT_CONNECTIONS)
		mailbox->connections = value;
	else if (limit == MOCK_LIMIT_MESSAGES)
		mailbox->messages.limit = value;
	else
		mailbox->recipients.limit = value;
}

void mock_mailbox_scale_limit(struct mock_mailbox *mailbox, enum mock_limit limit, double factor)
{
	const uint64_t first = limit == MOCK_LIMIT_CONNECTIONS ? mailbox->connections_first
	                       : limit == MOCK_LIMIT_MESSAGES  ? mailbox->messages.limit_first
	                                                       : mailbox->recipients.limit_first;

	mock_mailbox_set_limit(mailbox, limit, mock_mailbox_scaled(first, factor));
}

uint64_t mock_mailbox_scaled(uint64_t value, double factor)
{
	check(factor >= 0);
	return value == MOCK_NONE ? MOCK_NONE : (uint64_t)((double)value * factor);
}

void mock_mailbox_strike(struct mock_mailbox *mailbox, enum mock_strike strike, struct mono now,
        uint64_t budget, struct mono until)
{
	check(strike < MOCK_STRIKE_COUNT);
	mock_window_add(&mailbox->strikes[strike], now, 1);
	if (mailbox->strikes[strike].count >= budget && mailbox->barred == MOCK_SAYS_NOTHING)
		mock_mailbox_set_bar(mailbox, strike, until);
}

void mock_mailbox_set_bar(struct mock_mailbox *mailbox, enum mock_strike strike, struct mono until)
{
	static const enum mock_saying bars[] = {
		[MOCK_STRIKE_FULL] = MOCK_SAYS_BARRED_FULL,
		[MOCK_STRIKE_SEND_AS] = MOCK_SAYS_BARRED_SEND_AS,
		[MOCK_STRIKE_LICENCE] = MOCK_SAYS_BARRED_LICENCE,
		[MOCK_STRIKE_MANY] = MOCK_SAYS_BARRED_MANY,
		[MOCK_STRIKE_INVALID] = MOCK_SAYS_BARRED_INVALID,
	};

	check(strike < MOCK_STRIKE_COUNT);
	mailbox->barred = bars[strike];
	mailbox->barred_until = until;
	mailbox->bars++;
}

enum mock_saying mock_mailbox_bar(struct mock_mailbox *mailbox, struct mono now)
{
	if (mailbox->barred != MOCK_SAYS_NOTHING && mono_reached(now, mailbox->barred_until))
		mailbox->barred = MOCK_SAYS_NOTHING;
	return mailbox->barred;
}

void mock_mailbox_opened(struct mock_mailbox *mailbox)
{
	mailbox->open++;
	if (mailbox->open > mailbox->open_max)
		mailbox->open_max = mailbox->open;
	if (mailbox->counts_mail && mailbox->open > mailbox->connections)
		mailbox->connections_over++;
}

void mock_mailbox_entered(struct mock_mailbox *mailbox)
{
	mailbox->in_flight++;
	check(mailbox->in_flight <= mailbox->open);
	if (mailbox->in_flight > mailbox->in_flight_max)
		mailbox->in_flight_max = mailbox->in_flight;
	if (!mailbox->counts_mail && mailbox->in_flight > mailbox->connections)
		mailbox->connections_over++;
}

void mock_mailbox_left(struct mock_mailbox *mailbox)
{
	check(mailbox->in_flight > 0);
	mailbox->in_flight--;
	mock_mailbox_gave_up(mailbox);
}

void mock_mailbox_gave_up(struct mock_mailbox *mailbox)
{
	check(mailbox->open > 0);
	mailbox->open--;
}

bool mock_mailbox_take_slot(struct mock_mailbox *mailbox)
{
	if (mailbox->slots >= mailbox->connections)
		return false;
	mailbox->slots++;
	return true;
}

void mock_mailbox_give_slot(struct mock_mailbox *mailbox)
{
	check(mailbox->slots > 0);
	mailbox->slots--;
}
