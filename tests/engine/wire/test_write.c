#include "engine/wire/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char memory[512];
static struct text text;

static void assert_written(bool done, const char *expected)
{
	assert_true(done);
	assert_true(view_equal(text_view(&text), view_of(expected)));
	text = text_on(memory, sizeof memory);
}

static int set_up(void **state)
{
	(void)state;
	text = text_on(memory, sizeof memory);
	return 0;
}

static void test_commands(void **state)
{
	(void)state;
	assert_written(write_word(&text, WRITE_STARTTLS), "STARTTLS\r\n");
	assert_written(write_word(&text, WRITE_QUIT), "QUIT\r\n");
	assert_written(write_ehlo(&text, VIEW("relay.example")), "EHLO relay.example\r\n");
	assert_written(write_helo(&text, VIEW("[192.0.2.1]")), "HELO [192.0.2.1]\r\n");
	assert_written(write_bdat(&text, 0, true), "BDAT 0 LAST\r\n");
	assert_written(write_bdat(&text, UINT64_MAX, false), "BDAT 18446744073709551615\r\n");
}

static void test_mail(void **state)
{
	(void)state;
	assert_written(write_mail(&text, &(struct write_mail){ 0 }), "MAIL FROM:<>\r\n");
	assert_written(write_mail(&text,
	                       &(struct write_mail){
	                               .sender = VIEW("a@b"),
	                               .with_size = true,
	                               .size = 10240,
	                               .body = WRITE_BODY_8BITMIME,
	                               .smtputf8 = true,
	                               .ret = MESSAGE_RET_HEADERS,
	                               .envid = VIEW("<QQ+3D1>"),
	                       }),
	        "MAIL FROM:<a@b> SIZE=10240 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=<QQ+3D1>\r\n");
	assert_written(write_mail(&text,
	                       &(struct write_mail){
	                               .sender = VIEW("\"a> b\\\"\"@c"),
	                               .body = WRITE_BODY_7BIT,
	                               .ret = MESSAGE_RET_FULL,
	                       }),
	        "MAIL FROM:<\"a> b\\\"\"@c> BODY=7BIT RET=FULL\r\n");
}

static void test_rcpt(void **state)
{
	(void)state;
	assert_written(write_rcpt(&text, &(struct write_rcpt){ .recipient = VIEW("a@b") }),
	        "RCPT TO:<a@b>\r\n");
	assert_written(write_rcpt(&text,
	                       &(struct write_rcpt){
	                               .recipient = VIEW("\xc3\xa9@b"),
	                               .notify = NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY,
	                               .orcpt = VIEW("rfc822;a+2Bb@c"),
	                       }),
	        "RCPT TO:<\xc3\xa9@b> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a+2Bb@c\r\n");
	assert_written(write_rcpt(&text, &(struct write_rcpt){ .recipient = VIEW("a@b"),
	                                         .notify = NOTIFY_NEVER }),
	        "RCPT TO:<a@b> NOTIFY=NEVER\r\n");
}

static void test_nothing_is_injected(void **state)
{
	(void)state;
	const struct view addresses[] = { VIEW("a@b\r\nDATA"), VIEW("a@b\n"), VIEW("a\0@b"),
		VIEW("a@b> SIZE=1"), VIEW("a@b>"), VIEW("<a@b"), VIEW("a b@c"), VIEW("\"a@b"),
		VIEW("\"a\r\n\"@b"), VIEW("\"a\\\r\n\"@b"), VIEW("\"a\\\n\"@b"), VIEW("a\x7f@b"),
		VIEW("\"\\\"> x@b"), VIEW("\t@b") };

	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		assert_false(write_mail(&text, &(struct write_mail){ .sender = addresses[i] }));
		assert_false(write_rcpt(&text, &(struct write_rcpt){ .recipient = addresses[i] }));
		assert_int_equal(text.bytes, 0);
	}
	const struct view words[] = { VIEW("a b"), VIEW("a\r\n"), VIEW("a\n"), VIEW("a\0"),
		VIEW("a\"b c\"") };
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		assert_false(write_ehlo(&text, words[i]));
		assert_false(write_helo(&text, words[i]));
		assert_false(write_mail(
		        &text, &(struct write_mail){ .sender = VIEW("a@b"), .envid = words[i] }));
		assert_false(write_rcpt(&text,
		        &(struct write_rcpt){ .recipient = VIEW("a@b"), .orcpt = words[i] }));
		assert_int_equal(text.bytes, 0);
	}
	assert_false(write_ehlo(&text, VIEW("")));
	assert_false(write_rcpt(&text, &(struct write_rcpt){ 0 }));
}

static void test_whole_lines_or_nothing(void **state)
{
	(void)state;
	for (size_t room = 0; room < 14; room++) {
		text = text_on(memory, room);
		assert_false(write_mail(&text, &(struct write_mail){ 0 }));
		assert_int_equal(text.bytes, 0);
		assert_false(text.overflow);
	}
	text = text_on(memory, 14 + 6);
	assert_true(write_mail(&text, &(struct write_mail){ 0 }));
	assert_false(write_bdat(&text, 1, false));
	assert_true(write_word(&text, WRITE_RSET));
	assert_true(view_equal(text_view(&text), VIEW("MAIL FROM:<>\r\nRSET\r\n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_commands, set_up),
		cmocka_unit_test_setup(test_mail, set_up),
		cmocka_unit_test_setup(test_rcpt, set_up),
		cmocka_unit_test_setup(test_nothing_is_injected, set_up),
		cmocka_unit_test_setup(test_whole_lines_or_nothing, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
