#include "engine/wire/proxy.h"

#include "queue/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SIGNATURE "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"
#define TCP4      "\x21\x11"
#define ADDRESSES "\xc0\x00\x02\x07\x0a\x00\x00\x01\xab\xcd\x00\x19" /* 192.0.2.7:43981 */
#define TCP6      "\x21\x21"
#define ADDRESSES_6                                                                                \
	"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07"                         \
	"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x02\x00\x19"

struct row {
	struct view header; /* what is behind it is "EHLO" */
	enum proxy_fault fault;
	const char *source; /* its last bytes; NULL: none */
	uint16_t port;
};

#define V(text) VIEW_INIT(text)
static const struct row rows[] = {
	{ V(SIGNATURE TCP4 "\x00\x0c" ADDRESSES), PROXY_FAULT_NONE, "\xff\xff\xc0\x00\x02\x07",
	        43981 },
	{ V(SIGNATURE TCP6 "\x00\x24" ADDRESSES_6), PROXY_FAULT_NONE, "\x20\x01\x0d\xb8", 258 },
	/* With TLVs: a NOOP, an empty one, one of no known type. */
	{ V(SIGNATURE TCP4 "\x00\x15" ADDRESSES "\x04\x00\x00\xee\x00\x03"
	                   "abc"),
	        PROXY_FAULT_NONE, "\xff\xff\xc0\x00\x02\x07", 43981 },
	/* A checksum that is right, and one that is not. */
	{ V(SIGNATURE TCP4 "\x00\x13" ADDRESSES "\x03\x00\x04\x69\x01\x4e\xec"), PROXY_FAULT_NONE,
	        "\xff\xff\xc0\x00\x02\x07", 43981 },
	{ V(SIGNATURE TCP4 "\x00\x13" ADDRESSES "\x03\x00\x04\x69\x01\x4e\xed"),
	        PROXY_FAULT_CHECKSUM, NULL, 0 },
	{ V(SIGNATURE TCP4 "\x00\x12" ADDRESSES "\x03\x00\x03"), PROXY_FAULT_CHECKSUM, NULL, 0 },
	/* The proxy's own: with nothing, with an address, with what is no family, with junk. */
	{ V(SIGNATURE "\x20\x00\x00\x00"), PROXY_FAULT_NONE, NULL, 0 },
	{ V(SIGNATURE "\x20\x11\x00\x0c" ADDRESSES), PROXY_FAULT_NONE, NULL, 0 },
	{ V(SIGNATURE "\x20\xff\x00\x05"
	              "\xff\xff\xff\xff\xff"),
	        PROXY_FAULT_NONE, NULL, 0 },
	/* Addresses that are none of TCP's: unspecified, UDP's, in part unspecified. */
	{ V(SIGNATURE "\x21\x00\x00\x00"), PROXY_FAULT_NONE, NULL, 0 },
	{ V(SIGNATURE "\x21\x00\x00\x03\xff\xff\xff"), PROXY_FAULT_NONE, NULL, 0 },
	{ V(SIGNATURE "\x21\x01\x00\x02\xff\xff"), PROXY_FAULT_NONE, NULL, 0 },
	{ V(SIGNATURE "\x21\x10\x00\x02\xff\xff"), PROXY_FAULT_NONE, NULL, 0 },
	{ V(SIGNATURE "\x21\x12\x00\x0c" ADDRESSES), PROXY_FAULT_NONE, NULL, 0 },
	{ V(SIGNATURE "\x21\x22\x00\x24" ADDRESSES_6), PROXY_FAULT_NONE, NULL, 0 },
	/* What is wrong, at the byte that tells. */
	{ V("E"), PROXY_FAULT_SIGNATURE, NULL, 0 },
	{ V("\x16\x03\x01"), PROXY_FAULT_SIGNATURE, NULL, 0 },
	{ V("\x0d\x0a\x0d\x0a\x0d"), PROXY_FAULT_SIGNATURE, NULL, 0 },
	{ V("\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0d"), PROXY_FAULT_SIGNATURE, NULL, 0 },
	{ V("PROXY TCP4 192.0.2.7 10.0.0.1 43981 25\r\n"), PROXY_FAULT_VERSION_1, NULL, 0 },
	{ V(SIGNATURE "\x11"), PROXY_FAULT_VERSION, NULL, 0 },
	{ V(SIGNATURE "\x31"), PROXY_FAULT_VERSION, NULL, 0 },
	{ V(SIGNATURE "\x01"), PROXY_FAULT_VERSION, NULL, 0 },
	{ V(SIGNATURE "\x22"), PROXY_FAULT_COMMAND, NULL, 0 },
	{ V(SIGNATURE "\x2f"), PROXY_FAULT_COMMAND, NULL, 0 },
	{ V(SIGNATURE "\x21\x41"), PROXY_FAULT_FAMILY, NULL, 0 },
	{ V(SIGNATURE "\x21\x13"), PROXY_FAULT_FAMILY, NULL, 0 },
	{ V(SIGNATURE "\x21\xff"), PROXY_FAULT_FAMILY, NULL, 0 },
	{ V(SIGNATURE TCP4 "\x08\x01"), PROXY_FAULT_LONG, NULL, 0 },
	{ V(SIGNATURE TCP4 "\xff\xff"), PROXY_FAULT_LONG, NULL, 0 },
	{ V(SIGNATURE "\x20\x00\xff\xff"), PROXY_FAULT_LONG, NULL, 0 },
	{ V(SIGNATURE TCP4 "\x00\x00"), PROXY_FAULT_SHORT, NULL, 0 },
	{ V(SIGNATURE TCP4 "\x00\x0b"), PROXY_FAULT_SHORT, NULL, 0 },
	{ V(SIGNATURE TCP6 "\x00\x23"), PROXY_FAULT_SHORT, NULL, 0 },
	{ V(SIGNATURE "\x21\x31\x00\xd7"), PROXY_FAULT_SHORT, NULL, 0 },
	{ V(SIGNATURE TCP4 "\x00\x0d" ADDRESSES "\x04"), PROXY_FAULT_TLV, NULL, 0 },
	{ V(SIGNATURE TCP4 "\x00\x0e" ADDRESSES "\x04"), PROXY_FAULT_TLV, NULL, 0 },
	{ V(SIGNATURE TCP4 "\x00\x0f" ADDRESSES "\x04\x00\x01"), PROXY_FAULT_TLV, NULL, 0 },
	{ V(SIGNATURE TCP4 "\x00\x10" ADDRESSES "\x04\xff\xff"), PROXY_FAULT_TLV, NULL, 0 },
	{ V(SIGNATURE TCP4 "\x00\x16" ADDRESSES "\x03\x00\x04\x00\x00\x00\x00\x03\x00\x04"),
	        PROXY_FAULT_TLV, NULL, 0 },
	{ V(SIGNATURE TCP4 "\x00\x1a" ADDRESSES "\x03\x00\x04\x00\x00\x00\x00\x03\x00\x04"),
	        PROXY_FAULT_CHECKSUM, NULL, 0 },
};

