#include "engine/wire/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct row {
	const char *input;
	int code; /* 0: bad; -1: more is wanted */
	const char *whole;
	const char *text;
	struct enhanced enhanced;
	size_t left;
};

static const struct row rows[] = {
	{ "250 OK\r\n", 250, "250 OK", "OK", { 0 }, 0 },
	{ "250 OK\n", 250, "250 OK", "OK", { 0 }, 0 },
	{ "250\r\n", 250, "250", "", { 0 }, 0 },
	{ "250 \r\n354 go\r\n", 250, "250 ", "", { 0 }, 8 },
	{ "220-a\r\n220-\r\n220 b\r\n", 220, "220-a\n220-\n220 b", "a\n\nb", { 0 }, 0 },
	{ "550-5.7.1 no\r\n550 5.7.1 way\r\n", 550, "550-5.7.1 no\n550 5.7.1 way", "no\nway",
	        { 5, 7, 1 }, 0 },
	{ "451 4.7.500 Server busy\r\n", 451, "451 4.7.500 Server busy", "Server busy",
	        { 4, 7, 500 }, 0 },
	{ "550 5.7.1\r\n", 550, "550 5.7.1", "", { 5, 7, 1 }, 0 },
	{ "550 5.7.1234 x\r\n", 550, "550 5.7.1234 x", "5.7.1234 x", { 0 }, 0 },
	{ "550 3.7.1 x\r\n", 550, "550 3.7.1 x", "3.7.1 x", { 0 }, 0 },
	{ "550 5.7.1: x\r\n", 550, "550 5.7.1: x", "5.7.1: x", { 0 }, 0 },
	{ "571 x\r\n", 571, "571 x", "x", { 0 }, 0 },
	{ "250 a\rb\x01\tc\x7f\xc3\xa9\r\n", 250, "250 a?b?\tc?\xc3\xa9", "a?b?\tc?\xc3\xa9", { 0 },
	        0 },
	{ "250 a\r\r\n", 250, "250 a?", "a?", { 0 }, 0 },
	{ "250-a\n250\n", 250, "250-a\n250", "a\n", { 0 }, 0 },
	{ "250-a\r\n251 b\r\n", 0, NULL, NULL, { 0 }, 0 },
	{ "150 a\r\n", 0, NULL, NULL, { 0 }, 0 },
	{ "650 a\r\n", 0, NULL, NULL, { 0 }, 0 },
	{ "25x a\r\n", 0, NULL, NULL, { 0 }, 0 },
	{ "250x\r\n", 0, NULL, NULL, { 0 }, 0 },
	{ "2500 OK\r\n", 0, NULL, NULL, { 0 }, 0 },
	{ "\r\n", 0, NULL, NULL, { 0 }, 0 },
	{ " 250 OK\r\n", 0, NULL, NULL, { 0 }, 0 },
	{ "250-a\r\n\r\n", 0, NULL, NULL, { 0 }, 0 },
	{ "HTTP/1.1 200 OK\r\n", 0, NULL, NULL, { 0 }, 0 },
	{ "", -1, NULL, NULL, { 0 }, 0 },
	{ "25", -1, NULL, NULL, { 0 }, 0 },
	{ "250", -1, NULL, NULL, { 0 }, 0 },
	{ "250-a\r\n", -1, NULL, NULL, { 0 }, 0 },
	{ "250 a\r", -1, NULL, NULL, { 0 }, 0 },
};

/* Feeds until there is news or nothing left; *left is what was not used. */
static enum reply_news feed(struct reply_reader *reader, struct view input, size_t step,
        struct reply *reply, size_t *left)
{
	for (size_t at = 0; at < input.bytes; at += step) {
		struct view part = view_first(view_skip(input, at), step);
		size_t bytes = part.bytes;
		enum reply_news news = reply_read(reader, &part, reply);
		*left = input.bytes - at - bytes + part.bytes;
		if (news != REPLY_MORE)
			return news;
		assert_int_equal(part.bytes, 0);
	}
	return REPLY_MORE;
}

static void check_row(const struct row *row, size_t step)
{
	char buffer[128];
	char memory[128];
	struct text text = TEXT_ON(memory);
	struct reply_reader reader;
	struct reply reply;
	size_t left = 0;

	reply_init(&reader, (struct span){ buffer, sizeof buffer });
	enum reply_news news = feed(&reader, view_of(row->input), step, &reply, &left);
	if (row->code <= 0) {
		assert_int_equal(news, row->code == 0 ? REPLY_BAD : REPLY_MORE);
		return;
	}
	assert_int_equal(news, REPLY_READY);
	assert_int_equal(reply.code, row->code);
	assert_true(view_equal(reply.whole, view_of(row->whole)));
	assert_memory_equal(&reply.enhanced, &row->enhanced, sizeof reply.enhanced);
	assert_int_equal(left, row->left);
	assert_true(reply_is_idle(&reader));
	reply_put_text(&text, &reply);
	assert_true(view_equal(text_view(&text), view_of(row->text)));
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t step = 1; step <= strlen(rows[i].input) + 1; step++)
			check_row(&rows[i], step);
}

