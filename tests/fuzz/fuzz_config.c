/* A configuration is read or refused, whatever it says: never both, and never in silence. */
#include "engine/config.h"
#include "engine/config_report.h"
#include "engine/routing.h"
#include "tests/fuzz/fuzz.h"

/* Whatever the rules are, each recipient has one answer, and a route that is found can carry it. */
static void check_routing(const struct config *config)
{
	static const char *const recipients[] = { "a@contoso.com", "b@x.contoso.com", "c@y.test",
		"d@[192.0.2.1]", "" };
	static const char *const senders[] = { "", "a@contoso.com" };

	for (size_t i = 0; i < sizeof recipients / sizeof recipients[0]; i++)
		for (size_t j = 0; j < 2; j++) {
			struct rulebook_seen seen;
			struct rulebook_mail mail = { .sender = view_of(senders[j]),
				.seen = &seen };
			const struct view to = view_of(recipients[i]);

			rulebook_see_text(
			        config->rulebook, VIEW("X-A: b\r\nSubject: c\r\n"), &seen);
			const struct routing routing = routing_decide(config, &mail, to);
			check(routing.fate != ROUTING_OPEN);
			check(routing.route < config->routes.count);
			if (routing.fate == ROUTING_TAKEN)
				check(routing_carries(config, routing.route, mail.sender, to));
			mail.seen = NULL;
			if (routing.fate != ROUTING_NOWHERE)
				check(routing_decide(config, &mail, to).fate != ROUTING_NOWHERE);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct config_report report;
	struct config *config;

	config_report_init(&report);
	struct err err = config_load_text(
	        &config, "no/such/folder/sluice.yaml", view_from(data, bytes), &report);
	check(failed(err) == (config == NULL));
	check(failed(err) == (report.wrong_count > 0));
	if (config != NULL) {
		check(config->routes.count > 0);
		check(config->listeners.count > 0);
		check(config->name != NULL);
		check(config->limits.message_bytes <= config->limits.memory_bytes);
		check_routing(config);
		for (size_t i = 0; i < config->routes.count; i++) {
			check((config->routes.at[i].host == NULL) !=
			        (config->routes.at[i].domain == NULL));
			check(config->routes.at[i].tls.dane != ROUTE_DANE_UNSET);
			check(config->routes.at[i].name != NULL);
			check(config->routes.at[i].tls.mode != ROUTE_TLS_UNSET);
		}
	}
	for (size_t i = 0; i < report.count; i++)
		check(report.lines[i].line > 0);
	config_destroy(config);
	config_report_finish(&report);
	return 0;
}
