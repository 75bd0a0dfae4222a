#include "queue/lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define AT(seconds) ((struct mono){ (int64_t)((seconds) * (double)NS_PER_S) })

static struct random dice;

static struct throttle throttle;

static struct lane fresh(void)
{
	const struct throttle_settings settings = {
		.in_flight = 3,
		.messages = { THROTTLE_NONE, 0 },
		.recipients = { THROTTLE_NONE, 0 },
		.stop = 1,
	};
	struct lane lane;

	random_seed(&dice, 1);
	throttle_init(&throttle, &settings);
	lane_init(&lane, 0, 0, &throttle);
	return lane;
}

static bool hold(struct lane *lane, struct mono now, int64_t wait_ns)
{
	const struct lane_wait wait = { wait_ns, LANE_HOLD_MOST_NS, false };

	return lane_hold(lane, now, lane->epoch, &wait, &dice);
}

static void test_open(void **state)
{
	struct lane lane = fresh();

	(void)state;
	assert_true(lane_is_open(&lane, AT(0)));
	assert_true(lane_door_open(&lane, AT(0), 7));
	assert_true(lane_hold_ends(&lane, AT(0)).ns == MONO_NEVER.ns);
	assert_true(lane_door_opens(&lane, AT(0)).ns == MONO_NEVER.ns);
}

static void test_held(void **state)
{
	struct lane lane = fresh();
	bool news;

	(void)state;
	news = hold(&lane, AT(0), 30 * NS_PER_S);
	assert_true(news);
	assert_false(lane_is_open(&lane, AT(29)));
	assert_true(lane.hold.until.ns >= AT(30).ns);
	assert_true(lane.hold.until.ns <= AT(36).ns);
	assert_true(lane_hold_ends(&lane, AT(0)).ns == lane.hold.until.ns);
	/* Then carefully: one at a time, until one succeeds. */
	assert_true(lane_is_open(&lane, AT(36)));
	lane_begin(&lane);
	assert_false(lane_is_open(&lane, AT(36)));
	/* What began before the hold says nothing about it. */
	assert_false(lane_succeed(&lane, AT(0), lane.epoch - 1));
	assert_false(lane_is_open(&lane, AT(36)));
	assert_false(lane_succeed(&lane, AT(36), lane.epoch));
	assert_true(lane_is_open(&lane, AT(36)));
	/* Sessions may be opened all the while. */
	assert_true(lane_door_open(&lane, AT(1), 0));
}

static void test_a_train_is_one_setback(void **state)
{
	struct lane lane = fresh();

	(void)state;
	for (int i = 0; i < 16; i++) {
		const bool news = hold(&lane, AT(i * 0.1), 30 * NS_PER_S);
		assert_int_equal(news, i == 0);
	}
	assert_int_equal(lane.hold.setbacks, 1);
	/* But the longest wait counts. */
	(void)hold(&lane, AT(2), 300 * NS_PER_S);
	assert_false(lane_is_open(&lane, AT(300)));
}

static void test_holds_grow(void **state)
{
	struct lane lane = fresh();
	double at = 0;
	double wait = 30;

	(void)state;
	for (int i = 0; i < 12; i++) {
		const bool news = hold(&lane, AT(at), 30 * NS_PER_S);
		assert_true(news);
		assert_false(lane_is_open(&lane, AT(at + wait - 1)));
		at += wait * 1.2 + 1;
		assert_true(lane_is_open(&lane, AT(at)));
		wait = wait * 2 > 3600 ? 3600 : wait * 2;
	}
	/* What a server asks for beyond an hour stands. */
	(void)hold(&lane, AT(at), 7200 * NS_PER_S);
	assert_false(lane_is_open(&lane, AT(at + 7199)));
}

