/* From withheld, kept and written anew: each way in steps of every size, and never a line too
 * many or too long. */
#include "engine/wire/byline.h"

#include "engine/wire/header.h"
#include "queue/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define OURS "n@c.test"

struct result {
	char kept_room[20000];
	char lines_room[BYLINE_BYTES_MAX];
	struct text kept;
	struct text lines;
	struct byline_place place;
};

static void run(struct result *result, enum byline_rule rule, bool utf8, struct view message,
        size_t step, struct view sender)
{
	struct byline byline;
	struct view piece;

	result->kept = text_on(result->kept_room, sizeof result->kept_room);
	result->lines = text_on(result->lines_room, sizeof result->lines_room);
	byline_init(&byline, rule, VIEW(OURS), utf8);
	while (message.bytes > 0) {
		struct view bytes = view_first(message, step);
		message = view_skip(message, bytes.bytes);
		while (byline_read(&byline, &bytes, &piece))
			text_put(&result->kept, piece);
	}
	if (byline_finish(&byline, &piece))
		text_put(&result->kept, piece);
	result->place = byline_put(&byline, sender, &result->lines);
	assert_false(result->kept.overflow);
	assert_false(result->lines.overflow);
}

static const struct row {
	enum byline_rule rule;
	const char *message;
	const char *kept; /* NULL: all of it */
	const char *lines;
} rows[] = {
	/* From becomes ours */
	{ BYLINE_REPLACE, "From: a@b.test\r\nS: x\r\n\r\nx\r\n", "S: x\r\n\r\nx\r\n",
	        "From: <n@c.test>\r\nReply-To: <a@b.test>\r\n"
	        "X-Sluice-Original-From: a@b.test\r\n" },
	{ BYLINE_REPLACE, "S: x\r\nfrom : \"A, B\"\r\n <a@b.test>\r\n\tX-not: y\r\nT: y\r\n\r\n",
	        "S: x\r\nT: y\r\n\r\n",
	        "From: \"A, B\" <n@c.test>\r\nReply-To: \"A, B\" <a@b.test>\r\n"
	        "X-Sluice-Original-From: \"A, B\" <a@b.test> X-not: y\r\n" },
	{ BYLINE_REPLACE, "FROM:a@b.test\r\nReply-To: r@b.test\r\n\r\n",
	        "Reply-To: r@b.test\r\n\r\n",
	        "From: <n@c.test>\r\nX-Sluice-Original-From: a@b.test\r\n" },
	{ BYLINE_REPLACE, "From: A <a@b.test>, b@b.test, none\r\nSender: a@b.test\r\n\r\n", "\r\n",
	        "From: A <n@c.test>\r\nReply-To: A <a@b.test>, <b@b.test>\r\n"
	        "X-Sluice-Original-From: A <a@b.test>, b@b.test, none\r\n" },
	{ BYLINE_REPLACE, "From: All: a@b.test;\r\nFrom: c@b.test\r\n d\r\n\r\n", "\r\n",
	        "From: <n@c.test>\r\nReply-To: <a@b.test>\r\n"
	        "X-Sluice-Original-From: All: a@b.test;\r\n" },
	{ BYLINE_REPLACE, "S: x\r\n\r\nFrom: a@b.test\r\n", NULL,
	        "From: <n@c.test>\r\nReply-To: <s@b.test>\r\n"
	        "X-Sluice-Original-From: s@b.test\r\n" },
	{ BYLINE_REPLACE, "From: root\r\n\r\n", "\r\n",
	        "From: root <n@c.test>\r\nReply-To: <s@b.test>\r\n"
	        "X-Sluice-Original-From: root\r\n" },
	{ BYLINE_REPLACE, "", NULL,
	        "From: <n@c.test>\r\nReply-To: <s@b.test>\r\n"
	        "X-Sluice-Original-From: s@b.test\r\n" },
	{ BYLINE_REPLACE, "From: a@b.test", "",
	        "From: <n@c.test>\r\nReply-To: <a@b.test>\r\n"
	        "X-Sluice-Original-From: a@b.test\r\n" },
	{ BYLINE_REPLACE, "From:\r\n\r\n", "\r\n", "From: <n@c.test>\r\nReply-To: <s@b.test>\r\n" },
	{ BYLINE_REPLACE, "From: a\x01\xff@b.test\r\n\r\n", "\r\n",
	        "From: <n@c.test>\r\nReply-To: <s@b.test>\r\n"
	        "X-Sluice-Original-From: a ?@b.test\r\n" },
	{ BYLINE_REPLACE, "X-Sluice-Original-From: me\r\n me\r\nS: x\r\nFrom: a@b.test\r\n\r\n",
	        "S: x\r\n\r\n",
	        "From: <n@c.test>\r\nReply-To: <a@b.test>\r\n"
	        "X-Sluice-Original-From: a@b.test\r\n" },
	/* whose is still open */
	{ BYLINE_OPEN, "From: A <a@b.test>\r\nSender: x@b.test\r\nS: x\r\n\r\nx\r\n",
	        "S: x\r\n\r\nx\r\n",
	        "From: A <a@b.test>\r\nReply-To: A <a@b.test>\r\n"
	        "X-Sluice-Original-From: A <a@b.test>\r\n" },
	{ BYLINE_OPEN, "From: n@c.test\r\nReply-To: r@b.test\r\n\r\n", "Reply-To: r@b.test\r\n\r\n",
	        "From: <n@c.test>\r\nX-Sluice-Original-From: n@c.test\r\n" },
	{ BYLINE_OPEN, "From: root\r\n\r\n", "\r\n",
	        "From: root <n@c.test>\r\nReply-To: <s@b.test>\r\n"
	        "X-Sluice-Original-From: root\r\n" },
	{ BYLINE_OPEN, "S: x\r\n\r\n", NULL,
	        "From: <n@c.test>\r\nReply-To: <s@b.test>\r\n"
	        "X-Sluice-Original-From: s@b.test\r\n" },
	/* room for the longest address that may come: a fold before it */
	{ BYLINE_OPEN, "From: The Third Floor Scanner <a@b.test>\r\n\r\n", "\r\n",
	        "From: The Third Floor Scanner\r\n <a@b.test>\r\n"
	        "Reply-To: The Third Floor Scanner <a@b.test>\r\n"
	        "X-Sluice-Original-From: The Third Floor Scanner <a@b.test>\r\n" },
	/* it is ours already */
	{ BYLINE_REPLACE, "From: A <n@C.test>\r\nS: x\r\n\r\n", NULL, "" },
	{ BYLINE_REPLACE, "From: A <n@c.test>\r\nFrom: b@b.test\r\n\r\n",
	        "From: A <n@c.test>\r\n\r\n", "" },
	{ BYLINE_REPLACE, "From: A <n@c.test>, b@b.test\r\n\r\n", "\r\n",
	        "From: A <n@c.test>\r\nReply-To: <b@b.test>\r\n"
	        "X-Sluice-Original-From: A <n@c.test>, b@b.test\r\n" },
	{ BYLINE_REPLACE, "S: x\r\nFrom: n@c.test", NULL, "" },
	{ BYLINE_REPLACE, "From: a@b.test: n@c.test;\r\n\r\n", "\r\n",
	        "From: <n@c.test>\r\n"
	        "X-Sluice-Original-From: a@b.test: n@c.test;\r\n" },
	/* spaces hide nothing */
	{ BYLINE_REPLACE, "From                                              : a@b.test\r\n\r\n",
	        "\r\n",
	        "From: <n@c.test>\r\nReply-To: <a@b.test>\r\n"
	        "X-Sluice-Original-From: a@b.test\r\n" },
	/* it stays where it is possible */
	{ BYLINE_REPAIR, "S: x\r\nFrom: a@b.test\r\n b\r\nFrom: x\r\nSender: y\r\n\r\nx\r\n",
	        "S: x\r\nSender: y\r\n\r\nx\r\n",
	        "From: x <n@c.test>\r\nX-Sluice-Original-From: x\r\n" },
	{ BYLINE_REPAIR, "S: x\r\nFrom: a, A\r\n <a@b.test>\r\nFrom: x\r\nSender: y\r\n\r\nx\r\n",
	        NULL, "" },
	{ BYLINE_REPAIR, "From: root\r\nSender: y\r\n\r\n", "Sender: y\r\n\r\n",
	        "From: root <n@c.test>\r\nX-Sluice-Original-From: root\r\n" },
	{ BYLINE_REPAIR, "From: Scanner 3 <>\r\n\r\n", "\r\n",
	        "From: Scanner 3 <n@c.test>\r\nX-Sluice-Original-From: Scanner 3 <>\r\n" },
	{ BYLINE_REPAIR, "From: x\r\nFrom: a@b.test\r\n\r\n", "From: a@b.test\r\n\r\n", "" },
	{ BYLINE_REPAIR, "S: x\r\n\r\n", NULL,
	        "From: <n@c.test>\r\nX-Sluice-Original-From: s@b.test\r\n" },
	{ BYLINE_REPAIR, "From: \xc3\xa4@b.test\r\n\r\n", "\r\n",
	        "From: <n@c.test>\r\nX-Sluice-Original-From: ??@b.test\r\n" },
	/* what is no header stays, to the byte */
	{ BYLINE_REPAIR, "From: a@b.test\r\nFrom what\r\nFrom: x\r\n", NULL, "" },
	{ BYLINE_REPAIR, "From: a@b.test\r\nX 1: x\r\nFrom: x\r\n", NULL, "" },
	{ BYLINE_REPAIR, "From: a@b.test\r\nFrom ", NULL, "" },
	{ BYLINE_REPAIR, "From: a@b.test\r\nFro", NULL, "" },
	{ BYLINE_REPAIR, "From: a@b.test\r\n\r", NULL, "" },
	{ BYLINE_REPAIR, "From: a@b.test\r\n\rX: y\r\nFrom: x\r\n", NULL, "" },
	{ BYLINE_REPAIR, "From: a@b.test\r\n:x\r\nFrom: x\r\n", NULL, "" },
	{ BYLINE_REPAIR,
	        "From: a@b.test\r\nX-A-Name-That-Is-Longer-Than-All-Those-We-Look-For: x\r\n y\r\n"
	        "X-A-Name-That-Is-Longer-Than-All-Those-We-Look-For  : x\r\n"
	        "X-A                                                : x\r\n\r\n",
	        NULL, "" },
	{ BYLINE_REPAIR,
	        "From: a@b.test\r\nA-Name-That-Is-Longer-Than-All-Those-We-Look-For x\r\nFrom: "
	        "x\r\n",
	        NULL, "" },
	{ BYLINE_REPAIR, " S: x\r\nFrom: x\r\n\r\n", NULL,
	        "From: <n@c.test>\r\nX-Sluice-Original-From: s@b.test\r\n" },
};

