#include "engine/ops/explain.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARGUMENTS_MAX 8

/* What a run printed and how it ended. */
struct run {
	int status;
	char *data;
	char *complaints;
};

static struct run run(const char *first, ...)
{
	char *argv[ARGUMENTS_MAX + 2] = { (char *)"explain" };
	int argc = 1;
	va_list list;
	va_start(list, first);
	for (const char *word = first; word != NULL; word = va_arg(list, const char *))
		argv[argc++] = (char *)word;
	va_end(list);

	struct run run = { 0 };
	size_t bytes;
	size_t complaint_bytes;
	FILE *data = open_memstream(&run.data, &bytes);
	FILE *complaints = open_memstream(&run.complaints, &complaint_bytes);
	run.status = explain_run(argc, argv, data, complaints);
	fclose(data);
	fclose(complaints);
	return run;
}

static void run_free(struct run *run)
{
	free(run->data);
	free(run->complaints);
}

static void answers_in_lines(void **state)
{
	(void)state;
	struct run got = run("--stage", "rcpt", "550 5.1.1 User unknown", NULL);
	assert_int_equal(got.status, 0);
	assert_string_equal(got.complaints, "");
	static const char wanted[] = "stage:       rcpt\n"
	                             "code:        550\n"
	                             "enhanced:    5.1.1\n"
	                             "cause:       recipient_unknown\n"
	                             "scope:       recipient\n"
	                             "permanence:  permanent\n"
	                             "outcome:     bounce_recipient\n"
	                             "wait_s:      -\n"
	                             "advice:      ";
	assert_memory_equal(got.data, wanted, sizeof wanted - 1);
	run_free(&got);
}

static void answers_in_json(void **state)
{
	(void)state;
	struct run got = run("--json", "432 4.3.2 Concurrent connections limit exceeded.", NULL);
	assert_int_equal(got.status, 0);
	json_t *object = json_loads(got.data, 0, NULL);
	assert_non_null(object);
	assert_int_equal(json_object_size(object), 9);
	static const char *const keys[] = { "stage", "code", "enhanced", "cause", "scope",
		"permanence", "outcome", "wait_s", "advice" };
	size_t index = 0;
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value) assert_string_equal(key, keys[index++]);
	assert_string_equal(json_string_value(json_object_get(object, "stage")), "any");
	assert_int_equal(json_integer_value(json_object_get(object, "code")), 432);
	assert_string_equal(json_string_value(json_object_get(object, "enhanced")), "4.3.2");
	assert_string_equal(
	        json_string_value(json_object_get(object, "outcome")), "backoff_identity");
	assert_int_equal(json_integer_value(json_object_get(object, "wait_s")), 2);
	json_decref(object);
	run_free(&got);
}

static void what_is_not_there_is_null(void **state)
{
	(void)state;
	struct run got =
	        run("The mail server has exceeded maximum number of messages per connection",
	                "--json", NULL);
	assert_int_equal(got.status, 0);
	json_t *object = json_loads(got.data, 0, NULL);
	assert_non_null(object);
	assert_true(json_is_null(json_object_get(object, "code")));
	assert_true(json_is_null(json_object_get(object, "enhanced")));
	assert_int_equal(json_integer_value(json_object_get(object, "wait_s")), 1);
	json_decref(object);
	run_free(&got);

	got = run("--json", "--stage=mail", "250 ok", NULL);
	object = json_loads(got.data, 0, NULL);
	assert_true(json_is_null(json_object_get(object, "wait_s")));
	json_decref(object);
	run_free(&got);
}

static void lines_end_really_or_by_two_characters(void **state)
{
	(void)state;
	static const char *const forms[] = {
		"550-5.1.1 The account\\n550 5.1.1 does not exist",
		"550-5.1.1 The account\n550 5.1.1 does not exist",
		"550-5.1.1 The account\r\n550 5.1.1 does not exist\r\n",
		"550-5.1.1 The account\\r\\n550 5.1.1 does not exist\\r\\n",
	};
	struct run first = run("--json", forms[0], NULL);
	assert_non_null(strstr(first.data, "recipient_unknown"));
	for (size_t i = 1; i < sizeof forms / sizeof forms[0]; i++) {
		struct run next = run("--json", forms[i], NULL);
		assert_string_equal(next.data, first.data);
		run_free(&next);
	}
	run_free(&first);
}

