#include "bench/run_held.h"

#include <signal.h>

#define BACKLOG_WARM_MAX 20000 /* messages at most that go through with nothing waiting */
#define BACKLOG_FEW_MAX  10000 /* messages at most that drain where hardly any wait */

/* What is measured of it, in this order. */
struct backlog {
	double ready_empty_s;
	double through_per_s; /* first MAIL to last delivery, with nothing waiting */
	struct run_drain few;
	double fill_per_s;
	double ready_ended_s;  /* after SIGTERM */
	double ready_killed_s; /* after SIGKILL */
	struct run_drain all;
	uint64_t memory_empty_bytes;
	uint64_t memory_waiting_bytes;
	uint64_t memory_restarted_bytes;
};

static bool backlog_start(struct stand *stand, double *ready_s, struct text *why);
static bool backlog_memory(const struct stand *stand, uint64_t *bytes, struct text *why);
static bool backlog_before(struct stand *stand, const struct run_settings *settings,
        struct backlog *backlog, struct text *why);
static bool backlog_measure(struct stand *stand, const struct run_settings *settings,
        struct backlog *backlog, struct figures *figures, struct text *why);
static bool backlog_restart(struct stand *stand, bool kill, double *ready_s, struct text *why);
static void backlog_add(struct figures *figures, const struct backlog *backlog);

bool run_backlog(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct stand stand;
	struct backlog backlog = { 0 };

	if (failed(stand_open(&stand, &settings->stand, why)))
		return false;
	const bool done = backlog_start(&stand, &backlog.ready_empty_s, why) &&
	                  backlog_memory(&stand, &backlog.memory_empty_bytes, why) &&
	                  backlog_before(&stand, settings, &backlog, why) &&
	                  backlog_measure(&stand, settings, &backlog, figures, why);
	if (done)
		backlog_add(figures, &backlog);
	else
		child_last_words(stand.sluice_output);
	stand_close(&stand);
	return done;
}

static bool backlog_start(struct stand *stand, double *ready_s, struct text *why)
{
	const struct mono from = clock_mono();

	if (failed(stand_start_sluice(stand, why)) || failed(stand_await_sluice(stand, why)))
		return false;
	*ready_s = (double)(clock_mono().ns - from.ns) / (double)NS_PER_S;
	return true;
}

static bool backlog_memory(const struct stand *stand, uint64_t *bytes, struct text *why)
{
	struct child_usage usage;

	child_pause(RUN_HELD_SETTLE_NS);
	if (!child_usage(&stand->sluice, &usage)) {
		text_put(why, VIEW("sluice serve ended by itself"));
		return false;
	}
	*bytes = usage.memory_bytes;
	return true;
}

/* The same Sluice without a backlog: mail passes through, and a few messages drain. */
static bool backlog_before(struct stand *stand, const struct run_settings *settings,
        struct backlog *backlog, struct text *why)
{
	const uint64_t messages = settings->load.messages;
	const uint64_t few = messages < BACKLOG_FEW_MAX ? messages : BACKLOG_FEW_MAX;
	struct load_settings load = settings->load;
	struct load_account account;
	struct stand_account there;

	load.run = "before";
	load.messages = messages < BACKLOG_WARM_MAX ? messages : BACKLOG_WARM_MAX;
	if (failed(stand_start_mock(stand, why)) ||
	        !run_hand_in(settings, stand, &load, &account, why) ||
	        !run_await_delivery(stand, settings, load.messages, &there, why))
		return false;
	backlog->through_per_s = (double)there.distinct * (double)NS_PER_S /
	                         (double)(there.last.ns - account.first.ns);
	stand_account_finish(&there);
	run_held_again(stand);
	return run_held_fill(stand, settings, "few", few, &account, why) &&
	       run_held_release(stand, settings, few, NULL, &backlog->few, why);
}

static bool backlog_measure(struct stand *stand, const struct run_settings *settings,
        struct backlog *backlog, struct figures *figures, struct text *why)
{
	const uint64_t messages = settings->load.messages;
	struct load_account account;

	run_held_again(stand);
	if (!run_held_fill(stand, settings, "backlog", messages, &account, why) ||
	        !backlog_memory(stand, &backlog->memory_waiting_bytes, why) ||
	        !backlog_restart(stand, false, &backlog->ready_ended_s, why) ||
	        !backlog_memory(stand, &backlog->memory_restarted_bytes, why) ||
	        !backlog_restart(stand, true, &backlog->ready_killed_s, why) ||
	        !run_held_release(stand, settings, messages, figures, &backlog->all, why))
		return false;
	backlog->fill_per_s = (double)account.taken * (double)NS_PER_S /
	                      (double)(account.last.ns - account.first.ns);
	return true;
}

static bool backlog_restart(struct stand *stand, bool kill, double *ready_s, struct text *why)
{
	if (kill)
		child_kill(&stand->sluice);
	else
		child_end(&stand->sluice);
	return backlog_start(stand, ready_s, why);
}

static void backlog_add(struct figures *figures, const struct backlog *backlog)
{
	const struct {
		const char *name;
		double value;
		const char *unit;
	} rows[] = {
		{ "memory_empty", (double)backlog->memory_empty_bytes / (1 << 20), "MiB" },
		{ "memory_waiting", (double)backlog->memory_waiting_bytes / (1 << 20), "MiB" },
		{ "memory_restarted", (double)backlog->memory_restarted_bytes / (1 << 20), "MiB" },
		{ "ready_empty", backlog->ready_empty_s, "s" },
		{ "ready_ended", backlog->ready_ended_s, "s" },
		{ "ready_killed", backlog->ready_killed_s, "s" },
		{ "through_per_second", backlog->through_per_s, "1/s" },
		{ "fill_per_second", backlog->fill_per_s, "1/s" },
		{ "few_drain_per_second", backlog->few.per_s, "1/s" },
		{ "drain_per_second", backlog->all.per_s, "1/s" },
		{ "drain_against_few", backlog->all.per_s * 100 / backlog->few.per_s, "%" },
		{ "drain_against_through", backlog->all.per_s * 100 / backlog->through_per_s, "%" },
		{ "few_engine_cpu", backlog->few.cpu_us, "us/message" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		figures_add(figures, rows[i].name, rows[i].value, rows[i].unit);
	run_held_add_end(figures, &backlog->all);
}
