#include "bench/sweep.h"

#include "bench/measure.h"
#include "queue/base/check.h"

/* What settings are chosen by, where a run has it. */
static const char *const best_figures[] = { "messages_per_second", "drain_per_second", "of_bound",
	"acknowledged_per_second", "ack_p99", "delivery_p99", "engine_cpu", "churn",
	"memory_per_connection", "parts_sum" };

static size_t sweep_count(const struct options *options);
static void sweep_set(struct options *at, const struct options *options, size_t index);
static const struct point *sweep_best(const struct result *result, const char *name);

bool sweep_is_right(const struct options *options, struct text *why)
{
	const size_t count = sweep_count(options);

	if ((options->row->traits & RUN_IS_TALE) != 0)
		text_format(why, "%s has no figures to sweep", options->row->name);
	else if (options->list_count == 0)
		text_put(why, VIEW("sweep needs a list at least, as in --in 1,5,20"));
	else if (count > RESULT_POINTS_MAX)
		text_format(why, "%zu combinations of settings; a sweep has %u at most", count,
		        RESULT_POINTS_MAX);
	else
		return true;
	return false;
}

/* Never so large that it can't be counted: a command line has an end. */
static size_t sweep_count(const struct options *options)
{
	size_t count = 1;

	for (unsigned i = 0; i < options->list_count; i++) {
		const size_t more = option_list_count(&options->lists[i]);
		if (count > SIZE_MAX / more)
			return SIZE_MAX;
		count *= more;
	}
	return count;
}

bool sweep_measure(struct result *result, const struct options *options, struct text *why)
{
	const size_t count = sweep_count(options);

	for (size_t i = 0; i < count; i++) {
		struct options at;
		sweep_set(&at, options, i);
		if (measure_point(result, &at, why))
			continue;
		text_format(why, " (at combination %zu of %zu:", i + 1, count);
		for (unsigned j = 0; j < options->list_count; j++) {
			const char *name = options->lists[j].name;
			text_format(why, " %s=%s", name,
			        point_setting(result->points[result->count - 1], name));
		}
		text_put(why, VIEW(")"));
		result_drop(result);
		return false;
	}
	return true;
}

/* The last list's values change fastest. */
static void sweep_set(struct options *at, const struct options *options, size_t index)
{
	*at = *options;
	for (unsigned i = options->list_count; i > 0; i--) {
		const struct option_list *list = &options->lists[i - 1];
		const size_t count = option_list_count(list);
		char value[OPTION_VALUE_MAX];
		const bool fits = option_list_at(list, index % count, value);
		check(fits);
		const bool set = options_set(at, list->name, value);
		check(set);
		index /= count;
	}
	options_settle(at);
}

void sweep_print_best(const struct result *result, FILE *file)
{
	for (size_t i = 0; i < sizeof best_figures / sizeof best_figures[0]; i++) {
		const char *name = best_figures[i];
		const struct point *best = sweep_best(result, name);
		char bytes[256];
		struct text title = TEXT_ON(bytes);
		if (best == NULL)
			continue;
		const double median = figures_median(&best->figures, name);
		result_title(result, best, &title);
		fprintf(file, "# best %s: %.*f %s at %s\n", name, figure_digits(median), median,
		        figures_find(&best->figures, name)->unit, text_string(&title));
	}
}

/* NULL: no point has the figure. */
static const struct point *sweep_best(const struct result *result, const char *name)
{
	const struct point *best = NULL;

	for (size_t i = 0; i < result->count; i++) {
		const struct point *point = result->points[i];
		const struct figure *figure = figures_find(&point->figures, name);
		if (figure == NULL)
			continue;
		const double value = figures_median(&point->figures, name);
		const double before = best == NULL ? 0 : figures_median(&best->figures, name);
		const bool bigger = figure_better(name, figure->unit) == FIGURE_BIGGER;
		if (best == NULL || (bigger ? value > before : value < before))
			best = point;
	}
	return best;
}
