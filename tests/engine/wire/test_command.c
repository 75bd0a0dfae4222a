#include "engine/wire/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define FAULT(name) COMMAND_FAULT_##name

static void test_verbs(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum command_fault fault;
		enum command_verb verb;
		const char *arguments;
	} rows[] = {
		{ "EHLO printer", FAULT(NONE), COMMAND_EHLO, "printer" },
		{ "mail from:<a@b>  ", FAULT(NONE), COMMAND_MAIL, "from:<a@b>" },
		{ "  Data \t", FAULT(NONE), COMMAND_DATA, "" },
		{ "NOOP any thing", FAULT(NONE), COMMAND_NOOP, "any thing" },
		{ "BDAT\t10 LAST", FAULT(NONE), COMMAND_BDAT, "10 LAST" },
		{ "DATA now", FAULT(UNWANTED), COMMAND_DATA, "now" },
		{ "STARTTLS x", FAULT(UNWANTED), COMMAND_STARTTLS, "x" },
		{ "", FAULT(NOT_KNOWN), COMMAND_UNKNOWN, "" },
		{ "MAILFROM:<a@b>", FAULT(NOT_KNOWN), COMMAND_UNKNOWN, "" },
		{ "GET / HTTP/1.1", FAULT(NOT_KNOWN), COMMAND_UNKNOWN, "/ HTTP/1.1" },
		{ "unknown", FAULT(NOT_KNOWN), COMMAND_UNKNOWN, "" },
		{ "NOOP \x01", FAULT(CONTROL), COMMAND_NOOP, "\x01" },
		{ "QUIT\r", FAULT(CONTROL), COMMAND_UNKNOWN, "" },
		{ "NOOP \x7f", FAULT(CONTROL), COMMAND_NOOP, "\x7f" },
		{ "NOOP \xc3\xbc", FAULT(NONE), COMMAND_NOOP, "\xc3\xbc" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct command command;
		assert_int_equal(command_parse(view_of(rows[i].line), &command), rows[i].fault);
		assert_int_equal(command.verb, rows[i].verb);
		assert_true(view_equal(command.arguments, view_of(rows[i].arguments)));
	}
	assert_string_equal(command_verb_name(COMMAND_STARTTLS), "STARTTLS");
	assert_string_equal(command_verb_name(COMMAND_UNKNOWN), "unknown");
}

static void test_foreign(void **state)
{
	static const char *const foreign[] = {
		"POST / HTTP/1.1",
		"GET",
		"get / HTTP/1.0",
		"CONNECT 127.0.0.1:25 HTTP/1.1",
		"PUT /",
		"HEAD /",
		"DELETE / HTTP/1.1",
		"OPTIONS * HTTP/1.1",
		"PATCH /",
		"TRACE / HTTP/1.1",
		"PRI * HTTP/2.0",
		"PROPFIND /a/b HTTP/1.1",
		"Host: relay.test",
		"  Host: relay.test",
		"User-Agent: x",
		"Subject: x",
		"Content-Length:",
	};
	static const char *const ours[] = {
		"",
		" ",
		":",
		"EHLO printer",
		"HELO",
		"MAIL FROM:<a@b>",
		"MAIL FROM: <a@b>",
		"MAILFROM:<a@b>",
		"RCPT TO: a@b",
		"NONSENSE",
		"XCLIENT NAME=a",
		"GETX",
		"POSTMASTER",
		"HELP HTTP/1.1",
		"NOOP / HTTP/1.1",
		"X HTTP/1.1",
		"X / HTTP/1.10",
		"QUIT\r",
		".",
		"RSET",
	};

	(void)state;
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		if (!command_is_foreign(view_of(foreign[i])))
			fail_msg("taken for SMTP: %s", foreign[i]);
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (command_is_foreign(view_of(ours[i])))
			fail_msg("taken for another protocol: %s", ours[i]);
	assert_true(command_is_tls(VIEW("\x16\x03\x01\x02")));
	assert_true(command_is_tls(VIEW("\x16\x03")));
	assert_false(command_is_tls(VIEW("\x16")));
	assert_false(command_is_tls(VIEW("EHLO printer")));
}

