#include "bench/run.h"

#include <stdio.h>

#define CHURN_ROWS_MAX 30 /* minutes that have a row each */

static void churn_add_parts(struct figures *figures, const struct churn_result *result);

bool run_churn(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct churn_settings churn = settings->churn;
	struct churn_result result;
	char path[STAND_PATH_MAX];

	(void)snprintf(path, sizeof path, "%s/churn.spool", settings->stand.place);
	churn.path = path;
	const struct err err = churn_run(&churn, &result);
	if (failed(err)) {
		text_format(why, "%s: %s (%d)", path, err_text(err.code), err.detail);
		return false;
	}
	figures_add(figures, "churn_fill", result.fill_per_s, "1/s");
	churn_add_parts(figures, &result);
	figures_add(figures, "churn", result.per_s, "1/s");
	figures_add(figures, "churn_load", result.load_per_s, "1/s");
	figures_add(figures, "churn_cpu", result.cpu_us, "us/message");
	figures_add(figures, "churn_body", result.body_bytes, "bytes");
	figures_add(figures, "churn_file", result.file_bytes / (1 << 20), "MiB");
	figures_add(figures, "churn_live", result.live_bytes / (1 << 20), "MiB");
	figures_add(figures, "churn_checkpoints", result.checkpoints, "checkpoints");
	figures_add(figures, "churn_checkpoint", result.checkpoint_ms, "ms");
	figures_add(figures, "churn_checkpoint_most", result.checkpoint_most_ms, "ms");
	figures_add(figures, "churn_writes", result.written_bytes, "bytes/byte");
	return true;
}

static void churn_add_parts(struct figures *figures, const struct churn_result *result)
{
	const double first = result->part_per_s[0];
	const double last = result->part_per_s[result->part_count - 1];
	double least = first;

	for (unsigned i = 0; i < result->part_count; i++) {
		char name[FIGURE_NAME_MAX];
		const double per_s = result->part_per_s[i];
		if (per_s < least)
			least = per_s;
		(void)snprintf(name, sizeof name, "churn_part_%u", i + 1);
		if (i < CHURN_ROWS_MAX)
			figures_add(figures, name, per_s, "1/s");
	}
	figures_add(figures, "churn_first", first, "1/s");
	figures_add(figures, "churn_last", last, "1/s");
	figures_add(figures, "churn_slowest", least, "1/s");
	figures_add(figures, "churn_last_against_first", first > 0 ? last * 100 / first : 0, "%");
}
