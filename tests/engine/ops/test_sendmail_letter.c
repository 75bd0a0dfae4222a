/* What sendmail makes of its standard input. */
#include "engine/ops/sendmail_letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FROM "\"A User\" <me@here.test>"

static const struct row {
	const char *input;
	bool dot_ends;
	const char *content;
	const char *recipients; /* of the header, with spaces between */
} rows[] = {
	{ "From: a@b.c\nTo: x@y.z\n\nbody\n", true, "From: a@b.c\nTo: x@y.z\n\nbody\n", "x@y.z" },
	{ "To: x@y.z\r\n\r\nbody\r\n", true, "To: x@y.z\r\nFrom: " FROM "\n\r\nbody\r\n", "x@y.z" },
	/* Bcc is for us alone, with its folds. */
	{ "From: a@b.c\nBcc: p@q.r,\n\ts@t.u\nCc: \"X, Y\" <x@y.z>, v@w.x (comment)\n\nb\n", true,
	        "From: a@b.c\nCc: \"X, Y\" <x@y.z>, v@w.x (comment)\n\nb\n",
	        "p@q.r s@t.u x@y.z v@w.x" },
	/* Where a line stands that is no field, the header is over. */
	{ "Hello,\nTo: x@y.z\n", true, "From: " FROM "\n\nHello,\nTo: x@y.z\n", "" },
	{ "Subject: s\nHello: no\nHello\n", true,
	        "Subject: s\nHello: no\nFrom: " FROM "\n\nHello\n", "" },
	{ "Subject: s\n", true, "Subject: s\nFrom: " FROM "\n\n", "" },
	{ "From root Tue Nov 24 10:00:00 2026\nSubject: s\n\nb\n", true,
	        "Subject: s\nFrom: " FROM "\n\nb\n", "" },
	/* A dot alone. */
	{ "From: a@b.c\n\nbody\n.\nmore\n", true, "From: a@b.c\n\nbody\n", "" },
	{ "From: a@b.c\n\nbody\n.\nmore\n", false, "From: a@b.c\n\nbody\n.\nmore\n", "" },
	{ "From: a@b.c\r\n\r\n.\r\nmore", true, "From: a@b.c\r\n\r\n", "" },
	{ "From: a@b.c\n\n.", true, "From: a@b.c\n\n", "" },
	{ "From: a@b.c\n\n..\n.x\n", true, "From: a@b.c\n\n..\n.x\n", "" },
	{ "To: undisclosed-recipients:;\nCc: nobody, <>\n\n", true,
	        "To: undisclosed-recipients:;\nCc: nobody, <>\nFrom: " FROM "\n\n", "" },
};

static void read_row(const struct row *row, struct letter *letter)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], row->input, strlen(row->input)), strlen(row->input));
	(void)close(ends[1]);
	assert_false(failed(letter_open(letter, ends[0], row->dot_ends)));
	(void)close(ends[0]);
	assert_true(letter_finish(letter, true, FROM));
}

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char memory[256];
		struct text recipients = TEXT_ON(memory);
		struct letter letter;

		read_row(&rows[i], &letter);
		assert_int_equal(letter.content_bytes, strlen(rows[i].content));
		assert_memory_equal(letter.content, rows[i].content, letter.content_bytes);
		for (size_t j = 0; j < letter.recipients.count; j++)
			text_format(&recipients, "%s%s", j > 0 ? " " : "", letter.recipients.at[j]);
		assert_string_equal(text_string(&recipients), rows[i].recipients);
		assert_false(letter.is_8bit);
		letter_close(&letter);
	}
}

static void bytes_above_ascii(void **state)
{
	static const struct row row = { "From: a@b.c\n\n\xc3\xa4\n", true, NULL, NULL };
	struct letter letter;

	(void)state;
	read_row(&row, &letter);
	assert_true(letter.is_8bit);
	letter_close(&letter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(bytes_above_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