/* In pieces of `step` bytes; how many bytes it took. */
static enum proxy_news read_all(struct proxy *proxy, struct view input, size_t step, size_t *taken)
{
	enum proxy_news news = PROXY_MORE;

	*taken = 0;
	proxy_init(proxy);
	while (input.bytes > 0 && news == PROXY_MORE) {
		struct view part = view_first(input, step);
		const size_t bytes = part.bytes;
		news = proxy_read(proxy, &part);
		assert_true(news != PROXY_MORE || part.bytes == 0);
		*taken += bytes - part.bytes;
		input = view_skip(input, bytes - part.bytes);
	}
	return news;
}

static void check_row(const struct row *row, size_t step)
{
	char memory[128];
	struct text text = TEXT_ON(memory);
	struct proxy proxy;
	size_t taken;

	text_put(&text, row->header);
	if (row->fault == PROXY_FAULT_NONE)
		text_put(&text, VIEW("EHLO"));
	const enum proxy_news news = read_all(&proxy, text_view(&text), step, &taken);
	assert_int_equal(proxy.fault, row->fault);
	if (row->fault != PROXY_FAULT_NONE) {
		assert_int_equal(news, PROXY_BAD);
		assert_false(proxy.has_source);
		assert_true(proxy_fault_text(proxy.fault)[0] != '\0');
		return;
	}
	assert_int_equal(news, PROXY_DONE);
	assert_int_equal(taken, row->header.bytes);
	assert_int_equal(proxy.has_source, row->source != NULL);
	assert_int_equal(proxy.port, row->port);
	if (row->source == NULL)
		return;
	if (row->source[0] == '\xff') {
		static const uint8_t zeros[10];
		assert_memory_equal(proxy.source, zeros, sizeof zeros);
		assert_memory_equal(proxy.source + 10, row->source, 6);
	} else {
		assert_memory_equal(proxy.source, row->source, 4);
		assert_int_equal(proxy.source[15], 7);
	}
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t step = 1; step < 64; step++)
			check_row(&rows[i], step);
}

