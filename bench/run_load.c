#include "bench/run.h"

#include <errno.h>

bool run_load(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct load_settings load = settings->load;
	struct pump pump;

	if (settings->ledger != NULL) {
		load.ledger = fopen(settings->ledger, "we");
		if (load.ledger == NULL) {
			text_format(why, "%s: %s", settings->ledger, strerror(errno));
			return false;
		}
	}
	bool done = !failed(pump_open(&pump, &load, settings->interrupted, why));
	if (done) {
		done = pump_run(&pump, why);
		run_add_load(figures, &pump.load.account);
		figures_add(figures, "taken", (double)pump.load.account.taken, "messages");
		figures_add(figures, "doubted", (double)pump.load.account.doubted, "messages");
		pump_close(&pump);
	}
	if (load.ledger != NULL && fclose(load.ledger) != 0) {
		text_format(why, "%s: %s", settings->ledger, strerror(errno));
		return false;
	}
	return done;
}
