/* How what the doctor found is told; its steps are tested from outside, in tests/e2e. */
#include "engine/ops/doctor_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *told;
static size_t told_bytes;

static struct doctor_report begin(void)
{
	struct doctor_report report = { .json = true };

	report.file = open_memstream(&told, &told_bytes);
	assert_non_null(report.file);
	doctor_report_begin(&report);
	return report;
}

static void assert_told(struct doctor_report *report, const char *words)
{
	assert_int_equal(fflush(report->file), 0);
	if (strstr(told, words) == NULL)
		fail_msg("not there: %s\n%s", words, told);
}

static void end(struct doctor_report *report)
{
	assert_int_equal(fclose(report->file), 0);
	free(told);
}

/* Whatever a server says is a JSON text; what says nothing is left out. */
static void an_object_a_line(void **state)
{
	struct doctor_report report = begin();
	const struct doctor_finding finding = {
		.step = DOCTOR_MAIL,
		.result = DOCTOR_NOTE,
		.said = VIEW("550 a \"quote\"\nand a line"),
	};

	(void)state;
	doctor_report_title(&report, "far", "me@a.test");
	doctor_report_add(&report, &finding);
	assert_told(&report, "{\"step\":\"mail\",\"result\":\"note\",\"ms\":");
	assert_told(&report, "\"route\":\"far\",\"identity\":\"me@a.test\","
	                     "\"said\":\"550 a \\\"quote\\\"\\u000aand a line\"}\n");
	assert_int_equal(report.wrong_count, 0);
	end(&report);
}

static void a_reply_is_judged_by_its_step(void **state)
{
	struct doctor_report report = begin();

	(void)state;
	assert_true(doctor_report_reply(
	        &report, DOCTOR_SIGN_IN, VIEW("me"), VIEW("235 2.7.0 Welcome")));
	assert_false(doctor_report_reply(&report, DOCTOR_RCPT, VIEW("you"),
	        VIEW("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found")));
	assert_told(&report, "\"result\":\"wrong\"");
	assert_told(&report, "\"cause\":\"recipient_unknown\"");
	assert_false(doctor_report_reply(&report, DOCTOR_GREETING, VIEW(""), VIEW("not SMTP")));
	assert_int_equal(report.finding_count, 3);
	assert_int_equal(report.wrong_count, 2);
	end(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_a_line),
		cmocka_unit_test(a_reply_is_judged_by_its_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
