#include "bench/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char phase[] = "handing in";
static struct progress progress;
static char *text;
static size_t bytes;
static FILE *file;

static void begin(bool seen)
{
	text = NULL;
	file = open_memstream(&text, &bytes);
	assert_non_null(file);
	progress_init(&progress, file, seen);
	progress_begin(&progress, "throughput, 1 of 3");
}

static void assert_told(const char *wanted)
{
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, wanted);
	free(text);
}

static struct mono at(int64_t ms)
{
	return (struct mono){ ms * NS_PER_MS };
}

static void test_tells_in_time(void **state)
{
	(void)state;

	begin(true);
	progress_tell(&progress, phase, 0, 100, at(0));
	progress_tell(&progress, phase, 10, 100, at(199));
	progress_tell(&progress, phase, 20, 100, at(200));
	progress_tell(&progress, phase, 30, 100, at(300));
	progress_tell(&progress, phase, 70, 0, at(400));
	progress_end(&progress);
	progress_end(&progress);
	assert_told("\rthroughput, 1 of 3: handing in 20 of 100, 100/s"
	            "\rthroughput, 1 of 3: handing in 70, 250/s       "
	            "\r                                               \r");
}

static void test_a_phase_begins_anew(void **state)
{
	(void)state;

	begin(true);
	progress_tell(&progress, phase, 50, 100, at(0));
	progress_tell(&progress, "delivering", 10, 100, at(1000));
	progress_tell(&progress, "delivering", 5, 100, at(2000));
	assert_told("\rthroughput, 1 of 3: delivering 5 of 100, 0/s");
}

static void test_unseen(void **state)
{
	(void)state;

	begin(false);
	progress_tell(&progress, phase, 0, 100, at(0));
	progress_tell(&progress, phase, 10, 100, at(1000));
	progress_end(&progress);
	progress_tell(NULL, phase, 10, 100, at(1000));
	progress_end(NULL);
	assert_told("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tells_in_time),
		cmocka_unit_test(test_a_phase_begins_anew),
		cmocka_unit_test(test_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
