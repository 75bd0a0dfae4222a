/* What limits have used up is on disk before more is used, and comes back at the next start. */
#include "engine/ledger.h"
#include "tests/queue/spool_tools.h"

struct desk {
	struct tools tools;
	struct depot *depot;
	struct shard shard;
	struct mailbox out;
	struct doorbell doorbell;
	struct ledger ledger;
	struct throttle throttles[2];
	struct ledger_entry *entries[2];
	struct note *letters[8]; /* on their way to the spooler */
	size_t letter_count;
};

static const struct throttle_settings mailbox = {
	.in_flight = 3,
	.messages = { 8, 3600 * NS_PER_S },
	.recipients = { THROTTLE_NONE, 0 },
	.stop = 1,
};

static void desk_start(struct desk *desk)
{
	const struct io_settings io = { 64, 1, 4096 };
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	assert_ok(depot_create(&desk->depot, 64 * CHUNK_BYTES));
	shelf_init(&desk->shard.shelf, desk->depot);
	assert_ok(loop_init(&desk->shard.loop, &io, &desk->shard.shelf, &why));
	loop_start(&desk->shard.loop);
	loop_begin(&desk->shard.loop);
	doorbell_init(&desk->doorbell, NULL);
	assert_ok(mailbox_init(&desk->out, sizeof(struct letter), 128, &desk->doorbell));
	desk->shard.spooler.out = &desk->out;
	assert_ok(ledger_init(&desk->ledger, &desk->shard, 2));
	for (int i = 0; i < 2; i++) {
		throttle_init(&desk->throttles[i], &mailbox);
		desk->entries[i] = ledger_add(&desk->ledger, &desk->throttles[i],
		        i == 0 ? "A@c.d" : "b@c.d", &desk->throttles[i]);
	}
	ledger_read(&desk->ledger, desk->tools.spool);
	desk->letter_count = 0;
}

static void desk_stop(struct desk *desk)
{
	struct letter letter;

	while (mailbox_take(&desk->out, &letter))
		continue;
	ledger_finish(&desk->ledger);
	mailbox_finish(&desk->out);
	loop_finish(&desk->shard.loop);
	shelf_finish(&desk->shard.shelf);
	depot_destroy(desk->depot);
}

static struct desk *desk_open(void)
{
	struct desk *desk = calloc(1, sizeof *desk);

	assert_non_null(desk);
	tools_start(&desk->tools);
	tools_open(&desk->tools);
	desk_start(desk);
	return desk;
}

static void desk_close(struct desk *desk)
{
	desk_stop(desk);
	tools_stop(&desk->tools);
	free(desk);
}

/* What the spooler does with the letters: keeps what they say, or its disk is broken. */
static size_t spool_all(struct desk *desk, bool broken)
{
	struct letter letter;
	size_t count = 0;

	ledger_work(&desk->ledger);
	while (mailbox_take(&desk->out, &letter)) {
		assert_int_equal(letter.kind, LETTER_NOTE);
		if (!broken) {
			assert_ok(spool_begin(desk->tools.spool));
			assert_ok(spool_note(desk->tools.spool, note_name(letter.note),
			        note_record(letter.note)));
			assert_ok(spool_commit(desk->tools.spool));
		}
		letter.note->kept = !broken;
		desk->letters[count++] = letter.note;
	}
	for (size_t i = 0; i < count; i++) {
		const struct ledger_entry *entry = ledger_noted(&desk->ledger, desk->letters[i]);
		assert_true(entry == desk->entries[0] || entry == desk->entries[1]);
	}
	return count;
}

static enum throttle_reason send(struct desk *desk, int which)
{
	const struct mono now = loop_now(&desk->shard.loop);
	struct throttle_ticket ticket;
	const enum throttle_reason reason =
	        throttle_admit(&desk->throttles[which], now, true, 1, &ticket);

	ledger_look(&desk->ledger, desk->entries[which]);
	if (reason != THROTTLE_FREE)
		return reason;
	throttle_write(&desk->throttles[which], now, &ticket);
	throttle_end(&desk->throttles[which], &ticket);
	return reason;
}

