/*
 * Visits to a tenant, without a socket: steps of the protocol one by one, or whole messages, at
 * times that the test chooses.
 *
 * Thread:  the test's.
 */
#ifndef SLUICE_TESTS_BENCH_VISITOR_H
#define SLUICE_TESTS_BENCH_VISITOR_H

#include "bench/mock_visit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define USER "info@contoso.com"

static struct mock_tenant *tenant;
static struct mock_mailbox *mailbox;
static struct mock_visit visit;
static struct mock_visit other;

static inline struct mock_tenant_settings plain(void)
{
	return (struct mock_tenant_settings)MOCK_TENANT_SETTINGS_DEFAULT;
}

static inline void tenant_make(struct mock_tenant_settings settings)
{
	mock_tenant_create(&tenant, &settings);
	mock_tenant_start(tenant, (struct mono){ 0 });
	mock_tenant_add_domain(tenant, VIEW("contoso.com"));
	mailbox = mock_tenant_add_mailbox(tenant, VIEW(USER), VIEW("secret"), VIEW("token"));
	assert_non_null(mailbox);
}

static inline int teardown(void **state)
{
	(void)state;
	assert_int_equal(mailbox->slots, 0);
	assert_int_equal(mailbox->open, 0);
	assert_int_equal(mailbox->in_flight, 0);
	assert_int_equal(tenant->in_flight, 0);
	mock_tenant_destroy(tenant);
	tenant = NULL;
	return 0;
}

/* Steps, `now` in seconds */

static inline struct mono second(double s)
{
	return (struct mono){ (int64_t)(s * (double)NS_PER_S) };
}

static inline void enters(struct mock_visit *who, enum mock_interface interface, const char *peer)
{
	struct endpoint endpoint;

	assert_true(endpoint_parse(view_of(peer), &endpoint));
	*who = (struct mock_visit){ 0 };
	mock_visit_open(who, tenant, interface, &endpoint, second(0));
}

static inline enum mock_saying signin(
        struct mock_visit *who, enum signin_mechanism mechanism, const char *secret, double now)
{
	return mock_visit_signin(who, mechanism, VIEW(USER), view_of(secret), second(now));
}

/* Signed in, at the start. */
static inline void enters_as_mailbox(struct mock_visit *who)
{
	enters(who, MOCK_SUBMISSION, "192.0.2.1:1000");
	assert_int_equal(signin(who, SIGNIN_LOGIN, "secret", 0), MOCK_SAYS_NOTHING);
}

/* An empty sender is the null sender. */
static inline enum mock_saying mail(struct mock_visit *who, const char *sender, double now)
{
	struct command_mail command = { .is_null = sender[0] == '\0' };

	if (!command.is_null)
		assert_int_equal(address_parse(view_of(sender), true, &command.sender), ADDRESS_OK);
	return mock_visit_mail(who, &command, second(now));
}

static inline enum mock_saying rcpt(struct mock_visit *who, const char *recipient, double now)
{
	struct address address;

	assert_int_equal(address_parse(view_of(recipient), true, &address), ADDRESS_OK);
	const enum mock_saying saying = mock_visit_rcpt(who, &address, second(now));
	if (saying == MOCK_SAYS_NOTHING)
		mock_visit_rcpt_take(who, &address, second(now));
	return saying;
}

/* The data up to its end; what it was told, in flight still. */
static inline enum mock_saying data(struct mock_visit *who, const char *header, double now)
{
	mock_letter_feed(&who->letter, view_of(header));
	return mock_visit_end(who, second(now));
}

static inline void take_and_answer(struct mock_visit *who, double now)
{
	const bool slot = mock_visit_take(who, second(now), (struct wall){ 0 });

	mock_visit_reset(who);
	mock_visit_answered(who, slot);
}

/* A whole message to one recipient; refused or taken, and answered at once. */
static inline enum mock_saying message(
        struct mock_visit *who, const char *sender, const char *recipient, double now)
{
	enum mock_saying saying = mail(who, sender, now);

	if (saying != MOCK_SAYS_NOTHING)
		return saying;
	saying = rcpt(who, recipient, now);
	if (saying != MOCK_SAYS_NOTHING) {
		mock_visit_reset(who);
		return saying;
	}
	saying = data(who, "Subject: x\r\n\r\n", now);
	if (saying == MOCK_SAYS_NOTHING) {
		take_and_answer(who, now);
		return saying;
	}
	mock_visit_reset(who);
	mock_visit_answered(who, false);
	return saying;
}

static inline enum mock_saying sends(struct mock_visit *who, double now)
{
	return message(who, USER, "x@example.org", now);
}

#define TEST(function) cmocka_unit_test_teardown(function, teardown)

#endif
