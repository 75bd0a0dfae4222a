/* Which routes close together, and for which refusals. */
#include "engine/gate_plan.h"
#include "engine/config_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SUBMISSION 0
#define CONNECTOR  1
#define DIRECT     2
#define HVE        3
#define OTHER      4

static const char one_text[] = "name: relay.test\naccepted_domains: [in.test]\nroutes:\n"
                               "  - {name: a, interface: submission, host: a.test}\n"
                               "  - {name: b, interface: connector, host: a.test}\n"
                               "  - {name: c, interface: direct, host: a.test}\n"
                               "  - {name: d, interface: hve, host: a.test}\n"
                               "  - {name: e, interface: submission, host: a.test}\n";
static const char two_text[] =
        "name: relay.test\naccepted_domains: [in.test]\n"
        "tenants: [{name: first}, {name: second}]\nroutes:\n"
        "  - {name: a, interface: submission, host: a.test}\n"
        "  - {name: b, interface: connector, host: a.test}\n"
        "  - {name: c, interface: direct, host: a.test}\n"
        "  - {name: d, interface: hve, host: a.test}\n"
        "  - {name: e, interface: submission, host: a.test, tenant: second}\n";

static struct config *load(const char *text)
{
	struct config_report report;
	struct config *config = NULL;

	config_report_init(&report);
	if (failed(config_load_text(&config, "x.yaml", view_of(text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(config);
	return config;
}

static const char *gate_of(
        const struct config *config, uint16_t route, enum stage stage, const char *reply)
{
	static char memory[100];
	struct text text = TEXT_ON(memory);
	const struct verdict verdict = verdict_judge(stage, view_of(reply));

	const uint32_t gate = gate_plan_of(config, route, stage, &verdict);
	if (gate == GATE_PLAN_NONE)
		return "";
	assert_true(gate_plan_has(config, gate, route));
	gate_plan_name(config, gate, &text);
	return text_string(&text);
}

static const struct {
	uint16_t route;
	enum stage stage;
	const char *reply;
	const char *one; /* with a tenant that is not named */
	const char *two;
} rows[] = {
	{ SUBMISSION, STAGE_EOD, "550 5.7.705 Access denied, tenant has exceeded threshold",
	        "tenant", "tenant first" },
	{ OTHER, STAGE_EOD, "550 5.7.705 Access denied, tenant has exceeded threshold", "tenant",
	        "tenant second" },
	{ CONNECTOR, STAGE_EOD, "550 5.7.233 tenant external recipient rate limit", "tenant",
	        "tenant first" },
	{ HVE, STAGE_EOD, "550 5.7.705 Access denied, tenant has exceeded threshold", "", "" },
	{ CONNECTOR, STAGE_RCPT, "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
	        "source address", "source address" },
	{ DIRECT, STAGE_RCPT,
	        "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77714)",
	        "source address", "source address" },
	{ SUBMISSION, STAGE_RCPT, "550 5.7.606 Access denied, banned sending IP [192.0.2.1]", "",
	        "" },
	/* IPv4 may do. */
	{ DIRECT, STAGE_RCPT, "550 5.7.1 Unable to accept unauthorized message over IPv6 ATTR2", "",
	        "" },
	/* Of one route, one mailbox, one way to sign in. */
	{ CONNECTOR, STAGE_RCPT, "550 5.7.64 TenantAttribution; Relay Access Denied", "", "" },
	{ SUBMISSION, STAGE_EOD, "432 4.3.2 Concurrent connections limit exceeded.", "", "" },
	{ SUBMISSION, STAGE_AUTH,
	        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", "",
	        "" },
};

static void test_rows(void **state)
{
	struct config *one = load(one_text);
	struct config *two = load(two_text);

	(void)state;
	assert_int_equal(gate_plan_count(one), 2);
	assert_int_equal(gate_plan_count(two), 3);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_string_equal(
		        gate_of(one, rows[i].route, rows[i].stage, rows[i].reply), rows[i].one);
		assert_string_equal(
		        gate_of(two, rows[i].route, rows[i].stage, rows[i].reply), rows[i].two);
	}
	config_destroy(one);
	config_destroy(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