/* An address between its brackets, in From. */
static void assert_place(const struct result *result, enum byline_rule rule)
{
	const struct view lines = text_view(&result->lines);
	const struct byline_place place = result->place;

	if (rule != BYLINE_OPEN) {
		assert_int_equal(place.bytes, 0);
		return;
	}
	assert_int_equal(place.offset, view_find(lines, '<') + 1);
	assert_int_equal(place.offset + place.bytes, view_find(lines, '>'));
	assert_true(place.bytes > 0);
}

static void each_way_in_steps_of_every_size(void **state)
{
	(void)state;
	static struct result result;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		const size_t bytes = strlen(row->message);
		const char *kept = row->kept == NULL ? row->message : row->kept;

		for (size_t step = 1; step <= bytes + 1; step++) {
			run(&result, row->rule, false, view_of(row->message), step,
			        VIEW("s@b.test"));
			assert_string_equal(text_string(&result.kept), kept);
			assert_string_equal(text_string(&result.lines), row->lines);
			assert_place(&result, row->rule);
		}
	}
}

static void utf8_stays_where_it_is_allowed(void **state)
{
	(void)state;
	static struct result result;
	const struct view message = VIEW("From: \xc3\x84nna <\xc3\xa4@b.test>\r\n\r\n");

	run(&result, BYLINE_REPLACE, true, message, 3, VIEW("\xc3\xa4@b.test"));
	assert_string_equal(text_string(&result.lines),
	        "From: \xc3\x84nna <n@c.test>\r\nReply-To: \xc3\x84nna <\xc3\xa4@b.test>\r\n"
	        "X-Sluice-Original-From: \xc3\x84nna <\xc3\xa4@b.test>\r\n");
	run(&result, BYLINE_REPLACE, false, message, 3, VIEW(""));
	assert_string_equal(text_string(&result.lines),
	        "From: =?utf-8?B?w4RubmE=?= <n@c.test>\r\n"
	        "X-Sluice-Original-From: ??nna <??@b.test>\r\n");
	run(&result, BYLINE_REPAIR, true, message, 3, VIEW(""));
	assert_true(view_equal(text_view(&result.kept), message));
}

