#include "bench/measure.h"

#include "bench/progress.h"

static bool measure_turn(
        struct point *point, const struct options *options, bool other, struct text *why);
static void measure_title(const struct result *result, const struct options *options,
        const struct point *point, uint64_t turn);

bool measure_point(struct result *result, const struct options *options, struct text *why)
{
	const bool pairs = options->against != NULL;
	struct point *point = result_add(result, options);
	bool done = true;

	for (uint64_t i = 0; done && i < options->repeat; i++) {
		measure_title(result, options, point, i);
		/* A B B A ...: what drifts while we measure hits both alike. */
		if (pairs && i % 2 == 1)
			done = measure_turn(point, options, true, why) &&
			       measure_turn(point, options, false, why);
		else
			done = measure_turn(point, options, false, why) &&
			       (!pairs || measure_turn(point, options, true, why));
	}
	progress_end(options->run.load.progress);
	return done;
}

static bool measure_turn(
        struct point *point, const struct options *options, bool other, struct text *why)
{
	struct run_settings settings = options->run;

	if (other)
		settings.stand.sluice = options->against;
	return options->row->run(&settings, other ? &point->other : &point->figures, why);
}

static void measure_title(const struct result *result, const struct options *options,
        const struct point *point, uint64_t turn)
{
	char bytes[PROGRESS_TITLE_MAX];
	struct text title = TEXT_ON(bytes);

	if (options->run.load.progress == NULL)
		return;
	text_put(&title, view_of(point->run));
	if (result->count > 1) {
		text_put_byte(&title, ' ');
		result_title(result, point, &title);
	}
	text_format(&title, ", %llu of %llu", (unsigned long long)turn + 1,
	        (unsigned long long)options->repeat);
	progress_begin(options->run.load.progress, text_string(&title));
}
