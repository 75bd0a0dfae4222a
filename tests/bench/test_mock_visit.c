#include "bench/mock_visit.h"

#include "tests/bench/visitor.h"

/* Signing in */

static void test_signin(void **state)
{
	(void)state;
	tenant_make(plain());
	enters(&visit, MOCK_SUBMISSION, "192.0.2.1:1000");
	assert_int_equal(signin(&visit, SIGNIN_LOGIN, "wrong", 0), MOCK_SAYS_PASSWORD_WRONG);
	assert_int_equal(signin(&visit, SIGNIN_LOGIN, "token", 0), MOCK_SAYS_PASSWORD_WRONG);
	assert_int_equal(signin(&visit, SIGNIN_XOAUTH2, "secret", 0), MOCK_SAYS_AUTH_FAILED);
	assert_null(visit.mailbox);
	assert_int_equal(mock_visit_signin(&visit, SIGNIN_LOGIN, VIEW("nobody@contoso.com"),
	                         VIEW("secret"), second(0)),
	        MOCK_SAYS_PASSWORD_WRONG);
	assert_int_equal(mailbox->refused[MOCK_SAYS_PASSWORD_WRONG], 2);
	assert_int_equal(tenant->refused[MOCK_SAYS_PASSWORD_WRONG], 3);
	assert_int_equal(signin(&visit, SIGNIN_XOAUTH2, "token", 0), MOCK_SAYS_NOTHING);
	assert_ptr_equal(visit.mailbox, mailbox);
	assert_int_equal(mailbox->signins, 1);
	mock_mailbox_set_token(mailbox, VIEW("token"), second(10));
	assert_int_equal(signin(&visit, SIGNIN_XOAUTH2, "token", 10), MOCK_SAYS_AUTH_FAILED);
	enters(&visit, MOCK_HVE, "192.0.2.1:1000"); /* which says why */
	assert_int_equal(signin(&visit, SIGNIN_XOAUTH2, "token", 10), MOCK_SAYS_TOKEN_EXPIRED);
	mailbox->state = MOCK_MAILBOX_DISABLED;
	assert_int_equal(signin(&visit, SIGNIN_LOGIN, "secret", 0), MOCK_SAYS_AUTH_DISABLED);
}

static void test_passwords_go_out_of_use(void **state)
{
	struct mock_tenant_settings settings = plain();

	(void)state;
	settings.basic_auth = MOCK_BASIC_DISABLED;
	tenant_make(settings);
	enters(&visit, MOCK_SUBMISSION, "192.0.2.1:1000");
	assert_int_equal(signin(&visit, SIGNIN_LOGIN, "secret", 0), MOCK_SAYS_BASIC_DISABLED);
	assert_int_equal(signin(&visit, SIGNIN_XOAUTH2, "token", 0), MOCK_SAYS_NOTHING);
	tenant->settings.basic_auth = MOCK_BASIC_RETIRED;
	assert_int_equal(signin(&visit, SIGNIN_PLAIN, "secret", 0), MOCK_SAYS_BASIC_RETIRED);
}

/* The MX path */

static void test_direct_send(void **state)
{
	(void)state;
	tenant_make(plain());
	mock_tenant_add_unknown(tenant, VIEW("gone@contoso.com"));
	enters(&visit, MOCK_DIRECT, "192.0.2.1:1000");
	assert_int_equal(
	        message(&visit, "printer@contoso.com", "a@contoso.com", 0), MOCK_SAYS_NOTHING);
	assert_int_equal(
	        message(&visit, "printer@contoso.com", "x@example.org", 0), MOCK_SAYS_NOT_ACCEPTED);
	assert_int_equal(message(&visit, "printer@contoso.com", "gone@contoso.com", 0),
	        MOCK_SAYS_RECIPIENT_UNKNOWN);
	tenant->settings.reject_direct_send = true;
	assert_int_equal(message(&visit, "printer@contoso.com", "a@contoso.com", 0),
	        MOCK_SAYS_DIRECT_REJECTED);
	assert_int_equal(message(&visit, "a@example.org", "a@contoso.com", 0), MOCK_SAYS_NOTHING);
	assert_int_equal(message(&visit, "", "a@contoso.com", 0), MOCK_SAYS_NOTHING);
}