static void test_door(void **state)
{
	struct lane lane = fresh();
	double at = 0;
	double wait = 1;

	(void)state;
	for (int i = 0; i < 10; i++) {
		const int64_t wait_ns = lane_shut(&lane, AT(at), LANE_DOOR_MOST_NS, &dice);
		assert_true(wait_ns >= AT(wait).ns);
		assert_true(wait_ns <= AT(wait * 1.2).ns);
		assert_false(lane_door_open(&lane, AT(at + wait - 0.1), 0));
		/* Sessions that stand go on. */
		assert_true(lane_is_open(&lane, AT(at)));
		/* Another failure meanwhile is no further setback. */
		(void)lane_shut(&lane, AT(at + 0.1), LANE_DOOR_MOST_NS, &dice);
		at += wait * 1.2 + 0.1;
		/* Then one at a time. */
		assert_true(lane_door_open(&lane, AT(at), 0));
		assert_false(lane_door_open(&lane, AT(at), 1));
		wait = wait * 2 > 60 ? 60 : wait * 2;
	}
	/* A server that names a shorter time need not be left alone for longer. */
	assert_true(lane_shut(&lane, AT(at), 5 * NS_PER_S, &dice) <= 6 * NS_PER_S);
	at += 6;
	assert_false(lane_succeed(&lane, AT(at), lane.epoch));
	assert_true(lane_door_open(&lane, AT(at), 5));
}

/* A front end's fault blames nobody: never long, and success anywhere ends it. */
static void test_fault(void **state)
{
	static const double waits[] = { 5, 10, 20, 30, 30, 30 };
	struct lane lane = fresh();
	double at = 0;

	(void)state;
	for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
		const int64_t wait_ns = lane_fault(&lane, AT(at), 60 * NS_PER_S, &dice);
		assert_true(wait_ns >= AT(waits[i]).ns);
		assert_true(wait_ns <= AT(waits[i] * 1.2).ns);
		assert_true(lane_fault(&lane, AT(at + 1), 60 * NS_PER_S, &dice) < wait_ns);
		assert_true(lane_is_open(&lane, AT(at)));
		at += waits[i] * 1.2;
	}
	(void)lane_fault(&lane, AT(at), 0, &dice);
	assert_false(lane_door_open(&lane, AT(at), 0));
	assert_false(lane_succeed(&lane, AT(at), lane.epoch));
	assert_true(lane_door_open(&lane, AT(at), 3));
	/* No shorter than a second. */
	assert_true(lane_fault(&lane, AT(at), 0, &dice) >= NS_PER_S);
	assert_false(lane_succeed(&lane, AT(at), lane.epoch));
	/* A host that can't be reached is another matter, whoever is still served. */
	(void)lane_shut(&lane, AT(at), LANE_DOOR_MOST_NS, &dice);
	(void)lane_fault(&lane, AT(at), 0, &dice);
	assert_false(lane_succeed(&lane, AT(at), lane.epoch));
	assert_false(lane_door_open(&lane, AT(at), 0));
}

/* A refusal that comes late, of a message from before the hold, is none of its own; what asks for
 * more than moments counts whenever it comes. */
static void test_late_refusals(void **state)
{
	struct lane lane = fresh();
	const struct lane_wait brief = { LANE_LEARNED_NS, LANE_LEARNED_MOST_NS, false };
	const struct lane_wait grave = { 3600 * NS_PER_S, LANE_HOLD_MOST_NS, false };
	const uint32_t before = lane.epoch;

	(void)state;
	assert_true(lane_hold(&lane, AT(0), before, &brief, &dice));
	assert_false(lane_hold(&lane, AT(5), before, &brief, &dice));
	assert_true(lane_is_open(&lane, AT(5)));
	assert_int_equal(lane.hold.setbacks, 1);
	assert_true(lane_hold(&lane, AT(6), before, &grave, &dice));
	assert_false(lane_is_open(&lane, AT(3600)));
}

static void test_says_what_changed(void **state)
{
	struct lane lane = fresh();
	struct list stirred;

	(void)state;
	lane_stir(&lane); /* nobody listens */
	list_init(&stirred);
	lane.stirred = &stirred;
	lane_begin(&lane);
	assert_int_equal(stirred.count, 0);
	lane_end(&lane);
	lane_stand(&lane);
	assert_int_equal(stirred.count, 1);
	assert_ptr_equal(list_pop_first(&stirred), &lane.stir_link);
	lane_unstand(&lane);
	(void)list_pop_first(&stirred);
	(void)lane_shut(&lane, AT(0), LANE_DOOR_MOST_NS, &dice);
	assert_true(lane_door_opens(&lane, AT(0)).ns > AT(0.9).ns);
	assert_int_equal(stirred.count, 1);
}

