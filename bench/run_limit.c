#include "bench/run.h"

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

static bool limit_measure(const struct run_settings *settings, const struct limit_row *row,
        const struct load_settings *load, struct figures *figures, struct text *why);

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
