#include "bench/mock_tenant.h"

#include "bench/mock_tenant_account.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DAY (86400 * NS_PER_S)

static struct mock_tenant *tenant;

static void tenant_make(struct mock_tenant_settings settings)
{
	mock_tenant_create(&tenant, &settings);
	mock_tenant_start(tenant, (struct mono){ 0 });
}

static int teardown(void **state)
{
	(void)state;
	mock_tenant_destroy(tenant);
	tenant = NULL;
	return 0;
}

static struct mono second(double s)
{
	return (struct mono){ (int64_t)(s * (double)NS_PER_S) };
}

static struct mock_mailbox *add(const char *name)
{
	return mock_tenant_add_mailbox(tenant, view_of(name), VIEW("secret"), VIEW(""));
}

static void test_external_recipients_by_licences(void **state)
{
	(void)state;
	assert_int_equal(mock_tenant_external_limit(1), 10000);
	assert_int_equal(mock_tenant_external_limit(10), 12006);
	assert_int_equal(mock_tenant_external_limit(100), 22059);
	assert_int_equal(mock_tenant_external_limit(1000), 72446);
	assert_int_equal(mock_tenant_external_limit(10000), 324979);
}

static void test_speed_shortens_periods(void **state)
{
	struct mock_tenant_settings settings = MOCK_TENANT_SETTINGS_DEFAULT;

	(void)state;
	settings.speed = 60;
	tenant_make(settings);
	assert_int_equal(tenant->periods.minute_ns, NS_PER_S);
	assert_int_equal(tenant->periods.day_ns, DAY / 60);
	assert_int_equal(mock_tenant_ns(tenant, 5), 5 * NS_PER_S / 60);
	assert_int_equal(mock_tenant_ns(tenant, 0), 0);
	assert_int_equal(add("a@contoso.com")->messages.taken.length_ns, NS_PER_S);
}

static void test_many_mailboxes_are_found(void **state)
{
	struct mock_tenant_settings settings = MOCK_TENANT_SETTINGS_DEFAULT;
	char room[64];

	(void)state;
	tenant_make(settings);
	for (int i = 0; i < 2000; i++) {
		struct text name = TEXT_ON(room);
		text_format(&name, "box%d@contoso.com", i);
		assert_non_null(add(text_string(&name)));
	}
	for (int i = 0; i < 2000; i++) {
		struct text name = TEXT_ON(room);
		text_format(&name, "BOX%d@Contoso.com", i);
		assert_ptr_equal(
		        mock_tenant_mailbox(tenant, text_view(&name)), tenant->mailboxes[i]);
	}
	assert_null(mock_tenant_mailbox(tenant, VIEW("box2000@contoso.com")));
	assert_null(add("Box7@contoso.com")); /* taken */
	assert_int_equal(tenant->mailbox_count, 2000);
}

static void test_limits_change_on_time(void **state)
{
	struct mock_tenant_settings settings = MOCK_TENANT_SETTINGS_DEFAULT;

	(void)state;
	settings.speed = 60;
	tenant_make(settings);
	struct mock_mailbox *a = add("a@contoso.com");
	struct mock_mailbox *b = add("b@contoso.com");
	/* Given out of order. */
	mock_tenant_add_change(tenant, &(struct mock_change){ .at_s = 120,
	                                       .limit = MOCK_LIMIT_MESSAGES,
	                                       .is_factor = true,
	                                       .factor = 1 });
	mock_tenant_add_change(tenant, &(struct mock_change){ .at_s = 60,
	                                       .limit = MOCK_LIMIT_MESSAGES,
	                                       .is_factor = true,
	                                       .factor = 0.5 });
	mock_tenant_add_change(tenant,
	        &(struct mock_change){
	                .at_s = 90, .mailbox = b, .limit = MOCK_LIMIT_CONNECTIONS, .value = 1 });
	mock_tenant_add_change(tenant,
	        &(struct mock_change){ .at_s = 90, .limit = MOCK_LIMIT_EXTERNAL, .value = 7 });
	assert_int_equal(mock_tenant_wanted(tenant).ns, NS_PER_S);
	mock_tenant_advance(tenant, second(0.999));
	assert_int_equal(a->messages.limit, 30);
	mock_tenant_advance(tenant, second(1));
	assert_int_equal(a->messages.limit, 15);
	assert_int_equal(b->messages.limit, 15);
	mock_tenant_advance(tenant, second(1.5));
	assert_int_equal(a->connections, 3);
	assert_int_equal(b->connections, 1);
	assert_int_equal(tenant->external.limit, 7);
	mock_tenant_advance(tenant, second(50));
	assert_int_equal(a->messages.limit, 30);
	assert_int_equal(mock_tenant_wanted(tenant).ns, INT64_MAX);
	mock_tenant_scale_limit(tenant, NULL, MOCK_LIMIT_EXTERNAL, 1);
	assert_int_equal(tenant->external.limit, 10000);
	mock_tenant_set_limit(tenant, NULL, MOCK_LIMIT_RECIPIENTS, 5);
	mock_tenant_set_limit(tenant, b, MOCK_LIMIT_RECIPIENTS, 6);
	assert_int_equal(a->recipients.limit, 5);
	assert_int_equal(b->recipients.limit, 6);
	mock_tenant_scale_limit(tenant, b, MOCK_LIMIT_RECIPIENTS, 2);
	assert_int_equal(b->recipients.limit, 20000);
}

