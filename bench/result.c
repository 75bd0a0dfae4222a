#include "bench/result.h"

#include "queue/base/check.h"

#include <stdlib.h>

/* What a line of the table of several points tells. */
static const char *const line_figures[] = { "messages_per_second", "acknowledged_per_second",
	"drain_per_second", "ack_p50", "ack_p99", "delivery_p99", "engine_cpu", "engine_calls" };

static void point_take_settings(struct point *point, const struct options *options);
static void print_lines(const struct result *result, FILE *file);

void result_init(struct result *result, const struct options *options)
{
	result->run = options->row->name;
	result->count = 0;
	record_make(&result->record, options->run.stand.programs, options->run.stand.place,
	        options->run.uncounted);
	if (options->against != NULL)
		record_add(&result->record, "against", options->against);
}

void result_finish(struct result *result)
{
	while (result->count > 0)
		free(result->points[--result->count]);
}

struct point *result_add(struct result *result, const struct options *options)
{
	check(result->count < RESULT_POINTS_MAX);
	struct point *point = calloc(1, sizeof *point);
	check(point != NULL); /* a measuring tool without memory measures nothing */
	point->run = options->row->name;
	figures_clear(&point->figures);
	figures_clear(&point->other);
	point_take_settings(point, options);
	result->points[result->count++] = point;
	return point;
}

void result_drop(struct result *result)
{
	check(result->count > 0);
	result->count--;
	free(MOVE(result->points[result->count]));
}

static void point_take_settings(struct point *point, const struct options *options)
{
	for (size_t i = 0; i < option_row_count; i++) {
		struct result_setting *setting = &point->settings[point->setting_count];
		struct text value = TEXT_ON(setting->value);
		if (option_rows[i].is_output)
			continue;
		check(point->setting_count < RESULT_SETTINGS_MAX);
		setting->name = option_rows[i].name;
		options_tell(options, &option_rows[i], &value);
		if (value.bytes > 0)
			point->setting_count++;
		(void)text_string(&value);
	}
}

const char *point_setting(const struct point *point, const char *name)
{
	for (size_t i = 0; i < point->setting_count; i++)
		if (strcmp(point->settings[i].name, name) == 0)
			return point->settings[i].value;
	return NULL;
}

bool result_varies(const struct result *result, const char *name)
{
	for (size_t i = 1; i < result->count; i++) {
		const char *first = point_setting(result->points[0], name);
		const char *other = point_setting(result->points[i], name);
		if ((first == NULL) != (other == NULL) ||
		        (first != NULL && strcmp(first, other) != 0))
			return true;
	}
	return false;
}

void result_title(const struct result *result, const struct point *point, struct text *title)
{
	for (size_t i = 0; i < point->setting_count; i++)
		if (result_varies(result, point->settings[i].name))
			text_format(title, "%s%s=%s", title->bytes > 0 ? " " : "",
			        point->settings[i].name, point->settings[i].value);
}

double result_sum(const struct result *result, const char *figure)
{
	double sum = 0;

	for (size_t i = 0; i < result->count; i++)
		sum += figures_sum(&result->points[i]->figures, figure);
	return sum;
}

void result_print(const struct result *result, FILE *file)
{
	char bytes[256];

	for (size_t i = 0; i < result->count; i++) {
		struct text title = TEXT_ON(bytes);
		result_title(result, result->points[i], &title);
		if (result->count > 1)
			fprintf(file, "%s# %s\n", i > 0 ? "\n" : "", text_string(&title));
		figures_print(&result->points[i]->figures, file);
	}
	if (result->count > 1)
		print_lines(result, file);
}

/* Medians, a column for each figure that there is. */
static void print_lines(const struct result *result, FILE *file)
{
	char bytes[256];
	const size_t count = sizeof line_figures / sizeof line_figures[0];

	fprintf(file, "\n#");
	for (size_t i = 0; i < count; i++)
		if (figures_find(&result->points[0]->figures, line_figures[i]) != NULL)
			fprintf(file, " %s", line_figures[i]);
	fputc('\n', file);
	for (size_t i = 0; i < result->count; i++) {
		struct text title = TEXT_ON(bytes);
		fputc('#', file);
		for (size_t j = 0; j < count; j++) {
			if (figures_find(&result->points[0]->figures, line_figures[j]) == NULL)
				continue;
			const double median =
			        figures_median(&result->points[i]->figures, line_figures[j]);
			fprintf(file, " %*.*f", (int)strlen(line_figures[j]), figure_digits(median),
			        median);
		}
		result_title(result, result->points[i], &title);
		fprintf(file, "  %s\n", text_string(&title));
	}
}
