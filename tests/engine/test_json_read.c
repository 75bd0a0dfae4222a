#include "engine/json_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* "key=value;" of each member, and "!" where it is bad. */
static void walk(struct json_reader reader, char *into, size_t bytes)
{
	struct text text = text_on(into, bytes);
	struct view key;
	struct view value;

	while (json_read_next(&reader, &key, &value))
		text_format(&text, "%.*s=%.*s;", VIEW_ARGS(key), VIEW_ARGS(value));
	if (reader.bad)
		text_put_byte(&text, '!');
	assert_false(json_read_next(&reader, &key, &value));
	(void)text_string(&text);
}

static void test_objects(void **state)
{
	static const struct {
		const char *text;
		const char *members;
	} cases[] = {
		{ "{}", "" },
		{ " { } \r\n", "" },
		{ "{\"a\":1}", "a=1;" },
		{ "{ \"a\" : \"x\" , \"b\" : [1,{\"]\":\"}\"}] }", "a=\"x\";b=[1,{\"]\":\"}\"}];" },
		{ "{\"a\":{\"b\":{}},\"c\":null,\"d\":-1.5e+3}", "a={\"b\":{}};c=null;d=-1.5e+3;" },
		{ "{\"a\\\"b\":\"c\\\\\"}", "a\\\"b=\"c\\\\\";" },
		{ "", "!" },
		{ "[]", "!" },
		{ "{", "!" },
		{ "{} x", "!" },
		{ "{\"a\"}", "!" },
		{ "{\"a\":}", "!" },
		{ "{\"a\":1,}", "a=1;!" },
		{ "{\"a\":1 \"b\":2}", "a=1;!" },
		{ "{a:1}", "!" },
		{ "{\"a\":\"x}", "!" },
		{ "{\"a\":\"x\\", "!" },
		{ "{\"a\":[1}", "a=[1};!" }, /* brackets are counted, not matched */
		{ "{\"a\":\"x\ny\"}", "!" },
		{ "{,\"a\":1}", "!" },
	};
	char members[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		walk(json_read_object(view_of(cases[i].text)), members, sizeof members);
		assert_string_equal(members, cases[i].members);
	}
	walk(json_read_array(VIEW("[\"a\", 2,[3]]")), members, sizeof members);
	assert_string_equal(members, "=\"a\";=2;=[3];");
}

static void test_depth(void **state)
{
	char text[2 * JSON_READ_DEPTH_MAX + 64];
	char members[256];

	(void)state;
	for (int more = 0; more < 2; more++) {
		struct text built = TEXT_ON(text);
		text_put(&built, VIEW("{\"a\":"));
		for (int i = 0; i < JSON_READ_DEPTH_MAX + more; i++)
			text_put_byte(&built, '[');
		for (int i = 0; i < JSON_READ_DEPTH_MAX + more; i++)
			text_put_byte(&built, ']');
		text_put_byte(&built, '}');
		walk(json_read_object(text_view(&built)), members, sizeof members);
		assert_int_equal(members[0] == '!', more == 1);
	}
}

/* Each beginning of a right text is bad, and nothing behind it is read. */
static void test_cuts(void **state)
{
	static const char text[] = "{\"a\":\"b\\u0041\",\"c\":[1,{\"d\":true}],\"e\":12}";

	(void)state;
	for (size_t bytes = 0; bytes < sizeof text - 1; bytes++) {
		char *copy = malloc(bytes + 1);
		char members[256];
		assert_non_null(copy);
		memcpy(copy, text, bytes);
		walk(json_read_object(view_from(copy, bytes)), members, sizeof members);
		assert_int_equal(members[strlen(members) - 1], '!');
		free(copy);
	}
}

static void test_texts(void **state)
{
	static const struct {
		const char *value;
		const char *text; /* NULL: it is none */
	} cases[] = {
		{ "\"\"", "" },
		{ "\"abc\"", "abc" },
		{ "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t" },
		{ "\"\\u0041\\u007e\"", "A~" },
		{ "\"\\u00e4\"", "\xef\xbf\xbd" },
		{ "\"\\u0000\"", NULL },
		{ "\"\\u00\"", NULL },
		{ "\"\\x\"", NULL },
		{ "12", NULL },
		{ "\"a\"b", NULL },
		{ "\"a", NULL },
		{ "\"", NULL },
		{ "", NULL },
	};
	char memory[64];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text text = TEXT_ON(memory);
		text_put(&text, VIEW("<"));
		const bool read = json_read_text(view_of(cases[i].value), &text);
		assert_int_equal(read, cases[i].text != NULL);
		assert_string_equal(text_string(&text) + 1, read ? cases[i].text : "");
	}
	struct text little = text_on(memory, 2);
	assert_false(json_read_text(VIEW("\"abc\""), &little));
	assert_int_equal(little.bytes, 0);
	assert_false(little.overflow);
}

static void test_numbers(void **state)
{
	uint64_t number;

	(void)state;
	assert_true(json_read_u64(VIEW("3599"), &number) && number == 3599);
	assert_true(json_read_u64(VIEW("\"3599\""), &number) && number == 3599);
	assert_false(json_read_u64(VIEW("-1"), &number));
	assert_false(json_read_u64(VIEW("1.5"), &number));
	assert_false(json_read_u64(VIEW("\""), &number));
	assert_false(json_read_u64(VIEW("99999999999999999999"), &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
