/* What is noted of settings that Exchange Online does not go along with, and where. */
#include "engine/config_check_service.h"

#include "engine/config_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OUTPUT_BYTES 8192

/* Its notes, one a line. */
static void load(const char *route, const char *identity, char said[OUTPUT_BYTES])
{
	char secret[] = "sluice-service-XXXXXX";
	char text[1024];
	struct config_report report;
	struct config *config = NULL;

	const int fd = mkstemp(secret);
	assert_int_equal(write(fd, "s3cret", 6), 6);
	(void)close(fd);
	(void)snprintf(text, sizeof text,
	        "name: relay.test\n"
	        "routes:\n"
	        "  - interface: submission\n"
	        "    %s\n"
	        "    identities:\n"
	        "      - user: u@in.test\n"
	        "        secret_file: %s\n"
	        "        %s\n",
	        route, secret, identity);
	config_report_init(&report);
	const struct err err = config_load_text(&config, "x.yaml", view_of(text), &report);
	(void)unlink(secret);
	FILE *file = fmemopen(said, OUTPUT_BYTES, "w");
	assert_non_null(file);
	config_report_print(&report, CONFIG_WRONG, file);
	config_report_print(&report, CONFIG_NOTE, file);
	assert_int_equal(fclose(file), 0);
	config_report_finish(&report);
	assert_false(failed(err));
	config_destroy(config);
}

static void test_what_is_noted(void **state)
{
	static const struct {
		const char *route;
		const char *identity;
		const char *said; /* "": nothing */
	} cases[] = {
		{ "port: 587", "auth: login", "" },
		{ "port: 25", "connections: 3", "" },
		{ "port: 465", "auth: login",
		        "x.yaml:4: note: routes[0].port: smtp.office365.com does not serve 465; "
		        "right is 587, or 25, with STARTTLS\n" },
		{ "host: mail.test", "auth: plain", "" },
		{ "host: SMTP.Office365.com", "auth: plain",
		        "x.yaml:8: note: routes[0].identities[0].auth: SMTP.Office365.com does not "
		        "offer PLAIN (504 5.7.4); right is login, or xoauth2\n" },
		{ "host: smtp-legacy.office365.com", "auth: plain",
		        "x.yaml:8: note: routes[0].identities[0].auth: smtp-legacy.office365.com "
		        "does not offer PLAIN (504 5.7.4); right is login, or xoauth2\n" },
		{ "connections: 4", "auth: login",
		        "x.yaml:4: note: routes[0].connections: Exchange Online's own is 3 a "
		        "mailbox; more messages in flight are refused after their data (432 "
		        "4.3.2)\n" },
		{ "messages_per_minute: 30", "messages_per_minute: 31",
		        "x.yaml:8: note: routes[0].identities[0].messages_per_minute: Exchange "
		        "Online's own is 30 a mailbox; what becomes of more is not documented: "
		        "they may be delayed or refused\n" },
		{ "messages_per_minute: 60/2m", "messages_per_minute: 1800/1h", "" },
		{ "recipients_per_day: 10000/23h", "auth: login",
		        "x.yaml:4: note: routes[0].recipients_per_day: Exchange Online's own is "
		        "10000 a mailbox; more are refused for hours (554 5.2.0)\n" },
		{ "recipients_per_day: 10000", "recipients_per_message: none",
		        "x.yaml:8: note: routes[0].identities[0].recipients_per_message: Exchange "
		        "Online's own is 1000 a mailbox; more are refused (452 4.5.3), and "
		        "repeated refusals bar the mailbox (550 5.2.254)\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char said[OUTPUT_BYTES] = "";

		load(cases[i].route, cases[i].identity, said);
		assert_string_equal(said, cases[i].said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
