#include "bench/compare.h"

#include "bench/compare_row.h"
#include "bench/result_json.h"
#include "queue/base/check.h"

#include <jansson.h>
#include <stdlib.h>

/* They change where and how often is measured, not what. */
static const char *const ways[] = { "spool", "programs", "runs", "uncounted" };
/* Of the record, that differ always or say nothing about speed. */
static const char *const passing[] = { "date", "against" };

static bool is_whole(const json_t *root, const char **lack);
static void tell_differences(
        const char *what, const json_t *base, const json_t *now, bool is_record, FILE *file);
static const json_t *find_point(const json_t *points, const json_t *like);
static bool settings_equal(const json_t *base, const json_t *now);
static bool is_among(const char *name, const char *const *names, size_t count);
static void compare_figures(
        struct compare_table *table, const char *title, const json_t *base, const json_t *now);
static const char *point_run(const json_t *point);

#define AMONG(name, names) is_among(name, names, sizeof(names) / sizeof(names)[0])

json_t *compare_load(const char *path, const char *run, struct text *why)
{
	json_error_t error;
	const char *lack = NULL;
	json_t *root = json_load_file(path, 0, &error);

	if (root == NULL && error.line <= 0)
		text_format(why, "%s: %s", path, error.text);
	else if (root == NULL)
		text_format(why, "%s:%d: %s", path, error.line, error.text);
	else if (!is_whole(root, &lack))
		text_format(why, "%s: not what --json writes: %s", path, lack);
	else if (strcmp(json_string_value(json_object_get(root, "run")), run) != 0)
		text_format(why, "%s: of the run %s, this is %s", path,
		        json_string_value(json_object_get(root, "run")), run);
	else
		return root;
	json_decref(root);
	return NULL;
}

static bool is_whole(const json_t *root, const char **lack)
{
	const char *format = json_string_value(json_object_get(root, "format"));
	const json_t *points = json_object_get(root, "points");
	size_t i;
	json_t *point;

	*lack = format == NULL                                           ? "no \"format\""
	        : strcmp(format, RESULT_FORMAT) != 0                     ? "another \"format\""
	        : !json_is_string(json_object_get(root, "run"))          ? "no \"run\""
	        : !json_is_object(json_object_get(root, "record"))       ? "no \"record\""
	        : !json_is_array(points) || json_array_size(points) == 0 ? "no \"points\""
	                                                                 : NULL;
	if (*lack != NULL)
		return false;
	json_array_foreach(points, i, point)
	{
		const char *name;
		json_t *figure;
		*lack = "a point without \"run\", \"settings\" or \"figures\"";
		if (!json_is_string(json_object_get(point, "run")) ||
		        !json_is_object(json_object_get(point, "settings")) ||
		        !json_is_object(json_object_get(point, "figures")))
			return false;
		*lack = "a figure without \"unit\" or \"median\"";
		json_object_foreach(json_object_get(point, "figures"), name, figure)
		{
			if (!json_is_string(json_object_get(figure, "unit")) ||
			        !json_is_number(json_object_get(figure, "median")))
				return false;
		}
	}
	return true;
}

size_t compare_base(const json_t *base, const json_t *now, double tolerance_percent, FILE *file)
{
	const json_t *base_points = json_object_get(base, "points");
	const json_t *now_points = json_object_get(now, "points");
	const bool is_single =
	        json_array_size(base_points) == 1 && json_array_size(now_points) == 1;
	struct compare_table table;
	size_t i;
	json_t *point;

	compare_table_begin(&table, file, tolerance_percent);
	tell_differences("the machine", json_object_get(base, "record"),
	        json_object_get(now, "record"), true, file);
	json_array_foreach(now_points, i, point)
	{
		char bytes[32];
		struct text title = TEXT_ON(bytes);
		const json_t *found =
		        is_single ? json_array_get(base_points, 0) : find_point(base_points, point);
		if (!is_single)
			text_format(&title, "point %zu", i + 1);
		if (found == NULL) {
			fprintf(file, "# point %zu: none of these settings to compare with\n",
			        i + 1);
			continue;
		}
		tell_differences("settings", json_object_get(found, "settings"),
		        json_object_get(point, "settings"), false, file);
		compare_figures(&table, text_string(&title), found, point);
	}
	return compare_table_end(&table);
}

