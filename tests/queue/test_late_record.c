/* What is kept of a late refusal, and under which name. */
#include "queue/late_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct late_record whole = {
	.sent = { INT64_C(1790000000123) },
	.heard = { INT64_C(1790000060000) },
	.times = 3,
	.route = "submission",
	.sender = "a@contoso.com",
	.recipient = "b@fabrikam.com",
	.reply = "550 5.7.233 Tenant exceeded its limit",
};

static void test_it_is_read_as_it_was_written(void **state)
{
	static char record[LATE_RECORD_MAX];
	struct late_record late;

	(void)state;
	const size_t bytes = late_record_encode(&whole, (struct span){ record, sizeof record });
	assert_int_equal(late_record_decode(&late, view_from(record, bytes)).code, ERR_OK);
	assert_int_equal(late.sent.ms, whole.sent.ms);
	assert_int_equal(late.heard.ms, whole.heard.ms);
	assert_int_equal(late.times, 3);
	assert_string_equal(late.route, whole.route);
	assert_string_equal(late.sender, whole.sender);
	assert_string_equal(late.recipient, whole.recipient);
	assert_string_equal(late.reply, whole.reply);
	/* Of any other length it is damaged, and a version that we don't know is none. */
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(late_record_decode(&late, view_from(record, i)).code, ERR_FORMAT);
	assert_int_equal(late_record_decode(&late, view_from(record, bytes + 1)).code, ERR_FORMAT);
	record[0] = 2;
	assert_int_equal(late_record_decode(&late, view_from(record, bytes)).code, ERR_FORMAT);
}

static void test_the_longest_fits(void **state)
{
	static char record[LATE_RECORD_MAX];
	static struct late_record longest;
	static struct late_record late;

	(void)state;
	memset(longest.route, 'r', LATE_RECORD_ROUTE_MAX);
	memset(longest.sender, 's', LATE_RECORD_ADDRESS_MAX);
	memset(longest.recipient, 't', LATE_RECORD_ADDRESS_MAX);
	memset(longest.reply, 'u', LATE_RECORD_REPLY_MAX);
	const size_t bytes = late_record_encode(&longest, (struct span){ record, sizeof record });
	assert_int_equal(bytes, LATE_RECORD_MAX);
	assert_int_equal(late_record_decode(&late, view_from(record, bytes)).code, ERR_OK);
	assert_string_equal(late.reply, longest.reply);
}

static void test_names_of_a_message_lie_together(void **state)
{
	char memory[3][LATE_RECORD_NAME_MAX];
	struct text message = TEXT_ON(memory[0]);
	struct text one = TEXT_ON(memory[1]);
	struct text other = TEXT_ON(memory[2]);

	(void)state;
	late_record_name_message(&message, 0x6b07ebe1012c99);
	late_record_name(&one, 0x6b07ebe1012c99, VIEW("b@fabrikam.com"));
	late_record_name(&other, 0x6b07ebe1012c9a, VIEW("B@FABRIKAM.COM"));
	assert_false(one.overflow);
	assert_true(view_starts_fold(text_view(&one), text_view(&message)));
	assert_true(memcmp(one.data, other.data, one.bytes) < 0);
	/* One recipient, however it is written. */
	assert_memory_equal(one.data + message.bytes, other.data + message.bytes, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_read_as_it_was_written),
		cmocka_unit_test(test_the_longest_fits),
		cmocka_unit_test(test_names_of_a_message_lie_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
