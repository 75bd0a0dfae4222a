#include "bench/run.h"

#define LATENCY_TRIAL_MESSAGES 10000 /* at most: enough for the rate to be steady */
#define LATENCY_SHARE          0.5   /* of the rate that the trial reaches */

static bool latency_try(const struct run_settings *settings, const struct stand *stand,
        double *per_s, struct stand_account *there, struct text *why);
static bool latency_measure(const struct run_settings *settings, const struct stand *stand,
        const struct load_settings *load, const struct stand_account *before,
        struct figures *figures, struct text *why);

/* Open loop: a message is sent when its time has come, however slow the answers are. */
bool run_latency(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct stand stand;
	struct load_settings load = settings->load;
	struct stand_account before = { 0 };
	double per_s = 0;

	if (!run_open(&stand, settings, why))
		return false;
	bool done = true;
	if (load.rate_per_s <= 0) {
		done = latency_try(settings, &stand, &per_s, &before, why);
		load.rate_per_s = per_s * LATENCY_SHARE;
		if (done)
			figures_add(figures, "trial_per_second", per_s, "1/s");
	}
	load.run = "latency";
	done = done && latency_measure(settings, &stand, &load, &before, figures, why);
	if (!done)
		child_last_words(stand.sluice_output);
	stand_account_finish(&before);
	stand_close(&stand);
	return done;
}

/* As throughput does it, for a short time: what rate can be had? */
static bool latency_try(const struct run_settings *settings, const struct stand *stand,
        double *per_s, struct stand_account *there, struct text *why)
{
	struct load_settings load = settings->load;
	struct load_account account;

	load.run = "trial";
	if (load.messages > LATENCY_TRIAL_MESSAGES)
		load.messages = LATENCY_TRIAL_MESSAGES;
	if (!run_hand_in(settings, stand, &load, &account, why) ||
	        !run_await_delivery(stand, settings, load.messages, there, why))
		return false;
	*per_s = (double)there->distinct * (double)NS_PER_S /
	         (double)(there->last.ns - account.first.ns);
	return true;
}

static bool latency_measure(const struct run_settings *settings, const struct stand *stand,
        const struct load_settings *load, const struct stand_account *before,
        struct figures *figures, struct text *why)
{
	struct load_account account;
	struct stand_account there;
	struct usage usage;

	if (!usage_start(&usage, &stand->sluice, settings->uncounted, why))
		return false;
	if (!run_hand_in(settings, stand, load, &account, why) ||
	        !run_await_delivery(
	                stand, settings, before->distinct + load->messages, &there, why)) {
		usage_drop(&usage);
		return false;
	}
	const double messages = (double)account.taken;
	const uint64_t delivered = there.distinct - before->distinct;
	figures_add(figures, "asked_per_second", load->rate_per_s, "1/s");
	run_add_load(figures, &account);
	histogram_take_away(&there.latency, &before->latency);
	figures_add_latency(figures, "delivery", &there.latency);
	(void)usage_end(&usage, figures, messages, messages * (double)load->bytes);
	figures_add(figures, "sent_twice", (double)there.duplicates, "messages");
	figures_add(figures, "lost",
	        delivered < account.taken ? (double)(account.taken - delivered) : 0, "messages");
	stand_account_finish(&there);
	return true;
}
