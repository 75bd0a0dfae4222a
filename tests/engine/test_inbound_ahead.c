/* A client that doesn't wait for its 250: what it hears, and in which order. */
#include "engine/inbound_ahead.h"

#include "tests/engine/ingest_client.h"

static struct house house;
static char heard[1 << 16];

#define ENVELOPE "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
#define MESSAGE  ENVELOPE "BDAT 6 LAST\r\nA: b\r\n"

static int greeted(void)
{
	int fd = house_dial(&house, 0);

	(void)house_ask(&house, fd, "", 1);
	(void)house_ask(&house, fd, "EHLO client.test\r\n", 8);
	return fd;
}

/* Opens a house whose spooler answers nothing by itself, and a session. */
static int begin(void)
{
	house_prepare(&house);
	house_open(&house);
	house.holds = true;
	return greeted();
}

/* Whatever came was answered. */
static void end(int fd)
{
	house.answered = house.mail_count;
	house.holds = false;
	close(fd);
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
	house_close(&house);
}

static void answer(size_t which, enum put_result result)
{
	const struct letter done = {
		.kind = LETTER_PUT_DONE, .result = result, .ticket = house.mail[which].ticket
	};

	house_give(&house, &done);
}

static void rest(void)
{
	for (int turns = 0; turns < 20; turns++)
		house_turn(&house);
}

/* What has come since the last time; the shard has had its time. */
static const char *hear(int fd)
{
	struct text got = TEXT_ON(heard);

	rest();
	(void)house_receive(fd, &got);
	return text_string(&got);
}

/* `codes` as in "250 250 452": of each line that has come since the last time. */
static void expect(int fd, const char *codes)
{
	char room[1024];
	struct text got = TEXT_ON(room);
	const char *line = hear(fd);

	while (*line != '\0') {
		if (got.bytes > 0)
			text_put_byte(&got, ' ');
		text_put(&got, view_from(line, 3));
		line = strchr(line, '\n') + 1;
	}
	assert_string_equal(text_string(&got), codes);
}

static void put(int fd, const char *say, size_t mail_count)
{
	house_send(&house, fd, view_of(say));
	house_turn_until(&house, house.mail_count == mail_count);
}

static void replies_keep_their_order(void **state)
{
	int fd = begin();
	char name[MESSAGE_ID_TEXT];

	(void)state;
	put(fd, MESSAGE MESSAGE MESSAGE, 3);
	/* To the envelope of the first, and no more. */
	expect(fd, "250 250");
	answer(2, PUT_COMMITTED);
	answer(1, PUT_FULL);
	expect(fd, "");
	assert_int_equal(house.counters.messages_taken, 0);
	answer(0, PUT_COMMITTED);
	expect(fd, "250 250 250 452 250 250 250");
	const char *said = heard;
	for (size_t i = 0; i < 3; i += 2) {
		(void)message_id_format(house.mail[i].id, name);
		said = strstr(said + 1, "queued as ");
		assert_non_null(said);
		assert_memory_equal(said + strlen("queued as "), name, strlen(name));
	}
	assert_int_equal(house.counters.messages_taken, 2);
	assert_int_equal(house.counters.messages_full, 1);
	assert_int_equal(house.ingest.transactions, 0);
	end(fd);
}

/* RFC 2920 3.1: the end of the data may be followed by the next group. */
static void data_goes_ahead_too(void **state)
{
	int fd = begin();

	(void)state;
	house_send(&house, fd, VIEW(ENVELOPE "DATA\r\n"));
	expect(fd, "250 250 354");
	put(fd, "A: b\r\n.\r\n" ENVELOPE "DATA\r\n", 1);
	expect(fd, "");
	answer(0, PUT_FAILED);
	expect(fd, "451 250 250 354");
	put(fd, "A: c\r\n.\r\nNOOP\r\n", 2);
	expect(fd, "");
	answer(1, PUT_COMMITTED);
	expect(fd, "250 250");
	end(fd);
}

/* What needs an answer before anything else, or ends the session, waits. */
static void some_commands_wait(void **state)
{
	static const char *const lines[] = { "QUIT\r\n", "EHLO again.test\r\n",
		"HELO again.test\r\n", "STARTTLS\r\n", "AUTH PLAIN\r\n", "VRFY a\r\n", "HELP\r\n",
		"GET / HTTP/1.1\r\n", "BDAT x\r\n", "NOOP\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" };

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		int fd = begin();
		house_send(&house, fd, VIEW(MESSAGE "NOOP\r\n"));
		put(fd, lines[i], 1);
		expect(fd, "250 250");
		assert_int_equal(house.ingest.sessions.count, 1);
		answer(0, PUT_COMMITTED);
		(void)hear(fd);
		/* To the message, to NOOP, and to what waited. */
		assert_memory_equal(heard, "250 2.0.0 queued as ", strlen("250 2.0.0 queued as "));
		const char *noop = strstr(heard, "\r\n250 2.0.0 OK\r\n");
		assert_non_null(noop);
		assert_true(strlen(noop) > strlen("\r\n250 2.0.0 OK\r\n"));
		end(fd);
	}
}

