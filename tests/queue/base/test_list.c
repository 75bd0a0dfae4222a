#include "queue/base/list.h"

#include "tests/death.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct item {
	int number;
	struct link link;
};

static struct item items[4];
static struct list list;

static int set_up(void **state)
{
	(void)state;
	list_init(&list);
	for (int i = 0; i < 4; i++)
		items[i] = (struct item){ .number = i };
	return 0;
}

/* The numbers in order, as digits of one. */
static int numbers(void)
{
	int sum = 0;

	list_each(link, &list)
		sum = sum * 10 + container_of(link, struct item, link)->number;
	return sum;
}

static void test_order(void **state)
{
	(void)state;
	assert_true(list_is_empty(&list));
	assert_null(list_first(&list));
	assert_null(list_pop_first(&list));
	list_push_last(&list, &items[2].link);
	list_push_last(&list, &items[3].link);
	list_push_first(&list, &items[1].link);
	assert_int_equal(numbers(), 123);
	assert_int_equal(list.count, 3);
	assert_ptr_equal(list_first(&list), &items[1].link);
	assert_ptr_equal(list_pop_first(&list), &items[1].link);
	assert_int_equal(numbers(), 23);
}

static void test_a_link_knows_whether_it_is_in(void **state)
{
	(void)state;
	assert_false(link_is_linked(&items[0].link));
	list_push_last(&list, &items[0].link);
	assert_true(link_is_linked(&items[0].link));
	list_remove(&list, &items[0].link);
	assert_false(link_is_linked(&items[0].link));
	assert_true(list_is_empty(&list));
}

static void test_remove_anywhere(void **state)
{
	(void)state;
	for (int gone = 0; gone < 3; gone++) {
		set_up(NULL);
		for (int i = 0; i < 3; i++)
			list_push_last(&list, &items[i + 1].link);
		list_remove(&list, &items[gone + 1].link);
		assert_int_equal(numbers(), gone == 0 ? 23 : gone == 1 ? 13 : 12);
		list_push_last(&list, &items[gone + 1].link);
		assert_int_equal(list.count, 3);
	}
}

static void test_remove_while_reading(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		list_push_last(&list, &items[i].link);
	list_each_safe(link, &list)
		if (container_of(link, struct item, link)->number % 2 == 0)
			list_remove(&list, link);
	assert_int_equal(numbers(), 13);
}

static void push(void *link)
{
	list_push_last(&list, link);
}

static void take_out(void *link)
{
	list_remove(&list, link);
}

static void test_in_two_lists_is_a_bug(void **state)
{
	(void)state;
	assert_true(dies(take_out, &items[0].link));
	assert_false(dies(push, &items[0].link));
	list_push_last(&list, &items[0].link);
	assert_true(dies(push, &items[0].link));
	assert_false(dies(take_out, &items[0].link));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_order, set_up),
		cmocka_unit_test_setup(test_a_link_knows_whether_it_is_in, set_up),
		cmocka_unit_test_setup(test_remove_anywhere, set_up),
		cmocka_unit_test_setup(test_remove_while_reading, set_up),
		cmocka_unit_test_setup(test_in_two_lists_is_a_bug, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
