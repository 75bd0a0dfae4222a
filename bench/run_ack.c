#include "bench/run.h"

#define ACK_COMMITS_NS (500 * NS_PER_MS) /* before the load, and again behind it */

static bool ack_measure(const struct run_settings *settings, const struct stand *stand,
        struct load_account *load, double *commit_ns, struct text *why);

/* One client that waits for every 250, and what each of them waits for at least. */
bool run_ack(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct stand stand;
	struct load_account load;
	double commit_ns = 0;

	if (!run_open(&stand, settings, why))
		return false;
	const bool done = ack_measure(settings, &stand, &load, &commit_ns, why);
	if (done) {
		const double ack_ns = (double)histogram_at(&load.latency, 0.5);
		run_add_load(figures, &load);
		figures_add(figures, "commit_p50", commit_ns / (double)NS_PER_MS, "ms");
		figures_add(figures, "ack_against_commit", ack_ns / commit_ns, "times");
	} else {
		child_last_words(stand.sluice_output);
	}
	stand_close(&stand);
	return done;
}

static bool ack_measure(const struct run_settings *settings, const struct stand *stand,
        struct load_account *load, double *commit_ns, struct text *why)
{
	struct load_settings alone = settings->load;
	struct stand_account account;
	struct commits_result before;
	struct commits_result after;

	alone.run = "ack";
	alone.sessions = 1;
	alone.window = 1;
	/* Disks change their mind: the commit is measured on both sides of what it is compared
	 * with. */
	if (!run_commits(settings, stand, 1, COMMITS_BARE, ACK_COMMITS_NS, &before, why) ||
	        !run_hand_in(settings, stand, &alone, load, why) ||
	        !run_await_delivery(stand, settings, load->taken, &account, why))
		return false;
	stand_account_finish(&account);
	if (!run_commits(settings, stand, 1, COMMITS_BARE, ACK_COMMITS_NS, &after, why))
		return false;
	*commit_ns = (double)(before.p50_ns + after.p50_ns) / 2;
	return true;
}
