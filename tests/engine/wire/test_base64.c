#include "engine/wire/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_rfc_4648_rows(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char memory[16];
		struct text encoded = TEXT_ON(memory);
		base64_encode(&encoded, view_of(rows[i][0]));
		assert_true(view_equal(text_view(&encoded), view_of(rows[i][1])));
		char back_memory[16];
		struct text back = TEXT_ON(back_memory);
		assert_true(base64_decode(&back, view_of(rows[i][1])));
		assert_true(view_equal(text_view(&back), view_of(rows[i][0])));
	}
}

static void test_every_byte_comes_back_in_any_split(void **state)
{
	(void)state;
	char bytes[258];
	char memory[BASE64_ENCODED_BYTES(sizeof bytes)];
	char back_memory[sizeof bytes];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 7);
	for (size_t step = 1; step < 9; step++) {
		struct base64_writer writer = { 0 };
		struct text encoded = TEXT_ON(memory);
		struct text back = TEXT_ON(back_memory);
		for (size_t at = 0; at < sizeof bytes; at += step)
			base64_write(&writer, &encoded,
			        view_first(view_from(bytes + at, sizeof bytes - at), step));
		base64_finish(&writer, &encoded);
		assert_int_equal(encoded.bytes, sizeof memory);
		assert_true(base64_decode(&back, text_view(&encoded)));
		assert_int_equal(back.bytes, sizeof bytes);
		assert_memory_equal(back.data, bytes, sizeof bytes);
	}
}

static void test_what_is_not_canonical_is_refused(void **state)
{
	(void)state;
	static const char *const rows[] = { "Z", "Zg",
		"Zg=", "Zg===", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9v", "Zm9v\n", "====", "=",
		"Z===", "Zm=v", "Zm9-", "Zm9_", "Zm9\x80" };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char memory[16] = "kept";
		struct text text = { .data = memory, .size = sizeof memory, .bytes = 4 };
		assert_false(base64_decode(&text, view_of(rows[i])));
		assert_int_equal(text.bytes, 4);
		assert_false(text.overflow);
	}
}

static void test_no_room_is_no_success(void **state)
{
	(void)state;
	char memory[2];
	struct text text = TEXT_ON(memory);

	assert_false(base64_decode(&text, VIEW("Zm9v")));
	assert_int_equal(text.bytes, 0);
	assert_true(base64_decode(&text, VIEW("Zm8=")));
}

/* RFC 7515 appendix C, and every length. */
static void test_urls(void **state)
{
	static const unsigned char bytes[] = { 3, 236, 255, 224, 193 };
	static const char *const bad[] = { "A-z_4ME=", "A", "A+z_", "A/z_", "A-z_4MF", "A z_",
		"A-z_4" };
	char memory[64];
	char again_memory[64];

	(void)state;
	for (size_t length = 0; length <= sizeof bytes; length++) {
		struct text text = TEXT_ON(memory);
		struct text again = TEXT_ON(again_memory);
		text_put(&text, VIEW("x="));
		base64_url_encode(&text, view_from(bytes, length));
		assert_true(base64_url_decode(&again, view_skip(text_view(&text), 2)));
		assert_int_equal(again.bytes, length);
		assert_memory_equal(again.data, bytes, length);
		if (length == sizeof bytes)
			assert_string_equal(text_string(&text), "x=A-z_4ME");
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct text text = TEXT_ON(memory);
		assert_false(base64_url_decode(&text, view_of(bad[i])));
		assert_int_equal(text.bytes, 0);
	}
	struct text little = text_on(memory, 4);
	assert_false(base64_url_decode(&little, VIEW("A-z_4ME")));
	assert_int_equal(little.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_4648_rows),
		cmocka_unit_test(test_every_byte_comes_back_in_any_split),
		cmocka_unit_test(test_what_is_not_canonical_is_refused),
		cmocka_unit_test(test_no_room_is_no_success),
		cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