static void test_bad_is_final(void **state)
{
	(void)state;
	char buffer[16];
	struct reply_reader reader;
	struct reply reply;
	struct view input = VIEW("x");
	struct view good = VIEW("250 OK\r\n");
	struct view nothing = VIEW("");

	reply_init(&reader, (struct span){ buffer, sizeof buffer });
	assert_int_equal(reply_read(&reader, &input, &reply), REPLY_BAD);
	assert_int_equal(reply_read(&reader, &good, &reply), REPLY_BAD);
	assert_int_equal(reply_read(&reader, &nothing, &reply), REPLY_BAD);
}

static void test_what_does_not_fit_is_counted(void **state)
{
	(void)state;
	char buffer[10];
	struct reply_reader reader;
	struct reply reply;
	struct view input = VIEW("250-abcdefgh\r\n250-more\r\n250 last\r\n221 bye\r\n");

	reply_init(&reader, (struct span){ buffer, sizeof buffer });
	assert_int_equal(reply_read(&reader, &input, &reply), REPLY_READY);
	assert_true(view_equal(reply.whole, VIEW("250-abcdef")));
	assert_int_equal(reply.dropped_bytes, 2 + 9 + 9);
	assert_int_equal(reply.lines, 3);
	assert_int_equal(reply_read(&reader, &input, &reply), REPLY_READY);
	assert_true(view_equal(reply.whole, VIEW("221 bye")));
	assert_int_equal(reply.dropped_bytes, 0);
}

static enum reply_news feed_long(size_t line_bytes, unsigned lines)
{
	struct reply_reader reader;
	struct reply reply;
	char buffer[64];
	char *line = malloc(line_bytes + 7);
	enum reply_news news = REPLY_MORE;

	assert_non_null(line);
	reply_init(&reader, (struct span){ buffer, sizeof buffer });
	for (unsigned i = 0; i < lines && news == REPLY_MORE; i++) {
		memcpy(line, i + 1 == lines ? "250 " : "250-", 4);
		memset(line + 4, 'a', line_bytes);
		memcpy(line + 4 + line_bytes, "\r\n", 2);
		struct view input = view_from(line, line_bytes + 6);
		news = reply_read(&reader, &input, &reply);
	}
	free(line);
	return news;
}

static void test_limits(void **state)
{
	(void)state;
	assert_int_equal(feed_long(4096, 1), REPLY_READY);
	assert_int_equal(feed_long(REPLY_LINE_MAX, 1), REPLY_READY);
	assert_int_equal(feed_long(REPLY_LINE_MAX + 1, 1), REPLY_BAD);
	assert_int_equal(feed_long(4096, REPLY_LINES_MAX), REPLY_READY);
	assert_int_equal(feed_long(10, REPLY_LINES_MAX + 1), REPLY_BAD);
}

/* A reply to EHLO into a buffer of the least size, in pieces of `step` bytes. */
static struct capabilities offers_of(struct view input, size_t step, struct reply *reply)
{
	static char buffer[2 * REPLY_OFFER_MAX];
	struct capabilities offers;
	struct reply_reader reader;
	enum reply_news news = REPLY_MORE;

	reply_init(&reader, (struct span){ buffer, sizeof buffer });
	reply_want_offers(&reader, &offers);
	while (news == REPLY_MORE && input.bytes > 0) {
		struct view part = view_first(input, step);
		input = view_skip(input, part.bytes);
		news = reply_read(&reader, &part, reply);
	}
	assert_int_equal(news, REPLY_READY);
	assert_null(reader.offers); /* of one reply alone */
	return offers;
}

static void put_filler(struct text *text, size_t lines, size_t line_bytes)
{
	for (size_t i = 0; i < lines; i++) {
		text_put(text, VIEW("250-X-"));
		for (size_t j = 8; j < line_bytes; j++)
			text_put_byte(text, 'x');
		text_put(text, VIEW("\r\n"));
	}
}

