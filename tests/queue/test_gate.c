/* Closed once an epoch, for longer each time; ended by one probe; as it was after a restart. */
#include "queue/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct mono now = { 1000 * NS_PER_S };
static const struct wall wall = { 1790000000000 };
static const struct reply_note note = {
	.code = 550,
	.status = { 5, 7, 705 },
	.server = VIEW_INIT("mail.example"),
	.advice = 7,
	.stage = 5,
	.text = VIEW_INIT("Access denied, tenant has exceeded threshold"),
};
static struct random dice;

static bool refuse(struct gate *gate, uint32_t epoch, int64_t wait_s)
{
	return gate_refuse(gate, now, epoch, wait_s * NS_PER_S, &note, &dice);
}

static int64_t waits_s(const struct gate *gate)
{
	return (gate->until.ns - now.ns) / NS_PER_S;
}

static void test_once_an_epoch(void **state)
{
	struct gate gate = { 0 };

	(void)state;
	assert_true(refuse(&gate, 0, 60));
	assert_true(gate.closed);
	assert_in_range(waits_s(&gate), 60, 72);
	const struct mono until = gate.until;
	for (int i = 0; i < 50; i++)
		assert_false(refuse(&gate, 0, 60)); /* the rest of what was under way */
	assert_true(gate.until.ns == until.ns);
	assert_int_equal(gate.epoch, 1);
	/* Nor does what was taken meanwhile, and had begun before, open it. */
	assert_false(gate_take(&gate, 0));
	assert_true(gate.closed);
}

static void test_one_probe(void **state)
{
	struct gate gate = { 0 };

	(void)state;
	assert_false(gate_ask(&gate, now, 1)); /* it is open */
	assert_true(refuse(&gate, 0, 60));
	assert_false(gate_ask(&gate, now, 1)); /* not yet */
	assert_true(gate_ask(&gate, gate.until, 1));
	assert_false(gate_ask(&gate, gate.until, 2));
	assert_false(gate_give_up(&gate, 1, 2));
	assert_false(gate_give_up(&gate, 0, 1));
	assert_true(gate_give_up(&gate, 1, 1));
	assert_true(gate_ask(&gate, gate.until, 2));
	/* Refused: twice as long, and nobody has the probe. */
	assert_true(refuse(&gate, 1, 60));
	assert_in_range(waits_s(&gate), 120, 144);
	assert_false(gate.lent);
	assert_true(gate_ask(&gate, gate.until, 1));
	assert_true(gate_take(&gate, 2));
	assert_false(gate.closed);
	assert_false(gate_take(&gate, 2));
	/* Then it begins anew. */
	assert_true(refuse(&gate, 2, 60));
	assert_in_range(waits_s(&gate), 60, 72);
	assert_true(gate_resume(&gate));
	assert_false(gate_resume(&gate));
}

static void test_the_longest(void **state)
{
	struct gate gate = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 40; i++)
		assert_true(refuse(&gate, i, 60));
	assert_in_range(waits_s(&gate), 3600, 4320);
	assert_true(refuse(&gate, 40, 86400)); /* the server named it */
	assert_in_range(waits_s(&gate), 86400, 103680);
}

static void test_kept(void **state)
{
	char memory[GATE_RECORD_MAX];
	struct gate gate = { 0 };
	struct gate back;

	(void)state;
	assert_true(refuse(&gate, 0, 600));
	assert_true(gate_ask(&gate, gate.until, 1));
	const struct view record = view_from(
	        memory, gate_encode(&gate, now, wall, (struct span){ memory, sizeof memory }));
	const struct mono then = { 5 * NS_PER_S };
	assert_false(failed(gate_decode(&back, then, (struct wall){ wall.ms + 100000 }, record)));
	assert_true(back.closed);
	assert_false(back.lent); /* whoever had it is gone */
	assert_int_equal(back.epoch, 1);
	assert_int_equal(back.setbacks, 1);
	assert_in_range((back.until.ns - then.ns) / NS_PER_S, 499, 620);
	const struct reply_note said = gate_note(&back);
	assert_int_equal(said.code, 550);
	assert_int_equal(said.status[2], 705);
	assert_int_equal(said.advice, 7);
	assert_int_equal(said.stage, 5);
	assert_true(view_equal(said.text, note.text));
	assert_true(view_equal(said.server, note.server));
	for (size_t bytes = 0; bytes < record.bytes; bytes++) {
		assert_true(failed(gate_decode(&back, then, wall, view_first(record, bytes))));
		assert_false(back.closed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once_an_epoch),
		cmocka_unit_test(test_one_probe),
		cmocka_unit_test(test_the_longest),
		cmocka_unit_test(test_kept),
	};

	random_seed(&dice, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