static void test_recipients_of_one_domain(void **state)
{
	struct mock_tenant_settings settings = plain();

	(void)state;
	settings.recipients_domain = 2;
	tenant_make(settings);
	mock_tenant_add_domain(tenant, VIEW("fabrikam.com"));
	enters(&visit, MOCK_DIRECT, "192.0.2.1:1000");
	assert_int_equal(mail(&visit, "a@example.org", 0), MOCK_SAYS_NOTHING);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rcpt(&visit, "a@contoso.com", 0), MOCK_SAYS_NOTHING);
		assert_int_equal(rcpt(&visit, "a@Fabrikam.com", 0), MOCK_SAYS_NOTHING);
	}
	assert_int_equal(rcpt(&visit, "b@contoso.com", 0), MOCK_SAYS_RECIPIENTS_MANY);
	assert_int_equal(rcpt(&visit, "b@fabrikam.com", 0), MOCK_SAYS_RECIPIENTS_MANY);
	mock_visit_reset(&visit);
	assert_int_equal(message(&visit, "a@example.org", "b@contoso.com", 0), MOCK_SAYS_NOTHING);
}

static void add_connectors(void)
{
	struct mock_connector by_name = { .certificate = "relay.contoso.com" };
	struct mock_connector by_address = { .network_count = 1, .networks = { { .bits = 128 } } };
	struct endpoint near;

	assert_true(endpoint_parse(VIEW("192.0.2.7:1"), &near));
	memcpy(by_address.networks[0].address, near.address, sizeof near.address);
	mock_tenant_add_connector(tenant, &by_name);
	mock_tenant_add_connector(tenant, &by_address);
}

/* Who relays to the outside by a connector: who, with which names, from which sender. */
static void test_connector_attribution(void **state)
{
	static const struct {
		const char *peer;
		const char *names[2];
		const char *sender;
		enum mock_saying saying;
	} visits[] = {
		{ "192.0.2.7:1", { NULL }, "a@contoso.com", MOCK_SAYS_NOTHING },
		{ "192.0.2.7:1", { NULL }, "a@example.net", MOCK_SAYS_RELAY_DENIED },
		{ "192.0.2.7:1", { NULL }, "", MOCK_SAYS_RELAY_DENIED },
		{ "192.0.2.8:1", { NULL }, "a@contoso.com", MOCK_SAYS_RELAY_DENIED },
		{ "192.0.2.8:1", { "relay.contoso.com" }, "a@contoso.com", MOCK_SAYS_NOTHING },
		{ "192.0.2.8:1", { "relay.contoso.com" }, "a@example.net", MOCK_SAYS_NOTHING },
		{ "192.0.2.8:1", { "relay.contoso.com" }, "", MOCK_SAYS_NOTHING },
		{ "192.0.2.8:1", { "x.example", "relay.contoso.com" }, "", MOCK_SAYS_NOTHING },
		{ "192.0.2.8:1", { "other.contoso.com" }, "a@contoso.com", MOCK_SAYS_RELAY_DENIED },
		{ "192.0.2.7:1", { "other.contoso.com" }, "", MOCK_SAYS_NOTHING },
	};

	(void)state;
	tenant_make(plain());
	add_connectors();
	for (size_t i = 0; i < sizeof visits / sizeof visits[0]; i++) {
		enters(&visit, MOCK_CONNECTOR, visits[i].peer);
		for (int j = 0; j < 2 && visits[i].names[j] != NULL; j++)
			mock_visit_certified(&visit, view_of(visits[i].names[j]));
		const enum mock_saying saying =
		        message(&visit, visits[i].sender, "x@example.org", 0);
		if (saying != visits[i].saying)
			fail_msg("%zu: %s", i, mock_saying_word(saying));
	}
	assert_int_equal(tenant->external.tried.count_max, 6);
	assert_int_equal(tenant->external.taken.count_max, 6);
	/* To the inside anybody may, unless direct send is rejected. */
	enters(&visit, MOCK_CONNECTOR, "192.0.2.8:1");
	assert_int_equal(message(&visit, "a@contoso.com", "b@contoso.com", 0), MOCK_SAYS_NOTHING);
	tenant->settings.reject_direct_send = true;
	assert_int_equal(
	        message(&visit, "a@contoso.com", "b@contoso.com", 0), MOCK_SAYS_DIRECT_REJECTED);
	mock_visit_certified(&visit, VIEW("relay.contoso.com"));
	assert_int_equal(message(&visit, "a@contoso.com", "b@contoso.com", 0), MOCK_SAYS_NOTHING);
}