/* In words; figures of different things can't be compared, but they may be looked at. */
static void tell_differences(
        const char *what, const json_t *base, const json_t *now, bool is_record, FILE *file)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)now, name, value)
	{
		const json_t *before = json_object_get(base, name);
		if (is_record ? AMONG(name, passing) : AMONG(name, ways))
			continue;
		if (before == NULL)
			fprintf(file, "# %s: %s is %s, and was not told\n", what, name,
			        json_string_value(value));
		else if (!json_equal(before, value))
			fprintf(file, "# %s: %s is %s, was %s\n", what, name,
			        json_string_value(value),
			        json_is_string(before) ? json_string_value(before) : "no text");
	}
	json_object_foreach((json_t *)(uintptr_t)base, name, value)
	{
		if (json_object_get(now, name) == NULL && json_is_string(value) &&
		        !(is_record ? AMONG(name, passing) : AMONG(name, ways)))
			fprintf(file, "# %s: %s was %s, and is not set\n", what, name,
			        json_string_value(value));
	}
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static const json_t *find_point(const json_t *points, const json_t *like)
{
	size_t i;
	json_t *point;

	json_array_foreach(points, i, point)
	{
		if (strcmp(point_run(point), point_run(like)) == 0 &&
		        settings_equal(json_object_get(point, "settings"),
		                json_object_get(like, "settings")))
			return point;
	}
	return NULL;
}

static const char *point_run(const json_t *point)
{
	return json_string_value(json_object_get(point, "run"));
}

static bool settings_equal(const json_t *base, const json_t *now)
{
	const char *name;
	json_t *value;

	for (int turn = 0; turn < 2; turn++) {
		const json_t *one = turn == 0 ? base : now;
		const json_t *other = turn == 0 ? now : base;
		json_object_foreach((json_t *)(uintptr_t)one, name, value)
		{
			if (!AMONG(name, ways) && !json_equal(value, json_object_get(other, name)))
				return false;
		}
	}
	return true;
}

static void compare_figures(
        struct compare_table *table, const char *title, const json_t *base, const json_t *now)
{
	const json_t *figures = json_object_get(now, "figures");
	const char *name;
	json_t *before;

	compare_table_title(table, title);
	json_object_foreach(json_object_get(base, "figures"), name, before)
	{
		const json_t *after = json_object_get(figures, name);
		const char *unit = json_string_value(json_object_get(before, "unit"));
		if (after == NULL) {
			fprintf(table->file, "# %s is not told here\n", name);
			continue;
		}
		compare_table_row(table,
		        &(struct compare_row){ .name = name,
		                .unit = unit,
		                .base = json_number_value(json_object_get(before, "median")),
		                .now = json_number_value(json_object_get(after, "median")) });
	}
}

size_t compare_pairs(const struct result *result, double tolerance_percent, FILE *file)
{
	struct compare_table table;

	compare_table_begin(&table, file, tolerance_percent);
	for (size_t i = 0; i < result->count; i++) {
		const struct point *point = result->points[i];
		char bytes[128];
		struct text title = TEXT_ON(bytes);
		result_title(result, point, &title);
		compare_table_title(&table, text_string(&title));
		for (size_t j = 0; j < point->figures.count; j++) {
			const struct figure *now = &point->figures.rows[j];
			const struct figure *base = figures_find(&point->other, now->name);
			if (base != NULL && base->count == now->count)
				compare_table_pairs(&table, base, now);
		}
	}
	return compare_table_end(&table);
}
