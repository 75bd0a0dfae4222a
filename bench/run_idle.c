#include "bench/run.h"

#define IDLE_SETTLE_NS (500 * NS_PER_MS) /* for buffers to go back */

static bool idle_usage(const struct stand *stand, struct child_usage *usage, struct text *why);
static bool idle_measure(const struct run_settings *settings, const struct stand *stand,
        struct child_usage *after, struct text *why);

bool run_idle(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct stand stand;
	struct child_usage before;
	struct child_usage after;

	if (!run_open(&stand, settings, why))
		return false;
	const bool done =
	        idle_usage(&stand, &before, why) && idle_measure(settings, &stand, &after, why);
	if (done) {
		const double connections = (double)settings->load.sessions;
		figures_add(figures, "idle_connections", connections, "connections");
		figures_add(
		        figures, "memory_before", (double)before.memory_bytes / (1 << 20), "MiB");
		figures_add(figures, "memory_with", (double)after.memory_bytes / (1 << 20), "MiB");
		figures_add(figures, "memory_per_connection",
		        ((double)after.memory_bytes - (double)before.memory_bytes) / connections,
		        "bytes");
	}
	stand_close(&stand);
	return done;
}

static bool idle_usage(const struct stand *stand, struct child_usage *usage, struct text *why)
{
	child_pause(IDLE_SETTLE_NS);
	if (child_usage(&stand->sluice, usage))
		return true;
	text_put(why, VIEW("sluice serve ended by itself"));
	return false;
}

static bool idle_measure(const struct run_settings *settings, const struct stand *stand,
        struct child_usage *after, struct text *why)
{
	struct load_settings load = settings->load;
	struct pump pump;

	load.target = stand_sluice(stand);
	load.messages = 0;
	if (failed(pump_open(&pump, &load, settings->interrupted, why)))
		return false;
	const bool done = pump_run(&pump, why) && idle_usage(stand, after, why);
	pump_close(&pump);
	return done;
}