static void test_busy_addresses(void **state)
{
	struct mock_tenant_settings settings = plain();

	(void)state;
	settings.source_minute = 6;
	settings.source_burst = 2;
	tenant_make(settings);
	add_connectors();
	enters(&visit, MOCK_DIRECT, "192.0.2.8:1");
	enters(&other, MOCK_DIRECT, "192.0.2.7:1"); /* a connector knows it */
	for (int i = 0; i < 5; i++) {
		assert_int_equal(message(&visit, "a@example.org", "b@contoso.com", 0),
		        i < 2 ? MOCK_SAYS_NOTHING : MOCK_SAYS_ADDRESS_BUSY);
		assert_int_equal(
		        message(&other, "a@example.org", "b@contoso.com", 0), MOCK_SAYS_NOTHING);
	}
	assert_int_equal(message(&visit, "a@example.org", "b@contoso.com", 10), MOCK_SAYS_NOTHING);
}

/* Moods */

static void test_faults_of_the_front_end(void **state)
{
	struct mock_tenant_settings settings = plain();

	(void)state;
	settings.fault_proxy = 1;
	tenant_make(settings);
	enters(&visit, MOCK_SUBMISSION, "192.0.2.1:1000");
	assert_int_equal(signin(&visit, SIGNIN_LOGIN, "secret", 0), MOCK_SAYS_FAULT_PROXY);
	tenant->settings.fault_proxy = 0;
	assert_int_equal(signin(&visit, SIGNIN_LOGIN, "secret", 0), MOCK_SAYS_NOTHING);
	tenant->settings.fault_proxy = 1;
	assert_int_equal(sends(&visit, 0), MOCK_SAYS_FAULT_PROXY);
	assert_int_equal(mailbox->tried, 1); /* it was tried, whatever came of it */
	tenant->settings.fault_proxy = 0;
	tenant->settings.fault_replication = 1;
	assert_int_equal(sends(&visit, 0), MOCK_SAYS_FAULT_REPLICATION);
	tenant->settings.fault_replication = 0;
	tenant->settings.fault_attribution = 1;
	assert_int_equal(sends(&visit, 0), MOCK_SAYS_NOTHING); /* of the MX path alone */
	enters(&other, MOCK_DIRECT, "192.0.2.1:1000");
	assert_int_equal(
	        message(&other, "a@example.org", "b@contoso.com", 0), MOCK_SAYS_FAULT_ATTRIBUTION);
}

static void test_busy_spells(void **state)
{
	static const enum stage stages[] = { STAGE_CONNECT, STAGE_AUTH, STAGE_MAIL, STAGE_RCPT,
		STAGE_EOD };

	(void)state;
	tenant_make(plain());
	for (int i = 0; i < 5; i++)
		mock_tenant_add_spell(tenant, &(struct mock_spell){ .from_s = 10 * i,
		                                      .to_s = 10 * i + 10,
		                                      .probability = 1,
		                                      .stage = stages[i] });
	enters(&visit, MOCK_SUBMISSION, "192.0.2.1:1000");
	assert_int_equal(mock_visit_connect(&visit, second(5)), MOCK_SAYS_BUSY_CONNECT);
	assert_int_equal(mock_visit_connect(&visit, second(10)), MOCK_SAYS_NOTHING);
	assert_int_equal(signin(&visit, SIGNIN_LOGIN, "secret", 15), MOCK_SAYS_BUSY_AUTH);
	assert_int_equal(signin(&visit, SIGNIN_LOGIN, "secret", 20), MOCK_SAYS_NOTHING);
	assert_int_equal(sends(&visit, 25), MOCK_SAYS_BUSY_MAIL);
	assert_int_equal(sends(&visit, 35), MOCK_SAYS_BUSY_RCPT);
	assert_int_equal(sends(&visit, 45), MOCK_SAYS_BUSY_EOD);
	assert_int_equal(sends(&visit, 50), MOCK_SAYS_NOTHING);
}

