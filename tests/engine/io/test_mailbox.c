#include "engine/io/mailbox.h"

#include "tests/engine/io/fixture.h"

#include <pthread.h>

#define LETTERS 100000

struct letter {
	uint64_t number;
	uint64_t check;
};

static void test_a_ring_is_in_order_and_bounded(void **state)
{
	struct doorbell doorbell;
	struct mailbox mailbox;
	struct letter letter = { 0 };

	(void)state;
	doorbell_init(&doorbell, NULL);
	assert_false(failed(mailbox_init(&mailbox, sizeof letter, 4, &doorbell)));
	mailbox.tail = mailbox.head = mailbox.head_seen = mailbox.tail_seen = UINT32_MAX - 2;
	for (uint64_t round = 0; round < 10; round++) {
		assert_true(mailbox_is_empty(&mailbox));
		assert_false(mailbox_take(&mailbox, &letter));
		for (uint64_t i = 0; i < 4; i++) {
			assert_int_equal(mailbox_room(&mailbox), 4 - i);
			letter.number = round * 4 + i;
			assert_true(mailbox_put(&mailbox, &letter));
			assert_int_equal(mailbox_count(&mailbox), i + 1);
		}
		assert_false(mailbox_put(&mailbox, &letter));
		for (uint64_t i = 0; i < 4; i++) {
			assert_true(mailbox_take(&mailbox, &letter));
			assert_int_equal(letter.number, round * 4 + i);
			assert_int_equal(mailbox_count(&mailbox), 3 - i);
		}
	}
	mailbox_finish(&mailbox);
}

/* Two threads that answer each other's letters, each asleep whenever it has nothing to do: a lost
 * wake-up would stop both. */
struct party {
	struct fixture fixture;
	struct mailbox *incoming;
	struct mailbox *outgoing;
	uint64_t taken;
	uint64_t put;
	bool first; /* starts, with as many letters as there is room for */
};

static void party_turn(struct party *party)
{
	struct letter letter;

	loop_begin(&party->fixture.loop);
	while (mailbox_take(party->incoming, &letter)) {
		assert_int_equal(letter.number, party->taken);
		assert_int_equal(letter.check, ~letter.number);
		party->taken++;
	}
	uint64_t allowed = party->first ? party->taken + 8 : party->taken;
	if (allowed > LETTERS)
		allowed = LETTERS;
	while (party->put < allowed) {
		letter = (struct letter){ party->put, ~party->put };
		assert_true(mailbox_put(party->outgoing, &letter));
		party->put++;
	}
	loop_run_completions(&party->fixture.loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&party->fixture.loop);
	if (party->taken < LETTERS || party->put < LETTERS)
		loop_end(&party->fixture.loop);
	else /* nobody would wake us again */
		mailbox_ring(party->outgoing, NULL);
}

static void *party_run(void *argument)
{
	struct party *party = argument;

	loop_start(&party->fixture.loop);
	while (party->taken < LETTERS || party->put < LETTERS)
		party_turn(party);
	return NULL;
}

static void party_open(struct party *party)
{
	const struct io_settings settings = { 8, 2, 4096 };
	char room[256];
	struct text why = TEXT_ON(room);

	assert_false(failed(depot_create(&party->fixture.depot, CHUNK_BYTES)));
	shelf_init(&party->fixture.shelf, party->fixture.depot);
	assert_false(
	        failed(loop_init(&party->fixture.loop, &settings, &party->fixture.shelf, &why)));
}

static void test_no_wake_up_is_lost(void **state)
{
	static struct party parties[2];
	static struct mailbox mailboxes[2];
	pthread_t threads[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		party_open(&parties[i]);
	for (int i = 0; i < 2; i++) {
		struct loop *reader = &parties[i].fixture.loop;
		struct loop *writer = &parties[1 - i].fixture.loop;
		assert_false(failed(
		        mailbox_init(&mailboxes[i], sizeof(struct letter), 16, &reader->doorbell)));
		loop_reads(reader, &mailboxes[i]);
		loop_writes(writer, &mailboxes[i]);
		parties[i].incoming = &mailboxes[i];
		parties[1 - i].outgoing = &mailboxes[i];
	}
	parties[0].first = true;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, party_run, &parties[i]), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(parties[i].taken, LETTERS);
		loop_leave(&parties[i].fixture.loop, &mailboxes[i]);
		loop_leave(&parties[1 - i].fixture.loop, &mailboxes[i]);
		mailbox_finish(&mailboxes[i]);
	}
	for (int i = 0; i < 2; i++)
		fixture_finish(&parties[i].fixture, 2);
}

/* A helper thread has no ring: it rings by hand. */
static void *helper_run(void *argument)
{
	struct mailbox *mailbox = argument;

	for (uint64_t i = 0; i < LETTERS / 10; i++) {
		struct letter letter = { i, ~i };
		while (!mailbox_put(mailbox, &letter))
			continue;
		mailbox_ring(mailbox, NULL);
	}
	return NULL;
}

static void test_a_writer_without_a_ring(void **state)
{
	struct fixture fixture;
	struct mailbox mailbox;
	struct letter letter;
	pthread_t thread;
	uint64_t taken = 0;

	(void)state;
	fixture_init(&fixture);
	loop_timer_stop(&fixture.loop, &fixture.tick);
	assert_false(failed(mailbox_init(&mailbox, sizeof letter, 64, &fixture.loop.doorbell)));
	loop_reads(&fixture.loop, &mailbox);
	assert_int_equal(pthread_create(&thread, NULL, helper_run, &mailbox), 0);
	while (taken < LETTERS / 10) {
		loop_begin(&fixture.loop);
		while (mailbox_take(&mailbox, &letter))
			assert_int_equal(letter.number, taken++);
		loop_run_completions(&fixture.loop, LOOP_COMPLETIONS_PER_TURN);
		if (taken < LETTERS / 10)
			loop_end(&fixture.loop);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	loop_leave(&fixture.loop, &mailbox);
	mailbox_finish(&mailbox);
	fixture_finish(&fixture, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_ring_is_in_order_and_bounded),
		cmocka_unit_test(test_no_wake_up_is_lost),
		cmocka_unit_test(test_a_writer_without_a_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
