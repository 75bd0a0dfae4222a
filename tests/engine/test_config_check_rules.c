/* What rules, routes and fallbacks may say, by lines; and the words that their keys take. */
#include "tests/engine/config_rows.h"

#define ROUTES                                                                                     \
	"name: relay.test\n"                                                                       \
	"accepted_domains: [in.test]\n"                                                            \
	"listeners: [{address: 127.0.0.1:2525, name: in.relay.test}]\n"                            \
	"routes:\n"                                                                                \
	"  - {name: far, host: a.test}\n"                                                          \
	"  - {name: inside, interface: direct, host: a.test}\n"                                    \
	"rules:\n"

static const struct config_row rows[] = {
	{ ROUTES
	        "  - {recipient_domain: [in.test, '*.x.test', internal], route: inside}\n"
	        "  - {recipient: [a@b.test, '@c.test'], route: [inside, far]}\n"
	        "  - {sender: [a@b.test, '@c.test', '<>'], user: joe, client: 10.0.0.0/8,\n"
	        "     listener: [in.relay.test, '127.0.0.1:2525'], header: 'X-A: b', route: far}\n",
	        0, NULL, false },
	{ ROUTES "  - {}\n", 8, "rules[0].route is missing", false },
	{ ROUTES "  - {route: []}\n", 8, "rules[0].route is missing", false },
	{ ROUTES "  - {route: near}\n", 8, "rules[0].route: no route is named \"near\"", false },
	{ ROUTES "  - {rout: far}\n", 8, "did you mean \"route\"", false },
	{ ROUTES "  - {route: far, sender: []}\n", 8, "rules[0].sender: empty", false },
	{ ROUTES "  - {route: far, recipient: a}\n", 8, "addresses such as a@contoso.com", false },
	{ ROUTES "  - {route: far, recipient: '<>'}\n", 8, "addresses such as", false },
	{ ROUTES "  - {route: far, sender: '@'}\n", 8, "or \"<>\"", false },
	{ ROUTES "  - {route: far, recipient_domain: '*.'}\n", 8, "domains such as", false },
	{ ROUTES "  - {route: far, recipient_domain: '*x.test'}\n", 8, "domains such as", false },
	{ ROUTES "  - {route: far, recipient_domain: {a: b}}\n", 8, "a section is wrong", false },
	{ ROUTES "  - {route: far, recipient_domain: }\n", 8, "nothing is wrong", false },
	{ ROUTES "  - {route: far, client: all}\n", 8, "networks such as", false },
	{ ROUTES "  - {route: far, header: X-A}\n", 8, "headers such as", false },
	{ ROUTES "  - {route: far, header: 'X A: b'}\n", 8, "headers such as", false },
	{ ROUTES "  - {route: far, header: 'X-A: '}\n", 8, "headers such as", false },
	{ ROUTES "  - {route: far, listener: out.test}\n", 8, "no listener has the address or name",
	        false },
	{ ROUTES "  - {route: far, listener: '127.0.0.1:1'}\n", 8, "no listener has", false },
	{ "routes: [{host: a.test, fallback: b}]\n", 1, "no route is named \"b\"", false },
	{ "routes: [{host: a.test, fallback: connector}]\n", 1, "leads back to \"connector\"",
	        false },
	{ "routes:\n"
	  "  - {name: a, host: a.test, fallback: b}\n"
	  "  - {name: b, host: a.test, fallback: c}\n"
	  "  - {name: c, host: a.test, fallback: b}\n",
	        3, "leads back to \"b\"", false },
	{ "routes: [{host: a.test, fallback_after: soon}]\n", 1, "a duration such as", false },
	/* Not wrong, and worth knowing. */
	{ ROUTES "  - {route: far}\n  - {user: joe, route: inside}\n", 9,
	        "rules[1]: never matches: rules[0] takes all", true },
	{ ROUTES "  - {recipient_domain: '*.x.test', route: far}\n"
	         "  - {recipient_domain: a.b.x.test, user: joe, route: inside}\n",
	        9, "rules[1]: never matches", true },
	{ ROUTES "  - {recipient_domain: internal, route: far}\n"
	         "  - {recipient: [a@in.test], route: inside}\n",
	        9, "rules[1]: never matches", true },
	{ ROUTES "  - {recipient_domain: [internal, external], route: far}\n"
	         "  - {sender: a@b.c, route: [inside, far]}\n",
	        9, "rules[1]: never matches", true },
	{ ROUTES "  - {recipient_domain: external, route: far}\n"
	         "  - {recipient_domain: internal, route: far}\n"
	         "  - {route: [inside, far]}\n",
	        10, "rules[2]: never matches", true },
	{ ROUTES "  - {recipient_domain: external, route: inside}\n", 8,
	        "other recipients that it matches are refused", true },
	{ "routes: [{host: a.test, interface: direct}]\n", 1, "nothing takes this route", true },
	{ "routes: [{interface: hve}]\n", 1, "set accepted_domains", true },
	{ "routes: [{host: a.test}, {host: a.test, name: b}]\n", 1, "no rule and no fallback leads",
	        true },
	/* None of these is too much. */
	{ ROUTES "  - {recipient_domain: x.test, user: joe, route: far}\n"
	         "  - {recipient_domain: x.test, route: far}\n"
	         "  - {recipient_domain: [x.test, y.test], route: [inside, far]}\n",
	        0, NULL, false },
	{ ROUTES "  - {recipient_domain: external, route: far}\n"
	         "  - {recipient_domain: '*.test', route: [inside, far]}\n",
	        0, NULL, false },
	{ "name: relay.test\nroutes: [{host: a.test, fallback: b}, {host: a.test, name: b}]\n", 0,
	        NULL, false },
};

static void every_row(void **state)
{
	(void)state;
	config_rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void too_many_headers(void **state)
{
	static char file[1 << 16];
	struct text text = TEXT_ON(file);
	struct config_report report;
	struct config *config;

	(void)state;
	text_format(&text, "routes: [{host: a.test}]\nrules:\n");
	for (int i = 0; i < 1025; i++)
		text_format(&text, "  - {header: 'A: %d', route: connector}\n", i);
	assert_false(text.overflow);
	config_report_init(&report);
	assert_true(failed(config_load_text(&config, "x.yaml", text_view(&text), &report)));
	assert_int_equal(report.wrong_count, 1);
	assert_int_equal(report.lines[report.count - 1].line, 1027);
	config_report_finish(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(too_many_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
