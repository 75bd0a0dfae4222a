#include "bench/commits.h"
#include "bench/part_receive.h"
#include "bench/part_send.h"
#include "bench/run.h"

#define LIMIT_COMMITS_NS    (400 * NS_PER_MS) /* of each way to commit */
#define LIMIT_PART_MESSAGES 5000              /* at most: the parts are steady */

/* One way of handing mail over. */
struct limit_row {
	const char *rate; /* the figure's name */
	const char *latency;
	const char *run;
	bool chunking;
	bool tls;
};

static const struct limit_row limit_rows[] = {
	{ "plain_data_per_second", "plain_data_p50", "plain-data", false, false },
	{ "plain_bdat_per_second", "plain_bdat_p50", "plain-bdat", true, false },
	{ "tls_data_per_second", "tls_data_p50", "tls-data", false, true },
	{ "tls_bdat_per_second", "tls_bdat_p50", "tls-bdat", true, true },
};

/* The ways of committing, each with so many messages in a commit. */
static const struct {
	const char *name;
	enum commits_way way;
} limit_ways[] = {
	{ "append", COMMITS_APPEND },
	{ "bare_commit", COMMITS_BARE },
	{ "spool_commit", COMMITS_SPOOL },
};

static const unsigned limit_groups[] = { 1, 16, 64, 256 };

static bool limit_measure(const struct run_settings *settings, const struct limit_row *row,
        const struct load_settings *load, struct figures *figures, struct text *why);

static bool limit_commits(const struct run_settings *settings, const struct stand *stand,
        struct figures *figures, struct text *why);
static bool limit_parts(const struct run_settings *settings, const struct stand *stand,
        struct figures *figures, struct text *why);

bool run_limit(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct stand stand;
	struct stand_settings open = settings->stand;
	struct load_settings load = settings->load;
	bool done = true;

	open.open = true;
	if (failed(stand_open(&stand, &open, why)))
		return false;
	if (failed(stand_start_mock(&stand, why))) {
		stand_close(&stand);
		return false;
	}
	const struct tls_client_settings tls = { .verify = true, .ca_file = stand.authority };
	done = !failed(tls_context_client(&load.tls, &tls, why));
	load.target = stand_mock(&stand);
	load.tls_host = VIEW("localhost");
	for (size_t i = 0; done && i < sizeof limit_rows / sizeof limit_rows[0]; i++)
		done = limit_measure(settings, &limit_rows[i], &load, figures, why);
	done = done && limit_commits(settings, &stand, figures, why) &&
	       limit_parts(settings, &stand, figures, why);
	stand_close(&stand);
	tls_context_destroy(load.tls);
	return done;
}

static bool limit_measure(const struct run_settings *settings, const struct limit_row *row,
        const struct load_settings *load, struct figures *figures, struct text *why)
{
	struct load_settings way = *load;
	struct pump pump;

	way.run = row->run;
	way.chunking = row->chunking;
	if (!row->tls)
		way.tls = NULL;
	if (failed(pump_open(&pump, &way, settings->interrupted, why)))
		return false;
	const bool done = pump_run(&pump, why);
	const struct load_account *account = &pump.load.account;
	if (done) {
		figures_add(figures, row->rate,
		        (double)account->taken * (double)NS_PER_S /
		                (double)(account->last.ns - account->first.ns),
		        "1/s");
		figures_add(figures, row->latency,
		        (double)histogram_at(&account->latency, 0.5) / (double)NS_PER_MS, "ms");
	}
	pump_close(&pump);
	return done;
}

static bool limit_commits(const struct run_settings *settings, const struct stand *stand,
        struct figures *figures, struct text *why)
{
	const size_t groups = sizeof limit_groups / sizeof limit_groups[0];

	for (size_t i = 0; i < groups * (sizeof limit_ways / sizeof limit_ways[0]); i++) {
		const unsigned group = limit_groups[i % groups];
		struct commits_result result;
		char name[FIGURE_NAME_MAX];
		if (!commits_fit(settings->load.bytes, group))
			continue; /* no commit of the engine is so large either */
		if (!run_commits(settings, stand, group, limit_ways[i / groups].way,
		            LIMIT_COMMITS_NS, &result, why))
			return false;
		const char *way = limit_ways[i / groups].name;
		(void)snprintf(name, sizeof name, "%s_%u_per_second", way, group);
		figures_add(figures, name, result.per_s, "1/s");
		(void)snprintf(name, sizeof name, "%s_%u_p50", way, group);
		figures_add(figures, name, (double)result.p50_ns / (double)NS_PER_MS, "ms");
	}
	return true;
}

/* What the engine does for a message, each part of it alone. */
static bool limit_parts(const struct run_settings *settings, const struct stand *stand,
        struct figures *figures, struct text *why)
{
	struct load_settings load = settings->load;
	char certificate[STAND_PATH_MAX + 32];
	char key[STAND_PATH_MAX + 32];
	const struct part_send_settings send = {
		.bytes = load.bytes,
		.messages =
		        load.messages < LIMIT_PART_MESSAGES ? load.messages : LIMIT_PART_MESSAGES,
		.server = { .certificate_file = certificate, .key_file = key },
		.client = { .verify = true, .ca_file = stand->authority },
		.host = "localhost",
	};
	struct commits_result append;
	struct commits_result commit;
	double receive_us = 0;
	double send_us = 0;

	(void)snprintf(certificate, sizeof certificate, "%s/mock.pem", stand->folder);
	(void)snprintf(key, sizeof key, "%s/mock.key", stand->folder);
	load.messages = send.messages;
	if (!part_receive(&load, settings->interrupted, &receive_us, why) ||
	        !run_commits(settings, stand, RUN_PART_GROUP, COMMITS_APPEND, LIMIT_COMMITS_NS,
	                &append, why) ||
	        !run_commits(settings, stand, RUN_PART_GROUP, COMMITS_BARE, LIMIT_COMMITS_NS,
	                &commit, why) ||
	        !part_send(&send, &send_us, why))
		return false;
	figures_add(figures, "part_receive", receive_us, "us/message");
	figures_add(figures, "part_append", append.cpu_us, "us/message");
	figures_add(figures, "part_commit", commit.cpu_us, "us/message");
	figures_add(figures, "part_tls_send", send_us, "us/message");
	figures_add(
	        figures, "parts_sum_append", receive_us + append.cpu_us + send_us, "us/message");
	figures_add(figures, "parts_sum", receive_us + commit.cpu_us + send_us, "us/message");
	return true;
}