static void test_limits_change_in_mid_run(void **state)
{
	(void)state;
	tenant_make(plain());
	mock_tenant_add_change(tenant, &(struct mock_change){ .at_s = 100,
	                                       .limit = MOCK_LIMIT_MESSAGES,
	                                       .is_factor = true,
	                                       .factor = 0.5 });
	enters_as_mailbox(&visit);
	for (int i = 0; i < 31; i++)
		assert_int_equal(sends(&visit, 1), i < 30 ? MOCK_SAYS_NOTHING : MOCK_SAYS_RATE);
	for (int i = 0; i < 16; i++)
		assert_int_equal(sends(&visit, 100), i < 15 ? MOCK_SAYS_NOTHING : MOCK_SAYS_RATE);
}

/* Time */

static void test_sessions_end(void **state)
{
	struct mock_tenant_settings settings = plain();
	char room[256];
	struct text text = TEXT_ON(room);

	(void)state;
	settings.speed = 10;
	tenant_make(settings);
	enters(&visit, MOCK_SUBMISSION, "192.0.2.1:1000");
	assert_int_equal(mock_visit_wanted(&visit).ns, second(30).ns);
	assert_int_equal(mock_visit_clock(&visit, second(29.9)), MOCK_SAYS_NOTHING);
	assert_int_equal(mock_visit_clock(&visit, second(30)), MOCK_SAYS_IDLE);
	for (int i = 0; i < 12; i++)
		mock_visit_hear(&visit, second(10 * i));
	assert_int_equal(mock_visit_wanted(&visit).ns, second(120).ns);
	assert_int_equal(mock_visit_clock(&visit, second(119)), MOCK_SAYS_NOTHING);
	assert_int_equal(mock_visit_clock(&visit, second(120.5)), MOCK_SAYS_SESSION_OVER);
	mock_visit_put(&visit, &text, MOCK_SAYS_SESSION_OVER, second(120.5), (struct wall){ 0 });
	assert_true(view_ends_fold(text_view(&text), VIEW("duration: 00:20:05.0000000")));
	tenant->settings.idle_s = 0;
	tenant->settings.session_s = 0;
	assert_int_equal(mock_visit_wanted(&visit).ns, INT64_MAX);
	assert_int_equal(mock_visit_clock(&visit, second(9999)), MOCK_SAYS_NOTHING);
}

static void test_refusals_are_tarpitted(void **state)
{
	struct mock_tenant_settings settings = plain();

	(void)state;
	settings.speed = 60;
	tenant_make(settings);
	enters(&visit, MOCK_SUBMISSION, "192.0.2.1:1000");
	assert_int_equal(mock_visit_delay_ns(&visit, MOCK_SAYS_CONCURRENT), 5 * NS_PER_S / 60);
	assert_int_equal(mock_visit_delay_ns(&visit, MOCK_SAYS_SESSION_OVER), 0);
	assert_int_equal(mock_visit_delay_ns(&visit, MOCK_SAYS_BUSY_CONNECT), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_signin),
		TEST(test_passwords_go_out_of_use),
		TEST(test_direct_send),
		TEST(test_recipients_of_one_domain),
		TEST(test_connector_attribution),
		TEST(test_busy_addresses),
		TEST(test_faults_of_the_front_end),
		TEST(test_busy_spells),
		TEST(test_limits_change_in_mid_run),
		TEST(test_sessions_end),
		TEST(test_refusals_are_tarpitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
