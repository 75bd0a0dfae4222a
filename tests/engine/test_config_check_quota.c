/* What a tenant may send in all: as its licences have it, or as the file says. */
#include "engine/config_check_quota.h"

#include "engine/quota_plan.h"

#include "queue/base/clock.h"
#include "tests/engine/config_rows.h"

#define FILE_TEXT "name: relay.test\nroutes: [{host: a.test, interface: connector}]\n"
#define TWO_TEXT                                                                                   \
	"name: relay.test\n"                                                                       \
	"routes: [{host: a.test, interface: connector}, {name: b, host: a.test, interface: "       \
	"hve}]\n"
#define DOMAINS "accepted_domains: [b.test]\n"

static const struct config_row rows[] = {
	{ FILE_TEXT "tenants: [{name: a, licences: 250}]\n" DOMAINS, 0, NULL, false },
	{ FILE_TEXT "tenants: [{name: a, external_recipients_per_day: 20/10s}]\n" DOMAINS, 0, NULL,
	        false },
	{ FILE_TEXT "tenants: [{name: a, external_recipients_per_day: none}]\n", 0, NULL, false },
	{ FILE_TEXT "tenants: [{name: a}]\n", 0, NULL, false },
	{ FILE_TEXT "tenants:\n  - name: a\n    external_recipients_per_day: 20\n", 5,
	        "tenants[0]: every recipient counts as external", true },
	{ FILE_TEXT "tenants:\n  - name: a\n    licences: 5\n    external_recipients_per_day: 20\n",
	        6, "tenants[0].external_recipients_per_day: licences make that limit", false },
	{ FILE_TEXT "tenants:\n  - {name: a, licences: 0}\n", 4, "from 1 to 10000000", false },
	{ FILE_TEXT "tenants:\n  - {name: a, external_recipients_per_day: 0}\n", 4, "a number (a",
	        false },
	{ FILE_TEXT "tenants:\n  - {name: a, external_recipients_per_day: 2000000000}\n", 4,
	        "1000000000", false },
	{ FILE_TEXT "source:\n  total: {messages_per_minute: 2000000000}\n", 4,
	        "source.total.messages_per_minute: right is at most 1000000000", false },
	{ FILE_TEXT "source: {total: {connections: 5, recipients_per_day: 1000/1h}}\n", 0, NULL,
	        false },
	{ "name: relay.test\nroutes:\n  - host: a.test\n    interface: connector\n"
	  "    messages_per_minute: 2000000000\n",
	        5, "routes[0].messages_per_minute: right is at most", false },
	{ "name: relay.test\nroutes:\n  - host: a.test\n    interface: connector\n"
	  "    total: {recipients_per_day: 2000000000}\n",
	        5, "routes[0].total.recipients_per_day: right is at most", false },
	{ FILE_TEXT "tenants:\n  - {name: a, licenses: 5}\n", 4, "did you mean \"licences\"",
	        false },
};

static void every_row(void **state)
{
	(void)state;
	config_rows_check(rows, sizeof rows / sizeof rows[0]);
}

/* reference.md, 3.2. */
static void test_the_formula(void **state)
{
	(void)state;
	assert_int_equal(config_check_quota_of(1), 10000);
	assert_int_equal(config_check_quota_of(10), 12006);
	assert_int_equal(config_check_quota_of(100), 22059);
	assert_int_equal(config_check_quota_of(1000), 72446);
	assert_int_equal(config_check_quota_of(10000), 324979);
}

static struct config *load(const char *text)
{
	struct config_report report;
	struct config *config = NULL;

	config_report_init(&report);
	assert_false(failed(config_load_text(&config, "x.yaml", view_of(text), &report)));
	config_report_finish(&report);
	return config;
}

static void test_of_licences(void **state)
{
	struct config *config = load(TWO_TEXT "tenants: [{name: a, licences: 10}]\n" DOMAINS);
	const struct config_tenant *tenant = &config->tenants.at[0];

	(void)state;
	assert_int_equal(tenant->external_recipients_per_day.count, 12006);
	assert_true(tenant->external_recipients_per_day.period_ns == 86400 * NS_PER_S);
	assert_int_equal(tenant->onmicrosoft_recipients_per_day.count, 100);
	assert_true(tenant->onmicrosoft_recipients_per_day.period_ns == 86400 * NS_PER_S);
	assert_int_equal(config->quotas->count, 2 + 2); /* and the rates */
	config_destroy(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(test_the_formula),
		cmocka_unit_test(test_of_licences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