static void assert_lines(struct view text)
{
	while (text.bytes > 0) {
		const size_t end = view_find(text, '\n');
		assert_true(end > 1 && end < text.bytes);
		assert_int_equal(text.data[end - 1], '\r');
		assert_true(end - 1 <= 998);
		assert_int_equal(view_find(text, '\r'), end - 1);
		text = view_skip(text, end + 1);
	}
}

static size_t count_of(struct view text, struct view needle)
{
	size_t count = 0;

	for (size_t at; (at = view_find_fold(text, needle)) < text.bytes; count++)
		text = view_skip(text, at + needle.bytes);
	return count;
}

static void a_long_from_is_cut_between_mailboxes(void **state)
{
	(void)state;
	static struct result result;
	static char message[12000];
	struct text text = TEXT_ON(message);

	text_put(&text, VIEW("From:"));
	for (int i = 0; i < 300; i++)
		text_format(
		        &text, "%s mailbox number %03d <m%03d@b.test>", i > 0 ? ",\r\n" : "", i, i);
	text_put(&text, VIEW("\r\nS: x\r\n\r\nx\r\n"));
	for (size_t step = 1; step < 5000; step = step * 3 + 1) {
		run(&result, BYLINE_REPLACE, false, text_view(&text), step, VIEW("s@b.test"));
		assert_string_equal(text_string(&result.kept), "S: x\r\n\r\nx\r\n");
		assert_lines(text_view(&result.lines));
		/* In From, Reply-To and, as far as there is room, in the original. */
		assert_int_equal(count_of(text_view(&result.lines), VIEW("mailbox number 000")), 3);
		assert_true(
		        view_contains_fold(text_view(&result.lines), VIEW("<m009@b.test>\r\nX-")));
		run(&result, BYLINE_REPAIR, false, text_view(&text), step, VIEW(""));
		assert_true(view_equal(text_view(&result.kept), text_view(&text)));
		assert_int_equal(result.lines.bytes, 0);
	}
	/* Not one mailbox is whole. */
	memset(message, 'x', sizeof message);
	memcpy(message, "From: ", 6);
	memcpy(message + sizeof message - 15, "@b.test\r\n\r\nx\r\n", 13);
	run(&result, BYLINE_REPLACE, false, view_from(message, sizeof message), 700, VIEW(""));
	assert_lines(text_view(&result.lines));
	assert_int_equal(count_of(text_view(&result.lines), VIEW("Reply-To")), 0);
	assert_int_equal(count_of(text_view(&result.lines), VIEW("From: <n@c.test>")), 1);
}

