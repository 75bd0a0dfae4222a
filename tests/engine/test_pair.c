/* Two mailboxes, one a direction, each side with its ends. */
#include "engine/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void letters_go_both_ways(void **state)
{
	static struct loop spooler;
	static struct loop shard;
	static struct pair pair;
	struct letter letter = { .kind = LETTER_DRAIN };

	(void)state;
	doorbell_init(&spooler.doorbell, NULL);
	doorbell_init(&shard.doorbell, NULL);
	assert_false(failed(pair_init(&pair, &spooler, &shard, 5)));
	const struct post at_spooler = pair_spoolers_post(&pair);
	const struct post at_shard = pair_shards_post(&pair);
	assert_true(at_spooler.out->reader == &shard.doorbell);
	assert_true(at_shard.out->reader == &spooler.doorbell);
	assert_int_equal(mailbox_room(at_spooler.out), 8);
	assert_int_equal(mailbox_room(at_shard.out), 8);
	assert_true(mailbox_put(at_spooler.out, &letter));
	assert_false(mailbox_take(at_spooler.in, &letter));
	assert_true(mailbox_take(at_shard.in, &letter));
	letter.kind = LETTER_DRAINED;
	assert_true(mailbox_put(at_shard.out, &letter));
	letter.kind = LETTER_DRAIN;
	assert_true(mailbox_take(at_spooler.in, &letter));
	assert_int_equal(letter.kind, LETTER_DRAINED);
	pair_finish(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(letters_go_both_ways) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
