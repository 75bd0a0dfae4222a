#include "engine/wire/mbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
	const char *content;
	const char *kept;
} rows[] = {
	{ "", "" },
	{ "From ", "" },
	{ "From a@b Tue\r\n", "" },
	{ "From a@b Tue\r\nSubject: x\r\n\r\nFrom here\r\n", "Subject: x\r\n\r\nFrom here\r\n" },
	{ ">From a@b\r\nSubject: x\r\n", "Subject: x\r\n" },
	/* The first line alone. */
	{ "From a\r\nFrom b\r\nX: y\r\n", "From b\r\nX: y\r\n" },
	{ "From: a@b\r\n", "From: a@b\r\n" },
	{ "from a\r\n", "from a\r\n" },
	{ "From", "From" },
	{ "Fro", "Fro" },
	{ "F", "F" },
	{ ">", ">" },
	{ ">Fro", ">Fro" },
	{ ">>From a\r\n", ">>From a\r\n" },
	{ "F>rom a\r\n", "F>rom a\r\n" },
	{ " From a\r\n", " From a\r\n" },
	{ "\r\nFrom a\r\n", "\r\nFrom a\r\n" },
	{ "Subject: x\r\n", "Subject: x\r\n" },
};

/* Whole, and cut at every byte. */
static void the_first_line_goes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct view content = view_of(rows[i].content);
		for (size_t step = 1; step <= content.bytes + 1; step++) {
			struct mbox mbox = { 0 };
			char room[128];
			struct text kept = TEXT_ON(room);
			struct view rest = content;
			struct view piece;
			while (rest.bytes > 0) {
				struct view part = view_first(rest, step);
				rest = view_skip(rest, part.bytes);
				while (mbox_read(&mbox, &part, &piece))
					text_put(&kept, piece);
				assert_int_equal(part.bytes, 0);
			}
			text_put(&kept, mbox_finish(&mbox));
			assert_int_equal(mbox_finish(&mbox).bytes, 0);
			assert_string_equal(text_string(&kept), rows[i].kept);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_first_line_goes) };

	return cmocka_run_group_tests_name("mbox", tests, NULL, NULL);
}
