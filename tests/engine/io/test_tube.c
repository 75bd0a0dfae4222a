#include "engine/io/tube.h"

#include "engine/io/packets.h"
#include "tests/engine/io/fixture.h"

#define BUFFERS 32

struct end {
	struct tube tube;
	size_t heard;
	size_t bytes;
	size_t sent;
	int ended;
	char last[TUBE_PACKET_MAX];
};

static struct end ends[2];

static void hear(struct tube *tube, struct view packet)
{
	struct end *end = container_of(tube, struct end, tube);

	end->heard++;
	end->bytes = packet.bytes;
	memcpy(end->last, packet.data, packet.bytes);
}

static void send_on(struct tube *tube)
{
	container_of(tube, struct end, tube)->sent++;
}

static void count_end(struct tube *tube)
{
	container_of(tube, struct end, tube)->ended++;
}

static void turn(struct fixture *fixture)
{
	loop_end(&fixture->loop);
	loop_begin(&fixture->loop);
	loop_run_completions(&fixture->loop, 64);
}

static void open_ends(struct fixture *fixture)
{
	int both[2];

	fixture_init(fixture);
	assert_false(failed(packets_pair(both)));
	for (int i = 0; i < 2; i++) {
		ends[i] = (struct end){
			.tube = { .heard = hear, .vacant = send_on, .ended = count_end }
		};
		tube_init(&ends[i].tube, &fixture->loop, both[i]);
		tube_start(&ends[i].tube);
	}
}

static void packets_are_heard_and_wiped(void **state)
{
	static const size_t sizes[] = { 1, 4096, 4096, 7 };
	struct fixture fixture;

	(void)state;
	open_ends(&fixture);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct end *from = &ends[i % 2];
		struct end *to = &ends[1 - i % 2];
		const size_t heard = to->heard;

		memset(tube_room(&from->tube).data, 'a' + (int)i, sizes[i]);
		tube_send(&from->tube, sizes[i]);
		assert_false(tube_is_vacant(&from->tube));
		while (to->heard == heard || !tube_is_vacant(&from->tube))
			turn(&fixture);
		assert_int_equal(to->bytes, sizes[i]);
		assert_int_equal(to->last[0], 'a' + (int)i);
		assert_int_equal(to->last[sizes[i] - 1], 'a' + (int)i);
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(from->tube.out[j], 0);
	}
	assert_int_equal(ends[0].sent + ends[1].sent, sizeof sizes / sizeof sizes[0]);
	tube_close(&ends[0].tube);
	while (!tube_is_gone(&ends[0].tube) || ends[1].ended == 0)
		turn(&fixture);
	assert_int_equal(ends[0].ended, 0);
	assert_int_equal(ends[1].ended, 1);
	assert_false(tube_is_vacant(&ends[1].tube));
	tube_close(&ends[1].tube);
	while (!tube_is_gone(&ends[1].tube))
		turn(&fixture);
	assert_int_equal(ends[1].ended, 1);
	fixture_finish(&fixture, BUFFERS);
}

/* The other end goes while a packet is on its way to it. */
static void it_ends_once(void **state)
{
	struct fixture fixture;

	(void)state;
	open_ends(&fixture);
	tube_close(&ends[0].tube);
	memset(tube_room(&ends[1].tube).data, 'x', 16);
	tube_send(&ends[1].tube, 16);
	while (!tube_is_gone(&ends[0].tube) || ends[1].ended == 0 || ends[1].tube.sending > 0)
		turn(&fixture);
	tube_close(&ends[1].tube);
	while (!tube_is_gone(&ends[1].tube))
		turn(&fixture);
	assert_int_equal(ends[0].heard, 0);
	assert_int_equal(ends[1].ended, 1);
	fixture_finish(&fixture, BUFFERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_heard_and_wiped),
		cmocka_unit_test(it_ends_once),
	};

	return cmocka_run_group_tests_name("tube", tests, NULL, NULL);
}
