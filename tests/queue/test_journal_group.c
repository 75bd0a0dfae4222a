#include "queue/journal_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define GROUP_BYTES 65536

static const char salt[JOURNAL_SALT_BYTES] = "0123456789abcde";
static struct journal_group group;

static int set_up(void **state)
{
	(void)state;
	return failed(journal_group_init(&group, GROUP_BYTES));
}

static int tear_down(void **state)
{
	(void)state;
	journal_group_finish(&group);
	return 0;
}

static void fill(void)
{
	const struct journal_change put = { JOURNAL_PUT, 3, VIEW("key"), VIEW("value") };
	const struct journal_change gone = { JOURNAL_DELETE, 0, VIEW("other"), { 0 } };
	const struct journal_change all = { JOURNAL_DELETE_ALL, 255, VIEW("pre"), { 0 } };

	journal_group_clear(&group);
	assert_true(journal_group_is_empty(&group));
	journal_group_add(&group, &put);
	const struct span room = journal_group_add_room(&group, 4, VIEW("big"), 5000);
	assert_int_equal(room.bytes, 5000);
	memset(room.data, 'b', room.bytes);
	journal_group_add(&group, &gone);
	journal_group_add(&group, &all);
	assert_false(journal_group_is_empty(&group));
}

static void test_what_was_added_is_read(void **state)
{
	(void)state;
	struct journal_head head;
	struct journal_change change;

	fill();
	const struct view pages = journal_group_seal(&group, 77, salt);
	assert_int_equal(pages.bytes, 2 * JOURNAL_PAGE_BYTES);
	assert_true(journal_head_read(pages, &head));
	assert_int_equal(head.number, 77);
	assert_memory_equal(head.salt, salt, sizeof salt);
	assert_true(head.bytes > 5000 && head.bytes <= pages.bytes);
	assert_true(journal_head_holds(view_first(pages, head.bytes)));

	struct view rest = view_skip(view_first(pages, head.bytes), JOURNAL_HEAD_BYTES);
	assert_true(journal_change_next(&rest, &change));
	assert_int_equal(change.act, JOURNAL_PUT);
	assert_int_equal(change.table, 3);
	assert_true(view_equal(change.key, VIEW("key")));
	assert_true(view_equal(change.value, VIEW("value")));
	assert_true(journal_change_next(&rest, &change));
	assert_true(view_equal(change.key, VIEW("big")));
	assert_int_equal(change.value.bytes, 5000);
	assert_int_equal(change.value.data[4999], 'b');
	assert_true(journal_change_next(&rest, &change));
	assert_int_equal(change.act, JOURNAL_DELETE);
	assert_true(view_equal(change.key, VIEW("other")));
	assert_true(journal_change_next(&rest, &change));
	assert_int_equal(change.act, JOURNAL_DELETE_ALL);
	assert_int_equal(change.table, 255);
	assert_false(journal_change_next(&rest, &change));
	assert_int_equal(rest.bytes, 0);
}

/* Every byte counts, of the head's and of the changes. */
static void test_no_byte_may_differ(void **state)
{
	(void)state;
	struct journal_head head;

	fill();
	const struct view pages = journal_group_seal(&group, 77, salt);
	assert_true(journal_head_read(pages, &head));
	const struct view whole = view_first(pages, head.bytes);
	for (size_t i = 0; i < whole.bytes; i++) {
		struct journal_head other;
		if (i >= JOURNAL_HEAD_BYTES - 8 && i < JOURNAL_HEAD_BYTES)
			continue; /* of no meaning */
		group.room.data[i] ^= 1;
		const bool same = journal_head_read(pages, &other) && other.bytes == head.bytes &&
		                  journal_head_holds(whole);
		assert_false(same);
		group.room.data[i] ^= 1;
	}
	assert_true(journal_head_holds(whole));
}

static void test_too_much_is_large(void **state)
{
	(void)state;
	const struct journal_change put = { JOURNAL_PUT, 3, VIEW("key"), VIEW("value") };

	journal_group_clear(&group);
	assert_non_null(journal_group_add_room(&group, 1, VIEW("a"), GROUP_BYTES - 100).data);
	journal_group_add(&group, &put);
	assert_false(group.large);
	assert_null(journal_group_add_room(&group, 1, VIEW("a"), 100).data);
	assert_true(group.large);
	journal_group_add(&group, &put); /* it stays so */
	assert_true(group.large);
	assert_false(journal_group_is_empty(&group));
	journal_group_clear(&group);
	assert_false(group.large);
	journal_group_add(&group, &put);
	assert_int_equal(journal_group_seal(&group, 1, salt).bytes, JOURNAL_PAGE_BYTES);
}

static void test_what_is_none(void **state)
{
	(void)state;
	char page[JOURNAL_PAGE_BYTES] = { 0 };
	struct journal_head head;
	struct journal_change change;

	assert_false(journal_head_read(view_from(page, sizeof page), &head));
	assert_false(journal_head_read(view_from(page, 10), &head));
	struct view rest = VIEW("\1\3\0\3\0\0\0\5keyval");
	assert_false(journal_change_next(&rest, &change));
	rest = VIEW("\4\3\0\3\0\0\0\3keyval");
	assert_false(journal_change_next(&rest, &change));
	rest = VIEW("\1\3\0\3\0\0\0\3keyval");
	assert_true(journal_change_next(&rest, &change));
}

int main(void)
{
#define GROUP_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		GROUP_TEST(test_what_was_added_is_read),
		GROUP_TEST(test_no_byte_may_differ),
		GROUP_TEST(test_too_much_is_large),
		GROUP_TEST(test_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
