#include "bench/run.h"

#include <stdlib.h>
#include <unistd.h>

#define LANES_WARM_ROUNDS 4   /* messages of each lane before it counts: its session is up then */
#define LANES_LIVE_MOST   100 /* each has a session of its own, TLS and sign-in */
#define LANES_LINE        "cost_of_%u_lanes %lf us/message"

/* The dearest number of lanes against the cheapest. */
struct lanes_spread {
	double least;
	double most;
};

static bool lanes_simulate(
        const struct run_settings *settings, struct figures *figures, struct text *why);
static bool lanes_read(const char *path, struct figures *figures, struct text *why);
static bool lanes_live(
        const struct run_settings *settings, unsigned lanes, double *cpu_us, struct text *why);
static bool lanes_pass(const struct run_settings *settings, const struct stand *stand,
        double *cpu_us, struct text *why);
static void lanes_add(struct figures *figures, const char *kind, unsigned lanes, double cpu_us,
        struct lanes_spread *spread);

/* What a message costs by the number of lanes (mailboxes): of a delivery shard with the world
 * around it simulated, and of all of Sluice. */
bool run_lanes(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct lanes_spread spread = { 0 };

	if (!lanes_simulate(settings, figures, why))
		return false;
	for (unsigned lanes = 1; lanes <= settings->lanes && lanes <= LANES_LIVE_MOST;
	        lanes *= 10) {
		double cpu_us;
		if (!lanes_live(settings, lanes, &cpu_us, why))
			return false;
		lanes_add(figures, "live", lanes, cpu_us, &spread);
	}
	figures_add(figures, "live_spread", spread.most / spread.least, "times");
	return true;
}

/* The simulator is a program of the tests: where it was not built, its rows lack. */
static bool lanes_simulate(
        const struct run_settings *settings, struct figures *figures, struct text *why)
{
	char program[STAND_PATH_MAX + 32];
	char most[16];
	char output[STAND_PATH_MAX + 32];
	const char *const words[] = { program, "--lanes", "--most", most, NULL };

	(void)snprintf(program, sizeof program, "%s/simulate", settings->stand.programs);
	(void)snprintf(most, sizeof most, "%u", settings->lanes);
	(void)snprintf(output, sizeof output, "%s/sluice-bench-XXXXXX", settings->stand.place);
	if (access(program, X_OK) != 0) {
		fprintf(stderr, "# %s was not built: no lanes are simulated\n", program);
		return true;
	}
	const int fd = mkstemp(output);
	if (fd < 0) {
		text_format(why, "%s: no file can be made there", settings->stand.place);
		return false;
	}
	close(fd);
	const bool done = child_run(words, output);
	if (!done)
		text_format(why, "%s --lanes failed", program);
	const bool read = done && lanes_read(output, figures, why);
	if (!read)
		child_last_words(output);
	(void)remove(output);
	return read;
}

static bool lanes_read(const char *path, struct figures *figures, struct text *why)
{
	struct lanes_spread spread = { 0 };
	char line[256];
	FILE *file = fopen(path, "re");

	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		unsigned lanes;
		double cpu_us;
		if (sscanf(line, LANES_LINE, &lanes, &cpu_us) == 2 && cpu_us > 0)
			lanes_add(figures, "simulated", lanes, cpu_us, &spread);
	}
	if (file != NULL)
		fclose(file);
	if (spread.least <= 0) {
		text_put(why, VIEW("the simulator told of no lanes"));
		return false;
	}
	figures_add(figures, "simulated_spread", spread.most / spread.least, "times");
	return true;
}

static bool lanes_live(
        const struct run_settings *settings, unsigned lanes, double *cpu_us, struct text *why)
{
	struct run_settings own = *settings;
	struct stand stand;

	own.stand.identities = lanes;
	if (own.stand.sessions < lanes)
		own.stand.sessions = lanes;
	if (!run_open(&stand, &own, why))
		return false;
	const bool done = lanes_pass(&own, &stand, cpu_us, why);
	if (!done)
		child_last_words(stand.sluice_output);
	stand_close(&stand);
	return done;
}

static bool lanes_pass(const struct run_settings *settings, const struct stand *stand,
        double *cpu_us, struct text *why)
{
	struct load_settings load = settings->load;
	struct load_account account;
	struct stand_account there;
	struct usage usage;

	load.run = "warm";
	load.messages =
	        (uint64_t)settings->stand.sessions * settings->stand.pipeline * LANES_WARM_ROUNDS;
	if (!run_hand_in(settings, stand, &load, &account, why) ||
	        !run_await_delivery(stand, settings, load.messages, &there, why))
		return false;
	const uint64_t warm = there.distinct;
	stand_account_finish(&there);
	load.run = "lanes";
	load.messages = settings->load.messages;
	if (!usage_start(&usage, &stand->sluice, true, why))
		return false;
	if (!run_hand_in(settings, stand, &load, &account, why) ||
	        !run_await_delivery(stand, settings, warm + load.messages, &there, why)) {
		usage_drop(&usage);
		return false;
	}
	stand_account_finish(&there);
	const struct usage_sum sum = usage_end(&usage, NULL, (double)load.messages, 0);
	*cpu_us = (double)sum.cpu_ns / (double)NS_PER_US / (double)load.messages;
	return true;
}

static void lanes_add(struct figures *figures, const char *kind, unsigned lanes, double cpu_us,
        struct lanes_spread *spread)
{
	char name[FIGURE_NAME_MAX];

	(void)snprintf(name, sizeof name, "%s_%u_cpu", kind, lanes);
	figures_add(figures, name, cpu_us, "us/message");
	if (spread->least <= 0 || cpu_us < spread->least)
		spread->least = cpu_us;
	if (cpu_us > spread->most)
		spread->most = cpu_us;
}