/* Without its last byte it is none yet, however much of it is there. */
static void test_nothing_counts_before_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].fault != PROXY_FAULT_NONE)
			continue;
		for (size_t bytes = 0; bytes < rows[i].header.bytes; bytes++) {
			struct proxy proxy;
			size_t taken;
			assert_int_equal(
			        read_all(&proxy, view_first(rows[i].header, bytes), 7, &taken),
			        PROXY_MORE);
			assert_false(proxy.has_source);
			assert_int_equal(taken, bytes);
		}
	}
}

/* A Unix socket's addresses are skipped, and so are the longest TLVs. */
static void test_long_headers(void **state)
{
	(void)state;
	static char memory[PROXY_BYTES_MAX + 4];
	struct proxy proxy;
	size_t taken;

	for (size_t step = 1; step < 300; step += 23) {
		struct text text = TEXT_ON(memory);
		text_put(&text, VIEW(SIGNATURE "\x21\x31\x00\xdb"));
		for (size_t i = 0; i < 216; i++)
			text_put_byte(&text, '/');
		text_put(&text, VIEW("\x05\x00\x00"));
		assert_int_equal(read_all(&proxy, text_view(&text), step, &taken), PROXY_DONE);
		assert_int_equal(taken, text.bytes);
		assert_false(proxy.has_source);

		text.bytes = 0;
		text_put(&text, VIEW(SIGNATURE TCP4 "\x08\x00" ADDRESSES "\x02\x07\xf1"));
		while (text.bytes < PROXY_BYTES_MAX)
			text_put_byte(&text, 'x');
		assert_int_equal(read_all(&proxy, text_view(&text), step, &taken), PROXY_DONE);
		assert_int_equal(taken, PROXY_BYTES_MAX);
		assert_true(proxy.has_source);

		/* A TLV that is longer than what is left of that by one byte. */
		memory[PROXY_FIXED_BYTES + 12 + 2]++;
		assert_int_equal(read_all(&proxy, text_view(&text), step, &taken), PROXY_BAD);
		assert_int_equal(proxy.fault, PROXY_FAULT_TLV);
		assert_false(proxy.has_source);

		/* One byte more than a header may have: told before any of that has come. */
		text.bytes = 0;
		text_put(&text, VIEW(SIGNATURE TCP4 "\x08\x01" ADDRESSES "\x02\x07\xf2"));
		assert_int_equal(read_all(&proxy, text_view(&text), step, &taken), PROXY_BAD);
		assert_int_equal(proxy.fault, PROXY_FAULT_LONG);
		assert_in_range(taken, PROXY_FIXED_BYTES, PROXY_FIXED_BYTES + step);
	}
}

