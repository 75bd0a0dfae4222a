/* Which limits there are beside those of mailboxes, and whose mail counts in which. */
#include "engine/quota_plan.h"
#include "engine/config_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct config *load(const char *text)
{
	struct config *config;
	struct config_report report;

	config_report_init(&report);
	const struct err err = config_load_text(&config, "x.yaml", view_of(text), &report);
	if (failed(err))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_false(failed(err));
	return config;
}

/* "tenant a external_recipients_per_day 20 01": owner, key, limit, and the routes that count. */
static void assert_row(const struct config *config, uint32_t index, const char *wanted)
{
	const struct quota_row *row = &config->quotas->rows[index];
	char memory[256];
	struct text text = TEXT_ON(memory);

	assert_true(index < config->quotas->count);
	quota_plan_name(row, &text);
	text_format(&text, " %s", row->key);
	if (row->settings.count == QUOTA_NONE)
		text_put(&text, VIEW(" unknown "));
	else
		text_format(&text, " %llu/%llds ", (unsigned long long)row->settings.count,
		        (long long)(row->settings.period_ns / NS_PER_S));
	for (uint16_t i = 0; i < config->routes.count; i++)
		if (quota_plan_has(config, row, i))
			text_format(&text, "%u", i);
	assert_string_equal(text_string(&text), wanted);
}

#define ROUTES(more)                                                                               \
	"name: relay.test\n"                                                                       \
	"accepted_domains: [in.test]\n"                                                            \
	"routes:\n"                                                                                \
	"  - {name: a, host: a.test, interface: connector, messages_per_minute: 300}\n"            \
	"  - {name: b, host: a.test, interface: direct, total: {connections: 7}}\n"                \
	"  - {name: c, host: a.test, interface: hve" more "}\n"

static void test_of_a_tenant_that_is_not_named(void **state)
{
	struct config *config = load(ROUTES(""));

	(void)state;
	assert_int_equal(config->quotas->count, 4 + 2);
	assert_row(config, 4, "the tenant rate unknown 0");
	assert_row(config, 5, "source address rate unknown 01");
	assert_int_equal(quota_plan_rate(config, 0), 4);
	assert_int_equal(quota_plan_rate(config, 1), 5);
	assert_row(config, 0, "the tenant external_recipients_per_day unknown 0");
	assert_row(config, 1, "the tenant onmicrosoft_recipients_per_day 100/86400s 0");
	assert_row(config, 2, "route a messages_per_minute 300/60s 0");
	assert_row(config, 3, "route b connections 7/0s 1");
	assert_true(config->quotas->rows[3].settings.stop >= 1);
	assert_true(config->quotas->rows[2].settings.stop < 1);
	config_destroy(config);
}

static void test_of_tenants_routes_and_address(void **state)
{
	struct config *config = load(ROUTES(
	        ", tenant: y") "tenants:\n"
	                       "  - {name: x, external_recipients_per_day: 20/10s, stop: 90%}\n"
	                       "  - {name: y, onmicrosoft_recipients_per_day: none, total: "
	                       "{recipients_per_day: 5, connections: none}}\n"
	                       "source: {stop: 80%, total: {messages_per_minute: 60}}\n");

	(void)state;
	assert_int_equal(config->quotas->count, 8 + 3);
	assert_row(config, 8, "tenant x rate unknown 0");
	assert_row(config, 9, "tenant y rate unknown ");
	assert_row(config, 0, "tenant x external_recipients_per_day 20/10s 0");
	assert_true(config->quotas->rows[0].settings.stop < 0.91);
	assert_row(config, 1, "tenant x onmicrosoft_recipients_per_day 100/86400s 0");
	assert_true(config->quotas->rows[1].settings.stop < 0.91);
	assert_row(config, 2, "tenant y external_recipients_per_day unknown ");
	assert_row(config, 3, "tenant y onmicrosoft_recipients_per_day unknown ");
	assert_row(config, 4, "tenant y recipients_per_day 5/86400s 2");
	assert_row(config, 5, "route a messages_per_minute 300/60s 0");
	assert_row(config, 6, "route b connections 7/0s 1");
	assert_row(config, 7, "source address messages_per_minute 60/60s 01");
	assert_true(config->quotas->rows[7].settings.stop < 0.81);
	config_destroy(config);
}

/* What a route says of its mailboxes is none of the route's own, where it has some. */
static void test_of_mailboxes(void **state)
{
	struct config *config = load("name: relay.test\n"
	                             "routes:\n"
	                             "  - name: a\n"
	                             "    host: a.test\n"
	                             "    interface: submission\n"
	                             "    identities: [{user: a@in.test, auth: xoauth2, oauth: "
	                             "{command: [/bin/true]}}]\n"
	                             "    total: {recipients_per_day: 9}\n");

	(void)state;
	assert_int_equal(config->quotas->count, 3 + 2);
	assert_row(config, 2, "route a recipients_per_day 9/86400s 0");
	config_destroy(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_a_tenant_that_is_not_named),
		cmocka_unit_test(test_of_tenants_routes_and_address),
		cmocka_unit_test(test_of_mailboxes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