static void the_longest_lines_fit(void **state)
{
	(void)state;
	static struct result result;
	static char message[8000];
	struct text text = TEXT_ON(message);

	text_put(&text, VIEW("From:"));
	for (int i = 0; i < 12; i++) {
		text_put(&text, i > 0 ? VIEW(", \"") : VIEW(" \""));
		for (int j = 0; j < 120; j++)
			text_put(&text, VIEW("\\\""));
		text_put(&text, VIEW("\" <"));
		for (int j = 0; j < 60; j++)
			text_put_byte(&text, 'l');
		text_put_byte(&text, '@');
		for (int j = 0; j < 3; j++) {
			for (int k = 0; k < 60; k++)
				text_put_byte(&text, 'd');
			text_put_byte(&text, '.');
		}
		text_put(&text, VIEW("test>"));
	}
	text_put(&text, VIEW("\r\n\r\n"));
	run(&result, BYLINE_REPLACE, false, text_view(&text), 100, VIEW(""));
	assert_lines(text_view(&result.lines));
	assert_true(result.lines.bytes > 1000);
	/* The longest address in the place of an open one. */
	run(&result, BYLINE_OPEN, false, text_view(&text), 100, VIEW(""));
	assert_lines(text_view(&result.lines));
	const size_t end = view_find(text_view(&result.lines), '>');
	const size_t fold = result.place.offset - 2;
	assert_memory_equal(result.lines.data + fold - 1, "\n <", 3);
	assert_int_equal(result.place.offset + result.place.bytes, end);
}

/* All headers of eight bytes from an alphabet that has what counts: what comes out has no From. */
static void no_from_gets_through(void **state)
{
	(void)state;
	static const char *const parts[] = { "From", ":", " ", "\r\n", "n@c.test", "x", ",", "\"" };
	static struct result result;
	struct header header;

	for (unsigned number = 0; number < 8u * 8 * 8 * 8 * 8 * 8; number++) {
		char room[80];
		struct text text = TEXT_ON(room);
		unsigned rest = number;

		text_put(&text, VIEW("From: x@y.test\r\n"));
		for (int i = 0; i < 6; i++, rest /= 8)
			text_put(&text, view_of(parts[rest % 8]));
		run(&result, BYLINE_REPLACE, false, text_view(&text), 1 + number % 11, VIEW(""));
		header_init(&header);
		header_feed(&header, text_view(&result.kept));
		header_finish(&header);
		assert_false(header.has_from);
		assert_lines(text_view(&result.lines));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_way_in_steps_of_every_size),
		cmocka_unit_test(utf8_stays_where_it_is_allowed),
		cmocka_unit_test(a_long_from_is_cut_between_mailboxes),
		cmocka_unit_test(the_longest_lines_fit),
		cmocka_unit_test(no_from_gets_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
