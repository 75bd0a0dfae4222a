#include "engine/wire/mime_convert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct mime_convert convert;

static enum mime_answer judge(struct view message, size_t step)
{
	mime_convert_init(&convert);
	for (size_t at = 0; at < message.bytes; at += step)
		mime_convert_scan(&convert, view_first(view_skip(message, at), step));
	return mime_convert_judge(&convert);
}

/* The second pass, with as little room a time as is allowed. */
static void write_all(struct view message, size_t step, struct text *result)
{
	char memory[MIME_OUTPUT_MIN];
	struct text output = TEXT_ON(memory);

	for (size_t at = 0; at < message.bytes; at += step) {
		struct view part = view_first(view_skip(message, at), step);
		while (!mime_convert_write(&convert, &part, &output)) {
			text_put(result, text_view(&output));
			output.bytes = 0;
		}
		assert_int_equal(part.bytes, 0);
	}
	text_put(result, text_view(&output));
	output.bytes = 0;
	mime_convert_finish(&convert, &output);
	text_put(result, text_view(&output));
	assert_false(output.overflow);
	assert_false(result->overflow);
}

static void check_message(const char *message, enum mime_answer answer, const char *expected)
{
	struct view view = view_of(message);

	for (size_t step = 1; step <= view.bytes + 1; step += step < 12 ? 1 : view.bytes) {
		char memory[8192];
		struct text result = TEXT_ON(memory);
		assert_int_equal(judge(view, step), answer);
		if (answer != MIME_CAN)
			continue;
		write_all(view, step, &result);
		assert_string_equal(text_string(&result), expected);
	}
}

static void test_single_part(void **state)
{
	(void)state;
	check_message("Subject: a\r\nMIME-Version: 1.0\r\n"
	              "Content-Type: text/plain; charset=utf-8\r\n"
	              "Content-Transfer-Encoding:\r\n 8bit\r\nX: y\r\n\r\n"
	              "Gr\xc3\xbc\xc3\x9f"
	              "e \r\n\r\na=b\r\n",
	        MIME_CAN,
	        "Subject: a\r\nMIME-Version: 1.0\r\n"
	        "Content-Type: text/plain; charset=utf-8\r\nX: y\r\n"
	        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	        "Gr=C3=BC=C3=9Fe=20\r\n\r\na=3Db\r\n");
	/* A device that knows nothing of MIME. */
	check_message("Subject: a\r\n\r\n\xfc\r\n", MIME_CAN,
	        "Subject: a\r\nMIME-Version: 1.0\r\n"
	        "Content-Type: text/plain; charset=unknown-8bit\r\n"
	        "Content-Transfer-Encoding: quoted-printable\r\n\r\n=FC\r\n");
	check_message("MIME-Version: 1.0\r\nContent-Type: image/png\r\n"
	              "Content-Transfer-Encoding: binary\r\n\r\n\xff\xfe\r\n",
	        MIME_CAN,
	        "MIME-Version: 1.0\r\nContent-Type: image/png\r\n"
	        "Content-Transfer-Encoding: base64\r\n\r\n//4NCg==\r\n");
}

static void test_multipart(void **state)
{
	(void)state;
	check_message("MIME-Version: 1.0\r\n"
	              "Content-Type: multipart/mixed; x=\"a;boundary=no\"; boundary=\"b 1\"\r\n"
	              "Content-Transfer-Encoding: 8bit\r\n\r\n"
	              "preamble\r\n--b 1\r\n"
	              "Content-Type: multipart/alternative;\r\n\tboundary=b2\r\n\r\n"
	              "--b2\r\n\r\nplain\r\n--b2\r\n"
	              "Content-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	              "<b>\xc3\xbc</b>\r\n--b2--\r\n"
	              "--b 1 \t\r\nContent-Type: application/x\r\n\r\n\x80\r\n\r\n--b 1\r\n"
	              "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b 1--\r\nepilogue\r\n",
	        MIME_CAN,
	        "MIME-Version: 1.0\r\n"
	        "Content-Type: multipart/mixed; x=\"a;boundary=no\"; boundary=\"b 1\"\r\n"
	        "Content-Transfer-Encoding: 7bit\r\n\r\n"
	        "preamble\r\n--b 1\r\n"
	        "Content-Type: multipart/alternative;\r\n\tboundary=b2\r\n\r\n"
	        "--b2\r\n\r\nplain\r\n--b2\r\n"
	        "Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	        "<b>=C3=BC</b>\r\n--b2--\r\n"
	        "--b 1 \t\r\nContent-Type: application/x\r\n"
	        "Content-Transfer-Encoding: base64\r\n\r\ngA0K\r\n--b 1\r\n"
	        "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b 1--\r\nepilogue\r\n");
}

