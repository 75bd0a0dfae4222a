#include "bench/run_held.h"

bool run_held_open(struct stand *stand, const struct run_settings *settings, struct text *why)
{
	if (failed(stand_open(stand, &settings->stand, why)))
		return false;
	if (!failed(stand_start_sluice(stand, why)) && !failed(stand_await_sluice(stand, why)))
		return true;
	stand_close(stand);
	return false;
}

bool run_held_fill(struct stand *stand, const struct run_settings *settings, const char *run,
        uint64_t messages, struct load_account *account, struct text *why)
{
	struct load_settings load = settings->load;

	load.run = run;
	load.messages = messages;
	return run_hand_in(settings, stand, &load, account, why);
}

bool run_held_release(struct stand *stand, const struct run_settings *settings, uint64_t messages,
        struct run_drain *drain, struct text *why)
{
	struct stand_account account;
	struct child_usage before;
	struct child_usage after;

	if (!run_held_usage(stand, &before, why) || failed(stand_start_mock(stand, why)) ||
	        !run_await_delivery(stand, settings, messages, &account, why))
		return false;
	const bool done = run_held_usage(stand, &after, why);
	const double seconds = (double)(account.last.ns - account.first.ns) / (double)NS_PER_S;
	const double count = (double)messages;
	if (done)
		*drain = (struct run_drain){
			.per_s = seconds > 0 ? (double)(account.distinct - 1) / seconds : 0,
			.cpu_us =
			        (double)(after.cpu_ns - before.cpu_ns) / (double)NS_PER_US / count,
			.switches = (double)(after.switches - before.switches) / count,
			.connections = account.connections,
			.sent_twice = account.duplicates,
			.lost = account.distinct < messages ? messages - account.distinct : 0,
			.memory_bytes = after.memory_bytes,
		};
	stand_account_finish(&account);
	return done;
}

void run_held_again(struct stand *stand)
{
	child_end(&stand->mock);
}

bool run_held_usage(const struct stand *stand, struct child_usage *usage, struct text *why)
{
	if (child_usage(&stand->sluice, usage))
		return true;
	text_put(why, VIEW("sluice serve ended by itself"));
	return false;
}