static void test_answers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COMMAND_FAULT_COUNT; i++) {
		const struct command_answer *answer = command_answer((enum command_fault)i);
		/* The class of the enhanced code is the code's. */
		assert_int_equal(answer->enhanced[0], '0' + answer->code / 100);
		assert_true(strlen(answer->text) > 0);
	}
	assert_int_equal(command_answer(FAULT(PARAMETER_UNKNOWN))->code, 555);
	assert_string_equal(command_answer(FAULT(SENDER))->enhanced, "5.1.7");
}

static const struct {
	const char *arguments;
	enum command_fault fault;
	const char *sender;
} mail_rows[] = {
	{ "FROM:<a@b>", FAULT(NONE), "a@b" },
	{ "from: <a@b>", FAULT(NONE), "a@b" },
	{ "FROM :  < a@b >", FAULT(NONE), "a@b" },
	{ "FROM:a@b", FAULT(NONE), "a@b" },
	{ "FROM: a@b SIZE=10", FAULT(NONE), "a@b" },
	{ "FROM:<>", FAULT(NONE), "" },
	{ "FROM:< >", FAULT(NONE), "" },
	{ "FROM:<@x,@y:a@b>", FAULT(NONE), "a@b" },
	{ "FROM:<@[IPv6:::1],@y:a@b>", FAULT(NONE), "a@b" },
	{ "FROM:<\"a> b\"@c> SIZE=1", FAULT(NONE), "\"a> b\"@c" },
	{ "FROM:\"a b\"@c SIZE=1", FAULT(NONE), "\"a b\"@c" },
	{ "FROM:<a@b> SIZE=0 BODY=8bitmime RET=hdrs ENVID=x+2B AUTH=<>", FAULT(NONE), "a@b" },
	{ "FROM:<\xc3\xbc@b> SMTPUTF8", FAULT(NONE), "\xc3\xbc@b" },
	{ "FROM:<a@b>\tSIZE=1\t", FAULT(NONE), "a@b" },
	{ "", FAULT(MAIL_SYNTAX), NULL },
	{ "FROM", FAULT(MAIL_SYNTAX), NULL },
	{ "FROM:", FAULT(MAIL_SYNTAX), NULL },
	{ "FROM <a@b>", FAULT(MAIL_SYNTAX), NULL },
	{ "TO:<a@b>", FAULT(MAIL_SYNTAX), NULL },
	{ "FROM:<a@b", FAULT(MAIL_SYNTAX), NULL },
	{ "FROM:<a@b>x", FAULT(MAIL_SYNTAX), NULL },
	{ "FROM:<\"a>@b", FAULT(MAIL_SYNTAX), NULL },
	{ "FROM:<a b@c>", FAULT(SENDER), NULL },
	{ "FROM:a@b>", FAULT(SENDER), NULL },
	{ "FROM:<<a@b>>", FAULT(MAIL_SYNTAX), NULL },
	{ "FROM:<@x:>", FAULT(SENDER), NULL },
	{ "FROM:<@x>", FAULT(SENDER), NULL },
	{ "FROM:<scanner>", FAULT(SENDER_DOMAIN), NULL },
	{ "FROM:<postmaster>", FAULT(SENDER_DOMAIN), NULL },
	{ "FROM:<aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg@h>",
	        FAULT(SENDER_LONG), NULL },
	{ "FROM:<\xc3\xbc@b>", FAULT(UTF8), NULL },
	{ "FROM:<\xfc@b> SMTPUTF8", FAULT(SENDER), NULL },
	{ "FROM:<a@b> SIZE=1 SIZE=2", FAULT(PARAMETER_REPEATED), NULL },
	{ "FROM:<a@b> BODY=7BIT body=7bit", FAULT(PARAMETER_REPEATED), NULL },
	{ "FROM:<a@b> SMTPUTF8 SMTPUTF8", FAULT(PARAMETER_REPEATED), NULL },
	{ "FROM:<a@b> ENVID=a ENVID=b", FAULT(PARAMETER_REPEATED), NULL },
	{ "FROM:<a@b> AUTH=a AUTH=b", FAULT(PARAMETER_REPEATED), NULL },
	{ "FROM:<a@b> RET=FULL RET=FULL", FAULT(PARAMETER_REPEATED), NULL },
	{ "FROM:<a@b> NOTIFY=NEVER", FAULT(PARAMETER_UNKNOWN), NULL },
	{ "FROM:<a@b> XYZ", FAULT(PARAMETER_UNKNOWN), NULL },
	{ "FROM:<a@b> X-Y-1=Z", FAULT(PARAMETER_UNKNOWN), NULL },
	{ "FROM:<a@b> =1", FAULT(PARAMETER), NULL },
	{ "FROM:<a@b> -X=1", FAULT(PARAMETER), NULL },
	{ "FROM:<a@b> SIZE=", FAULT(PARAMETER), NULL },
	{ "FROM:<a@b> SMTPUTF8=1", FAULT(PARAMETER), NULL },
	{ "FROM:<a@b> SI.ZE=1", FAULT(PARAMETER), NULL },
	{ "FROM:<a@b> SIZE", FAULT(SIZE), NULL },
	{ "FROM:<a@b> SIZE=-1", FAULT(SIZE), NULL },
	{ "FROM:<a@b> SIZE=123456789012345678901", FAULT(SIZE), NULL },
	{ "FROM:<a@b> BODY=9BIT", FAULT(BODY), NULL },
	{ "FROM:<a@b> BODY", FAULT(BODY), NULL },
	{ "FROM:<a@b> BODY=BINARYMIME", FAULT(BINARYMIME), NULL },
	{ "FROM:<a@b> RET=ALL", FAULT(RET), NULL },
	{ "FROM:<a@b> ENVID=a=b", FAULT(ENVID), NULL },
	{ "FROM:<a@b> ENVID=+0D", FAULT(ENVID), NULL },
	{ "FROM:<a@b> ENVID", FAULT(ENVID), NULL },
	{ "FROM:<a@b> AUTH=+XY", FAULT(AUTH_PARAMETER), NULL },
};

