#include "bench/tracker.h"

#include "queue/base/check.h"

#include <jansson.h>

static json_t *tracker_row(const struct result *result, const struct point *point,
        const struct figure *figure, const char *extra);
static void tracker_extra(
        const struct result *result, const struct point *point, struct text *extra);

bool tracker_write(const struct result *result, enum figure_better better, FILE *file)
{
	json_t *all = json_array();

	for (size_t i = 0; i < result->count; i++) {
		const struct point *point = result->points[i];
		char bytes[4096];
		struct text extra = TEXT_ON(bytes);
		tracker_extra(result, point, &extra);
		for (size_t j = 0; j < point->figures.count; j++) {
			const struct figure *figure = &point->figures.rows[j];
			if (figure_better(figure->name, figure->unit) != better)
				continue;
			json_t *row = tracker_row(result, point, figure, text_string(&extra));
			check(json_array_append_new(all, row) == 0);
		}
	}
	bool written = json_dumpf(all, file, JSON_INDENT(1)) == 0;
	written = fputc('\n', file) != EOF && written;
	json_decref(all);
	return written;
}

/* Rows are told apart by their name alone. */
static json_t *tracker_row(const struct result *result, const struct point *point,
        const struct figure *figure, const char *extra)
{
	const struct figure_spread spread = figure_spread(figure);
	char name_bytes[256];
	char range_bytes[64];
	struct text name = TEXT_ON(name_bytes);
	struct text range = TEXT_ON(range_bytes);
	char title_bytes[192];
	struct text title = TEXT_ON(title_bytes);

	result_title(result, point, &title);
	text_format(&name, "%s %s%s%s", point->run, text_string(&title), title.bytes > 0 ? " " : "",
	        figure->name);
	text_format(&range, "%.4g to %.4g", spread.least, spread.most);
	return json_pack("{ss ss sf ss ss}", "name", text_string(&name), "unit", figure->unit,
	        "value", spread.median, "range", text_string(&range), "extra", extra);
}

/* Shown when one points at a row: what it was measured on, and how. */
static void tracker_extra(
        const struct result *result, const struct point *point, struct text *extra)
{
	for (size_t i = 0; i < result->record.count; i++)
		text_format(extra, "%s: %s\n", result->record.rows[i].name,
		        result->record.rows[i].value);
	for (size_t i = 0; i < point->setting_count; i++)
		text_format(extra, "%s%s=%s", i > 0 ? " " : "", point->settings[i].name,
		        point->settings[i].value);
}
