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
	                  run_held_release(&stand, settings, messages, &drain, why);
	if (done) {
		figures_add(figures, "drain_per_second", drain.per_s, "1/s");
		figures_add(figures, "engine_cpu", drain.cpu_us, "us/message");
		figures_add(figures, "engine_switches", drain.switches, "1/message");
		figures_add(
		        figures, "engine_memory", (double)drain.memory_bytes / (1 << 20), "MiB");
		figures_add(figures, "sent_twice", (double)drain.sent_twice, "messages");
		figures_add(figures, "lost", (double)drain.lost, "messages");
	} else {
		child_last_words(stand.sluice_output);
	}
	stand_close(&stand);
	return done;
}
