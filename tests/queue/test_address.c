#include "queue/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define LABEL63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"
#define LOCAL64 LABEL63 "x"

struct row {
	const char *text;
	enum address_fault fault; /* with UTF-8 allowed */
	enum address_kind kind;
};

static const struct row rows[] = {
	{ "user@example.com", ADDRESS_OK, ADDRESS_DOMAIN },
	{ "a@b", ADDRESS_OK, ADDRESS_DOMAIN },
	{ "first.last+tag@sub.example.co", ADDRESS_OK, ADDRESS_DOMAIN },
	{ "!#$%&'*+-/=?^_`{|}~@x", ADDRESS_OK, ADDRESS_DOMAIN },
	{ "scanner@OFFICE_PC.local", ADDRESS_OK, ADDRESS_DOMAIN },
	{ "a@1.2.3.4", ADDRESS_OK, ADDRESS_DOMAIN },
	{ "\"a b\"@c", ADDRESS_OK, ADDRESS_DOMAIN },
	{ "\"\"@c", ADDRESS_OK, ADDRESS_DOMAIN },
	{ "\"a\\\"b\\\\\"@c", ADDRESS_OK, ADDRESS_DOMAIN },
	{ "\"a@b>\"@c", ADDRESS_OK, ADDRESS_DOMAIN },
	{ "a@[192.0.2.1]", ADDRESS_OK, ADDRESS_IPV4 },
	{ "a@[IPv6:2001:db8::1]", ADDRESS_OK, ADDRESS_IPV6 },
	{ "a@[ipv6:::ffff:192.0.2.1]", ADDRESS_OK, ADDRESS_IPV6 },
	{ "a@[x400:abc]", ADDRESS_OK, ADDRESS_GENERAL },
	{ "Gr\xc3\xbc\xc3\x9f"
	  "e@\xe4\xbe\x8b\xe5\xad\x90.test",
	        ADDRESS_OK, ADDRESS_DOMAIN },
	{ "\"\xc3\xbc\"@x", ADDRESS_OK, ADDRESS_DOMAIN },
	{ LOCAL64 "@" LABEL63 ".com", ADDRESS_OK, ADDRESS_DOMAIN },
	{ "", ADDRESS_EMPTY, ADDRESS_DOMAIN },
	{ "user", ADDRESS_NO_DOMAIN, ADDRESS_DOMAIN },
	{ "user@", ADDRESS_NO_DOMAIN, ADDRESS_DOMAIN },
	{ "\"user\"", ADDRESS_NO_DOMAIN, ADDRESS_DOMAIN },
	{ "@example.com", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ ".a@b", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "a.@b", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "a..b@c", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "a b@c", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "a\t@c", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "a\r\n@c", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "<a@b>", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "\"a@b", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "\"a\\\"@b", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "\"a\\", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "\"", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "\"a\rb\"@c", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "\"a\\\nb\"@c", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "\"a\x7f\"@c", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "\"a\"b@c", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "\"\\\xc3\xbc\"@c", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "\xfc@c", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "a@\xc3", ADDRESS_BAD_LOCAL, ADDRESS_DOMAIN },
	{ "a@b@c", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@b..c", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@b.", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@.b", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@-b", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@b-", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@b c", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@b\r\n", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@b(c)", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@" LABEL63 "x.com", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[192.0.2.256]", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[192.0.2]", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[192.0.2.1", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[IPv6:1:2]", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[]", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[:x]", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[x:]", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[x-:y]", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[x:a b]", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[x:a>b]", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[x:a\"b]", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[x:a[b]", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ "a@[x:b@c.test]", ADDRESS_BAD_DOMAIN, ADDRESS_DOMAIN },
	{ LOCAL64 "x@b", ADDRESS_TOO_LONG, ADDRESS_DOMAIN },
	{ "a@" LABEL63 "." LABEL63 "." LABEL63 "." LABEL63, ADDRESS_TOO_LONG, ADDRESS_DOMAIN },
	{ "a@" LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 ".x", ADDRESS_TOO_LONG, ADDRESS_DOMAIN },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct address address = { .quoted = true };
		enum address_fault fault = address_parse(view_of(row->text), true, &address);
		if (fault != row->fault)
			printf("%s: %d, not %d\n", row->text, (int)fault, (int)row->fault);
		assert_int_equal(fault, row->fault);
		if (fault != ADDRESS_OK) {
			assert_null(address.whole.data);
			continue;
		}
		assert_int_equal(address.kind, row->kind);
		assert_int_equal(address.quoted, row->text[0] == '"');
		assert_true(view_equal(address.whole, view_of(row->text)));
		assert_ptr_equal(address.local.data, row->text);
		assert_int_equal(
		        address.local.bytes + 1 + address.domain.bytes, address.whole.bytes);
		assert_int_equal(address.domain.data[-1], '@');
	}
}

static void test_utf8_must_be_allowed(void **state)
{
	(void)state;
	struct address address;

	assert_int_equal(address_parse(VIEW("\xc3\xbc@x"), false, &address), ADDRESS_UTF8);
	assert_int_equal(address_parse(VIEW("x@\xc3\xbc"), false, &address), ADDRESS_UTF8);
	assert_int_equal(address_parse(VIEW("\xfc@x"), false, &address), ADDRESS_BAD_LOCAL);
	assert_int_equal(address_parse(VIEW("\xc3\xbc@x"), true, &address), ADDRESS_OK);
	assert_true(address.utf8);
	assert_int_equal(address_parse(VIEW("u@x"), true, &address), ADDRESS_OK);
	assert_false(address.utf8);
}

/* What is asked of each form of address with this character in it. */
struct place {
	const char *before;
	const char *behind;
	bool in_domain;
};

static const struct place places[] = {
	{ "a", "b@c.test", false },
	{ "\"a", "b\"@c.test", false },
	{ "a@b", "c.test", true },
	{ "a@b.test", "", true },
};

static enum address_fault parse_with(const struct place *place, uint32_t point)
{
	char memory[64];
	struct text text = TEXT_ON(memory);
	struct address address;

	text_put(&text, view_of(place->before));
	if (point < 0x800) {
		text_put_byte(&text, (char)(0xc0 | point >> 6));
	} else if (point < 0x10000) {
		text_put_byte(&text, (char)(0xe0 | point >> 12));
		text_put_byte(&text, (char)(0x80 | (point >> 6 & 0x3f)));
	} else {
		text_put_byte(&text, (char)(0xf0 | point >> 18));
		text_put_byte(&text, (char)(0x80 | (point >> 12 & 0x3f)));
		text_put_byte(&text, (char)(0x80 | (point >> 6 & 0x3f)));
	}
	text_put_byte(&text, (char)(0x80 | (point & 0x3f)));
	text_put(&text, view_of(place->behind));
	return address_parse(text_view(&text), true, &address);
}

/* From one code point to another. */
struct points {
	uint32_t first, last;
};

static void assert_refused(const struct points *points, size_t count, bool in_domain)
{
	for (size_t i = 0; i < count; i++)
		for (uint32_t point = points[i].first; point <= points[i].last; point++)
			for (size_t j = 0; j < sizeof places / sizeof places[0]; j++) {
				if (in_domain && !places[j].in_domain)
					continue;
				/* Where it may not stand anywhere, the whole is no text. */
				const enum address_fault fault = parse_with(&places[j], point);
				if (fault != ADDRESS_BAD_LOCAL && fault != ADDRESS_BAD_DOMAIN)
					fail_msg("U+%04X at %zu", (unsigned)point, j);
			}
}

static void test_no_other_at_or_control(void **state)
{
	(void)state;
	static const struct points points[] = {
		{ 0x80, 0x9f },     /* C1 */
		{ 0xa0, 0xa0 },     /* blanks */
		{ 0x2000, 0x200b }, /* and what can't be seen */
		{ 0x2028, 0x2029 }, /* separators of lines */
		{ 0x200e, 0x200f }, /* of direction */
		{ 0x202a, 0x202e },
		{ 0x2066, 0x2069 },
		{ 0x3000, 0x3000 },
		{ 0xfe6b, 0xfe6b }, /* forms of the @ */
		{ 0xff20, 0xff20 },
		{ 0xfeff, 0xfeff },
	};

	assert_refused(points, sizeof points / sizeof points[0], false);
}

/* All that NFKC of Unicode 15 makes one of @./:%!<>,;"\[]() of, and IDNA's dots. */
static void test_no_other_mark_in_domains(void **state)
{
	(void)state;
	static const struct points points[] = {
		{ 0x37e, 0x37e },
		{ 0x2024, 0x2026 },
		{ 0x203c, 0x203c },
		{ 0x2048, 0x2049 },
		{ 0x207d, 0x207e },
		{ 0x208d, 0x208e },
		{ 0x2100, 0x2101 },
		{ 0x2105, 0x2106 },
		{ 0x2474, 0x24b5 },
		{ 0x2a74, 0x2a74 },
		{ 0x3002, 0x3002 },
		{ 0x3200, 0x321e },
		{ 0x3220, 0x3243 },
		{ 0x33c2, 0x33c2 },
		{ 0x33c7, 0x33c7 },
		{ 0x33d8, 0x33d8 },
		{ 0xfe10, 0xfe19 },
		{ 0xfe30, 0xfe30 },
		{ 0xfe35, 0xfe36 },
		{ 0xfe47, 0xfe48 },
		{ 0xfe50, 0xfe50 },
		{ 0xfe52, 0xfe5a },
		{ 0xfe64, 0xfe6b },
		{ 0xff01, 0xff0f },
		{ 0xff1a, 0xff20 },
		{ 0xff3b, 0xff3d },
		{ 0xff61, 0xff61 },
		{ 0x1f100, 0x1f10a },
		{ 0x1f110, 0x1f129 },
	};

	assert_refused(points, sizeof points / sizeof points[0], true);
}

static void test_letters_pass(void **state)
{
	(void)state;
	static const uint32_t letters[] = { 0xe4, 0x3b1, 0x436, 0x5d0, 0x628, 0x915, 0x200d, 0x3042,
		0x4f8b, 0xac00, 0x20000 };

	for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
		for (size_t j = 0; j < sizeof places / sizeof places[0]; j++)
			assert_int_equal(parse_with(&places[j], letters[i]), ADDRESS_OK);
	/* O'Brien's apostrophe, and an emoji: in a name they do no harm. */
	assert_int_equal(parse_with(&places[0], 0x2019), ADDRESS_OK);
	assert_int_equal(parse_with(&places[0], 0x1f4e0), ADDRESS_OK);
}

static void test_any_byte(void **state)
{
	(void)state;
	/* No single byte, anywhere in an address, may carry a control character through. */
	const struct view good = VIEW("\"ab\"@c.de");

	for (size_t at = 0; at < good.bytes; at++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			char data[16];
			struct address address;
			memcpy(data, good.data, good.bytes);
			data[at] = (char)byte;
			enum address_fault fault =
			        address_parse(view_from(data, good.bytes), true, &address);
			if (byte < ' ' || byte >= 0x7f)
				assert_int_not_equal(fault, ADDRESS_OK);
		}
	}
}