static void test_spells_come_and_go(void **state)
{
	struct mock_tenant_settings settings = MOCK_TENANT_SETTINGS_DEFAULT;
	int busy = 0;

	(void)state;
	tenant_make(settings);
	mock_tenant_add_spell(
	        tenant, &(struct mock_spell){
	                        .from_s = 10, .to_s = 20, .probability = 1, .stage = STAGE_EOD });
	mock_tenant_add_spell(tenant, &(struct mock_spell){ .from_s = 30,
	                                      .to_s = 40,
	                                      .probability = 1,
	                                      .in_flight = 10,
	                                      .stage = STAGE_MAIL });
	assert_false(mock_tenant_is_busy(tenant, STAGE_EOD, second(9.9)));
	assert_true(mock_tenant_is_busy(tenant, STAGE_EOD, second(10)));
	assert_false(mock_tenant_is_busy(tenant, STAGE_MAIL, second(10)));
	assert_true(mock_tenant_is_busy(tenant, STAGE_EOD, second(19.9)));
	assert_false(mock_tenant_is_busy(tenant, STAGE_EOD, second(20)));
	/* The other depends on the load. */
	assert_false(mock_tenant_is_busy(tenant, STAGE_MAIL, second(30)));
	tenant->in_flight = 5;
	for (int i = 0; i < 1000; i++)
		busy += mock_tenant_is_busy(tenant, STAGE_MAIL, second(30));
	assert_in_range(busy, 400, 600);
	tenant->in_flight = 10;
	assert_true(mock_tenant_is_busy(tenant, STAGE_MAIL, second(30)));
	tenant->in_flight = 0;
}

static void test_knows_its_own(void **state)
{
	struct mock_tenant_settings settings = MOCK_TENANT_SETTINGS_DEFAULT;
	struct mock_connector by_name = { .certificate = "relay.contoso.com" };
	struct mock_connector by_pattern = { .certificate = "*.fabrikam.com" };
	struct mock_connector by_address = { .network_count = 1 };
	struct endpoint near;
	struct endpoint far;

	(void)state;
	tenant_make(settings);
	mock_tenant_add_domain(tenant, VIEW("contoso.com"));
	mock_tenant_ban(tenant, VIEW("spam@contoso.com"));
	mock_tenant_add_unknown(tenant, VIEW("gone@contoso.com"));
	assert_true(mock_tenant_accepts(tenant, VIEW("Contoso.COM")));
	assert_false(mock_tenant_accepts(tenant, VIEW("sub.contoso.com")));
	assert_true(mock_tenant_bans(tenant, VIEW("SPAM@contoso.com")));
	assert_true(mock_tenant_lacks(tenant, VIEW("gone@contoso.com")));
	assert_false(mock_tenant_lacks(tenant, VIEW("here@contoso.com")));

	assert_true(endpoint_parse(VIEW("192.0.2.77:25"), &near));
	assert_true(endpoint_parse(VIEW("192.0.3.77:25"), &far));
	memcpy(by_address.networks[0].address, near.address, sizeof near.address);
	by_address.networks[0].bits = 96 + 24;
	mock_tenant_add_connector(tenant, &by_name);
	mock_tenant_add_connector(tenant, &by_pattern);
	mock_tenant_add_connector(tenant, &by_address);
	assert_true(mock_tenant_knows_certificate(tenant, VIEW("RELAY.contoso.com")));
	assert_true(mock_tenant_knows_certificate(tenant, VIEW("*.contoso.com")));
	assert_true(mock_tenant_knows_certificate(tenant, VIEW("mail.fabrikam.com")));
	assert_false(mock_tenant_knows_certificate(tenant, VIEW("fabrikam.com")));
	assert_false(mock_tenant_knows_certificate(tenant, VIEW("a.b.fabrikam.com")));
	assert_false(mock_tenant_knows_certificate(tenant, VIEW("*.com")));
	assert_false(mock_tenant_knows_certificate(tenant, VIEW("")));
	assert_true(mock_tenant_knows_address(tenant, &near));
	assert_false(mock_tenant_knows_address(tenant, &far));
}

