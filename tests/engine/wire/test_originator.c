/* From, as it is written and as devices write it: mailbox by mailbox, and written again. */
#include "engine/wire/originator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* value, "name|address" of each, joined by " + " */
static const struct {
	const char *value;
	const char *found;
} rows[] = {
	{ "", "" },
	{ " \r\n ", "" },
	{ ",;, ", "" },
	{ " a@b.test\r\n", "|a@b.test" },
	{ "<a@b.test>", "|a@b.test" },
	{ "Anna <a@b.test>", "Anna|a@b.test" },
	{ "\"Anna, B.\" <a@b.test>", "\"Anna, B.\"|a@b.test" },
	{ "\"a \\\" < b\" <a@b.test>", "\"a \\\" < b\"|a@b.test" },
	{ "=?utf-8?Q?=C3=84?= <a@b.test>", "=?utf-8?Q?=C3=84?=|a@b.test" },
	{ "Anna\r\n  Berg\r\n <a@b.test>", "Anna\r\n  Berg|a@b.test" },
	{ "a@b.test (Anna (the first), \\) B)", "(Anna (the first), \\) B|a@b.test" },
	{ "(x) a@b.test (y)", "(y|a@b.test" },
	{ "(Anna) <a@b.test>", "(Anna|a@b.test" },
	{ "a@b.test, Bert <b@b.test>,,c@b.test", "|a@b.test + Bert|b@b.test + |c@b.test" },
	{ "All: a@b.test, Bert <b@b.test>;", "|a@b.test + Bert|b@b.test" },
	{ "undisclosed:;", "" },
	{ "\"x:y\": a@b.test; , c@b.test", "|a@b.test + |c@b.test" },
	{ "Anna <@hop.test,@hop2.test:a@b.test>", "Anna|a@b.test" },
	{ "a . b @ c . test", "|a.b@c.test" },
	{ "a(x)@(y)b.test", "(y|a@b.test" },
	{ "\"a b\"@c.test", "|\"a b\"@c.test" },
	{ "<\"a>b\"@c.test>", "|\"a>b\"@c.test" },
	{ "x@[192.0.2.1]", "|x@[192.0.2.1]" },
	{ "x@[IPv6:2001:db8::1]", "|x@[IPv6:2001:db8::1]" },
	{ "Anna <a@b.test", "Anna|a@b.test" },
	{ "root", "root|" },
	{ "Scanner 3 <>", "Scanner 3|" },
	{ "<root>", "|" },
	{ "<>", "|" },
	{ "a b@c.test", "|" },
	{ "a@b@c.test", "|" },
	{ "\"", "\"|" },
	{ "(", "|" },
	{ "\\", "\\|" },
	{ "<", "|" },
	{ "Me <a@b.test> again", "Me|a@b.test" },
	{ "\xc3\xa4@b.test", "|" },
};

static void reads_each_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char room[1024];
		struct text found = TEXT_ON(room);
		struct view rest = view_of(rows[i].value);
		struct originator originator;

		while (originator_next(&rest, false, &originator))
			text_format(&found, "%s%s%.*s|%.*s", found.bytes > 0 ? " + " : "",
			        originator.commented && originator.name.bytes > 0 ? "(" : "",
			        VIEW_ARGS(originator.name),
			        VIEW_ARGS(originator_address(&originator)));
		assert_string_equal(text_string(&found), rows[i].found);
	}
}

static void an_address_has_its_bound(void **state)
{
	(void)state;
	char value[ADDRESS_BYTES_MAX + 200];
	memset(value, 'a', sizeof value);
	memcpy(value + sizeof value - 7, "@b.test", 7);
	struct view rest = view_from(value, sizeof value);
	struct originator originator;
	assert_true(originator_next(&rest, false, &originator));
	assert_int_equal(originator.address_bytes, 0);
	assert_false(originator_next(&rest, false, &originator));
}

static void utf8_where_it_is_allowed(void **state)
{
	(void)state;
	struct view rest = VIEW("\xc3\xa4@b.test");
	struct originator originator;
	assert_true(originator_next(&rest, true, &originator));
	assert_true(view_equal(originator_address(&originator), VIEW("\xc3\xa4@b.test")));
}

