#include "bench/run.h"

static bool throughput_load(const struct run_settings *settings, const struct stand *stand,
        struct load_account *account, struct text *why);
static void throughput_add_log(
        struct figures *figures, struct stand *stand, bool counted, double messages);

bool run_throughput(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct stand stand;
	struct load_account load;
	struct stand_account account;
	struct usage usage;

	if (!run_open(&stand, settings, why))
		return false;
	bool done = usage_start(&usage, &stand.sluice, settings->uncounted, why);
	if (!done)
		goto close;
	done = throughput_load(settings, &stand, &load, why) &&
	       run_await_delivery(&stand, settings, load.taken, &account, why);
	if (!done) {
		usage_drop(&usage);
		goto close;
	}
	const double messages = (double)load.taken;
	const double seconds = (double)(account.last.ns - load.first.ns) / (double)NS_PER_S;
	figures_add(figures, "messages_per_second", (double)account.distinct / seconds, "1/s");
	run_add_load(figures, &load);
	figures_add_latency(figures, "delivery", &account.latency);
	(void)usage_end(&usage, figures, messages, messages * (double)settings->load.bytes);
	throughput_add_log(figures, &stand, usage_lack(&usage) == NULL, messages);
	figures_add(figures, "sent_twice", (double)account.duplicates, "messages");
	figures_add(figures, "lost",
	        account.distinct < load.taken ? (double)(load.taken - account.distinct) : 0,
	        "messages");
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

/* What Sluice itself counted: it says so at its end. */
static void throughput_add_log(
        struct figures *figures, struct stand *stand, bool counted, double messages)
{
	uint64_t number;

	child_end(&stand->sluice);
	if (child_logged(stand->sluice_output, "stopped", "commits", &number)) {
		figures_add(figures, "commits", (double)number / messages, "1/message");
		/* The journal's, one each; those of the tables, now and then, are not in it. */
		if (!counted)
			figures_add(
			        figures, "engine_syncs", (double)number / messages, "1/message");
	}
	if (child_logged(stand->sluice_output, "stopped", "messages_in_doubt", &number))
		figures_add(figures, "in_doubt", (double)number, "messages");
}
