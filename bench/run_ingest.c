#include "bench/run_held.h"

/* Accepting alone: nothing goes out meanwhile. */
bool run_ingest(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct stand stand;
	struct load_account load;
	struct usage usage;

	if (!run_held_open(&stand, settings, why))
		return false;
	bool done = usage_start(&usage, &stand.sluice, settings->uncounted, why);
	if (done) {
		done = run_held_fill(
		        &stand, settings, "ingest", settings->load.messages, &load, why);
		if (!done)
			usage_drop(&usage);
	}
	if (done) {
		const double messages = (double)load.taken;
		run_add_load(figures, &load);
		(void)usage_end(&usage, figures, messages, messages * (double)settings->load.bytes);
	} else {
		child_last_words(stand.sluice_output);
	}
	stand_close(&stand);
	return done;
}
