#include "bench/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORDS_MAX 32

static struct options options;
static char why_text[256];
static struct text why;

/* As the words of a command line would be. */
static enum options_news read_words(const char *line)
{
	static char copy[512];
	static char program[] = "sluice-bench";
	char *words[WORDS_MAX + 1] = { program };
	int count = 1;
	char *rest = NULL;

	why = text_on(why_text, sizeof why_text);
	(void)snprintf(copy, sizeof copy, "%s", line);
	for (char *word = strtok_r(copy, " ", &rest); word != NULL && count < WORDS_MAX;
	        word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	return options_read(&options, count, words, &why);
}

static const char *told(const char *name)
{
	static char bytes[256];
	struct text value = text_on(bytes, sizeof bytes);

	for (size_t i = 0; i < option_row_count; i++)
		if (strcmp(option_rows[i].name, name) == 0)
			options_tell(&options, &option_rows[i], &value);
	return text_string(&value);
}

static void test_defaults(void **state)
{
	(void)state;

	assert_int_equal(read_words("throughput"), OPTIONS_RUN);
	assert_string_equal(options.row->name, "throughput");
	assert_int_equal(options.run.load.messages, 20000);
	assert_int_equal(options.run.stand.pipeline, 16);
	assert_string_equal(options.run.stand.place, options.run.stand.programs);
	assert_string_equal(options.run.stand.programs, options.folder);
	assert_int_equal(options.repeat, 1);
	assert_int_equal(read_words("hour --size 4KiB"), OPTIONS_RUN);
	assert_int_equal(options.run.load.messages, 45000);
	assert_int_equal(options.run.load.bytes, 4096);
	assert_int_equal(options.run.hour_s, 60);
	assert_int_equal(options.run.stand.mailboxes, 20);
	/* Those of every run are options, and right. */
	for (size_t i = 0; i < run_row_count; i++)
		options_default(&options, &run_rows[i]);
}

static void test_values(void **state)
{
	(void)state;

	assert_int_equal(read_words("throughput --messages 7 --in 3 --bdat --rate 1.5 --seconds 9"
	                            " --spool /x --delay 50 --size 2MiB"),
	        OPTIONS_RUN);
	assert_int_equal(options.run.load.messages, 7);
	assert_int_equal(options.run.load.sessions, 3);
	assert_int_equal(options.run.stand.connections, 103);
	assert_true(options.run.load.chunking);
	assert_true(options.run.load.rate_per_s > 1.4 && options.run.load.rate_per_s < 1.6);
	assert_int_equal(options.run.churn.seconds, 9);
	assert_int_equal(options.run.load.bytes, 2 << 20);
	assert_string_equal(told("messages"), "7");
	assert_string_equal(told("size"), "2097152");
	assert_string_equal(told("rate"), "1.5");
	assert_string_equal(told("bdat"), "yes");
	assert_string_equal(told("remember"), "no");
	assert_string_equal(told("spool"), "/x");
	assert_string_equal(told("delay"), "50");
	assert_string_equal(told("ingest"), "");
	assert_string_equal(told("to"), "");
	assert_int_equal(
	        read_words("throughput --tolerance 5% --json x --against /y"), OPTIONS_RUN);
	assert_true(options.tolerance_percent > 4.9 && options.tolerance_percent < 5.1);
	assert_string_equal(told("tolerance"), "5");
	assert_string_equal(options.against, "/y");
	assert_int_equal(read_words("load --to 127.0.0.1:25"), OPTIONS_RUN);
	assert_string_equal(told("to"), "127.0.0.1:25");
	assert_int_equal(options.run.load.target.port, 25);
}

static void assert_wrong(const char *line, const char *said)
{
	assert_int_equal(read_words(line), OPTIONS_WRONG);
	assert_non_null(strstr(text_string(&why), said));
}

static void test_says_what_is_wrong(void **state)
{
	(void)state;

	assert_wrong("", "one run is wanted");
	assert_wrong("nonsense", "one run is wanted");
	assert_wrong("throughput limit", "one run is wanted");
	assert_wrong("load", "load needs --to");
	assert_wrong("throughput --messages 0", "--messages 0: not right");
	assert_wrong("throughput --messages 1000000001", "not right");
	assert_wrong("throughput --size 10GiB", "not right");
	assert_wrong("throughput --size 1025MiB", "not right");
	assert_wrong("throughput --size 511", "not right");
	assert_wrong("throughput --rate -1", "not right");
	assert_wrong("throughput --rate nan", "not right");
	assert_wrong("throughput --delay 1s", "not right");
	assert_wrong("load --to somewhere", "not right");
	assert_wrong("throughput --tolerance -1", "not right");
	assert_wrong("throughput --tolerance 5x", "not right");
	assert_wrong("throughput --nonsense", "see --help");
	assert_false(options_set(&options, "nonsense", "1"));
	assert_false(options_set(&options, "bdat", "1"));
}

static void test_helps(void **state)
{
	(void)state;
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);

	assert_int_equal(read_words("--help"), OPTIONS_HELP);
	assert_int_equal(read_words("throughput --help"), OPTIONS_HELP);
	assert_non_null(file);
	options_help(file);
	assert_int_equal(fclose(file), 0);
	for (size_t i = 0; i < option_row_count; i++)
		assert_non_null(strstr(text, option_rows[i].name));
	for (size_t i = 0; i < run_row_count; i++)
		assert_non_null(strstr(text, run_rows[i].name));
	assert_non_null(strstr(text, "messages in flight on each (16)"));
	free(text);
}

static void test_sweeps(void **state)
{
	(void)state;

	assert_int_equal(
	        read_words("sweep rtt --in 1,5 --size 2KiB,10KiB --in 2,3 --out 7"), OPTIONS_RUN);
	assert_string_equal(options.row->name, "rtt");
	assert_true(options.sweeps);
	assert_int_equal(options.list_count, 2);
	assert_string_equal(options.lists[0].name, "in");
	assert_string_equal(options.lists[0].values, "2,3");
	assert_string_equal(options.lists[1].values, "2KiB,10KiB");
	assert_int_equal(options.run.stand.sessions, 7);
	assert_int_equal(options.run.stand.delay_ms, 50);
	static const char *const wrong[] = { "sweep", "sweep sweep", "sweep --in 1,2",
		"sweep nonsense", "throughput --in 1,2", "sweep throughput --in 1,0",
		"sweep throughput --json a,b", "sweep throughput --size ,2KiB" };
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(read_words(wrong[i]), OPTIONS_WRONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_says_what_is_wrong),
		cmocka_unit_test(test_helps),
		cmocka_unit_test(test_sweeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
