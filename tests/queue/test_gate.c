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
	assert_int_equal(gate_take(&gate, now, 0), GATE_SAME);
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
	assert_int_equal(gate_take(&gate, now, 2), GATE_OPENED);
	assert_false(gate.closed);
	assert_int_equal(gate_take(&gate, now, 2), GATE_SAME);
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

static struct mono in(int64_t seconds)
{
	return (struct mono){ now.ns + seconds * NS_PER_S };
}

static bool refuse_late(struct gate *gate, int64_t at_s, int64_t began_s)
{
	return gate_refuse_late(gate, in(at_s), in(began_s), 60 * NS_PER_S, &note, &dice);
}

/* Closed by a report: the probe that is taken leaves it in doubt. */
static void test_late(void **state)
{
	struct gate gate = { 0 };

	(void)state;
	assert_true(refuse_late(&gate, 0, -5));
	assert_false(refuse_late(&gate, 1, -3)); /* the rest of what was sent */
	assert_true(gate_ask(&gate, in(100), 1));
	assert_int_equal(gate_take(&gate, in(101), 1), GATE_DOUBTED);
	assert_true(gate.closed);
	assert_false(gate_ask(&gate, in(500), 2));
	assert_false(gate_pass(&gate, in(220)));
	/* Of the probe, and not of what was sent before. */
	assert_false(refuse_late(&gate, 110, -1));
	assert_true(gate.doubted);
	assert_true(refuse_late(&gate, 110, 101));
	assert_false(gate.doubted);
	assert_int_equal(gate.setbacks, 2);
	assert_false(gate_pass(&gate, in(500)));
	assert_true(gate_ask(&gate, in(300), 1));
	assert_int_equal(gate_take(&gate, in(301), 2), GATE_DOUBTED);
	assert_int_equal(gate_take(&gate, in(302), 2), GATE_SAME);
	assert_false(gate_pass(&gate, in(420)));
	assert_true(gate_pass(&gate, in(421)));
	assert_false(gate.closed);
	assert_int_equal(gate.setbacks, 0);
	assert_false(gate_pass(&gate, in(600)));
}

/* The report may be here before the reply; and a session's word is without doubt. */
static void test_late_and_prompt(void **state)
{
	struct gate gate = { 0 };

	(void)state;
	assert_true(refuse_late(&gate, 0, -5));
	assert_true(gate_ask(&gate, in(100), 1));
	assert_true(refuse_late(&gate, 101, 100));
	assert_int_equal(gate_take(&gate, in(102), 1), GATE_SAME);
	assert_false(gate.doubted);
	assert_true(gate_ask(&gate, in(300), 1));
	assert_true(refuse(&gate, 2, 60));
	assert_true(gate_ask(&gate, in(1000), 1));
	assert_int_equal(gate_take(&gate, in(1001), 3), GATE_OPENED);
	assert_true(refuse_late(&gate, 2000, 1990));
	assert_true(gate_ask(&gate, in(3000), 1));
	assert_int_equal(gate_take(&gate, in(3000), 4), GATE_DOUBTED);
	assert_true(gate_resume(&gate));
	assert_false(gate.doubted);
	assert_false(gate.late);
}

static void test_doubt_is_kept(void **state)
{
	char memory[GATE_RECORD_MAX];
	struct gate gate = { 0 };
	struct gate back;

	(void)state;
	assert_true(refuse_late(&gate, 0, -5));
	assert_true(gate_ask(&gate, in(100), 1));
	assert_int_equal(gate_take(&gate, in(100), 1), GATE_DOUBTED);
	const struct view record = view_from(
	        memory, gate_encode(&gate, in(110), wall, (struct span){ memory, sizeof memory }));
	const struct mono then = in(150);
	assert_false(failed(gate_decode(&back, then, (struct wall){ wall.ms + 40000 }, record)));
	assert_true(back.late);
	assert_true(back.doubted);
	assert_int_equal(back.until.ns, in(220).ns);
	assert_int_equal(back.shut_at.ns, now.ns);
	assert_false(gate_pass(&back, in(219)));
	assert_true(gate_pass(&back, in(220)));
}

/* As it was written before gates knew of reports. */
static void test_old_record(void **state)
{
	char memory[GATE_RECORD_MAX];
	struct gate gate = { 0 };
	struct gate back;

	(void)state;
	assert_true(refuse(&gate, 0, 600));
	struct view record = view_from(
	        memory, gate_encode(&gate, now, wall, (struct span){ memory, sizeof memory }));
	memory[0] = 1;
	record.bytes -= 1 + 1 + 8;
	assert_false(failed(gate_decode(&back, now, wall, record)));
	assert_true(back.closed);
	assert_false(back.late);
	assert_true(gate_ask(&back, in(720), 1));
	assert_int_equal(gate_take(&back, in(720), 1), GATE_OPENED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once_an_epoch),
		cmocka_unit_test(test_one_probe),
		cmocka_unit_test(test_the_longest),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_late_and_prompt),
		cmocka_unit_test(test_doubt_is_kept),
		cmocka_unit_test(test_old_record),
	};

	random_seed(&dice, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
