#include "queue/base/milestone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Nothing happens: this program is Sluice as it is. */
static void test_nothing_happens(void **state)
{
	(void)state;
	for (int i = 0; i < MILESTONE_COUNT; i++)
		milestone_reached((enum milestone)i);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_nothing_happens) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