static void test_mail(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mail_rows / sizeof mail_rows[0]; i++) {
		struct command_mail mail;
		enum command_fault fault =
		        command_mail_parse(view_of(mail_rows[i].arguments), &mail);
		if (fault != mail_rows[i].fault)
			printf("%s: %d\n", mail_rows[i].arguments, (int)fault);
		assert_int_equal(fault, mail_rows[i].fault);
		if (fault != FAULT(NONE))
			continue;
		assert_true(view_equal(mail.sender.whole, view_of(mail_rows[i].sender)));
		assert_int_equal(mail.is_null, mail_rows[i].sender[0] == '\0');
	}
}

static void test_mail_parameters(void **state)
{
	(void)state;
	struct command_mail mail;

	assert_int_equal(command_mail_parse(VIEW("FROM:<a@b>"), &mail), FAULT(NONE));
	assert_false(mail.has_size);
	assert_false(mail.has_auth);
	assert_false(mail.smtputf8);
	assert_int_equal(mail.body, COMMAND_BODY_ABSENT);
	assert_int_equal(mail.ret, 0);
	assert_int_equal(mail.envid.bytes, 0);

	assert_int_equal(command_mail_parse(VIEW("FROM:<a@b> RET=FULL size=123 BODY=8BITMIME "
	                                         "SMTPUTF8 ENVID=QQ+2B1 AUTH=c@d"),
	                         &mail),
	        FAULT(NONE));
	assert_true(mail.has_size);
	assert_int_equal(mail.size, 123);
	assert_int_equal(mail.body, COMMAND_BODY_8BITMIME);
	assert_int_equal(mail.ret, MESSAGE_RET_FULL);
	assert_true(mail.smtputf8);
	assert_true(view_equal(mail.envid, VIEW("QQ+2B1")));
	assert_true(mail.has_auth);
	assert_true(view_equal(mail.auth, VIEW("c@d")));

	assert_int_equal(
	        command_mail_parse(
	                VIEW("FROM:<> SIZE=99999999999999999999 RET=HDRS BODY=7BIT"), &mail),
	        FAULT(NONE));
	assert_true(mail.size == UINT64_MAX);
	assert_int_equal(mail.ret, MESSAGE_RET_HEADERS);
	assert_int_equal(mail.body, COMMAND_BODY_7BIT);
}