static void test_odd_multiparts(void **state)
{
	(void)state;
	/* A part without a header, one without a body, and an end that never comes. */
	check_message("Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: 1.0\r\n\r\n"
	              "--b\r\n--b\r\nContent-Type: text/plain\r\n--b\r\n\r\n\xfc",
	        MIME_CAN,
	        "Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: 1.0\r\n\r\n"
	        "--b\r\n--b\r\nContent-Type: text/plain\r\n--b\r\n"
	        "Content-Transfer-Encoding: quoted-printable\r\n\r\n=FC");
	/* No boundary of ours: a longer one, and one of an outer level that has ended. */
	check_message("Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: 1.0\r\n\r\n"
	              "--b\r\n\r\n--bb\r\n\xfc\r\n--b--\r\n--b\r\n",
	        MIME_CAN,
	        "Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: 1.0\r\n\r\n"
	        "--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	        "--bb\r\n=FC\r\n--b--\r\n--b\r\n");
}

static void test_answers(void **state)
{
	(void)state;
	check_message("", MIME_UNNEEDED, NULL);
	check_message("Subject: a\r\n\r\nascii\r\n", MIME_UNNEEDED, NULL);
	check_message("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\na\r\n--b--\r\n",
	        MIME_UNNEEDED, NULL);
	check_message("Content-Type: multipart/signed; boundary=b\r\n\r\n"
	              "--b\r\n\r\n\xfc\r\n--b--\r\n",
	        MIME_CANNOT, NULL);
	check_message(
	        "Content-Type: multipart/encrypted; boundary=b\r\n\r\n\xfc\r\n", MIME_CANNOT, NULL);
	check_message("Content-Type: message/partial; id=1\r\n\r\nA: b\r\n\r\n\xfc\r\n",
	        MIME_CANNOT, NULL);
	check_message(
	        "Content-Type: message/rfc822\r\n\r\nA: \xfc\r\n\r\nb\r\n", MIME_CANNOT, NULL);
	check_message("Content-Type: message/rfc822\r\n\r\n"
	              "Content-Type: multipart/signed; boundary=b\r\n\r\n\xfc\r\n",
	        MIME_CANNOT, NULL);
	check_message("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	              "A: b\r\n\r\n\xfc\r\n",
	        MIME_CANNOT, NULL);
	check_message("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n\xfc\r\n",
	        MIME_CANNOT, NULL);
	check_message("Subject: \xc3\xbc\r\n\r\na\r\n", MIME_CANNOT, NULL);
	check_message("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	              "--b\r\nX: \xfc\r\n\r\n\xfc\r\n--b--\r\n",
	        MIME_CANNOT, NULL);
	check_message("Content-Type: multipart/mixed; boundary=b\r\n\r\n\xfc\r\n--b\r\n\r\na\r\n",
	        MIME_CANNOT, NULL);
	check_message("Content-Type: multipart/mixed\r\n\r\n\xfc\r\n", MIME_CANNOT, NULL);
	check_message("Content-Transfer-Encoding: base64\r\n\r\n\xfc\r\n", MIME_CANNOT, NULL);
	check_message(
	        "Content-Transfer-Encoding: quoted-printable\r\n\r\n\xfc\r\n", MIME_CANNOT, NULL);
}

/* A message within the message: what needs it is encoded in there, and nothing else changes. */
static void test_message_within(void **state)
{
	(void)state;
	check_message("Content-Type: Message/RFC822 ; x=y\r\n\r\nSubject: a\r\n\r\n\xfc\r\n",
	        MIME_CAN,
	        "Content-Type: Message/RFC822 ; x=y\r\nMIME-Version: 1.0\r\n\r\n"
	        "Subject: a\r\nMIME-Version: 1.0\r\n"
	        "Content-Type: text/plain; charset=unknown-8bit\r\n"
	        "Content-Transfer-Encoding: quoted-printable\r\n\r\n=FC\r\n");
	check_message("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	              "--b\r\n\r\nwords\r\n"
	              "--b\r\nContent-Type: message/rfc822\r\n"
	              "Content-Transfer-Encoding: 8bit\r\n\r\n"
	              "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
	              "--c\r\nContent-Type: text/plain\r\n\r\n\xfc\r\n--c--\r\n"
	              "--b\r\n\r\nlast\r\n--b--\r\n",
	        MIME_CAN,
	        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	        "--b\r\n\r\nwords\r\n"
	        "--b\r\nContent-Type: message/rfc822\r\n"
	        "Content-Transfer-Encoding: 7bit\r\n\r\n"
	        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
	        "--c\r\nContent-Type: text/plain\r\n"
	        "Content-Transfer-Encoding: quoted-printable\r\n\r\n=FC\r\n--c--\r\n"
	        "--b\r\n\r\nlast\r\n--b--\r\n");
	/* A boundary of what is around it ends it wherever it is. */
	check_message("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	              "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: a\r\n"
	              "--b\r\n\r\n\xfc\r\n--b--\r\n",
	        MIME_CAN,
	        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: a\r\nMIME-Version: 1.0\r\n"
	        "--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=FC\r\n--b--\r\n");
}

static void test_depth_and_leaves_are_bounded(void **state)
{
	(void)state;
	static char memory[32768];
	struct text text = TEXT_ON(memory);

	for (unsigned i = 0; i <= MIME_DEPTH_MAX; i++)
		text_format(&text, "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n",
		        i, i);
	struct text deeper = text;
	text_put(&text, VIEW("\r\n\xfc\r\n"));
	assert_int_equal(judge(text_view(&text), 1000), MIME_CANNOT);
	text_put(&deeper, VIEW("\r\na\r\n"));
	assert_int_equal(judge(text_view(&deeper), 1000), MIME_UNNEEDED);

	text = text_on(memory, sizeof memory);
	text_put(&text, VIEW("Content-Type: multipart/mixed; boundary=b\r\n\r\n"));
	for (unsigned i = 0; i < MIME_LEAVES_MAX; i++)
		text_put(&text, VIEW("--b\r\n\r\n\xfc\r\n"));
	assert_int_equal(judge(text_view(&text), 1000), MIME_CAN);
	text_put(&text, VIEW("--b\r\n\r\n\xfc\r\n"));
	assert_int_equal(judge(text_view(&text), 1000), MIME_CANNOT);
}

static void test_long_lines(void **state)
{
	(void)state;
	static char message_memory[8192];
	static char result_memory[32768];
	struct text message = TEXT_ON(message_memory);

	text_put(&message, VIEW("Content-Type: application/x; name=\""));
	for (unsigned i = 0; i < 300; i++)
		text_put(&message, VIEW("n"));
	text_put(&message, VIEW("\"\r\nMIME-Version: 1.0\r\n\r\n"));
	for (unsigned i = 0; i < 4000; i++)
		text_put_byte(&message, (char)(i % 251 == 10 || i % 251 == 13 ? 'x' : i));
	text_put(&message, VIEW("\r\n"));
	struct view first = { 0 };
	for (size_t step = 1; step < 600; step += 97) {
		struct text result = text_on(result_memory + (step == 1 ? 0 : 16384), 16384);
		assert_int_equal(judge(text_view(&message), step), MIME_CAN);
		write_all(text_view(&message), step, &result);
		if (step == 1)
			first = text_view(&result);
		assert_true(view_equal(first, text_view(&result)));
	}
	/* Lines of 76 behind the header. */
	size_t at = view_find_fold(first, VIEW("\r\n\r\n")) + 4;
	assert_int_equal(view_find(view_skip(first, at), '\n'), 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_part),
		cmocka_unit_test(test_multipart),
		cmocka_unit_test(test_odd_multiparts),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_message_within),
		cmocka_unit_test(test_depth_and_leaves_are_bounded),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
