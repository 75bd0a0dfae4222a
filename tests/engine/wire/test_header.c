#include "engine/wire/header.h"
#include "queue/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void scan(struct header *header, struct view message, size_t step)
{
	header_init(header);
	for (size_t at = 0; at < message.bytes; at += step)
		header_feed(header, view_first(view_skip(message, at), step));
	header_finish(header);
}

/* What was found, the machine's own state left out. */
static void assert_same(const struct header *a, const struct header *b)
{
	assert_int_equal(a->received_count, b->received_count);
	assert_int_equal(a->fields, b->fields);
	assert_int_equal(a->has_message_id, b->has_message_id);
	assert_int_equal(a->has_date, b->has_date);
	assert_int_equal(a->date_gap, b->date_gap);
	assert_int_equal(a->message_id_gap, b->message_id_gap);
	assert_int_equal(a->has_from, b->has_from);
	assert_int_equal(a->has_mime_version, b->has_mime_version);
	assert_int_equal(a->is_report, b->is_report);
	assert_int_equal(a->ended, b->ended);
	assert_int_equal(a->blank_missed, b->blank_missed);
	assert_int_equal(a->header_8bit, b->header_8bit);
	assert_int_equal(a->body_8bit, b->body_8bit);
	assert_int_equal(a->has_nul, b->has_nul);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->encoding, b->encoding);
	assert_int_equal(a->longest_line, b->longest_line);
	assert_true(view_equal(view_from(a->message_id, a->message_id_bytes),
	        view_from(b->message_id, b->message_id_bytes)));
	assert_true(view_equal(view_from(a->key, a->key_bytes), view_from(b->key, b->key_bytes)));
	assert_int_equal(a->key_count, b->key_count);
	assert_int_equal(a->key_from, b->key_from);
	assert_int_equal(a->key_to, b->key_to);
	assert_int_equal(a->body_at, b->body_at);
}

static struct header scanned(struct view message)
{
	struct header whole;
	struct header split;

	scan(&whole, message, message.bytes + 1);
	for (size_t step = 1; step < 9; step++) {
		scan(&split, message, step);
		assert_same(&whole, &split);
	}
	return whole;
}

static void test_a_usual_message(void **state)
{
	(void)state;
	struct header h = scanned(VIEW("Received: from a by b; date\r\n"
	                               "RECEIVED: from c\r\n\tby d; date\r\n"
	                               "From: Someone <a@b>\r\n"
	                               "Date : Tue, 24 Nov 2026 03:15:03 +0000\r\n"
	                               "Message-Id:\r\n <1@x>\r\n"
	                               "MIME-Version: 1.0\r\n"
	                               "Content-Type: Text/Plain; charset=utf-8\r\n"
	                               "Content-Transfer-Encoding: 8bit\r\n"
	                               "X-Other: Received: no\r\n"
	                               "\r\n"
	                               "Received: not this one\r\n"
	                               "Gr\xc3\xbc\xc3\x9f"
	                               "e\r\n"));

	assert_int_equal(h.received_count, 2);
	assert_int_equal(h.fields, 9);
	assert_true(h.has_message_id);
	assert_true(view_equal(view_from(h.message_id, h.message_id_bytes), VIEW("<1@x>")));
	assert_true(h.has_date);
	assert_true(h.has_from);
	assert_true(h.has_mime_version);
	assert_true(h.ended);
	assert_false(h.blank_missed);
	assert_false(h.header_8bit);
	assert_true(h.body_8bit);
	assert_int_equal(h.type, HEADER_TYPE_TEXT);
	assert_int_equal(h.encoding, HEADER_ENCODING_8BIT);
	assert_int_equal(h.longest_line, strlen("Date : Tue, 24 Nov 2026 03:15:03 +0000") + 1);
}

