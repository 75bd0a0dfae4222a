/* In whose name: which entry decides, and what comes of it. */
#include "engine/naming.h"

#include "engine/config_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct config *load(const char *names)
{
	char room[4096];
	struct text text = TEXT_ON(room);
	struct config_report report;
	struct config *config = NULL;

	text_format(&text,
	        "name: relay.test\nroutes: [{host: a.test, notices_from: r@o.test}]\n"
	        "listeners: [{address: 127.0.0.1:2525, name: in.test}, {address: 127.0.0.1:26}]\n"
	        "%s",
	        names);
	config_report_init(&report);
	if (failed(config_load_text(&config, "x.yaml", text_view(&text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(config);
	return config;
}

static struct naming decide(const struct config *config, const char *sender, const char *client,
        const char *user, const char *listener)
{
	struct rulebook_mail mail = {
		.sender = view_of(sender),
		.user = view_of(user),
		.listener = view_of(listener),
		.has_client = true,
	};

	assert_true(endpoint_parse_address(view_of(client), &mail.client));
	return naming_decide(config, &mail);
}

static void assert_naming(
        struct naming naming, uint16_t entry, const char *sender, const char *from, bool replaces)
{
	assert_int_equal(naming.entry, entry);
	assert_false(naming.refuses);
	assert_true(view_equal(naming.sender, view_of(sender)));
	assert_true(view_equal(naming.from, view_of(from)));
	assert_int_equal(naming.replaces, replaces);
}

static void without_names_all_stay(void **state)
{
	(void)state;
	struct config *config = load("");
	assert_null(config->naming_book);
	assert_naming(decide(config, "a@b.test", "127.0.0.1", "", ""), NAMING_NONE, "", "", false);
	config_destroy(config);
	config = load("names: []\n");
	assert_naming(decide(config, "", "127.0.0.1", "", ""), NAMING_NONE, "", "", false);
	config_destroy(config);
}

static void the_first_that_matches_decides(void **state)
{
	(void)state;
	struct config *config =
	        load("names:\n"
	             "  - {client: 10.0.0.0/8, policy: rewrite, address: c@o.test}\n"
	             "  - {user: Joe, policy: rewrite, address: u@o.test}\n"
	             "  - {listener: in.test, policy: rewrite, address: l@o.test}\n"
	             "  - {sender: ['@o.test', '<>'], policy: as_is}\n"
	             "  - {policy: refuse}\n");
	const char *second = "127.0.0.1:26";
	assert_naming(decide(config, "a@b.test", "10.1.2.3", "joe", second), 0, "c@o.test",
	        "c@o.test", true);
	assert_naming(decide(config, "a@b.test", "127.0.0.1", "joe", second), 1, "u@o.test",
	        "u@o.test", true);
	assert_naming(decide(config, "a@b.test", "::1", "", "127.0.0.1:2525"), 2, "l@o.test",
	        "l@o.test", true);
	assert_naming(decide(config, "a@O.test", "::1", "", second), 3, "", "", false);
	assert_naming(decide(config, "", "::1", "", second), 3, "", "", false);
	const struct naming refused = decide(config, "a@b.test", "::1", "", second);
	assert_int_equal(refused.entry, 4);
	assert_true(refused.refuses);
	config_destroy(config);
}

static void a_default_is_for_who_has_none(void **state)
{
	(void)state;
	struct config *config = load("names: [{default_from: d@o.test}]\n");
	assert_naming(decide(config, "", "::1", "", ""), 0, "d@o.test", "d@o.test", false);
	assert_naming(decide(config, "a@b.test", "::1", "", ""), 0, "", "d@o.test", false);
	config_destroy(config);
}

static void rewrite_has_its_address_for_all(void **state)
{
	(void)state;
	struct config *config = load("names: [{policy: rewrite, address: n@o.test}]\n");
	assert_naming(decide(config, "", "::1", "", ""), 0, "n@o.test", "n@o.test", true);
	assert_naming(decide(config, "N@o.test", "::1", "", ""), 0, "", "n@o.test", true);
	config_destroy(config);
	config = load("names: [{policy: rewrite, address: n@o.test, default_from: d@o.test}]\n");
	assert_naming(decide(config, "", "::1", "", ""), 0, "d@o.test", "d@o.test", true);
	assert_naming(decide(config, "a@b.test", "::1", "", ""), 0, "n@o.test", "n@o.test", true);
	config_destroy(config);
}

static void a_map_knows_addresses_before_domains(void **state)
{
	(void)state;
	struct config *config = load("names:\n"
	                             "  - policy: map\n"
	                             "    map: ['@b.test: domain@o.test', 'a@b.test:one@o.test', "
	                             "'Z@c.test: z@o.test']\n");
	assert_naming(
	        decide(config, "A@B.test", "::1", "", ""), 0, "one@o.test", "one@o.test", true);
	assert_naming(decide(config, "x@b.test", "::1", "", ""), 0, "domain@o.test",
	        "domain@o.test", true);
	assert_naming(decide(config, "z@c.test", "::1", "", ""), 0, "z@o.test", "z@o.test", true);
	assert_naming(decide(config, "y@c.test", "::1", "", ""), 0, "", "", false);
	assert_naming(decide(config, "", "::1", "", ""), 0, "", "", false);
	config_destroy(config);
	config = load("names:\n"
	              "  - {policy: map, map: '@b.test: m@o.test', address: n@o.test,\n"
	              "     default_from: d@o.test}\n");
	assert_naming(decide(config, "x@c.test", "::1", "", ""), 0, "n@o.test", "n@o.test", true);
	assert_naming(decide(config, "x@b.test", "::1", "", ""), 0, "m@o.test", "m@o.test", true);
	assert_naming(decide(config, "", "::1", "", ""), 0, "d@o.test", "d@o.test", true);
	config_destroy(config);
	config = load("names: [{policy: map, map: '@b.test: m@o.test', default_from: d@o.test}]\n");
	assert_naming(decide(config, "x@c.test", "::1", "", ""), 0, "", "d@o.test", false);
	assert_naming(decide(config, "", "::1", "", ""), 0, "d@o.test", "d@o.test", false);
	config_destroy(config);
}

/* It stands in for whoever sends it, where it is possible; else a mailbox of ours does. */
static void rewrite_without_an_address_is_open(void **state)
{
	(void)state;
	struct config *config = load("names: [{policy: rewrite, default_from: d@o.test}]\n");
	struct naming naming = decide(config, "a@b.test", "::1", "", "");
	assert_true(naming.opens);
	assert_naming(naming, 0, "", "a@b.test", true);
	assert_int_equal(naming_byline(&naming), BYLINE_OPEN);
	naming = decide(config, "", "::1", "", "");
	assert_true(naming.opens);
	assert_naming(naming, 0, "d@o.test", "d@o.test", true);
	config_destroy(config);
	config = load("names: [{policy: rewrite}]\n");
	assert_naming(decide(config, "", "::1", "", ""), 0, "r@o.test", "r@o.test", true);
	config_destroy(config);
	config = load("names: [{policy: rewrite, address: n@o.test}, {policy: as_is}]\n");
	naming = decide(config, "a@b.test", "::1", "", "");
	assert_false(naming.opens);
	assert_int_equal(naming_byline(&naming), BYLINE_REPLACE);
	config_destroy(config);
	config = load("names: [{default_from: n@o.test}]\n");
	naming = decide(config, "a@b.test", "::1", "", "");
	assert_int_equal(naming_byline(&naming), BYLINE_REPAIR);
	config_destroy(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_names_all_stay),
		cmocka_unit_test(the_first_that_matches_decides),
		cmocka_unit_test(a_default_is_for_who_has_none),
		cmocka_unit_test(rewrite_has_its_address_for_all),
		cmocka_unit_test(a_map_knows_addresses_before_domains),
		cmocka_unit_test(rewrite_without_an_address_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
