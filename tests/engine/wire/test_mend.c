#include "engine/wire/mend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NAME VIEW("[192.0.2.1]")

static void what_devices_say(void **state)
{
	static const struct {
		const char *line;
		const char *mended; /* NULL: it stays as it is */
	} rows[] = {
		{ "MAIL FROM <a@b.test>", "MAIL FROM:<a@b.test>" },
		{ "MAILFROM:<a@b.test>", "MAIL FROM:<a@b.test>" },
		{ "MAIL a@b.test", "MAIL FROM:<a@b.test>" },
		{ "mail <a@b.test>", "MAIL FROM:<a@b.test>" },
		{ "MAIL FROM:Scanner 3 <a@b.test>", "MAIL FROM:<a@b.test>" },
		{ "MAIL FROM:\"Scanner\" <a@b.test> SIZE=5", "MAIL FROM:<a@b.test> SIZE=5" },
		{ "MAIL FROM:<a@b.test", "MAIL FROM:<a@b.test>" },
		{ "MAIL FROM:< a@b.test SIZE=7", "MAIL FROM:<a@b.test> SIZE=7" },
		{ "MAIL FROM:<a@b.test> from the scanner body=8bitmime",
		        "MAIL FROM:<a@b.test> body=8bitmime" },
		{ "MAIL FROM:<a@b.test> NOSUCH=1", "MAIL FROM:<a@b.test>" },
		{ "MAIL FROM:<a@b.test> SIZE=much", "MAIL FROM:<a@b.test>" },
		{ "MAIL FROM:<a@b.test>SIZE=9", "MAIL FROM:<a@b.test> SIZE=9" },
		{ "MAIL FROM:", "MAIL FROM:<>" },
		{ "RCPT TO c@d.test", "RCPT TO:<c@d.test>" },
		{ "RCPTTO:<c@d.test>", "RCPT TO:<c@d.test>" },
		{ "RCPT TO:Joe Doe<c@d.test> SIZE=5", "RCPT TO:<c@d.test>" },
		{ "HELO", "HELO [192.0.2.1]" },
		{ "ehlo ", "ehlo [192.0.2.1]" },
		/* Right as they are. */
		{ "MAIL FROM: <a@b.test>", NULL },
		{ "MAIL FROM:a@b.test", NULL },
		{ "RCPT TO:<\"a b\"@c.test>", NULL },
		{ "EHLO printer", NULL },
		{ "NOOP", NULL },
		/* Nothing in them. */
		{ "MAIL", NULL },
		{ "MAIL FROM", NULL },
		{ "MAILBOX", NULL },
		{ "RCPT TO:", NULL },
		{ "RCPT TO:<>", NULL },
		{ "RCPT TO:<a b>", NULL },
		{ "MAIL FROM:<a@b@c>", NULL },
		{ "MAIL FROM <a@b.test>\x01", NULL },
		{ "NONSENSE <a@b.test>", NULL },
		{ "DATA <a@b.test>", NULL },
		{ "", NULL },
	};
	char room[MEND_LINE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct text mended = TEXT_ON(room);
		const bool did = mend_line(view_of(rows[i].line), NAME, &mended);

		if (did != (rows[i].mended != NULL) ||
		        (did && strcmp(text_string(&mended), rows[i].mended) != 0))
			fail_msg("%s became %s", rows[i].line,
			        did ? text_string(&mended) : "nothing");
	}
}

static void the_longest_line_fits(void **state)
{
	char line[COMMAND_LINE_MAX];
	char room[MEND_LINE_BYTES];
	struct text mended = TEXT_ON(room);

	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line, "MAIL a@b.test", 13);
	line[13] = ' ';
	assert_true(mend_line(view_from(line, sizeof line), NAME, &mended));
	assert_string_equal(text_string(&mended), "MAIL FROM:<a@b.test>");
	memset(line + 5, 'x', sizeof line - 5);
	assert_false(mend_line(view_from(line, sizeof line), NAME, &mended));
	assert_false(mended.overflow);
}

/* Whatever stands behind MAIL and RCPT: what comes out is what the parser takes. */
static void anything_mended_is_right(void **state)
{
	static const char letters[] = { '<', '>', ':', ' ', '@', 'a', '=', '"' };
	char line[16];
	char room[MEND_LINE_BYTES];
	size_t mended_count = 0;

	(void)state;
	for (size_t number = 0; number < 1 << 18; number++) {
		struct text mended = TEXT_ON(room);
		struct command command;
		struct command_mail mail;

		memcpy(line, "MAIL FROM", 9);
		for (size_t i = 0; i < 6; i++)
			line[9 + i] = letters[number >> 3 * i & 7];
		const struct view view = view_from(line, 15);
		if (!mend_line(view, NAME, &mended))
			continue;
		mended_count++;
		assert_int_equal(command_parse(text_view(&mended), &command), COMMAND_FAULT_NONE);
		assert_int_equal(command.verb, COMMAND_MAIL);
		assert_int_equal(command_mail_parse(command.arguments, &mail), COMMAND_FAULT_NONE);
	}
	assert_true(mended_count > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_devices_say),
		cmocka_unit_test(the_longest_line_fits),
		cmocka_unit_test(anything_mended_is_right),
	};

	return cmocka_run_group_tests_name("mend", tests, NULL, NULL);
}
