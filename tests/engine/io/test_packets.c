#include "engine/io/packets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void packets_arrive_whole(void **state)
{
	char memory[8];
	const struct span room = { memory, sizeof memory };
	int ends[2];
	size_t bytes;

	(void)state;
	assert_false(failed(packets_pair(ends)));
	assert_int_equal(packets_receive(ends[0], room, 0, &bytes).code, ERR_LIMIT);
	assert_false(failed(packets_send(ends[0], VIEW("one"))));
	assert_false(failed(packets_send(ends[0], VIEW("and two"))));
	assert_false(failed(packets_send(ends[1], VIEW("back"))));
	assert_false(failed(packets_receive(ends[1], room, PACKETS_FOR_EVER, &bytes)));
	assert_memory_equal(memory, "one", bytes);
	assert_int_equal(bytes, 3);
	assert_false(failed(packets_receive(ends[1], room, 1000, &bytes)));
	assert_int_equal(bytes, 7);
	assert_false(failed(packets_receive(ends[0], room, 1000, &bytes)));
	assert_int_equal(bytes, 4);
	/* Cut, it would be another. */
	assert_false(failed(packets_send(ends[0], VIEW("nine bytes"))));
	assert_int_equal(packets_receive(ends[1], room, 1000, &bytes).code, ERR_LIMIT);
	packets_close(&ends[0]);
	packets_close(&ends[0]);
	assert_int_equal(packets_receive(ends[1], room, 1000, &bytes).code, ERR_CLOSED);
	assert_int_equal(packets_send(ends[1], VIEW("x")).code, ERR_CLOSED);
	packets_close(&ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_arrive_whole),
	};

	return cmocka_run_group_tests_name("packets", tests, NULL, NULL);
}
