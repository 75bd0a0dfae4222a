#include "bench/run_held.h"

bool run_drain(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	const uint64_t messages = settings->churn.backlog;
	struct stand stand;
	struct load_account load;
	struct run_drain drain;

	if (!run_held_open(&stand, settings, why))
		return false;
	const bool done = run_held_fill(&stand, settings, "drain", messages, &load, why) &&
	                  run_held_release(&stand, settings, messages, figures, &drain, why);
	if (done) {
		figures_add(figures, "drain_per_second", drain.per_s, "1/s");
		run_held_add_end(figures, &drain);
	} else {
		child_last_words(stand.sluice_output);
	}
	stand_close(&stand);
	return done;
}
