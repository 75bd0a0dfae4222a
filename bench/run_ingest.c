#include "bench/run_held.h"

/* Accepting alone: nothing goes out meanwhile. */
bool run_ingest(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct stand stand;
	struct load_account load;
	struct child_usage before;
	struct child_usage after;

	if (!run_held_open(&stand, settings, why))
		return false;
	const bool done =
	        run_held_usage(&stand, &before, why) &&
	        run_held_fill(&stand, settings, "ingest", settings->load.messages, &load, why) &&
	        run_held_usage(&stand, &after, why);
	if (done) {
		const double messages = (double)load.taken;
		run_add_load(figures, &load);
		figures_add(figures, "engine_cpu",
		        (double)(after.cpu_ns - before.cpu_ns) / (double)NS_PER_US / messages,
		        "us/message");
		figures_add(figures, "engine_switches",
		        (double)(after.switches - before.switches) / messages, "1/message");
		figures_add(
		        figures, "engine_memory", (double)after.memory_bytes / (1 << 20), "MiB");
	} else {
		child_last_words(stand.sluice_output);
	}
	stand_close(&stand);
	return done;
}
