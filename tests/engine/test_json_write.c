#include "engine/json_write.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
	struct view value;
	const char *written;
} cases[] = {
	{ VIEW_INIT(""), "\"\"" },
	{ VIEW_INIT("plain"), "\"plain\"" },
	{ VIEW_INIT("say \"x\" \\ y"), "\"say \\\"x\\\" \\\\ y\"" },
	{ VIEW_INIT("\n\0\x7f"), "\"\\u000a\\u0000\\u007f\"" },
	{ VIEW_INIT("\xc3\xbc"), "\"\xc3\xbc\"" },
	{ VIEW_INIT("\xff\xc3"), "\"\\ufffd\\ufffd\"" },
	{ VIEW_INIT("\xc2\x9b"), "\"\\ufffd\"" },
	/* To some readers a line ends there, or goes on from right to left. */
	{ VIEW_INIT("a\xe2\x80\xa8"
	            "b"),
	        "\"a\\ufffdb\"" },
	{ VIEW_INIT("\xe2\x80\xa9"), "\"\\ufffd\"" },
	{ VIEW_INIT("\xe2\x80\xae"), "\"\\ufffd\"" },
	{ VIEW_INIT("\xe2\x81\xa6"), "\"\\ufffd\"" },
	{ VIEW_INIT("\xd8\x9c\xe2\x80\x8f"), "\"\\ufffd\\ufffd\"" },
	{ VIEW_INIT("\xe2\x80\x99\xd9\x85"), "\"\xe2\x80\x99\xd9\x85\"" },
};

static void texts_are_escaped(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char buffer[128];
		struct text text = TEXT_ON(buffer);

		json_write_text(&text, cases[i].value);
		assert_string_equal(text_string(&text), cases[i].written);
	}
}

/* All pairs of bytes, and what jansson makes of them. */
static void whatever_the_bytes_it_is_json(void **state)
{
	(void)state;
	for (unsigned pair = 0; pair < 65536; pair++) {
		const char bytes[] = { (char)(pair >> 8), (char)pair };
		char buffer[32];
		struct text text = TEXT_ON(buffer);

		json_write_text(&text, view_from(bytes, 2));
		assert_false(text.overflow);
		json_t *value =
		        json_loadb(text.data, text.bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_non_null(value);
		if (json_write_plain_bytes(view_from(bytes, 2)) == 2)
			assert_memory_equal(json_string_value(value), bytes, 2);
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_escaped),
		cmocka_unit_test(whatever_the_bytes_it_is_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
