#include "bench/part_receive.h"
#include "bench/part_send.h"
#include "tests/engine/io/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static volatile sig_atomic_t interrupted;
static char why_text[512];

static void test_receive(void **state)
{
	(void)state;
	struct load_settings load = LOAD_SETTINGS;
	struct text why = TEXT_ON(why_text);
	double us = 0;

	load.messages = 300;
	load.sessions = 5;
	/* Of sizes that come in one piece, and in many. */
	for (load.bytes = 600; load.bytes < 400000; load.bytes *= 20) {
		assert_true(part_receive(&load, &interrupted, &us, &why));
		assert_true(us > 0);
	}
	load.sessions = PART_RECEIVE_SESSIONS_MAX + 1;
	assert_false(part_receive(&load, &interrupted, &us, &why));
	assert_non_null(strstr(text_string(&why), "sessions at most"));
}

static void test_receive_is_interrupted(void **state)
{
	(void)state;
	const struct load_settings load = LOAD_SETTINGS;
	struct text why = TEXT_ON(why_text);
	double us = 0;

	interrupted = 1;
	assert_false(part_receive(&load, &interrupted, &us, &why));
	interrupted = 0;
	assert_string_equal(text_string(&why), "interrupted");
}

static void test_send(void **state)
{
	(void)state;
	struct certificates certificates;
	char path[CERTIFICATES_PATH_BYTES];
	struct text why = TEXT_ON(why_text);
	double us = 0;

	certificates_init(&certificates);
	certificates_make(&certificates,
	        &(struct certificate_wish){
	                .file = "part.pem", .name = "localhost", .valid_until_days = 2 },
	        path);
	struct part_send_settings settings = {
		.messages = 200,
		.server = { .certificate_file = path, .key_file = certificates.key },
		.client = { .verify = true, .ca_file = certificates.authority },
		.host = "localhost",
	};
	/* Less than a record has room for, and many records. */
	for (settings.bytes = 600; settings.bytes < 400000; settings.bytes *= 20) {
		us = 0;
		if (!part_send(&settings, &us, &why))
			fail_msg("%s", text_string(&why));
		assert_true(us > 0);
	}
	settings.host = "elsewhere.example";
	assert_false(part_send(&settings, &us, &why));
	assert_non_null(strstr(text_string(&why), "TLS to ourselves failed: "));
	why = text_on(why_text, sizeof why_text);
	settings.server.certificate_file = "there-is-none.pem";
	assert_false(part_send(&settings, &us, &why));
	assert_non_null(strstr(text_string(&why), "there-is-none.pem"));
	certificates_finish(&certificates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_receive_is_interrupted),
		cmocka_unit_test(test_send),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
