#include "bench/run.h"

static bool hour_pass(const struct run_settings *settings, const struct stand *stand,
        struct stand_account *account, struct text *why);

bool run_hour(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct stand stand;
	struct stand_account account;

	if (!run_open(&stand, settings, why))
		return false;
	const bool done = hour_pass(settings, &stand, &account, why);
	if (done) {
		const double tried = account.tried > 0 ? (double)account.tried : 1;
		figures_add(figures, "delivered", (double)account.distinct, "messages");
		figures_add(figures, "throttled", (double)account.throttled / tried, "of_attempts");
		figures_add(figures, "over", (double)account.over, "messages");
		figures_add(figures, "sent_twice", (double)account.duplicates, "messages");
		stand_account_finish(&account);
	} else {
		child_last_words(stand.sluice_output);
	}
	stand_close(&stand);
	return done;
}

/* Mail is handed in as fast as it is taken; from then on there is always some that waits. */
static bool hour_pass(const struct run_settings *settings, const struct stand *stand,
        struct stand_account *account, struct text *why)
{
	struct load_settings load = settings->load;
	struct pump pump;

	load.target = stand_sluice(stand);
	if (failed(pump_open(&pump, &load, settings->interrupted, why)))
		return false;
	const bool loaded = pump_run(&pump, why);
	const struct mono end = mono_after(pump.load.account.first, settings->hour_s * NS_PER_S);
	const uint64_t taken = pump.load.account.taken;
	pump_close(&pump);
	if (!loaded)
		return false;
	if (mono_reached(clock_mono(), end)) {
		text_put(why, VIEW("the hour was over before all mail was handed in: fewer "
		                   "--messages, or --size, are wanted"));
		return false;
	}
	while (!mono_reached(clock_mono(), end) && *settings->interrupted == 0)
		child_pause(RUN_LOOK_NS);
	if (*settings->interrupted != 0) {
		text_put(why, VIEW("interrupted"));
		return false;
	}
	if (!stand_ask_account(stand, account)) {
		text_put(why, VIEW("the mock gives no account"));
		return false;
	}
	if (account->distinct < taken)
		return true;
	text_put(why, VIEW("no mail was left to wait: more --messages are wanted"));
	stand_account_finish(account);
	return false;
}
