/* Which of the files that a configuration names are read while the relay runs. */
#include "engine/config_late.h"

#include "engine/config_report.h"
#include "tests/engine/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static int begin(void **state)
{
	static struct place place;

	place_open(&place);
	place_write(&place, "anchor", 0644);
	place_write(&place, "secret", 0600);
	place_write(&place, "app", 0600);
	place_write(&place, "refresh", 0600);
	place_write(&place, "ca", 0644);
	*state = &place;
	return 0;
}

static int end(void **state)
{
	place_close(*state);
	return 0;
}

static const char text[] =
        "name: relay.test\n"
        "dns: {trust_anchor: anchor}\n"
        "tenants: [{name: t, id: contoso.com}]\n"
        "routes:\n"
        "  - name: r\n"
        "    interface: submission\n"
        "    identities:\n"
        "      - {user: a@contoso.com, secret_file: secret}\n"
        "      - {user: b@contoso.com, oauth: {client_id: i, client_secret_file: app}}\n"
        "      - {user: c@contoso.com, oauth: {client_id: i, refresh_token_file: refresh}}\n"
        "      - {user: d@contoso.com, oauth: {command: [/bin/true]}}\n"
        "    oauth: {proxy: \"http://p:1\"}\n";

static void test_the_list(void **state)
{
	static const struct {
		const char *name;
		const char *file;
		bool replaced;
	} wanted[] = {
		{ "dns.trust_anchor", "anchor", false },
		{ "routes[0].identities[0].secret_file", "secret", false },
		{ "routes[0].identities[1].oauth.client_secret_file", "app", false },
		{ "routes[0].identities[2].oauth.refresh_token_file", "refresh", true },
	};
	const struct place *place = *state;
	struct config_report report;
	struct config *config;
	struct config_late late;
	char path[PLACE_PATH_BYTES];

	config_report_init(&report);
	const struct err err = config_load_text(
	        &config, place_path(place, "x.yaml", path), view_of(text), &report);
	config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_false(failed(err));
	assert_true(config_runs_commands(config));
	assert_false(failed(config_late_open(&late, config)));
	assert_int_equal(late.count, sizeof wanted / sizeof wanted[0]);
	for (size_t i = 0; i < late.count; i++) {
		char room[128];
		struct text name = TEXT_ON(room);

		config_late_name(&late.at[i], &name);
		assert_string_equal(text_string(&name), wanted[i].name);
		assert_string_equal(late.at[i].path, place_path(place, wanted[i].file, path));
		assert_int_equal(late.at[i].replaced, wanted[i].replaced);
	}
	config_late_close(&late);
	config_destroy(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_list),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