/* As many TLVs as fit, and one more byte. */
static void test_many_tlvs(void **state)
{
	static char memory[PROXY_BYTES_MAX];
	struct text text = TEXT_ON(memory);
	struct proxy proxy;
	size_t taken;

	(void)state;
	text_put(&text, VIEW(SIGNATURE TCP4 "\x08\x00" ADDRESSES));
	while (text.bytes + 3 <= PROXY_BYTES_MAX)
		text_put(&text, VIEW("\xee\x00\x00"));
	const size_t left = PROXY_BYTES_MAX - text.bytes;
	memory[PROXY_FIXED_BYTES - 1] = (char)(0x100 - left); /* all of them, and nothing else */
	memory[PROXY_FIXED_BYTES - 2] = 7;
	assert_in_range(left, 1, 2);
	assert_int_equal(read_all(&proxy, text_view(&text), 64, &taken), PROXY_DONE);
	assert_int_equal(taken, text.bytes);
	assert_true(proxy.has_source);
	/* A TLV begins, and has no length. */
	memory[PROXY_FIXED_BYTES - 1]++;
	text_put_byte(&text, '\xee');
	assert_int_equal(read_all(&proxy, text_view(&text), 64, &taken), PROXY_BAD);
	assert_int_equal(proxy.fault, PROXY_FAULT_TLV);
}

/* With a checksum no byte can be changed unnoticed, but for those that make it another kind of
 * header or move the checksum away. */
static void test_any_changed_byte(void **state)
{
	(void)state;
	const struct view good =
	        VIEW(SIGNATURE TCP4 "\x00\x13" ADDRESSES "\x03\x00\x04\x69\x01\x4e\xec");
	char data[64];

	for (size_t at = 0; at < good.bytes; at++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			struct proxy proxy;
			size_t taken;
			memcpy(data, good.data, good.bytes);
			if (data[at] == (char)byte)
				continue;
			data[at] = (char)byte;
			const enum proxy_news news =
			        read_all(&proxy, view_from(data, good.bytes), 5, &taken);
			/* The type of the TLV, or a length with which all of it is addresses. */
			const bool without = !proxy.has_checksum;
			if (news == PROXY_DONE && proxy.has_source)
				assert_true(without);
		}
	}
}

static void test_any_bytes(void **state)
{
	(void)state;
	struct random random;
	char data[300];

	random_seed(&random, 9);
	for (int round = 0; round < 20000; round++) {
		struct proxy whole;
		struct proxy split;
		size_t taken_whole;
		size_t taken_split;
		const size_t bytes = 16 + random_below(&random, sizeof data - 16);
		memcpy(data, SIGNATURE "\x21\x11\x00\x20", 16);
		data[12] = (char)(0x20 | random_below(&random, 2));
		data[13] = (char)(random_below(&random, 4) << 4 | random_below(&random, 3));
		data[15] = (char)random_below(&random, 256);
		for (size_t i = 16; i < bytes; i++)
			data[i] = (char)random_below(&random, 6);
		const struct view input = view_from(data, bytes);
		const enum proxy_news news = read_all(&whole, input, bytes, &taken_whole);
		assert_int_equal(read_all(&split, input, 1, &taken_split), news);
		assert_int_equal(taken_whole, taken_split);
		assert_int_equal(whole.fault, split.fault);
		assert_int_equal(whole.has_source, split.has_source);
		assert_int_equal(whole.port, split.port);
		assert_memory_equal(whole.source, split.source, sizeof whole.source);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_nothing_counts_before_the_end),
		cmocka_unit_test(test_long_headers),
		cmocka_unit_test(test_many_tlvs),
		cmocka_unit_test(test_any_changed_byte),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
