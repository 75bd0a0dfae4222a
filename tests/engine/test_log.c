#include "engine/log.h"

#include "tests/engine/log_bench.h"
#include "engine/log_format.h"
#include "engine/log_ring.h"
#include "queue/message.h"

#include <stdio.h>

static const struct logger_options as_text = { .level = LOG_INFO };
static const struct logger_options as_json = { .level = LOG_INFO, .json = true };
static const struct logger_options as_journal = { .level = LOG_DEBUG, .journal = true };

static void a_line_reads_id_first(void **state)
{
	(void)state;
	struct log_bench bench = log_bench_setup(as_text);
	char id[MESSAGE_ID_TEXT];
	char connection[MESSAGE_ID_TEXT];
	char wanted[256];

	log_bench_write(bench.log);
	snprintf(wanted, sizeof wanted,
	        "m=%s c=%s event=queued from=a@b.test bytes=812 change=-3 took_s=1.234 t=20",
	        message_id_format(1234567, id), message_id_format(5, connection));
	const char *text = log_bench_drained(&bench);
	assert_int_equal(strncmp(text, wanted, strlen(wanted)), 0);
	assert_string_equal(text + strlen(text) - 2, "Z\n");
	log_bench_teardown(&bench);
}

static void json_is_one_object_a_line(void **state)
{
	(void)state;
	struct log_bench bench = log_bench_setup(as_json);

	log_bench_write(bench.log);
	const char *text = log_bench_drained(&bench);
	assert_non_null(
	        strstr(text, "\"event\":\"queued\",\"level\":\"info\",\"from\":\"a@b.test\","
	                     "\"bytes\":812,\"change\":-3,\"took_s\":1.234,\"t\":\"20"));
	assert_int_equal(text[0], '{');
	assert_string_equal(text + strlen(text) - 3, "\"}\n");
	log_bench_teardown(&bench);
}

static void the_journal_gets_levels_and_no_time(void **state)
{
	(void)state;
	struct log_bench bench = log_bench_setup(as_journal);
	struct log_line line = log_begin(bench.log, LOG_DEBUG, "step");

	log_end(&line);
	line = log_begin(bench.log, LOG_ERROR, "broken");
	log_err(&line, err_make(ERR_SYSTEM, 28));
	log_end(&line);
	assert_string_equal(log_bench_drained(&bench),
	        "<7>event=step level=debug\n"
	        "<3>event=broken level=error error=\"the system refused\" detail=28 "
	        "reason=\"No space left on device\"\n");
	log_bench_teardown(&bench);
}

static void lines_below_the_level_are_left_out(void **state)
{
	(void)state;
	struct log_bench bench = log_bench_setup(as_text);
	struct log_line line = log_begin(bench.log, LOG_DEBUG, "step");

	log_number(&line, "n", 1);
	log_end(&line);
	assert_string_equal(log_bench_drained(&bench), "");
	assert_true(log_wants(bench.log, LOG_INFO));
	assert_false(log_wants(bench.log, LOG_DEBUG));
	assert_false(log_wants(NULL, LOG_ERROR));
	line = log_begin(NULL, LOG_ERROR, "nowhere");
	log_message(&line, 1);
	log_text(&line, "a", VIEW("b"));
	log_end(&line);
	log_bench_teardown(&bench);
}