static void words_without_quotes_are_one_reply(void **state)
{
	(void)state;
	struct run got = run("550", "5.1.1", "User", "unknown", NULL);
	assert_int_equal(got.status, 0);
	assert_non_null(strstr(got.data, "recipient_unknown"));
	run_free(&got);
}

/* As reports and libraries pass a reply on, the code lost perhaps. */
static void a_reply_told_of_is_explained(void **state)
{
	(void)state;
	struct run got = run("--json", "Remote Server returned '550 5.7.64 x'", NULL);
	assert_int_equal(got.status, 0);
	assert_non_null(strstr(got.data, "\"code\": 550, \"enhanced\": \"5.7.64\""));
	run_free(&got);
	got = run("--json", "5.9.9 x", NULL);
	assert_int_equal(got.status, 0);
	assert_non_null(strstr(got.data, "\"code\": null, \"enhanced\": \"5.9.9\""));
	run_free(&got);
}

static void what_is_no_reply_ends_with_1(void **state)
{
	(void)state;
	static const char *const no_replies[] = { "", "hello", "HTTP/1.1 200 OK", "5501 x", "55" };
	for (size_t i = 0; i < sizeof no_replies / sizeof no_replies[0]; i++) {
		struct run got = run(no_replies[i], NULL);
		assert_int_equal(got.status, 1);
		assert_string_equal(got.data, "");
		assert_non_null(strstr(got.complaints, "no SMTP reply"));
		run_free(&got);
	}
}

/* 199 and 600 have three digits too. */
static void which_codes_there_are_is_said(void **state)
{
	(void)state;
	static const char *const codes[] = { "999 foo", "199", "600-x", "099 x" };
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		char wanted[80];
		struct run got = run(codes[i], NULL);
		(void)snprintf(wanted, sizeof wanted,
		        "there is no code %.3s; right is one from 200 to 599,", codes[i]);
		assert_int_equal(got.status, 1);
		assert_non_null(strstr(got.complaints, wanted));
		run_free(&got);
	}
	struct run got = run("5501 x", NULL);
	assert_non_null(strstr(got.complaints, "one begins with three digits, from 200 to 599,"));
	run_free(&got);
}

static void wrong_usage_ends_with_2(void **state)
{
	(void)state;
	struct run runs[] = {
		run(NULL),
		run("--json", NULL),
		run("--stage", "dinner", "550 no", NULL),
		run("550 no", "--stage", NULL),
		run("--colour", "550 no", NULL),
	};
	for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
		assert_int_equal(runs[i].status, 2);
		assert_string_equal(runs[i].data, "");
		assert_string_not_equal(runs[i].complaints, "");
		run_free(&runs[i]);
	}
}

static void helps(void **state)
{
	(void)state;
	struct run got = run("--help", NULL);
	assert_int_equal(got.status, 0);
	assert_non_null(strstr(got.data, "usage: sluice explain"));
	run_free(&got);
}

static void very_long_reply_is_taken(void **state)
{
	(void)state;
	size_t bytes = 200000;
	char *reply = malloc(bytes + 1);
	assert_non_null(reply);
	memset(reply, 'x', bytes);
	memcpy(reply, "550 5.1.1 ", 10);
	reply[bytes] = '\0';
	struct run got = run("--json", reply, NULL);
	assert_int_equal(got.status, 0);
	run_free(&got);
	free(reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_lines),
		cmocka_unit_test(answers_in_json),
		cmocka_unit_test(what_is_not_there_is_null),
		cmocka_unit_test(lines_end_really_or_by_two_characters),
		cmocka_unit_test(words_without_quotes_are_one_reply),
		cmocka_unit_test(a_reply_told_of_is_explained),
		cmocka_unit_test(what_is_no_reply_ends_with_1),
		cmocka_unit_test(which_codes_there_are_is_said),
		cmocka_unit_test(wrong_usage_ends_with_2),
		cmocka_unit_test(helps),
		cmocka_unit_test(very_long_reply_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