static void bounce(int number)
{
	static struct mock_letter letter;
	struct mock_bounce made;

	mock_letter_begin(&letter);
	mock_bounce_init(&made, VIEW("a@contoso.com"), VIEW("550 5.7.233 no"),
	        VIEW("b@example.org\n"), &letter);
	mock_tenant_bounce(tenant, &made, second(number));
}

static void test_bounces_are_kept_up_to_a_bound(void **state)
{
	struct mock_tenant_settings settings = MOCK_TENANT_SETTINGS_DEFAULT;

	(void)state;
	tenant_make(settings);
	for (int i = 0; i < MOCK_BOUNCES_KEPT + 5; i++)
		bounce(i);
	assert_int_equal(tenant->late, MOCK_BOUNCES_KEPT + 5);
	assert_int_equal(tenant->bounce_count, MOCK_BOUNCES_KEPT);
	assert_int_equal(mock_tenant_wanted(tenant).ns, second(5).ns);
	mock_tenant_advance(tenant, second(6));
	assert_int_equal(mock_tenant_wanted(tenant).ns, second(7).ns);
	assert_false(tenant->bounces[0].written); /* there is no folder */
}

static void test_a_report_that_can_not_be_written_is_counted(void **state)
{
	struct mock_tenant_settings settings = MOCK_TENANT_SETTINGS_DEFAULT;

	(void)state;
	settings.ndr_folder = "/nonexistent/folder";
	tenant_make(settings);
	bounce(0);
	mock_tenant_advance(tenant, second(5));
	assert_int_equal(tenant->reports_failed, 1);
	assert_false(tenant->bounces[0].written);
}

static json_int_t number_at(const json_t *root, const char *path)
{
	char room[128];
	struct text copy = TEXT_ON(room);
	struct view left = view_of(path);

	while (left.bytes > 0) {
		const size_t slash = view_find(left, '/');
		copy.bytes = 0;
		text_put(&copy, view_first(left, slash));
		root = json_object_get(root, text_string(&copy));
		if (root == NULL)
			fail_msg("%s: no %s", path, text_string(&copy));
		left = view_skip(left, slash < left.bytes ? slash + 1 : slash);
	}
	assert_true(json_is_integer(root));
	return json_integer_value(root);
}

static void test_account(void **state)
{
	struct mock_tenant_settings settings = MOCK_TENANT_SETTINGS_DEFAULT;

	(void)state;
	tenant_make(settings);
	struct mock_mailbox *a = add("a@contoso.com");
	mock_mailbox_set_limit(a, MOCK_LIMIT_RECIPIENTS, MOCK_NONE);
	for (int i = 0; i < 32; i++)
		mock_meter_try(&a->messages, second(i), 1);
	mock_meter_take(&a->messages, second(31), 30);
	a->refused[MOCK_SAYS_RATE] = 2;
	a->connections_over = 1;
	tenant->refused[MOCK_SAYS_RATE] = 2;
	bounce(1);
	assert_int_equal(mock_tenant_over(tenant), 3);
	json_t *root = mock_tenant_account(tenant);
	assert_int_equal(number_at(root, "over"), 3);
	assert_int_equal(number_at(root, "refused/rate"), 2);
	assert_int_equal(json_object_size(json_object_get(root, "refused")), 1);
	assert_int_equal(number_at(root, "external_recipients_per_day/limit"), 10000);
	json_t *box = json_object_get(json_object_get(root, "mailboxes"), "a@contoso.com");
	assert_int_equal(number_at(box, "limits/messages_per_minute/tried_max"), 32);
	assert_int_equal(number_at(box, "limits/messages_per_minute/taken_max"), 30);
	assert_int_equal(number_at(box, "limits/messages_per_minute/over"), 2);
	assert_int_equal(number_at(box, "limits/connections/over"), 1);
	assert_true(json_is_null(json_object_get(
	        json_object_get(json_object_get(box, "limits"), "recipients_per_day"), "limit")));
	const json_t *late = json_array_get(json_object_get(root, "bounces"), 0);
	assert_string_equal(json_string_value(json_object_get(late, "reply")), "550 5.7.233 no");
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_external_recipients_by_licences),
		cmocka_unit_test_teardown(test_speed_shortens_periods, teardown),
		cmocka_unit_test_teardown(test_many_mailboxes_are_found, teardown),
		cmocka_unit_test_teardown(test_limits_change_on_time, teardown),
		cmocka_unit_test_teardown(test_spells_come_and_go, teardown),
		cmocka_unit_test_teardown(test_knows_its_own, teardown),
		cmocka_unit_test_teardown(test_bounces_are_kept_up_to_a_bound, teardown),
		cmocka_unit_test_teardown(
		        test_a_report_that_can_not_be_written_is_counted, teardown),
		cmocka_unit_test_teardown(test_account, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