/* One time for all that wait, however often and whenever it is said. */
static void test_word(void **state)
{
	struct lane lane = fresh();
	char text[LANE_WORD_BYTES + 9];
	const struct reply_note note = {
		.code = 550,
		.text = view_from(text, sizeof text),
		.server = VIEW("mail.example"),
	};

	(void)state;
	memset(text, 'x', sizeof text);
	(void)hold(&lane, AT(0), 30 * NS_PER_S);
	lane_say(&lane, AT(0), (struct wall){ 1000 }, &note);
	const int64_t until_ms = lane.word.until.ms;
	assert_true(until_ms >= 31000);
	assert_true(until_ms <= 37000);
	lane_say(&lane, AT(1), (struct wall){ 2009 }, &note);
	assert_int_equal(lane.word.until.ms, until_ms);
	text[0] = 'y'; /* a copy */
	assert_int_equal(lane.word.note.text.bytes, LANE_WORD_BYTES);
	assert_int_equal(lane.word.note.text.data[0], 'x');
	assert_true(view_equal(lane.word.note.server, VIEW("mail.example")));
	(void)hold(&lane, AT(2), 300 * NS_PER_S);
	lane_say(&lane, AT(2), (struct wall){ 3000 }, &note);
	assert_true(lane.word.until.ms >= 303000);
}

/* A restart gives no budget back: the mailbox waits, and then one message tries. */
static void test_restrained(void **state)
{
	struct lane lane = fresh();

	(void)state;
	lane_restrain(&lane, AT(0), (struct wall){ 5000 });
	assert_true(lane_is_open(&lane, AT(0)));
	for (int64_t i = 0; i < strikes_budget(STRIKE_CROWD); i++)
		(void)strikes_add(&lane.throttle->strikes, AT(i), STRIKE_CROWD);
	lane_restrain(&lane, AT(100), (struct wall){ 5000 });
	assert_false(lane_is_open(&lane, AT(599)));
	assert_true(lane_is_open(&lane, AT(600)));
	/* Mail that waits for it has a time and a reason. */
	assert_true(lane.word.note.text.bytes > 0);
	assert_int_equal(lane_held_until(&lane, AT(100), (struct wall){ 5000 }).ms, 505000);
	lane.hold.until = AT(700); /* whoever changes it */
	assert_int_equal(lane_held_until(&lane, AT(200), (struct wall){ 105000 }).ms, 605000);
	assert_int_equal(lane_held_until(&lane, AT(300), (struct wall){ 205001 }).ms, 605000);
	/* Somebody sets the clock: a day on, and back. */
	assert_int_equal(lane_held_until(&lane, AT(300), (struct wall){ 86605000 }).ms, 87005000);
	assert_int_equal(lane_held_until(&lane, AT(400), (struct wall){ 305000 }).ms, 605000);
	lane.hold.until = AT(600);
	lane_begin(&lane);
	assert_false(lane_is_open(&lane, AT(600)));
	lane_end(&lane);
	lane_resume(&lane);
	lane_restrain(&lane, AT(100), (struct wall){ 5000 });
	assert_true(lane_is_open(&lane, AT(100)));
}

/* A first sign-in, and one after a refusal, is tried by one session alone. */
static void test_signs_in_alone(void **state)
{
	struct lane lane = fresh();

	(void)state;
	assert_true(lane_door_open(&lane, AT(0), 3)); /* nobody signs in */
	lane.unproven = true;
	assert_true(lane_door_open(&lane, AT(0), 0));
	assert_false(lane_door_open(&lane, AT(0), 1));
	lane_prove(&lane);
	assert_true(lane_door_open(&lane, AT(0), 3));
	lane_disprove(&lane);
	assert_int_equal(lane.refusals, 1);
	assert_false(lane_door_open(&lane, AT(0), 1));
	lane_resume(&lane);
	assert_false(lane_door_open(&lane, AT(0), 1));
}

