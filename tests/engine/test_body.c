#include "engine/body.h"

#include "queue/base/check.h"
#include "tests/engine/io/peers.h"

#define CHUNKS 512

static struct message *message_of(struct shelf *shelf, const char *body, size_t bytes)
{
	struct message *message = message_create(shelf, 0);
	const struct message_recipient recipient = { .address = VIEW("b@c.d") };
	bool done;

	assert_non_null(message);
	message_name(message, 1, clock_wall());
	done = message_add_recipient(message, shelf, 0, &recipient);
	assert_true(done);
	done = rope_append(&message->body, shelf, view_from(body, bytes), 0);
	assert_true(done);
	message_seal(message);
	return message;
}

/* Sends the body over a real stream; gives what came out at the other end. */
static struct view sent_as(struct peers *peers, struct message *message, struct view author,
        bool stuffed, bool convert, enum mime_answer *answer)
{
	struct shelf *shelf = &peers->fixture.shelf;
	struct stream *stream = &peers->client.stream;
	struct body body;

	peers->server.input_bytes = 0;
	body_begin(&body, message, author, stuffed);
	if (convert) {
		const bool begun = body_convert_begin(&body, shelf);
		assert_true(begun);
		while (!body_convert_scan(&body, shelf, answer))
			peers_turn(peers);
		if (*answer == MIME_CANNOT)
			return VIEW("");
	}
	const uint64_t before = stream_queued_total(stream);
	while (body_send(&body, stream) == BODY_BLOCKED)
		peers_turn(peers);
	const uint64_t total = stream_queued_total(stream);
	peers_turn_until(peers, stream_written_total(stream) == total);
	body_end(&body, shelf);
	peers_turn_until(peers, peers->server.input_bytes == total - before);
	return view_from(peers->server.input, peers->server.input_bytes);
}

static struct view sent(struct peers *peers, struct message *message, bool stuffed, bool convert,
        enum mime_answer *answer)
{
	return sent_as(peers, message, VIEW(""), stuffed, convert, answer);
}

/* What a server makes of DATA's bytes: the inverse, in the plainest words. */
static size_t unstuffed(struct view data, char *into)
{
	size_t bytes = 0;
	bool at_line = true;

	for (size_t i = 0; i < data.bytes; i++) {
		if (at_line && data.data[i] == '.') {
			if (i + 3 == data.bytes)
				return bytes;
			i++;
		}
		into[bytes++] = data.data[i];
		at_line = data.data[i] == '\n';
	}
	fail_msg("no end of data");
	return 0;
}

static void test_as_it_is(void **state)
{
	static struct peers peers;
	static char body[100000];
	static const size_t sizes[] = { 0, 1, 2, CHUNK_DATA_BYTES - 1, CHUNK_DATA_BYTES,
		CHUNK_DATA_BYTES + 1, sizeof body };

	(void)state;
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (char)(i * 31 + i / 256);
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct message *message = message_of(&peers.fixture.shelf, body, sizes[i]);
		const struct view came = sent(&peers, message, false, false, NULL);
		assert_int_equal(came.bytes, sizes[i]);
		assert_memory_equal(came.data, body, sizes[i]);
		message_release(message, &peers.fixture.shelf);
	}
	peers_close(&peers);
}

/* Lines with dots everywhere, over many chunks and more pieces than a stream queues at once. */
static void test_stuffed(void **state)
{
	static struct peers peers;
	static char body[100000];
	static char back[sizeof body + 16];
	size_t bytes = 0;

	(void)state;
	for (size_t i = 0; bytes + 64 < sizeof body; i++) {
		for (size_t j = 0; j < i % 23; j++)
			body[bytes++] = j % 7 == 0 ? '.' : 'a';
		body[bytes++] = '\r';
		body[bytes++] = '\n';
	}
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	for (size_t cut = 0; cut < 40; cut++) {
		struct message *message = message_of(&peers.fixture.shelf, body, bytes - cut);
		const struct view came = sent(&peers, message, true, false, NULL);
		const size_t back_bytes = unstuffed(came, back);
		/* A line end is added where it lacks. */
		assert_true(back_bytes >= bytes - cut);
		assert_true(back_bytes <= bytes - cut + 2);
		assert_memory_equal(back, body, bytes - cut - 1);
		message_release(message, &peers.fixture.shelf);
	}
	peers_close(&peers);
}

