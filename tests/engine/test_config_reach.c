/* Which routes mail may take that an entry of `names` matches. */
#include "engine/config_reach.h"

#include "engine/config_report.h"
#include "engine/naming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct config *load(const char *entry, const char *rules)
{
	char room[4096];
	struct text text = TEXT_ON(room);
	struct config_report report;
	struct config *config = NULL;

	text_format(&text,
	        "name: relay.test\n"
	        "listeners: [{address: 127.0.0.1:2525, name: in.test}, {address: 127.0.0.1:26}]\n"
	        "accepted_domains: [c.test]\n"
	        "routes:\n"
	        "  - {name: a, interface: direct, host: a.test, fallback: d}\n"
	        "  - {name: b, interface: connector, host: a.test, fallback: e}\n"
	        "  - {name: c, interface: connector, host: a.test}\n"
	        "  - {name: d, interface: connector, host: a.test}\n"
	        "  - {name: e, interface: connector, host: a.test, fallback: f}\n"
	        "  - {name: f, interface: connector, host: a.test}\n"
	        "names:\n  - {%s}\n%s%s",
	        entry, rules[0] != '\0' ? "rules:\n" : "", rules);
	config_report_init(&report);
	if (failed(config_load_text(&config, "x.yaml", text_view(&text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(config);
	return config;
}

static const struct {
	const char *entry;
	const char *rules;
	const char *routes;
} rows[] = {
	/* The first that takes all, those before it, and what they fall back on. */
	{ "user: joe", "", "abdef" },
	{ "user: joe", "  - {route: c}\n", "c" },
	{ "user: joe", "  - {route: [a, c]}\n", "acd" },
	{ "user: joe", "  - {recipient_domain: x.test, route: c}\n", "abcdef" },
	{ "user: joe", "  - {recipient_domain: x.test, route: c}\n  - {route: f}\n", "cf" },
	/* Rules for others. */
	{ "user: joe", "  - {user: ann, route: c}\n  - {route: f}\n", "f" },
	{ "user: joe", "  - {user: [ann, JOE], route: c}\n  - {route: f}\n", "cf" },
	{ "listener: in.test", "  - {listener: 127.0.0.1:26, route: c}\n  - {route: f}\n", "f" },
	{ "listener: in.test", "  - {listener: 127.0.0.1:2525, route: c}\n  - {route: f}\n", "cf" },
	{ "sender: a@b.test", "  - {sender: c@b.test, route: c}\n  - {route: f}\n", "cf" },
};

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config *config = load(rows[i].entry, rows[i].rules);
		char room[16];
		struct text text = TEXT_ON(room);

		for (uint16_t route = 0; route < config->routes.count; route++)
			if (config_reach_has(config, &config->naming_book->rules->rules[0], route))
				text_put_byte(&text, (char)('a' + route));
		assert_string_equal(text_string(&text), rows[i].routes);
		config_destroy(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
