#include "bench/run.h"

#include <stdio.h>

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
	figures_add(figures, "churn_first", result.first_per_s, "1/s");
	figures_add(figures, "churn_last", result.last_per_s, "1/s");
	figures_add(figures, "churn", result.per_s, "1/s");
	figures_add(figures, "churn_load", result.load_per_s, "1/s");
	figures_add(figures, "churn_cpu", result.cpu_us, "us/message");
	figures_add(figures, "churn_body", result.body_bytes, "bytes");
	figures_add(figures, "churn_file", result.file_bytes / (1 << 20), "MiB");
	figures_add(figures, "churn_live", result.live_bytes / (1 << 20), "MiB");
	return true;
}
