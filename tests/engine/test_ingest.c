#include "tests/engine/ingest_client.h"

static struct house house;

static const char *ask(int fd, const char *say, size_t lines)
{
	return house_ask(&house, fd, say, lines);
}

#define ASK(fd, say, begins) assert_memory_equal(ask((fd), (say), 1), (begins), strlen(begins))

static int greeted(void)
{
	int fd = house_dial(&house, 0);

	ASK(fd, "", "220 ");
	ASK(fd, "HELO client.test\r\n", "250 ");
	return fd;
}

static const char mail[] = "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n";

static void connections_have_limits(void **state)
{
	(void)state;
	char room[256];
	int fds[3];

	for (int each = 0; each < 2; each++) {
		house_prepare(&house);
		house.config.limits.connections = each ? 100 : 3;
		house.config.limits.connections_per_client = each ? 3 : 100;
		house_open(&house);
		for (int i = 0; i < 3; i++)
			fds[i] = greeted();
		int refused = house_dial(&house, 0);
		struct text got = TEXT_ON(room);
		house_await_end(&house, refused, &got);
		assert_string_equal(text_string(&got),
		        each ? "421 4.3.2 Too many connections from your address, try again "
		               "later\r\n"
		             : "421 4.3.2 Too many connections, try again later\r\n");
		close(refused);
		assert_int_equal(house.counters.connections_refused, 1);
		/* A place that was left is taken again. */
		ASK(fds[0], "QUIT\r\n", "221 2.0.0");
		close(fds[0]);
		house_turn_until(&house, doorman_count(house.doors->doorman) == 2);
		fds[0] = greeted();
		for (int i = 0; i < 3; i++)
			close(fds[i]);
		house_turn_until(&house, list_is_empty(&house.ingest.sessions));
		assert_int_equal(house.counters.connections_opened, 5);
		assert_int_equal(house.counters.connections_closed, 5);
		house_close(&house);
	}
}

/* Idle ones are sent away, transactions may end, and then it is said. */
static void draining_finishes_what_was_begun(void **state)
{
	(void)state;
	const struct letter drain = { .kind = LETTER_DRAIN };
	char room[512];

	house_prepare(&house);
	house_open(&house);
	int idle = greeted();
	int busy = greeted();
	int putting = greeted();
	(void)ask(busy, mail, 2);
	(void)ask(putting, mail, 2);
	house.holds = true;
	house_send(&house, putting, VIEW("BDAT 6 LAST\r\nA: b\r\n"));
	house_turn_until(&house, house.ingest.puts == 1);
	house_give(&house, &drain);
	struct text got = TEXT_ON(room);
	house_await_end(&house, idle, &got);
	assert_string_equal(text_string(&got), "421 4.3.2 Service shutting down\r\n");
	house_turn_some(&house);
	assert_true(listener_is_closed(&house.ingest.listeners[0]));
	assert_false(house.drained);

	ASK(busy, "DATA\r\n", "354 ");
	house.holds = false;
	house_send(&house, busy, VIEW("A: b\r\n.\r\nMAIL FROM:<a@b.test>\r\n"));
	got.bytes = 0;
	house_await_end(&house, busy, &got);
	assert_non_null(strstr(text_string(&got), "queued as "));
	assert_non_null(strstr(room, "\r\n421 4.3.2 "));
	got.bytes = 0;
	house_await_end(&house, putting, &got);
	assert_non_null(strstr(text_string(&got), "queued as "));
	close(idle);
	close(busy);
	close(putting);
	house_turn_until(&house, house.drained);
	assert_int_equal(house.mail_count, 2);
	house_close(&house);
}

/* Who doesn't hang up is not waited for longer than it takes to read a reply. */
static void draining_is_not_held_up(void **state)
{
	(void)state;
	const struct letter drain = { .kind = LETTER_DRAIN };

	house_prepare(&house);
	house_open(&house);
	int fd = greeted();
	const struct mono begun = clock_mono();
	house_give(&house, &drain);
	house_turn_until(&house, house.drained);
	assert_true(clock_mono().ns - begun.ns >= INGEST_LINGER_NS);
	close(fd);
	house_close(&house);
}

