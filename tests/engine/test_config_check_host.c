/* A host or a domain, and what DNSSEC is to say of it. */
#include "engine/config_check_host.h"

#include "engine/config_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OUTPUT_BYTES 8192
/* Any file that can be read passes for an anchor: it is looked into when the engine starts. */
#define ANCHORED "dns: {trust_anchor: /etc/hosts}\n"

/* Loads `text`; NULL: it was refused. `said` gets what was said of it. */
static struct config *load(const char *text, enum config_remark remark, char said[OUTPUT_BYTES])
{
	struct config_report report;
	struct config *config = NULL;

	config_report_init(&report);
	const struct err err = config_load_text(&config, "sluice.yaml", view_of(text), &report);
	FILE *file = fmemopen(said, OUTPUT_BYTES, "w");
	assert_non_null(file);
	config_report_print(&report, remark, file);
	assert_int_equal(fclose(file), 0);
	config_report_finish(&report);
	assert_int_equal(failed(err), config == NULL);
	return config;
}

static void test_where_it_leads(void **state)
{
	static const struct {
		const char *text;
		const char *host;
		const char *domain;
		enum route_dane dane;
	} cases[] = {
		{ "routes: [{host: mx.test}]\n", "mx.test", NULL, ROUTE_DANE_AUTO },
		{ "routes: [{interface: direct, domain: a.test}]\n", NULL, "a.test",
		        ROUTE_DANE_AUTO },
		{ "routes: [{interface: direct}]\naccepted_domains: [b.test, c.test]\n", NULL,
		        "b.test", ROUTE_DANE_AUTO },
		{ "routes: [{interface: direct}]\naccepted_domains: [\"b\xc3\xbc"
		  "cher.test\"]\n",
		        NULL, "xn--bcher-kva.test", ROUTE_DANE_AUTO },
		{ "routes: [{interface: connector}]\naccepted_domains: [b.test]\n", NULL, "b.test",
		        ROUTE_DANE_AUTO },
		{ "routes: [{interface: connector, host: mx.test}]\naccepted_domains: [b.test]\n",
		        "mx.test", NULL, ROUTE_DANE_AUTO },
		{ "routes: [{interface: submission}]\naccepted_domains: [b.test]\n",
		        "smtp.office365.com", NULL, ROUTE_DANE_OFF },
		{ "routes: [{interface: hve, domain: a.test}]\n", NULL, "a.test", ROUTE_DANE_OFF },
		{ "routes: [{interface: hve, tls: {dane: auto}}]\n", "smtp.hve.mx.microsoft", NULL,
		        ROUTE_DANE_AUTO },
		{ "routes: [{host: mx.test, tls: {mode: none}}]\n", "mx.test", NULL,
		        ROUTE_DANE_OFF },
		{ "routes: [{host: mx.test, tls: {dane: off}}]\n", "mx.test", NULL,
		        ROUTE_DANE_OFF },
		{ ANCHORED "routes: [{host: mx.test, tls: {dane: required}}]\n", "mx.test", NULL,
		        ROUTE_DANE_REQUIRED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char said[OUTPUT_BYTES] = "";
		struct config *config = load(cases[i].text, CONFIG_WRONG, said);
		if (config == NULL)
			fail_msg("%s: %s", cases[i].text, said);
		const struct config_route *route = &config->routes.at[0];
		if (cases[i].host == NULL)
			assert_null(route->host);
		else
			assert_string_equal(route->host, cases[i].host);
		if (cases[i].domain == NULL)
			assert_null(route->domain);
		else
			assert_string_equal(route->domain, cases[i].domain);
		assert_int_equal(route->tls.dane, cases[i].dane);
		/* Without a name of its own a route to MX hosts checks each one's. */
		if (cases[i].host == NULL)
			assert_null(route->tls.name);
		config_destroy(config);
	}
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text;
		const char *words;
	} cases[] = {
		{ "routes: [{interface: direct}]\n", "domain, such as contoso.com" },
		{ "routes: [{host: mx.test, domain: a.test}]\n", "there is a host too" },
		{ "routes: [{domain: a b}]\n", "a domain such as contoso.com" },
		{ "routes: [{interface: direct, domain: \"b\xc3\xbc"
		  "cher.test\"}]\n",
		        "contoso.com, here xn--bcher-kva.test" },
		{ "routes: [{host: \"\xe2\x9d\xa4.test\"}]\n", "an IP address\n" },
		{ "routes: [{host: mx.test, tls: {dane: maybe}}]\n",
		        "right is auto, off or required" },
		{ ANCHORED "routes: [{host: mx.test, tls: {dane: required, mode: none}}]\n",
		        "mode is none" },
		{ ANCHORED "routes: [{host: 192.0.2.1, tls: {dane: required}}]\n",
		        "an address has no TLSA records" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char said[OUTPUT_BYTES] = "";
		assert_null(load(cases[i].text, CONFIG_WRONG, said));
		if (strstr(said, cases[i].words) == NULL)
			fail_msg("%s: %s", cases[i].text, said);
	}
}

/* What the package brings counts; without anything, nothing can be validated. */
static void test_anchor(void **state)
{
	static const char required[] = "routes: [{host: mx.test, tls: {dane: required}}]\n";
	static const char wanted[] = "routes: [{host: mx.test, tls: {dane: auto}}]\n";
	const bool packaged = access(CONFIG_PACKAGED_ANCHOR, R_OK) == 0;
	char said[OUTPUT_BYTES] = "";

	(void)state;
	struct config *config = load(required, CONFIG_WRONG, said);
	assert_int_equal(config != NULL, packaged);
	if (packaged)
		assert_string_equal(config->dns.trust_anchor, CONFIG_PACKAGED_ANCHOR);
	else
		assert_non_null(strstr(said, "no DNSSEC trust anchor"));
	config_destroy(config);
	config = load(wanted, CONFIG_NOTE, said);
	assert_non_null(config);
	assert_int_equal(strstr(said, "no TLSA record counts") == NULL, packaged);
	config_destroy(config);
}

/* What the interfaces bring besides: Microsoft's figures, and on the MX side a session's end before
 * the server ends it, after 5 minutes without work or 20 in all. */
static void test_figures(void **state)
{
	char said[OUTPUT_BYTES] = "";
	struct config *config = load("routes: [{interface: submission}, {interface: hve}, "
	                             "{interface: direct, host: a.test}, {host: a.test}]\n",
	        CONFIG_WRONG, said);

	(void)state;
	assert_non_null(config);
	const struct config_route *routes = config->routes.at;
	assert_int_equal(routes[0].message_bytes, 157286400);
	assert_int_equal(routes[1].recipients_per_message.count, 50);
	assert_int_equal(routes[1].port, 587);
	for (size_t i = 2; i < 4; i++) {
		assert_int_equal(routes[i].port, 25);
		assert_int_equal(routes[i].message_bytes, 157286400);
		assert_int_equal(routes[i].recipients_per_message.count, 200);
		assert_true(routes[i].group_by_domain);
		assert_int_equal(routes[i].messages_per_session.count, 100);
		assert_int_equal(routes[i].idle_ns, 60 * NS_PER_S);
		assert_int_equal(routes[i].lifetime_ns, 900 * NS_PER_S);
	}
	config_destroy(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_it_leads),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_anchor),
		cmocka_unit_test(test_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