static const struct {
	const char *arguments;
	enum command_fault fault;
	const char *recipient;
	unsigned notify;
	const char *orcpt;
} rcpt_rows[] = {
	{ "TO:<a@b>", FAULT(NONE), "a@b", 0, "" },
	{ "to: a@b ", FAULT(NONE), "a@b", 0, "" },
	{ "TO:<@x:a@b>", FAULT(NONE), "a@b", 0, "" },
	{ "TO:<Postmaster>", FAULT(NONE), "Postmaster", 0, "" },
	{ "TO:postmaster", FAULT(NONE), "postmaster", 0, "" },
	{ "TO:<a@b> NOTIFY=never", FAULT(NONE), "a@b", NOTIFY_NEVER, "" },
	{ "TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c+2B@d", FAULT(NONE), "a@b",
	        NOTIFY_SUCCESS | NOTIFY_DELAY, "rfc822;c+2B@d" },
	{ "TO:<a@b> ORCPT=utf-8;\\x{FC}@d", FAULT(NONE), "a@b", 0, "utf-8;\\x{FC}@d" },
	{ "TO:", FAULT(RCPT_SYNTAX), NULL, 0, NULL },
	{ "FROM:<a@b>", FAULT(RCPT_SYNTAX), NULL, 0, NULL },
	{ "TO:<>", FAULT(RECIPIENT), NULL, 0, NULL },
	{ "TO:<a@b@c>", FAULT(RECIPIENT), NULL, 0, NULL },
	{ "TO:<a>", FAULT(RECIPIENT_DOMAIN), NULL, 0, NULL },
	{ "TO:<a@>", FAULT(RECIPIENT_DOMAIN), NULL, 0, NULL },
	{ "TO:<aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg@h>",
	        FAULT(RECIPIENT_LONG), NULL, 0, NULL },
	{ "TO:<\xc3\xbc@b>", FAULT(UTF8), NULL, 0, NULL },
	{ "TO:<a@b> SIZE=1", FAULT(PARAMETER_UNKNOWN), NULL, 0, NULL },
	{ "TO:<a@b> NOTIFY=DELAY NOTIFY=DELAY", FAULT(PARAMETER_REPEATED), NULL, 0, NULL },
	{ "TO:<a@b> ORCPT=rfc822;a ORCPT=rfc822;a", FAULT(PARAMETER_REPEATED), NULL, 0, NULL },
	{ "TO:<a@b> NOTIFY", FAULT(NOTIFY), NULL, 0, NULL },
	{ "TO:<a@b> NOTIFY=NEVER,DELAY", FAULT(NOTIFY), NULL, 0, NULL },
	{ "TO:<a@b> NOTIFY=DELAY,", FAULT(NOTIFY), NULL, 0, NULL },
	{ "TO:<a@b> NOTIFY=,DELAY", FAULT(NOTIFY), NULL, 0, NULL },
	{ "TO:<a@b> NOTIFY=ALWAYS", FAULT(NOTIFY), NULL, 0, NULL },
	{ "TO:<a@b> ORCPT=a@b", FAULT(ORCPT), NULL, 0, NULL },
	{ "TO:<a@b> ORCPT", FAULT(ORCPT), NULL, 0, NULL },
	{ "TO:<a@b> ORCPT=utf-8;\xc3\xbc", FAULT(ORCPT), NULL, 0, NULL },
};

static void test_rcpt(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rcpt_rows / sizeof rcpt_rows[0]; i++) {
		struct command_rcpt rcpt;
		enum command_fault fault =
		        command_rcpt_parse(view_of(rcpt_rows[i].arguments), false, &rcpt);
		if (fault != rcpt_rows[i].fault)
			printf("%s: %d\n", rcpt_rows[i].arguments, (int)fault);
		assert_int_equal(fault, rcpt_rows[i].fault);
		if (fault != FAULT(NONE))
			continue;
		assert_true(view_equal(rcpt.recipient.whole, view_of(rcpt_rows[i].recipient)));
		assert_int_equal(rcpt.notify, rcpt_rows[i].notify);
		assert_true(view_equal(rcpt.orcpt, view_of(rcpt_rows[i].orcpt)));
	}
}

static void test_rcpt_utf8_and_postmaster(void **state)
{
	(void)state;
	struct command_rcpt rcpt;
	const struct view arguments = VIEW("TO:<\xc3\xbc@b> ORCPT=utf-8;\xc3\xbc@b");

	assert_int_equal(command_rcpt_parse(arguments, true, &rcpt), FAULT(NONE));
	assert_true(rcpt.recipient.utf8);
	assert_int_equal(command_rcpt_parse(VIEW("TO:<POSTMASTER>"), false, &rcpt), FAULT(NONE));
	assert_int_equal(rcpt.recipient.kind, ADDRESS_LOCAL_ONLY);
	assert_int_equal(rcpt.recipient.domain.bytes, 0);
}