static void a_client_without_more_is_not_ahead(void **state)
{
	int fd = begin();

	(void)state;
	put(fd, MESSAGE, 1);
	assert_int_equal(pool_left(&house.ingest.aheads), INGEST_AHEADS_MAX);
	put(fd, MESSAGE "QUIT\r\n", 2);
	assert_int_equal(pool_left(&house.ingest.aheads), INGEST_AHEADS_MAX - 1);
	answer(0, PUT_COMMITTED);
	answer(1, PUT_COMMITTED);
	expect(fd, "250 250 250 250 250 250 221");
	end(fd);
}

static void only_so_many_go_ahead(void **state)
{
	int fd = begin();

	(void)state;
	for (size_t i = 0; i < INBOUND_AHEAD_MAX + 2; i++)
		house_send(&house, fd, VIEW(MESSAGE));
	rest();
	assert_int_equal(house.mail_count, INBOUND_AHEAD_MAX + 1);
	answer(0, PUT_COMMITTED);
	rest();
	assert_int_equal(house.mail_count, INBOUND_AHEAD_MAX + 2);
	house.answered = 1;
	house.holds = false;
	house_turn_until(&house, house.counters.messages_taken == INBOUND_AHEAD_MAX + 2);
	assert_int_equal(pool_left(&house.ingest.aheads), INGEST_AHEADS_MAX);
	/* More than the output takes at once. */
	struct text got = TEXT_ON(heard);
	house_await(&house, fd, &got, 3 * (INBOUND_AHEAD_MAX + 2));
	end(fd);
}

/* What is said meanwhile has its bound: the rest is read when it was sent. */
static void many_recipients_wait_for_room(void **state)
{
	int fd = begin();
	char room[8192];
	struct text say = TEXT_ON(room);

	(void)state;
	text_put(&say, VIEW(MESSAGE "MAIL FROM:<a@b.test>\r\n"));
	for (int i = 0; i < 90; i++)
		text_put(&say, VIEW("RCPT TO:<c@d.test>\r\n"));
	text_put(&say, VIEW("BDAT 6 LAST\r\nA: b\r\n"));
	put(fd, text_string(&say), 1);
	expect(fd, "250 250");
	rest();
	assert_int_equal(house.mail_count, 1);
	answer(0, PUT_COMMITTED);
	house_turn_until(&house, house.mail_count == 2);
	answer(1, PUT_COMMITTED);
	struct text got = TEXT_ON(heard);
	house_await(&house, fd, &got, 93);
	assert_int_equal(house_lines(&got), 93);
	assert_null(strstr(text_string(&got), "\n4"));
	end(fd);
}

/* An error too many closes the connection, but not before the answers are said. A message that is
 * taken forgives what came before it, and nothing else. */
static void errors_wait_for_the_answers(void **state)
{
	static const enum put_result results[] = { PUT_COMMITTED, PUT_FAILED };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		house_prepare(&house);
		house.config.limits.errors = 2;
		house_open(&house);
		house.holds = true;
		int fd = greeted();
		put(fd, "DATA\r\n" MESSAGE "DATA\r\nDATA\r\nDATA\r\nDATA\r\n", 1);
		expect(fd, "503 250 250");
		assert_int_equal(house.ingest.sessions.count, 1);
		answer(0, results[i]);
		expect(fd, i == 0 ? "250 503 503 421" : "451 503 503 421");
		end(fd);
	}
}

static struct inbound *session(void)
{
	return container_of(list_first(&house.ingest.sessions), struct inbound, session_link);
}

/* Takes all memory there is. */
static struct chunk *hoard(void)
{
	struct shelf *const shelves[] = { &house.ingest.shard.shelf, &house.shelf };
	struct chunk *all = NULL;

	for (size_t i = 0; i < 2; i++) {
		struct chunk *chunk;
		while ((chunk = shelf_take(shelves[i])) != NULL) {
			chunk->next = all;
			all = chunk;
		}
	}
	return all;
}

static void give_back(struct chunk *all)
{
	while (all != NULL) {
		struct chunk *chunk = all;
		all = MOVE(chunk->next);
		shelf_give(&house.shelf, chunk);
	}
	shelf_finish(&house.shelf);
	shelf_init(&house.shelf, house.depot);
}

