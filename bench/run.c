#include "bench/run.h"

#include "bench/progress.h"

bool run_open(struct stand *stand, const struct run_settings *settings, struct text *why)
{
	if (failed(stand_open(stand, &settings->stand, why)))
		return false;
	if (!failed(stand_start_mock(stand, why)) && !failed(stand_start_sluice(stand, why)) &&
	        !failed(stand_await_sluice(stand, why)))
		return true;
	stand_close(stand);
	return false;
}

bool run_await_delivery(const struct stand *stand, const struct run_settings *settings,
        uint64_t messages, struct stand_account *account, struct text *why)
{
	uint64_t before = 0;
	struct mono moved = clock_mono();

	while (*settings->interrupted == 0) {
		if (!stand_ask_account(stand, account)) {
			text_put(why, VIEW("the mock gives no account"));
			return false;
		}
		const struct mono now = clock_mono();
		progress_tell(
		        settings->load.progress, "delivered", account->distinct, messages, now);
		if (account->messages != before) {
			before = account->messages;
			moved = now;
		}
		if (account->distinct >= messages || now.ns - moved.ns > RUN_DELIVERY_PATIENCE)
			return true;
		stand_account_finish(account);
		child_pause(RUN_LOOK_NS);
	}
	text_put(why, VIEW("interrupted"));
	return false;
}

bool run_hand_in(const struct run_settings *settings, const struct stand *stand,
        const struct load_settings *load, struct load_account *account, struct text *why)
{
	struct load_settings at = *load;
	struct pump pump;

	at.target = stand_sluice(stand);
	if (failed(pump_open(&pump, &at, settings->interrupted, why)))
		return false;
	bool done = pump_run(&pump, why);
	*account = pump.load.account;
	pump_close(&pump);
	if (done && account->taken < at.messages) {
		text_format(
		        why, "Sluice refused %llu messages", (unsigned long long)account->refused);
		done = false;
	}
	return done;
}

bool run_commits(const struct run_settings *settings, const struct stand *stand, unsigned group,
        enum commits_way way, int64_t within_ns, struct commits_result *result, struct text *why)
{
	char path[STAND_PATH_MAX + 32];
	const struct commits_settings commits = { .path = path,
		.bytes = settings->load.bytes,
		.group = commits_fit(settings->load.bytes, group) ? group : 1,
		.way = way,
		.within_ns = within_ns };

	(void)snprintf(path, sizeof path, "%s/commits.spool", stand->folder);
	if (!commits_fit(commits.bytes, 1)) {
		text_format(why, "no commit has room for a message of %zu bytes", commits.bytes);
		return false;
	}
	const struct err err = commits_run(&commits, result);
	if (!failed(err))
		return true;
	text_format(why, "%s: %s (%d)", path, err_text(err.code), err.detail);
	return false;
}

void run_add_load(struct figures *figures, const struct load_account *account)
{
	const double seconds = (double)(account->last.ns - account->first.ns) / (double)NS_PER_S;

	figures_add(figures, "acknowledged_per_second",
	        seconds > 0 ? (double)account->taken / seconds : 0, "1/s");
	figures_add_latency(figures, "ack", &account->latency);
	figures_add(figures, "refused", (double)account->refused, "messages");
	figures_add(figures, "deferred", (double)account->deferred, "messages");
	figures_add(figures, "connections_lost", (double)account->losses, "connections");
}
