#include "bench/run.h"

#include "queue/base/check.h"

#define RTT_WARM_ROUNDS 4 /* of all that may be in flight, before it counts */

static bool rtt_pass(const struct run_settings *settings, const struct stand *stand,
        const char *run, uint64_t messages, uint64_t before, struct load_account *load,
        struct stand_account *account, struct text *why);

/* A server that is far away. Each answer comes so much later, and waits for none before it. */
bool run_rtt(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	const struct stand_settings *there = &settings->stand;
	const uint64_t flight = (uint64_t)there->sessions * there->pipeline;
	const uint64_t warm = flight * RTT_WARM_ROUNDS;
	const uint64_t messages = settings->load.messages;
	struct stand stand;
	struct load_account load;
	struct stand_account account;
	uint64_t connections;

	check(there->delay_ms > 0);
	if (!run_open(&stand, settings, why))
		return false;
	/* Connections, TLS and sign-in are behind us then. */
	bool done = rtt_pass(settings, &stand, "warm", warm, 0, &load, &account, why);
	if (done) {
		connections = account.connections;
		stand_account_finish(&account);
		done = rtt_pass(settings, &stand, "rtt", messages, warm, &load, &account, why);
	}
	if (done) {
		const double seconds = (double)(account.last.ns - load.first.ns) / (double)NS_PER_S;
		const double per_s = (double)(account.distinct - warm) / seconds;
		const double bound = (double)flight * 1000 / there->delay_ms;
		figures_add(figures, "messages_per_second", per_s, "1/s");
		figures_add(figures, "rtt_bound", bound, "1/s");
		figures_add(figures, "of_bound", per_s * 100 / bound, "%");
		figures_add(figures, "reconnections", (double)(account.connections - connections),
		        "connections");
		run_add_load(figures, &load);
		figures_add(figures, "sent_twice", (double)account.duplicates, "messages");
		figures_add(figures, "lost",
		        account.distinct < warm + messages
		                ? (double)(warm + messages - account.distinct)
		                : 0,
		        "messages");
		stand_account_finish(&account);
	} else {
		child_last_words(stand.sluice_output);
	}
	stand_close(&stand);
	return done;
}

static bool rtt_pass(const struct run_settings *settings, const struct stand *stand,
        const char *run, uint64_t messages, uint64_t before, struct load_account *load,
        struct stand_account *account, struct text *why)
{
	struct load_settings pass = settings->load;

	pass.run = run;
	pass.messages = messages;
	return run_hand_in(settings, stand, &pass, load, why) &&
	       run_await_delivery(stand, settings, before + messages, account, why);
}