/* Nor is a transaction that does not end; what is being put is answered all the same. */
static void draining_has_a_deadline(void **state)
{
	(void)state;
	const struct letter drain = { .kind = LETTER_DRAIN };
	char room[512];
	struct text got = TEXT_ON(room);

	house_prepare(&house);
	house.config.drain_ns = INGEST_LINGER_NS + NS_PER_MS;
	house_open(&house);
	int busy = greeted();
	int data = greeted();
	int putting = greeted();
	(void)ask(busy, mail, 2);
	(void)ask(data, mail, 2);
	ASK(data, "DATA\r\n", "354 ");
	(void)ask(putting, mail, 2);
	house.holds = true;
	house_send(&house, putting, VIEW("BDAT 6 LAST\r\nA: b\r\n"));
	house_turn_until(&house, house.ingest.puts == 1);
	house_give(&house, &drain);
	house_await_end(&house, busy, &got);
	assert_string_equal(text_string(&got), "421 4.3.2 Service shutting down\r\n");
	got.bytes = 0;
	house_await_end(&house, data, &got);
	assert_string_equal(text_string(&got), "421 4.3.2 Service shutting down\r\n");
	assert_false(house.drained);
	house.holds = false;
	got.bytes = 0;
	house_await_end(&house, putting, &got);
	assert_non_null(strstr(text_string(&got), "queued as "));
	house_turn_until(&house, house.drained);
	close(busy);
	close(data);
	close(putting);
	house_close(&house);
}

/* Ids are asked for ahead; each is used once, in order. */
static void ids_come_in_blocks(void **state)
{
	(void)state;
	uint64_t last = 0;
	uint64_t id;

	house_prepare(&house);
	house_open(&house);
	house_turn_until(&house, house.ingest.ids.spare_left > 0);
	for (int i = 0; i < 200000; i++) {
		if (i % 10000 == 0)
			house_turn_some(&house);
		assert_true(ingest_take_id(&house.ingest, &id));
		assert_true(id > last);
		last = id;
	}
	assert_true(house.id_next <= 1000 + 200000 + 3 * INGEST_IDS_WANTED);
	house_close(&house);
}

/* More puts than mailboxes hold are never under way: the next session waits. */
static void puts_have_a_bound(void **state)
{
	(void)state;
	house_prepare(&house);
	house_open(&house);
	int fd = greeted();
	(void)ask(fd, mail, 2);
	house.ingest.puts += INGEST_PUTS_MAX;
	house_send(&house, fd, VIEW("BDAT 6 LAST\r\nA: b\r\n"));
	house_turn_until(&house, house.ingest.hungry.count == 1);
	assert_int_equal(house.mail_count, 0);
	house.ingest.puts -= INGEST_PUTS_MAX;
	ASK(fd, "", "250 2.0.0 queued as ");
	close(fd);
	house_close(&house);
}

/* Many at once, all kinds of deaths: nothing leaks (house_close() looks). */
static void a_crowd_comes_and_goes(void **state)
{
	(void)state;
	struct random random;
	int fds[60];

	random_seed(&random, 7);
	house_prepare(&house);
	house_open(&house);
	for (int round = 0; round < 20; round++) {
		house.holds = round % 2 == 0;
		for (int i = 0; i < 60; i++) {
			static const char *const parts[] = { "HELO x\r\n", mail, "DATA\r\n",
				"Subject: x\r\n\r\n", "text\r\n.\r\n", "QUIT\r\n" };
			fds[i] = house_dial(&house, 0);
			const uint64_t said = random_below(&random, 7);
			for (uint64_t part = 0; part < said; part++)
				house_send(&house, fds[i], view_of(parts[part]));
			if (random_below(&random, 3) == 0)
				house_turn(&house);
			while (house.mail_count > 0 && house.answered == house.mail_count) {
				free(house.mail[--house.mail_count].body);
				house.answered = house.mail_count;
			}
		}
		for (int i = 0; i < 60; i++) {
			const struct linger reset = { 1, 0 };
			if (random_below(&random, 2) == 0)
				setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
			close(fds[i]);
		}
		house.holds = false;
		house_turn_until(&house, list_is_empty(&house.ingest.sessions));
	}
	house_close(&house);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_have_limits),
		cmocka_unit_test(draining_finishes_what_was_begun),
		cmocka_unit_test(draining_is_not_held_up),
		cmocka_unit_test(draining_has_a_deadline),
		cmocka_unit_test(ids_come_in_blocks),
		cmocka_unit_test(puts_have_a_bound),
		cmocka_unit_test(a_crowd_comes_and_goes),
	};

	return cmocka_run_group_tests_name("ingest", tests, NULL, NULL);
}