static void answers_wait_for_memory(void **state)
{
	int fd = begin();

	(void)state;
	put(fd, MESSAGE MESSAGE MESSAGE, 3);
	expect(fd, "250 250");
	struct inbound *inbound = session();
	struct chunk *all = hoard();
	answer(0, PUT_COMMITTED);
	house_turn(&house);
	assert_true(inbound->stuck);
	assert_true(timer_is_set(&inbound->timer));
	give_back(all);
	answer(1, PUT_COMMITTED);
	house_turn(&house);
	/* Its own put is under way: nothing ends that but the answer. */
	assert_int_equal(inbound->state, INBOUND_PUTTING);
	assert_false(inbound->stuck);
	assert_false(timer_is_set(&inbound->timer));
	answer(2, PUT_COMMITTED);
	expect(fd, "250 250 250 250 250 250 250");
	/* The timer alone finds it too. */
	put(fd, MESSAGE "NOOP\r\n", 4);
	expect(fd, "250 250");
	all = hoard();
	answer(3, PUT_COMMITTED);
	rest();
	assert_true(inbound->stuck);
	give_back(all);
	house_turn_until(&house, !inbound_is_ahead(inbound));
	expect(fd, "250 250");
	end(fd);
}

/* What is said meanwhile needs none. */
static void nothing_waits_for_memory_while_ahead(void **state)
{
	int fd = begin();

	(void)state;
	put(fd, MESSAGE "NO", 1);
	expect(fd, "250 250");
	struct chunk *all = hoard();
	house_send(&house, fd, VIEW("OP\r\n"));
	rest();
	assert_int_equal(session()->state, INBOUND_READY);
	give_back(all);
	answer(0, PUT_COMMITTED);
	expect(fd, "250 250");
	end(fd);
}

/* Who doesn't read what he is told loses his place, as everybody does. */
static void a_client_that_doesn_t_read_is_let_go(void **state)
{
	static char line[100];
	const int small = 4096;

	(void)state;
	house_prepare(&house);
	house.config.limits.idle_ns = 300 * NS_PER_MS;
	house_open(&house);
	house.holds = true;
	int fd = greeted();
	put(fd, MESSAGE "NOOP\r\n", 1);
	struct inbound *inbound = session();
	memset(line, 'x', sizeof line);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	setsockopt(inbound->stream.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	/* In place of many replies: until nothing has gone out for a while. */
	size_t room = 0;
	for (struct mono since = clock_mono(); clock_mono().ns - since.ns < 200 * NS_PER_MS;) {
		while (stream_room_bytes(&inbound->stream) >= sizeof line)
			assert_true(stream_put(&inbound->stream, view_from(line, sizeof line)));
		house_turn(&house);
		if (stream_room_bytes(&inbound->stream) != room)
			since = clock_mono();
		room = stream_room_bytes(&inbound->stream);
	}
	answer(0, PUT_COMMITTED);
	house.answered = 1;
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
	assert_int_equal(house.ingest.transactions, 0);
	assert_int_equal(pool_left(&house.ingest.aheads), INGEST_AHEADS_MAX);
	end(fd);
}

static void a_drain_in_a_hurry_finds_late_answers(void **state)
{
	(void)state;
	house_prepare(&house);
	house.config.drain_ns = 0;
	house_open(&house);
	house.holds = true;
	int fd = greeted();
	put(fd, MESSAGE ENVELOPE, 1);
	expect(fd, "250 250");
	struct chunk *all = hoard();
	const struct letter drain = { .kind = LETTER_DRAIN };
	house_give(&house, &drain);
	house_turn_until(&house, house.ingest.hurried);
	answer(0, PUT_COMMITTED);
	house.answered = 1;
	rest();
	assert_true(session()->stuck);
	give_back(all);
	house_turn_until(&house, house.drained);
	expect(fd, "250 250 250 421");
	end(fd);
}

static void lost_connections(void **state)
{
	const struct linger reset = { 1, 0 };

	(void)state;
	for (size_t answered = 0; answered < 4; answered++) {
		int fd = begin();
		put(fd, MESSAGE MESSAGE MESSAGE ENVELOPE, 3);
		rest();
		assert_int_equal(house.ingest.transactions, 4);
		/* The first one's answer is late: nobody hears of those that have theirs. */
		for (size_t i = 0; i < answered; i++)
			answer(2 - i, i == 1 ? PUT_FULL : PUT_COMMITTED);
		house_turn_some(&house);
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
		close(fd);
		rest();
		assert_int_equal(house.ingest.sessions.count, answered == 3 ? 0 : 1);
		assert_int_equal(house.ingest.transactions, 3 - answered);
		for (size_t i = answered; i < 3; i++)
			answer(2 - i, PUT_COMMITTED);
		house.answered = 3;
		house_turn_until(&house, list_is_empty(&house.ingest.sessions));
		house_close(&house);
	}
}

/* One who sends no more, but listens, hears all of it. */
static void who_only_listens_hears_all(void **state)
{
	int fd = begin();

	(void)state;
	house_send(&house, fd, VIEW(MESSAGE MESSAGE ENVELOPE));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	house_turn_until(&house, house.mail_count == 2);
	rest();
	assert_int_equal(house.ingest.sessions.count, 1);
	house.holds = false;
	struct text got = TEXT_ON(heard);
	house_await_end(&house, fd, &got);
	assert_int_equal(house_lines(&got), 8);
	end(fd);
}

static void a_drain_waits_for_the_answers(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		house_prepare(&house);
		/* Transactions have no time at all, or plenty. */
		house.config.drain_ns = late == 0 ? 60 * NS_PER_S : 0;
		house_open(&house);
		house.holds = true;
		int fd = greeted();
		put(fd, MESSAGE ENVELOPE, 1);
		expect(fd, "250 250");
		const struct letter drain = { .kind = LETTER_DRAIN };
		house_give(&house, &drain);
		if (late > 0)
			house_turn_until(&house, house.ingest.hurried);
		expect(fd, "");
		assert_int_equal(house.ingest.sessions.count, 1);
		answer(0, PUT_COMMITTED);
		house.answered = 1;
		expect(fd, late == 0 ? "250 250 250" : "250 250 250 421");
		if (late == 0) {
			put(fd, "BDAT 6 LAST\r\nA: b\r\n" MESSAGE, 2);
			answer(1, PUT_COMMITTED);
			house.answered = 2;
			expect(fd, "250 421");
		}
		end(fd);
	}
}