static void test_headers_that_are_none(void **state)
{
	(void)state;
	static const struct {
		const char *message;
		unsigned fields;
		bool ended, blank_missed;
	} rows[] = {
		{ "", 0, false, false },
		{ "\r\nbody\r\n", 0, true, false },
		{ "Hello\r\n", 0, true, true },
		{ "Hello", 0, true, true },
		{ "Hello there: you\r\n", 0, true, true },
		{ ": x\r\n", 0, true, true },
		{ " folded\r\n", 0, true, true },
		{ "Subject: a\r\nno colon\r\n\r\n", 1, true, true },
		{ "Subject: a\r\n", 1, false, false },
		{ "Subject: a", 1, false, false },
		{ "Subject: a\n\nb", 1, true, false },
		{ "From me Tue\r\nSubject: a\r\n\r\n", 0, true, true },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct header h = scanned(view_of(rows[i].message));
		assert_int_equal(h.fields, rows[i].fields);
		assert_int_equal(h.ended, rows[i].ended);
		assert_int_equal(h.blank_missed, rows[i].blank_missed);
	}
}

static void test_eight_bit(void **state)
{
	(void)state;
	struct header h = scanned(VIEW("Subject: \xfc\r\n\r\nascii\r\n"));

	assert_true(h.header_8bit);
	assert_false(h.body_8bit);
	h = scanned(VIEW("\xfc\r\n"));
	assert_false(h.header_8bit);
	assert_true(h.body_8bit);
	h = scanned(VIEW("Subject: a\r\n\r\nb\0c"));
	assert_true(h.has_nul);
	assert_false(h.body_8bit);
}

static void test_types_and_encodings(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		enum header_type type;
	} types[] = {
		{ " multipart/mixed; boundary=x", HEADER_TYPE_MULTIPART },
		{ "Multipart/Signed; micalg=x", HEADER_TYPE_MULTIPART_SIGNED },
		{ "multipart/encrypted", HEADER_TYPE_MULTIPART_ENCRYPTED },
		{ "message/rfc822", HEADER_TYPE_MESSAGE },
		{ "text", HEADER_TYPE_TEXT },
		{ "application/pdf", HEADER_TYPE_OTHER },
		{ "", HEADER_TYPE_OTHER },
	};
	static const struct {
		const char *value;
		enum header_encoding encoding;
	} encodings[] = {
		{ " 7BIT ", HEADER_ENCODING_7BIT },
		{ "binary (comment)", HEADER_ENCODING_BINARY },
		{ "Quoted-Printable", HEADER_ENCODING_QUOTED_PRINTABLE },
		{ "base64;", HEADER_ENCODING_BASE64 },
		{ "x-uuencode", HEADER_ENCODING_OTHER },
		{ "", HEADER_ENCODING_OTHER },
	};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		assert_int_equal(header_type_of(view_of(types[i].value)), types[i].type);
	for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++)
		assert_int_equal(
		        header_encoding_of(view_of(encodings[i].value)), encodings[i].encoding);
}

static void test_of_two_the_first_counts(void **state)
{
	(void)state;
	struct header h = scanned(VIEW("Message-ID: <1@x>\r\nMessage-ID: <2@x>\r\n"
	                               "Content-Type: text/plain\r\nContent-Type: image/png\r\n"
	                               "Content-Transfer-Encoding: 7bit\r\n"
	                               "Content-Transfer-Encoding: base64\r\n\r\n"));

	assert_true(view_equal(view_from(h.message_id, h.message_id_bytes), VIEW("<1@x>")));
	assert_int_equal(h.type, HEADER_TYPE_TEXT);
	assert_int_equal(h.encoding, HEADER_ENCODING_7BIT);
}

