/* A configuration is read or refused, whatever it says: never both, and never in silence. */
#include "engine/config.h"
#include "engine/config_report.h"
#include "tests/fuzz/fuzz.h"

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
		for (size_t i = 0; i < config->routes.count; i++) {
			check(config->routes.at[i].host != NULL);
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