/* What only its own session can answer for stays with it. */
static void claims_don_t_go_ahead(void **state)
{
	(void)state;
	house_prepare(&house);
	house.config.idempotency.by = CLAIM_BY_MESSAGE_ID;
	house_open(&house);
	house.holds = true;
	int fd = greeted();
	put(fd, ENVELOPE "BDAT 21 LAST\r\nMessage-ID: <a@b>\r\n\r\n" MESSAGE, 1);
	expect(fd, "250 250");
	rest();
	assert_int_equal(house.mail_count, 1);
	assert_int_equal(pool_left(&house.ingest.aheads), INGEST_AHEADS_MAX);
	answer(0, PUT_COMMITTED);
	house_turn_until(&house, house.mail_count == 2);
	answer(1, PUT_COMMITTED);
	expect(fd, "250 250 250 250");
	end(fd);
}

/* A shard has only so many places; who finds none waits as everybody did before. */
static void places_are_shared(void **state)
{
	int fd = begin();
	struct pool *aheads = &house.ingest.aheads;
	void *taken[INGEST_AHEADS_MAX];

	(void)state;
	for (size_t i = 0; i < INGEST_AHEADS_MAX; i++)
		assert_non_null(taken[i] = pool_take(aheads));
	put(fd, MESSAGE MESSAGE, 1);
	expect(fd, "250 250");
	assert_int_equal(house.mail_count, 1);
	for (size_t i = 0; i < INGEST_AHEADS_MAX; i++)
		pool_give(aheads, taken[i]);
	answer(0, PUT_COMMITTED);
	house_turn_until(&house, house.mail_count == 2);
	answer(1, PUT_COMMITTED);
	expect(fd, "250 250 250 250");
	end(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_keep_their_order),
		cmocka_unit_test(data_goes_ahead_too),
		cmocka_unit_test(some_commands_wait),
		cmocka_unit_test(a_client_without_more_is_not_ahead),
		cmocka_unit_test(only_so_many_go_ahead),
		cmocka_unit_test(many_recipients_wait_for_room),
		cmocka_unit_test(errors_wait_for_the_answers),
		cmocka_unit_test(answers_wait_for_memory),
		cmocka_unit_test(nothing_waits_for_memory_while_ahead),
		cmocka_unit_test(a_client_that_doesn_t_read_is_let_go),
		cmocka_unit_test(a_drain_in_a_hurry_finds_late_answers),
		cmocka_unit_test(lost_connections),
		cmocka_unit_test(who_only_listens_hears_all),
		cmocka_unit_test(a_drain_waits_for_the_answers),
		cmocka_unit_test(claims_don_t_go_ahead),
		cmocka_unit_test(places_are_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