static void test_resumed(void **state)
{
	struct lane lane = fresh();

	(void)state;
	(void)hold(&lane, AT(0), 3600 * NS_PER_S);
	(void)lane_shut(&lane, AT(0), LANE_DOOR_MOST_NS, &dice);
	lane.reauths = 1;
	lane_resume(&lane);
	assert_true(lane_is_open(&lane, AT(0)));
	assert_true(lane_door_open(&lane, AT(0), 3));
	assert_int_equal(lane.reauths, 0);
}

/* Held by a report: one message that is taken proves nothing until its own report had its time. */
static void test_doubt(void **state)
{
	const struct lane_wait wait = { 60 * NS_PER_S, LANE_HOLD_MOST_NS, true };
	struct lane lane = fresh();

	(void)state;
	assert_true(lane_hold(&lane, AT(0), lane.epoch, &wait, &dice));
	assert_false(lane_is_open(&lane, AT(59)));
	assert_true(lane_is_open(&lane, AT(100)));
	assert_true(lane_succeed(&lane, AT(100), lane.epoch));
	assert_false(lane_is_open(&lane, AT(219)));
	/* A report of it: that is a setback. */
	assert_true(lane_hold(&lane, AT(110), lane.epoch, &wait, &dice));
	assert_true(lane.held.ns == AT(110).ns);
	assert_false(lane_is_open(&lane, AT(110 + 119)));
	assert_true(lane_is_open(&lane, AT(110 + 144)));
	assert_true(lane_succeed(&lane, AT(300), lane.epoch));
	/* None has come: all may go, and the first that is taken ends it. */
	assert_false(lane_is_open(&lane, AT(419)));
	assert_true(lane_is_open(&lane, AT(420)));
	lane.in_flight = 2;
	assert_true(lane_is_open(&lane, AT(420)));
	assert_false(lane_succeed(&lane, AT(421), lane.epoch));
	assert_int_equal(lane.hold.setbacks, 0);
	/* What a session is refused leaves no doubt. */
	lane.in_flight = 0;
	assert_true(hold(&lane, AT(500), 60 * NS_PER_S));
	assert_false(lane_succeed(&lane, AT(600), lane.epoch));
	assert_true(lane_is_open(&lane, AT(600)));
}

/* Its end, and that of a gate, is no end of the other's. */
static void test_doubt_ends(void **state)
{
	const struct lane_wait wait = { 60 * NS_PER_S, LANE_HOLD_MOST_NS, true };
	struct lane lane = fresh();

	(void)state;
	assert_true(lane_hold(&lane, AT(0), lane.epoch, &wait, &dice));
	assert_true(lane_succeed(&lane, AT(100), lane.epoch));
	lane_resume(&lane);
	assert_true(lane_is_open(&lane, AT(100)));
	assert_false(lane_succeed(&lane, AT(100), lane.epoch));
	/* A gate in doubt keeps what is its own, and is no new epoch: reports may speak of what
	 * was sent since. */
	lane_close(&lane, AT(200), AT(300));
	const uint32_t epoch = lane.epoch;
	lane_await(&lane, AT(420));
	assert_int_equal(lane.epoch, epoch);
	assert_true(lane.held.ns == AT(200).ns);
	assert_false(lane_is_open(&lane, AT(419)));
	lane_reopen(&lane);
	assert_true(lane_is_open(&lane, AT(300)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_a_train_is_one_setback),
		cmocka_unit_test(test_holds_grow),
		cmocka_unit_test(test_door),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_late_refusals),
		cmocka_unit_test(test_says_what_changed),
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_restrained),
		cmocka_unit_test(test_signs_in_alone),
		cmocka_unit_test(test_resumed),
		cmocka_unit_test(test_doubt),
		cmocka_unit_test(test_doubt_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