/* Where a value belongs that is missing; of several empty ones the first counts. */
static void test_empty_fields(void **state)
{
	static const struct {
		const char *message;
		uint64_t date_gap;
		uint64_t message_id_gap;
	} rows[] = {
		{ "Date:\r\n\r\n", 5, 0 },
		{ "Message-ID :  \r\nDate: \t\r\n\r\nDate:\r\n", 21, 12 },
		{ "Date:\r\nX: y\r\nDate:\r\n", 5, 0 },
		{ "Date:\r\n \r\n\r\n", 5, 0 },
		{ "Date:", 5, 0 },
		{ "Date: now\r\nMessage-ID: <1@x>\r\n", 0, 0 },
		{ "Date", 0, 0 },
		{ "X: y\r\n\r\nDate:\r\n", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct header h = scanned(view_of(rows[i].message));
		assert_int_equal(h.date_gap, rows[i].date_gap);
		assert_int_equal(h.message_id_gap, rows[i].message_id_gap);
	}
}

static void test_values_that_do_not_fit(void **state)
{
	(void)state;
	char memory[1024];
	struct text text = TEXT_ON(memory);

	text_put(&text, VIEW("Message-ID: <"));
	for (size_t i = 0; i < HEADER_MESSAGE_ID_MAX; i++)
		text_put(&text, VIEW("m"));
	text_put(&text, VIEW("@x>\r\n"));
	for (size_t i = 0; i < 2 * HEADER_NAME_MAX; i++)
		text_put(&text, VIEW("N"));
	text_put(&text, VIEW(": v\r\nDate:\r\nFrom: \r\nMessage-ID: a\x01"
	                     "b\r\n\r\n"));
	struct header h = scanned(text_view(&text));
	assert_true(h.has_message_id);
	assert_int_equal(h.message_id_bytes, 0);
	assert_int_equal(h.fields, 5);
	assert_false(h.has_date);
	assert_false(h.has_from);
}

static void test_longest_line(void **state)
{
	(void)state;
	assert_int_equal(scanned(VIEW("")).longest_line, 0);
	assert_int_equal(scanned(VIEW("A: b\r\n\r\n12345678\r\n123\r\n")).longest_line, 8);
	assert_int_equal(scanned(VIEW("A: b\r\n\r\n123\r\n12345678")).longest_line, 8);
	assert_int_equal(scanned(VIEW("\r\n\r\n")).longest_line, 0);
}

/* However it comes in pieces, what is measured is the same; a line's length by hand. */
static void test_long_bodies(void **state)
{
	(void)state;
	char data[1200];
	struct random random;

	random_seed(&random, 3);
	for (int round = 0; round < 3000; round++) {
		struct text text = text_on(data, sizeof data);
		size_t longest = 4;
		text_put(&text, VIEW("A: b\r\n\r\n"));
		while (text.bytes < sizeof data - 300) {
			const size_t length = random_below(&random, 250);
			for (size_t i = 0; i < length; i++)
				text_put_byte(&text, 'x');
			text_put(&text, VIEW("\r\n"));
			longest = length > longest ? length : longest;
		}
		const bool high = random_below(&random, 2) == 0;
		const bool nul = random_below(&random, 2) == 0;
		/* The last byte of either kind may stand at the very end. */
		text_put_byte(&text, high ? '\xff' : 'x');
		text_put_byte(&text, nul ? '\0' : 'x');
		for (size_t step = 1; step < 200; step += 1 + random_below(&random, 70)) {
			struct header header;
			scan(&header, text_view(&text), step);
			assert_int_equal(header.longest_line, longest);
			assert_int_equal(header.body_8bit, high);
			assert_int_equal(header.has_nul, nul);
		}
	}
}

static void test_expire(void **state)
{
	static const struct {
		const char *value;
		uint32_t seconds;
	} rows[] = {
		{ "90s", 90 },
		{ "10m", 600 },
		{ " 2h ", 7200 },
		{ "30d", 30 * 86400 },
		{ "31d", 0 },
		{ "0s", 0 },
		{ "s", 0 },
		{ "10", 0 },
		{ "-1m", 0 },
		{ "1.5h", 0 },
		{ "10 m", 0 },
		{ "99999999999999999999d", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char room[128];
		(void)snprintf(
		        room, sizeof room, "x-sluice-expire: %s\r\nA: b\r\n\r\n", rows[i].value);
		const struct header h = scanned(view_of(room));
		assert_int_equal(h.expire_s, rows[i].seconds);
		assert_int_equal(h.expire_count, 1);
	}
	assert_int_equal(scanned(VIEW("A: b\r\n\r\nX-Sluice-Expire: 1m\r\n")).expire_count, 0);
}

/* The bytes before the key's field and behind it, and from where the body is. */
static void assert_key(const char *message, const char *key, const char *before, const char *body)
{
	const struct header h = scanned(view_of(message));
	const struct view whole = view_of(message);

	assert_true(view_equal(view_from(h.key, h.key_bytes), view_of(key)));
	assert_true(view_equal(view_first(whole, (size_t)h.key_from), view_of(before)));
	assert_true(view_starts_fold(view_skip(whole, (size_t)h.key_from), VIEW("x-sluice-key")));
	assert_true(h.key_to == whole.bytes || whole.data[h.key_to - 1] == '\n');
	const struct view field =
	        view_first(view_skip(whole, (size_t)h.key_from), (size_t)(h.key_to - h.key_from));
	assert_false(view_contains_fold(field, VIEW("After")));
	assert_true(view_equal(view_skip(whole, (size_t)h.body_at), view_of(body)));
}

static void test_the_key_and_its_place(void **state)
{
	char longest[HEADER_KEY_MAX + 40];

	(void)state;
	assert_key("X-Sluice-Key: a1\r\n\r\nbody\r\n", "a1", "", "body\r\n");
	assert_key("From: x\r\nx-sluice-key :a 1\r\nAfter: b\r\n\r\nbody\r\n", "a 1", "From: x\r\n",
	        "body\r\n");
	assert_key("A: b\r\nX-SLUICE-KEY:\r\n\tfolded\r\n twice\r\nAfter: c\r\n\r\nx",
	        "foldedtwice", "A: b\r\n", "x");
	assert_key("X-Sluice-Key: end", "end", "", "");
	assert_key("X-Sluice-Key: end\r\n", "end", "", "");
	assert_key("X-Sluice-Key: a\r\nAfter no field\r\nX-Sluice-Key: b\r\n", "a", "",
	        "no field\r\nX-Sluice-Key: b\r\n");
	assert_key("X-Sluice-Key:  \r\nAfter: x\r\n\r\n", "", "", "");
	assert_key("X-Sluice-Key: \xc3\xa4\r\nAfter: x\r\n\r\n", "", "", "");
	assert_key("X-Sluice-Key: 1\r\nX-Sluice-Key: 2\r\n\r\n", "1", "", "");
	assert_int_equal(scanned(VIEW("X-Sluice-Key: 1\r\nX-Sluice-Key: 2\r\n\r\n")).key_count, 2);
	assert_int_equal(scanned(VIEW("A: b\r\n\r\nX-Sluice-Key: 1\r\n")).key_count, 0);
	assert_int_equal(scanned(VIEW("A: b\r\n\r\nX-Sluice-Key: 1\r\n")).body_at, 8);
	for (size_t bytes = HEADER_KEY_MAX; bytes <= HEADER_KEY_MAX + 1; bytes++) {
		struct text text = TEXT_ON(longest);

		text_put(&text, VIEW("X-Sluice-Key:"));
		for (size_t i = 0; i < bytes; i++)
			text_put_byte(&text, 'k');
		text_put(&text, VIEW("\r\n\r\n"));
		const struct header h = scanned(text_view(&text));
		assert_int_equal(h.key_bytes, bytes == HEADER_KEY_MAX ? bytes : 0);
		assert_int_equal(h.key_count, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_usual_message),
		cmocka_unit_test(test_headers_that_are_none),
		cmocka_unit_test(test_eight_bit),
		cmocka_unit_test(test_types_and_encodings),
		cmocka_unit_test(test_of_two_the_first_counts),
		cmocka_unit_test(test_empty_fields),
		cmocka_unit_test(test_values_that_do_not_fit),
		cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_long_bodies),
		cmocka_unit_test(test_expire),
		cmocka_unit_test(test_the_key_and_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