static const struct escape {
	struct view value;
	const char *text;
	const char *json;
} escapes[] = {
	{ VIEW_INIT("plain"), "plain", "\"plain\"" },
	{ VIEW_INIT(""), "\"\"", "\"\"" },
	{ VIEW_INIT("a b"), "\"a b\"", "\"a b\"" },
	{ VIEW_INIT("a=b"), "\"a=b\"", "\"a=b\"" },
	{ VIEW_INIT("say \"x\""), "\"say \\\"x\\\"\"", "\"say \\\"x\\\"\"" },
	{ VIEW_INIT("a\\b"), "\"a\\\\b\"", "\"a\\\\b\"" },
	{ VIEW_INIT("a\r\nevent=fake"), "\"a\\r\\nevent=fake\"", "\"a\\u000d\\u000aevent=fake\"" },
	{ VIEW_INIT("\t\0\x1b\x7f"), "\"\\t\\x00\\x1b\\x7f\"", "\"\\u0009\\u0000\\u001b\\u007f\"" },
	{ VIEW_INIT("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
	{ VIEW_INIT("\xff\xc3"), "\"\\xff\\xc3\"", "\"\\ufffd\\ufffd\"" },
	/* U+009B starts an escape sequence on some terminals. */
	{ VIEW_INIT("\xc2\x9b"
	            "2J"),
	        "\"\\xc2\\x9b2J\"", "\"\\ufffd2J\"" },
	{ VIEW_INIT("\xc2\xa7"), "\xc2\xa7", "\"\xc2\xa7\"" },
};

static void a_value_stays_in_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
		struct log_bench text = log_bench_setup(as_text);
		struct log_bench json = log_bench_setup(as_json);
		struct log_bench *benches[] = { &text, &json };
		char wanted[256];

		for (size_t j = 0; j < 2; j++) {
			struct log_line line = log_begin(benches[j]->log, LOG_INFO, "e");
			log_text(&line, "v", escapes[i].value);
			log_number(&line, "n", i);
			log_end(&line);
		}
		snprintf(wanted, sizeof wanted, "event=e v=%s n=%zu t=", escapes[i].text, i);
		if (strncmp(log_bench_drained(&text), wanted, strlen(wanted)) != 0)
			fail_msg("wanted %s, got %s", wanted, text.text);
		snprintf(wanted, sizeof wanted, ",\"v\":%s,\"n\":%zu,", escapes[i].json, i);
		if (strstr(log_bench_drained(&json), wanted) == NULL)
			fail_msg("wanted %s, got %s", wanted, json.text);
		log_bench_teardown(&text);
		log_bench_teardown(&json);
	}
}

static void what_does_not_fit_is_cut(void **state)
{
	(void)state;
	struct log_bench bench = log_bench_setup(as_json);
	static char value[LOG_LINE_BYTES * 2];
	struct log_line line = log_begin(bench.log, LOG_INFO, "long");

	memset(value, 1, sizeof value); /* each byte as \u0001 */
	log_text(&line, "v", view_from(value, sizeof value));
	log_number(&line, "n", 1);
	log_text(&line, "w", VIEW("gone"));
	log_end(&line);
	const char *text = log_bench_drained(&bench);
	assert_true(strlen(text) > LOG_LINE_BYTES * 5);
	assert_null(strstr(text, "gone"));
	assert_string_equal(text + strlen(text) - 3, "\"}\n");
	log_bench_teardown(&bench);
}

static void lines_wrap_around_the_ring(void **state)
{
	(void)state;
	struct log_bench bench = log_bench_setup(as_text);
	static char value[3000];
	size_t written = 0;

	memset(value, 'v', sizeof value);
	/* Lengths that share no factor with the ring's: its end is met at every distance. */
	for (size_t round = 0; round < 40; round++) {
		for (size_t i = 0; i < 60; i++) {
			struct log_line line = log_begin(bench.log, LOG_INFO, "e");
			log_number(&line, "n", written++);
			log_text(&line, "v", view_from(value, (round * 60 + i) * 7 % 3000));
			log_end(&line);
		}
		logger_drain(bench.logger);
	}
	const char *text = log_bench_drained(&bench);
	char *at = bench.text;
	for (size_t i = 0; i < written; i++) {
		char wanted[32];
		size_t bytes = (size_t)snprintf(wanted, sizeof wanted, "event=e n=%zu v=", i);

		assert_int_equal(strncmp(at, wanted, bytes), 0);
		at = strchr(at, '\n') + 1;
	}
	assert_ptr_equal(at, text + strlen(text));
	log_bench_teardown(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_reads_id_first),
		cmocka_unit_test(json_is_one_object_a_line),
		cmocka_unit_test(the_journal_gets_levels_and_no_time),
		cmocka_unit_test(lines_below_the_level_are_left_out),
		cmocka_unit_test(a_value_stays_in_its_place),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(lines_wrap_around_the_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
