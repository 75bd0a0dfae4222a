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
        struct figures *figures, struct run_drain *drain, struct text *why)
{
	struct stand_account account;
	struct usage usage;

	if (!usage_start(&usage, &stand->sluice, settings->uncounted, why))
		return false;
	if (failed(stand_start_mock(stand, why)) ||
	        !run_await_delivery(stand, settings, messages, &account, why)) {
		usage_drop(&usage);
		return false;
	}
	const double count = (double)messages;
	const struct usage_sum sum =
	        usage_end(&usage, figures, count, count * (double)settings->load.bytes);
	const double seconds = (double)(account.last.ns - account.first.ns) / (double)NS_PER_S;
	*drain = (struct run_drain){
		.per_s = seconds > 0 ? (double)(account.distinct - 1) / seconds : 0,
		.seconds = seconds,
		.cpu_us = (double)sum.cpu_ns / (double)NS_PER_US / count,
		.distinct = account.distinct,
		.connections = account.connections,
		.resumed = account.tls_resumed,
		.sent_twice = account.duplicates,
		.lost = account.distinct < messages ? messages - account.distinct : 0,
		.most_bytes = sum.own_most_bytes,
	};
	stand_account_finish(&account);
	return true;
}

void run_held_add_end(struct figures *figures, const struct run_drain *drain)
{
	figures_add(figures, "sent_twice", (double)drain->sent_twice, "messages");
	figures_add(figures, "lost", (double)drain->lost, "messages");
}

void run_held_again(struct stand *stand)
{
	child_end(&stand->mock);
}
