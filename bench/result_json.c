#include "bench/result_json.h"

#include "bench/histogram_json.h"
#include "queue/base/check.h"

#include <jansson.h>

static json_t *record_json(const struct record *record);
static json_t *point_json(const struct point *point);
static json_t *figures_json(const struct figures *figures);
static void set(json_t *object, const char *key, json_t *value);

json_t *result_json(const struct result *result)
{
	json_t *points = json_array();
	json_t *root = json_pack("{ss ss so so}", "format", RESULT_FORMAT, "run", result->run,
	        "record", record_json(&result->record), "points", points);

	check(root != NULL);
	for (size_t i = 0; i < result->count; i++)
		check(json_array_append_new(points, point_json(result->points[i])) == 0);
	return root;
}

static json_t *record_json(const struct record *record)
{
	json_t *object = json_object();

	for (size_t i = 0; i < record->count; i++)
		set(object, record->rows[i].name, json_string_nocheck(record->rows[i].value));
	return object;
}

static json_t *point_json(const struct point *point)
{
	json_t *settings = json_object();
	json_t *latency = json_object();
	json_t *object = json_pack("{ss so so so}", "run", point->run, "settings", settings,
	        "figures", figures_json(&point->figures), "latency", latency);

	for (size_t i = 0; i < point->setting_count; i++)
		set(settings, point->settings[i].name,
		        json_string_nocheck(point->settings[i].value));
	for (size_t i = 0; i < point->figures.latency_count; i++)
		set(latency, point->figures.latencies[i].name,
		        histogram_json(&point->figures.latencies[i].histogram));
	if (point->other.count > 0)
		set(object, "other", figures_json(&point->other));
	return object;
}

static json_t *figures_json(const struct figures *figures)
{
	json_t *object = json_object();

	for (size_t i = 0; i < figures->count; i++) {
		const struct figure *figure = &figures->rows[i];
		const struct figure_spread spread = figure_spread(figure);
		json_t *values = json_array();
		for (size_t j = 0; j < figure->count; j++)
			check(json_array_append_new(values, json_real(figure->values[j])) == 0);
		set(object, figure->name,
		        json_pack("{ss ss sf sf sf so}", "unit", figure->unit, "better",
		                result_better_word(figure_better(figure->name, figure->unit)),
		                "median", spread.median, "least", spread.least, "most", spread.most,
		                "values", values));
	}
	return object;
}

const char *result_better_word(enum figure_better better)
{
	switch (better) {
	case FIGURE_BIGGER:
		return "bigger";
	case FIGURE_SMALLER:
		return "smaller";
	case FIGURE_TOLD:
		break;
	}
	return "told";
}

static void set(json_t *object, const char *key, json_t *value)
{
	check(json_object_set_new_nocheck(object, key, value) == 0);
}
