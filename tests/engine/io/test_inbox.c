#include "engine/io/inbox.h"

#include "tests/engine/io/fixture.h"

#define BUFFERS      32
#define BUFFER_BYTES 4096

/* Receives by a real ring, so that the buffers are real. */
struct reader {
	struct fixture fixture;
	struct inbox inbox;
	struct io_op recv_op;
	struct io_op send_op;
	int fds[2];
	size_t received;
};

static void reader_received(struct io_op *op, const struct io_result *result)
{
	struct reader *reader = container_of(op, struct reader, recv_op);

	if (result->buffer == NULL)
		return;
	reader->received += result->buffer->bytes;
	inbox_push(&reader->inbox, result->buffer);
}

static void reader_sent(struct io_op *op, const struct io_result *result)
{
	(void)op;
	assert_true(result->value > 0);
}

static int reader_open(void **state)
{
	static struct reader reader;

	reader = (struct reader){ .recv_op = { .done = reader_received },
		.send_op = { .done = reader_sent } };
	fixture_init(&reader.fixture);
	assert_false(failed(io_pair(reader.fixture.loop.io, reader.fds)));
	io_recv(reader.fixture.loop.io, &reader.recv_op, reader.fds[0]);
	*state = &reader;
	return 0;
}

static int reader_close(void **state)
{
	struct reader *reader = *state;

	io_cancel(reader->fixture.loop.io, &reader->recv_op);
	fixture_turn_until(&reader->fixture, reader->recv_op.kind == IO_IDLE);
	io_discard(reader->fixture.loop.io, reader->fds[0]);
	io_discard(reader->fixture.loop.io, reader->fds[1]);
	assert_null(reader->inbox.gathered); /* an empty inbox holds nothing */
	fixture_finish(&reader->fixture, BUFFERS);
	return 0;
}

/* One send comes in as one buffer, if it fits. */
static void deliver(struct reader *reader, struct view bytes)
{
	size_t before = reader->received;

	io_send(reader->fixture.loop.io, &reader->send_op, reader->fds[1], bytes);
	fixture_turn_until(&reader->fixture, reader->received == before + bytes.bytes);
}

static void consume(struct reader *reader, size_t bytes)
{
	inbox_consume(&reader->inbox, reader->fixture.loop.io, &reader->fixture.shelf, bytes);
}

static bool gather(struct reader *reader)
{
	return inbox_gather(&reader->inbox, reader->fixture.loop.io, &reader->fixture.shelf);
}

static void test_pieces_come_in_order(void **state)
{
	struct reader *reader = *state;

	assert_int_equal(inbox_first(&reader->inbox).bytes, 0);
	deliver(reader, VIEW("first"));
	deliver(reader, VIEW("second"));
	assert_int_equal(reader->inbox.buffer_count, 2);
	assert_true(view_equal(inbox_first(&reader->inbox), VIEW("first")));
	consume(reader, 2);
	assert_true(view_equal(inbox_first(&reader->inbox), VIEW("rst")));
	consume(reader, 3);
	assert_true(view_equal(inbox_first(&reader->inbox), VIEW("second")));
	consume(reader, 0);
	consume(reader, 6);
	assert_int_equal(inbox_first(&reader->inbox).bytes, 0);
	assert_int_equal(reader->inbox.buffer_count, 0);
}

static void test_gathering_joins_and_frees_the_buffers(void **state)
{
	struct reader *reader = *state;

	deliver(reader, VIEW("xMAIL F"));
	consume(reader, 1);
	assert_true(gather(reader));
	assert_int_equal(reader->inbox.buffer_count, 0);
	assert_int_equal(io_buffers_free(reader->fixture.loop.io), BUFFERS);
	deliver(reader, VIEW("ROM:"));
	deliver(reader, VIEW("<>\r\nRCPT"));
	assert_true(view_equal(inbox_first(&reader->inbox), VIEW("MAIL F")));
	assert_true(gather(reader));
	assert_true(view_equal(inbox_first(&reader->inbox), VIEW("MAIL FROM:<>\r\nRCPT")));
	assert_false(gather(reader));
	consume(reader, 14);
	deliver(reader, VIEW(" TO"));
	assert_true(gather(reader));
	assert_true(view_equal(inbox_gathered(&reader->inbox), VIEW("RCPT TO")));
	consume(reader, 7);
}

static bool holds(const char *data, size_t size, struct view bytes)
{
	return view_find_fold(view_from(data, size), bytes) < size;
}