static void test_nothing_before_it_is_on_disk(void **state)
{
	struct desk *desk = desk_open();

	(void)state;
	assert_int_equal(send(desk, 0), THROTTLE_RECORD);
	assert_int_equal(spool_all(desk, false), 1);
	assert_int_equal(send(desk, 0), THROTTLE_FREE);
	assert_int_equal(send(desk, 0), THROTTLE_FREE);
	assert_int_equal(send(desk, 1), THROTTLE_RECORD);
	/* Both have asked by now, once each. */
	assert_int_equal(send(desk, 0), THROTTLE_RECORD);
	assert_int_equal(spool_all(desk, false), 2);
	assert_int_equal(spool_all(desk, false), 0);
	desk_close(desk);
}

/* After a crash all of the last allowance counts as sent; whatever the case of the name. */
static void test_after_a_crash(void **state)
{
	struct desk *desk = desk_open();
	int sent = 0;

	(void)state;
	while (sent < 3)
		if (send(desk, 0) == THROTTLE_FREE)
			sent++;
		else
			assert_int_equal(spool_all(desk, false), 1);
	desk_stop(desk);
	desk_start(desk);
	for (int left = 8 - 4; left > 0;) {
		const enum throttle_reason reason = send(desk, 0);
		assert_int_not_equal(reason, THROTTLE_MESSAGES);
		left -= reason == THROTTLE_FREE;
		(void)spool_all(desk, false);
	}
	assert_int_equal(send(desk, 0), THROTTLE_MESSAGES);
	desk_close(desk);
}

static void test_after_a_clean_stop(void **state)
{
	struct desk *desk = desk_open();

	(void)state;
	assert_false(ledger_is_closed(&desk->ledger));
	while (send(desk, 0) != THROTTLE_FREE)
		(void)spool_all(desk, false);
	ledger_close(&desk->ledger);
	assert_false(ledger_is_closed(&desk->ledger));
	/* One may have been under way already, and then comes the last. */
	while (!ledger_is_closed(&desk->ledger))
		assert_true(spool_all(desk, false) > 0);
	assert_int_equal(send(desk, 0), THROTTLE_RECORD);
	desk_stop(desk);
	desk_start(desk);
	for (int left = 8 - 1; left > 0;) {
		left -= send(desk, 0) == THROTTLE_FREE;
		(void)spool_all(desk, false);
	}
	assert_int_equal(send(desk, 0), THROTTLE_MESSAGES);
	/* Nothing was written of the other: nothing is owed for it. */
	assert_int_equal(send(desk, 1), THROTTLE_RECORD);
	desk_close(desk);
}

static void test_a_broken_spool(void **state)
{
	struct desk *desk = desk_open();

	(void)state;
	assert_int_equal(send(desk, 0), THROTTLE_RECORD);
	assert_int_equal(spool_all(desk, true), 1);
	assert_int_equal(send(desk, 0), THROTTLE_RECORD);
	assert_int_equal(spool_all(desk, true), 0); /* nobody asks any more */
	ledger_close(&desk->ledger);
	assert_true(ledger_is_closed(&desk->ledger));
	desk_close(desk);
}

static void test_a_damaged_record(void **state)
{
	struct desk *desk = desk_open();

	(void)state;
	assert_ok(spool_begin(desk->tools.spool));
	assert_ok(spool_note(desk->tools.spool, VIEW("limits/a@c.d"), VIEW("what is this?")));
	assert_ok(spool_commit(desk->tools.spool));
	desk_stop(desk);
	desk_start(desk);
	assert_int_equal(send(desk, 0), THROTTLE_MESSAGES);
	assert_int_equal(send(desk, 1), THROTTLE_RECORD);
	desk_close(desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_before_it_is_on_disk),
		cmocka_unit_test(test_after_a_crash),
		cmocka_unit_test(test_after_a_clean_stop),
		cmocka_unit_test(test_a_broken_spool),
		cmocka_unit_test(test_a_damaged_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