static bool equal(const char *a, const char *b)
{
	struct address first;
	struct address second;

	assert_int_equal(address_parse(view_of(a), true, &first), ADDRESS_OK);
	assert_int_equal(address_parse(view_of(b), true, &second), ADDRESS_OK);
	assert_int_equal(address_equal(&first, &second), address_equal(&second, &first));
	return address_equal(&first, &second);
}

static void test_equal(void **state)
{
	(void)state;
	assert_true(equal("a@Example.COM", "a@eXample.com"));
	assert_false(equal("A@x", "a@x"));
	assert_false(equal("a@x", "a@y"));
	assert_false(equal("a@x", "ab@x"));
	assert_true(equal("\"a\"@x", "a@x"));
	assert_true(equal("\"\\a\\b\"@x", "ab@x"));
	assert_false(equal("\"\"@x", "a@x"));
	assert_false(equal("\"a\\\"\"@x", "a@x"));
	assert_true(equal("\"a b\"@x", "\"a\\ b\"@X"));
}

static void test_domains(void **state)
{
	(void)state;
	assert_true(address_is_domain(VIEW("contoso.com"), false));
	assert_true(address_is_domain(VIEW("\xc3\xbc.de"), true));
	assert_false(address_is_domain(VIEW("\xc3\xbc.de"), false));
	assert_false(address_is_domain(VIEW("\xfc.de"), true));
	assert_false(address_is_domain(VIEW(""), true));
	assert_false(address_is_domain(VIEW("a b"), true));
	assert_false(address_is_domain(VIEW("[192.0.2.1]"), true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_utf8_must_be_allowed),
		cmocka_unit_test(test_no_other_at_or_control),
		cmocka_unit_test(test_no_other_mark_in_domains),
		cmocka_unit_test(test_letters_pass),
		cmocka_unit_test(test_any_byte),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_domains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