/* A password that came in half: neither its place, nor where it lay before. */
static void test_what_was_not_read_is_wiped(void **state)
{
	struct reader *reader = *state;

	deliver(reader, VIEW("NOOP\r\nAUTH PLAIN sec"));
	assert_true(gather(reader));
	const struct chunk *chunk = reader->inbox.gathered;
	consume(reader, 6);
	deliver(reader, VIEW("ret"));
	assert_true(gather(reader));
	assert_true(view_equal(inbox_gathered(&reader->inbox), VIEW("AUTH PLAIN secret")));
	deliver(reader, VIEW("more of it"));
	const struct io_buffer *buffer = reader->inbox.first;
	const char *received = buffer->data;
	(void)inbox_clear(&reader->inbox, reader->fixture.loop.io, &reader->fixture.shelf);
	assert_false(holds(chunk->data, CHUNK_DATA_BYTES, VIEW("sec")));
	assert_false(holds(received, BUFFER_BYTES, VIEW("more")));
}

static void test_a_chunk_bounds_what_is_gathered(void **state)
{
	static char block[BUFFER_BYTES];
	struct reader *reader = *state;

	for (int i = 0; i < 5; i++) {
		memset(block, 'a' + i, sizeof block);
		deliver(reader, view_from(block, sizeof block));
	}
	while (gather(reader))
		continue;
	assert_int_equal(inbox_gathered(&reader->inbox).bytes, CHUNK_DATA_BYTES);
	assert_int_equal(reader->inbox.buffer_count, 2);
	consume(reader, CHUNK_DATA_BYTES);
	assert_int_equal(inbox_first(&reader->inbox).bytes, 4 * BUFFER_BYTES - CHUNK_DATA_BYTES);
	assert_int_equal(inbox_first(&reader->inbox).data[0], 'd');
	size_t left = inbox_clear(&reader->inbox, reader->fixture.loop.io, &reader->fixture.shelf);
	assert_int_equal(left, 5 * BUFFER_BYTES - CHUNK_DATA_BYTES);
}

static void test_no_memory_gathers_nothing(void **state)
{
	struct reader *reader = *state;
	struct depot *depot;
	struct shelf shelf;

	assert_false(failed(depot_create(&depot, CHUNK_BYTES)));
	shelf_init(&shelf, depot);
	struct chunk *last = shelf_take(&shelf);
	deliver(reader, VIEW("bytes"));
	assert_false(inbox_gather(&reader->inbox, reader->fixture.loop.io, &shelf));
	assert_int_equal(inbox_room(&reader->inbox, &shelf).bytes, 0);
	assert_true(view_equal(inbox_first(&reader->inbox), VIEW("bytes")));
	shelf_give(&shelf, last);
	consume(reader, 5);
	shelf_finish(&shelf);
	depot_destroy(depot);
}

/* As TLS uses it: the buffers are read out, the chunk is filled. */
static void test_received_and_gathered_are_apart(void **state)
{
	struct reader *reader = *state;
	char copy[16];

	deliver(reader, VIEW("cipher"));
	deliver(reader, VIEW("text"));
	struct span into = { copy, 8 };
	assert_int_equal(inbox_take_received(&reader->inbox, reader->fixture.loop.io, into), 8);
	assert_memory_equal(copy, "cipherte", 8);
	struct span room = inbox_room(&reader->inbox, &reader->fixture.shelf);
	assert_int_equal(room.bytes, CHUNK_DATA_BYTES);
	memcpy(room.data, "plain", 5);
	inbox_gathered_more(&reader->inbox, &reader->fixture.shelf, 5);
	assert_true(view_equal(inbox_gathered(&reader->inbox), VIEW("plain")));
	size_t left = inbox_clear(&reader->inbox, reader->fixture.loop.io, &reader->fixture.shelf);
	assert_int_equal(left, 7);
	(void)inbox_room(&reader->inbox, &reader->fixture.shelf);
	inbox_gathered_more(&reader->inbox, &reader->fixture.shelf, 0); /* gives it back */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		        test_pieces_come_in_order, reader_open, reader_close),
		cmocka_unit_test_setup_teardown(
		        test_gathering_joins_and_frees_the_buffers, reader_open, reader_close),
		cmocka_unit_test_setup_teardown(
		        test_what_was_not_read_is_wiped, reader_open, reader_close),
		cmocka_unit_test_setup_teardown(
		        test_a_chunk_bounds_what_is_gathered, reader_open, reader_close),
		cmocka_unit_test_setup_teardown(
		        test_no_memory_gathers_nothing, reader_open, reader_close),
		cmocka_unit_test_setup_teardown(
		        test_received_and_gathered_are_apart, reader_open, reader_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
