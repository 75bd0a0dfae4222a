#include "bench/run.h"

static bool throughput_load(const struct run_settings *settings, const struct stand *stand,
        struct load_account *account, struct text *why);
static void throughput_add_engine(struct figures *figures, const struct child_usage *before,
        const struct child_usage *after, double messages);
static void throughput_add_log(struct figures *figures, struct stand *stand, double messages);

bool run_throughput(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct stand stand;
	struct load_account load;
	struct stand_account account;
	struct child_usage before;
	struct child_usage after;

	if (!run_open(&stand, settings, why))
		return false;
	bool done = child_usage(&stand.sluice, &before) &&
	            throughput_load(settings, &stand, &load, why) &&
	            run_await_delivery(&stand, settings, load.taken, &account, why);
	if (!done)
		goto close;
	done = child_usage(&stand.sluice, &after);
	if (done) {
		const double messages = (double)load.taken;
		const double seconds = (double)(account.last.ns - load.first.ns) / (double)NS_PER_S;
		figures_add(
		        figures, "messages_per_second", (double)account.distinct / seconds, "1/s");
		run_add_load(figures, &load);
		throughput_add_engine(figures, &before, &after, messages);
		throughput_add_log(figures, &stand, messages);
		figures_add(figures, "sent_twice", (double)account.duplicates, "messages");
		figures_add(figures, "lost",
		        account.distinct < load.taken ? (double)(load.taken - account.distinct) : 0,
		        "messages");
	} else {
		text_put(why, VIEW("sluice serve ended by itself"));
	}
	stand_account_finish(&account);
close:
	if (!done)
		child_last_words(stand.sluice_output);
	stand_close(&stand);
	return done;
}

static bool throughput_load(const struct run_settings *settings, const struct stand *stand,
        struct load_account *account, struct text *why)
{
	struct load_settings load = settings->load;
	struct pump pump;

	load.target = stand_sluice(stand);
	if (failed(pump_open(&pump, &load, settings->interrupted, why)))
		return false;
	const bool done = pump_run(&pump, why);
	*account = pump.load.account;
	pump_close(&pump);
	return done;
}

static void throughput_add_engine(struct figures *figures, const struct child_usage *before,
        const struct child_usage *after, double messages)
{
	figures_add(figures, "engine_cpu",
	        (double)(after->cpu_ns - before->cpu_ns) / (double)NS_PER_US / messages,
	        "us/message");
	figures_add(figures, "engine_switches",
	        (double)(after->switches - before->switches) / messages, "1/message");
	figures_add(figures, "engine_memory", (double)after->memory_bytes / (1 << 20), "MiB");
}

/* What Sluice itself counted: it says so at its end. */
static void throughput_add_log(struct figures *figures, struct stand *stand, double messages)
{
	uint64_t number;

	child_end(&stand->sluice);
	if (child_logged(stand->sluice_output, "stopped", "commits", &number))
		figures_add(figures, "commits", (double)number / messages, "1/message");
	if (child_logged(stand->sluice_output, "stopped", "messages_in_doubt", &number))
		figures_add(figures, "in_doubt", (double)number, "messages");
}