static void test_envelope_limits(void **state)
{
	(void)state;
	char memory[1024];
	struct command_mail mail;
	struct command_rcpt rcpt;

	for (size_t bytes = 99; bytes <= 101; bytes++) {
		struct text text = TEXT_ON(memory);
		text_put(&text, VIEW("FROM:<a@b> ENVID="));
		for (size_t i = 0; i < bytes; i++)
			text_put(&text, VIEW("x"));
		assert_int_equal(command_mail_parse(text_view(&text), &mail),
		        bytes <= 100 ? FAULT(NONE) : FAULT(ENVID));
	}
	for (size_t bytes = 499; bytes <= 501; bytes++) {
		struct text text = TEXT_ON(memory);
		text_put(&text, VIEW("TO:<a@b> ORCPT=rfc822;"));
		for (size_t i = strlen("rfc822;"); i < bytes; i++)
			text_put(&text, VIEW("x"));
		assert_int_equal(command_rcpt_parse(text_view(&text), false, &rcpt),
		        bytes <= 500 ? FAULT(NONE) : FAULT(ORCPT));
	}
}

static void test_bdat(void **state)
{
	(void)state;
	struct command_bdat bdat;
	static const char *const bad[] = { "", "LAST", "x", "-1", "1 FIRST", "1 LAST x",
		"99999999999999999999", "1x" };

	assert_int_equal(command_bdat_parse(VIEW("1000"), &bdat), FAULT(NONE));
	assert_int_equal(bdat.bytes, 1000);
	assert_false(bdat.last);
	assert_int_equal(command_bdat_parse(VIEW("0  last"), &bdat), FAULT(NONE));
	assert_int_equal(bdat.bytes, 0);
	assert_true(bdat.last);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(command_bdat_parse(view_of(bad[i]), &bdat), FAULT(BDAT_SYNTAX));
	assert_true(command_bdat_has_size(VIEW("12 FIRST"), &bdat));
	assert_int_equal(bdat.bytes, 12);
	assert_false(command_bdat_has_size(VIEW("1x"), &bdat));
	assert_false(command_bdat_has_size(VIEW(""), &bdat));
}

static void test_auth(void **state)
{
	(void)state;
	struct command_auth auth;

	assert_int_equal(command_auth_parse(VIEW("login"), &auth), FAULT(NONE));
	assert_int_equal(auth.mechanism, SIGNIN_LOGIN);
	assert_false(auth.has_initial);
	assert_int_equal(command_auth_parse(VIEW("PLAIN ="), &auth), FAULT(NONE));
	assert_true(auth.has_initial);
	assert_true(view_equal(auth.initial, VIEW("=")));
	assert_int_equal(command_auth_parse(VIEW("CRAM-MD5"), &auth), FAULT(MECHANISM));
	assert_int_equal(command_auth_parse(VIEW(""), &auth), FAULT(AUTH_SYNTAX));
	assert_int_equal(command_auth_parse(VIEW("PLAIN a b"), &auth), FAULT(AUTH_SYNTAX));
}

static void test_hello(void **state)
{
	(void)state;
	struct view name;
	char longest[COMMAND_HELLO_MAX + 1];

	assert_int_equal(command_hello_parse(VIEW("[192.0.2.1]"), &name), FAULT(NONE));
	assert_true(view_equal(name, VIEW("[192.0.2.1]")));
	assert_int_equal(command_hello_parse(VIEW("Office Printer"), &name), FAULT(NONE));
	assert_true(view_equal(name, VIEW("Office")));
	assert_int_equal(command_hello_parse(VIEW("my_pc"), &name), FAULT(NONE));
	assert_int_equal(command_hello_parse(VIEW("\xc3\xbc"), &name), FAULT(NONE));
	assert_int_equal(command_hello_parse(VIEW("\xfc"), &name), FAULT(HELLO));
	assert_int_equal(command_hello_parse(VIEW(""), &name), FAULT(HELLO));
	memset(longest, 'a', sizeof longest);
	assert_int_equal(
	        command_hello_parse(view_from(longest, COMMAND_HELLO_MAX), &name), FAULT(NONE));
	assert_int_equal(
	        command_hello_parse(view_from(longest, sizeof longest), &name), FAULT(HELLO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_mail_parameters),
		cmocka_unit_test(test_rcpt),
		cmocka_unit_test(test_rcpt_utf8_and_postmaster),
		cmocka_unit_test(test_envelope_limits),
		cmocka_unit_test(test_bdat),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_hello),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