static const struct {
	const char *value;
	const char *ascii;
	const char *utf8;
} written[] = {
	{ "x@y.test", " <n@c.test>", NULL },
	{ "Anna <x@y.test>", " Anna <n@c.test>", NULL },
	{ "Anna B. <x@y.test>", " Anna B. <n@c.test>", NULL },
	{ "\"Anna, B.\" <x@y.test>", " \"Anna, B.\" <n@c.test>", NULL },
	{ "\"a \\\" \\\\ b\" <x@y.test>", " \"a \\\" \\\\ b\" <n@c.test>", NULL },
	{ "=?utf-8?Q?=C3=84?= B <x@y.test>", " =?utf-8?Q?=C3=84?= B <n@c.test>", NULL },
	{ "Anna\r\n\t Berg <x@y.test>", " Anna Berg <n@c.test>", NULL },
	{ "\"Anna\r\n Berg\" <x@y.test>", " \"Anna Berg\" <n@c.test>", NULL },
	{ "Anna (the first) Berg <x@y.test>", " Anna Berg <n@c.test>", NULL },
	{ "x@y.test (Anna \"B\" (C\\))", " Anna \"\\\"B\\\"\" \"(C)\" <n@c.test>", NULL },
	{ "A@B [x] <x@y.test>", " \"A@B\" \"[x]\" <n@c.test>", NULL },
	{ "a\x01\x7f\rb <x@y.test>", " a?? b <n@c.test>", NULL },
	{ "\"a\r\x02"
	  "b\" <x@y.test>",
	        " \"a ?b\" <n@c.test>", NULL },
	{ "\xc3\x84nna \"B\xc3\xb6rg\" <x@y.test>", " =?utf-8?B?w4RubmEgQsO2cmc=?= <n@c.test>",
	        " \xc3\x84nna \"B\xc3\xb6rg\" <n@c.test>" },
	{ "\xc4nna <x@y.test>", " ?nna <n@c.test>", NULL },
	{ "\"open <x@y.test>", " <n@c.test>", NULL },
	{ "root", " root <n@c.test>", NULL },
};

static void writes_names_safely(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
		for (int utf8 = 0; utf8 < 2; utf8++) {
			char room[1024];
			struct text text = TEXT_ON(room);
			struct view rest = view_of(written[i].value);
			struct originator originator;

			assert_true(originator_next(&rest, utf8 != 0, &originator));
			originator_put(&text, &originator, VIEW("n@c.test"), utf8 != 0);
			const char *other = written[i].utf8;
			assert_string_equal(text_string(&text),
			        utf8 != 0 && other != NULL ? other : written[i].ascii);
		}
	}
}

static void folds_long_names(void **state)
{
	(void)state;
	char room[2048];
	struct text text = TEXT_ON(room);
	struct originator originator = {
		.name = VIEW_INIT("one two three four five six seven eight nine ten eleven "
		                  "twelve thirteen fourteen"),
	};
	text_put(&text, VIEW("From:"));
	originator_put(&text, &originator, VIEW("notify@contoso.com"), false);
	assert_string_equal(text_string(&text),
	        "From: one two three four five six seven eight nine ten eleven twelve\r\n"
	        " thirteen fourteen <notify@contoso.com>");
	/* A name that is too long is left out. */
	char name[ORIGINATOR_NAME_MAX + 1];
	memset(name, 'n', sizeof name);
	originator.name = view_from(name, sizeof name);
	text.bytes = 0;
	originator_put(&text, &originator, VIEW("n@c.test"), false);
	assert_string_equal(text_string(&text), " <n@c.test>");
	text.bytes = 0;
	originator.name.bytes--;
	originator_put(&text, &originator, VIEW("n@c.test"), false);
	assert_int_equal(text.bytes, 1 + ORIGINATOR_NAME_MAX + 3 + 10);
}

static void encodes_long_names_between_characters(void **state)
{
	(void)state;
	char room[2048];
	struct text text = TEXT_ON(room);
	char name[ORIGINATOR_NAME_MAX];
	for (size_t i = 0; i < 120; i++)
		memcpy(name + 2 * i, "\xc3\xa4", 2);
	const struct originator originator = { .name = view_from(name, 240) };
	originator_put(&text, &originator, VIEW("n@c.test"), false);
	size_t words = 0;
	struct view rest = text_view(&text);
	for (size_t at; (at = view_find_fold(rest, VIEW("=?utf-8?B?"))) < rest.bytes; words++) {
		rest = view_skip(rest, at + 10);
		/* Whole characters: 42 bytes are 56 of base64 without padding. */
		assert_int_equal(view_find_fold(rest, VIEW("?=")), words < 5 ? 56 : 40);
	}
	assert_int_equal(words, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_form),
		cmocka_unit_test(an_address_has_its_bound),
		cmocka_unit_test(utf8_where_it_is_allowed),
		cmocka_unit_test(writes_names_safely),
		cmocka_unit_test(folds_long_names),
		cmocka_unit_test(encodes_long_names_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