static void test_converted(void **state)
{
	static struct peers peers;
	static const char head[] =
	        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	        "Content-Transfer-Encoding: 8bit\r\n\r\n";
	static char body[400000];
	size_t bytes = sizeof head - 1;
	enum mime_answer answer;

	(void)state;
	memcpy(body, head, bytes);
	while (bytes + 64 < sizeof body) {
		memcpy(body + bytes, ".\xc3\xa4 line\r\n", 10);
		bytes += 10;
	}
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	struct message *message = message_of(&peers.fixture.shelf, body, bytes);
	const struct view came = sent(&peers, message, true, true, &answer);
	assert_int_equal(answer, MIME_CAN);
	size_t lines = 0;
	for (size_t i = 0; i < came.bytes; i++) {
		assert_true((unsigned char)came.data[i] < 128);
		lines += i + 3 < came.bytes && memcmp(came.data + i, "=C3=", 4) == 0;
	}
	assert_int_equal(lines, (bytes - (sizeof head - 1)) / 10);
	assert_memory_equal(came.data + came.bytes - 5, "\r\n.\r\n", 5);
	message_release(message, &peers.fixture.shelf);

	/* Not needed; and not possible. */
	message = message_of(&peers.fixture.shelf, "A: b\r\n\r\nplain\r\n", 15);
	const struct view plain = sent(&peers, message, true, true, &answer);
	assert_int_equal(answer, MIME_UNNEEDED);
	assert_int_equal(plain.bytes, 15 + 3);
	message_release(message, &peers.fixture.shelf);
	message = message_of(&peers.fixture.shelf, "A: \xc3\xa4\r\n\r\nplain\r\n", 16);
	(void)sent(&peers, message, true, true, &answer);
	assert_int_equal(answer, MIME_CANNOT);
	message_release(message, &peers.fixture.shelf);
	peers_close(&peers);
}

static struct message *open_message(
        struct shelf *shelf, const char *body, size_t bytes, struct message_place place)
{
	struct message *message = message_create(shelf, 0);
	const struct message_recipient recipient = { .address = VIEW("b@c.d") };

	assert_non_null(message);
	message_name(message, 1, clock_wall());
	message_open_author(message);
	assert_true(message_add_recipient(message, shelf, 0, &recipient));
	assert_true(rope_append(&message->body, shelf, view_from(body, bytes), 0));
	message_place_author(message, place);
	message_seal(message);
	return message;
}

/* The author's address is another, wherever it stands in the chunks; the rest stays. */
static void test_another_author(void **state)
{
	static struct peers peers;
	static char body[40000];
	static char expected[sizeof body + 300];
	static const uint32_t offsets[] = { 0, 1, 700, CHUNK_DATA_BYTES - 10, CHUNK_DATA_BYTES - 1,
		CHUNK_DATA_BYTES, sizeof body - 10 };
	static const char *const authors[] = { "", "a", "n@o.test.xx", "n@a.much.longer.domain" };
	enum mime_answer answer;

	(void)state;
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (char)('a' + i % 23);
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
		const struct message_place place = { offsets[i], 10 };
		struct message *message =
		        open_message(&peers.fixture.shelf, body, sizeof body, place);
		for (size_t j = 0; j < sizeof authors / sizeof authors[0]; j++) {
			const struct view author = view_of(authors[j]);
			const size_t put = author.bytes > 0 ? author.bytes : place.bytes;
			const size_t behind = place.offset + place.bytes;
			memcpy(expected, body, behind);
			memcpy(expected + place.offset, author.data, author.bytes);
			memcpy(expected + place.offset + put, body + behind, sizeof body - behind);
			const size_t bytes = sizeof body - place.bytes + put;
			assert_int_equal(body_bytes(message, author), bytes);
			for (int way = 0; way < 3; way++) {
				const struct view came = sent_as(
				        &peers, message, author, way > 0, way == 2, &answer);
				assert_int_equal(came.bytes, bytes + (way > 0 ? 5 : 0));
				assert_memory_equal(came.data, expected, bytes);
			}
		}
		message_release(message, &peers.fixture.shelf);
	}
	peers_close(&peers);
}

/* Both passes of a conversion see the author that is sent. */
static void test_another_author_converted(void **state)
{
	static struct peers peers;
	static const char body[] = "From: <\xc3\xa4@b.test>\r\nMIME-Version: 1.0\r\n"
	                           "Content-Type: text/plain; charset=utf-8\r\n"
	                           "Content-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n";
	enum mime_answer answer;

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	struct message *message = open_message(&peers.fixture.shelf, body, sizeof body - 1,
	        (struct message_place){ 7, strlen("\xc3\xa4@b.test") });
	(void)sent_as(&peers, message, VIEW(""), true, true, &answer);
	assert_int_equal(answer, MIME_CANNOT);
	const struct view came = sent_as(&peers, message, VIEW("n@o.test"), true, true, &answer);
	assert_int_equal(answer, MIME_CAN);
	assert_memory_equal(came.data, "From: <n@o.test>\r\n", 18);
	assert_true(view_contains_fold(came, VIEW("\r\n=C3=A4\r\n")));
	message_release(message, &peers.fixture.shelf);
	peers_close(&peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_it_is),
		cmocka_unit_test(test_stuffed),
		cmocka_unit_test(test_converted),
		cmocka_unit_test(test_another_author),
		cmocka_unit_test(test_another_author_converted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