/* However much stands before a line, what it offers is read. */
static void test_no_offer_is_lost(void **state)
{
	static const size_t line_bytes[] = { 10, 60, 500, REPLY_OFFER_MAX, REPLY_LINE_MAX };
	static const size_t greeting_bytes[] = { 20, REPLY_OFFER_MAX, 4000 };
	static char room[REPLY_LINES_MAX * REPLY_LINE_MAX];
	struct text text = TEXT_ON(room);
	struct reply reply;

	(void)state;
	for (size_t i = 0; i < 5 * 3; i++) {
		text.bytes = 0;
		put_filler(&text, 1, greeting_bytes[i % 3]);
		put_filler(&text, 30, line_bytes[i / 3]);
		text_put(&text, VIEW("250-SIZE 37748736\r\n250-AUTH LOGIN\r\n"));
		put_filler(&text, 30, line_bytes[i / 3]);
		text_put(&text, VIEW("250-LIMITS RCPTMAX=1000\r\n250 CHUNKING\r\n"));
		for (size_t step = 1; step < 5000; step = step * 3 + 1) {
			const struct capabilities c = offers_of(text_view(&text), step, &reply);
			assert_int_equal(c.size_max, 37748736);
			assert_int_equal(c.mechanisms, SIGNIN_BIT(SIGNIN_LOGIN));
			assert_int_equal(c.rcpt_max, 1000);
			assert_true(c.chunking);
			assert_false(c.starttls);
			assert_int_equal(reply.lines, 65);
			/* Without line ends, but for those between lines. */
			assert_int_equal(
			        reply.whole.bytes + reply.dropped_bytes, text.bytes - 2 * 65 + 64);
		}
	}
}

/* Of a line beyond the bound its last word is not half a number. */
static void test_a_cut_line_offers_whole_words(void **state)
{
	static char room[REPLY_LINE_MAX];
	struct text text = TEXT_ON(room);
	struct reply reply;

	(void)state;
	/* The greeting leaves no more room than an offer finds, and the number is cut in two. */
	put_filler(&text, 1, 600);
	const size_t end = text.bytes + REPLY_OFFER_MAX - strlen("\nRCPTMAX=10");
	text_put(&text, VIEW("250-LIMITS MAILMAX=77"));
	while (text.bytes < end)
		text_put_byte(&text, ' ');
	text_put(&text, VIEW("RCPTMAX=1000\r\n250 DSN\r\n"));
	const struct capabilities c = offers_of(text_view(&text), 100, &reply);
	assert_int_equal(c.mail_max, 77);
	assert_int_equal(c.rcpt_max, 0);
	assert_true(c.dsn);
	assert_true(reply.dropped_bytes > 0);
}

/* A greeting offers nothing, nor does what is refused; and then all that fits is kept of it. */
static void test_what_offers_nothing(void **state)
{
	static char room[8192];
	struct text text = TEXT_ON(room);
	struct capabilities c;
	struct reply reply;

	(void)state;
	c = offers_of(VIEW("250-DSN\r\n250 SIZE 5\r\n"), 3, &reply);
	assert_false(c.dsn);
	assert_int_equal(c.size_max, 5);
	assert_int_equal(reply.dropped_bytes, 0);
	c = offers_of(VIEW("250 DSN\r\n"), 3, &reply);
	assert_false(c.dsn);
	text_put(&text, VIEW("550-no\r\n550-DSN\r\n"));
	for (int i = 0; i < 60; i++)
		text_put(&text, VIEW("550-because of this and that\r\n"));
	text_put(&text, VIEW("550 STARTTLS\r\n"));
	c = offers_of(text_view(&text), 7, &reply);
	assert_false(c.dsn || c.starttls);
	assert_int_equal(reply.whole.bytes, 2 * REPLY_OFFER_MAX);
}

static void test_parse_takes_one_whole_reply(void **state)
{
	(void)state;
	char buffer[64];
	const struct span span = { buffer, sizeof buffer };
	struct reply reply;

	assert_true(reply_parse(VIEW("550 5.7.1 no"), span, &reply));
	assert_int_equal(reply.enhanced.subject, 7);
	assert_true(reply_parse(VIEW("550-a\n550 b\n"), span, &reply));
	assert_true(reply_parse(VIEW("550"), span, &reply));
	assert_false(reply_parse(VIEW("550-a"), span, &reply));
	assert_false(reply_parse(VIEW("250 a\r\n250 b\r\n"), span, &reply));
	assert_false(reply_parse(VIEW("no"), span, &reply));
	assert_false(reply_parse(VIEW(""), span, &reply));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_bad_is_final),
		cmocka_unit_test(test_what_does_not_fit_is_counted),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_no_offer_is_lost),
		cmocka_unit_test(test_a_cut_line_offers_whole_words),
		cmocka_unit_test(test_what_offers_nothing),
		cmocka_unit_test(test_parse_takes_one_whole_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
