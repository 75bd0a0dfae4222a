/* Recipients who get no more: closed at once on the shard that was refused, soon on all; tried by
 * one message of one shard; as many as there are places for. */
#include "engine/gates.h"
#include "tests/engine/desk.h"

static const char settings[] = "name: relay.test\n"
                               "threads: {delivery: 2}\n"
                               "routes: [{interface: connector, host: a.test}]\n";
static const struct reply_note note = { .code = 550, .text = VIEW_INIT("no") };
static const struct view ann = VIEW_INIT("ann@out.test");

struct office {
	struct desk *desk;
	struct gates gates;
};

static void office_open(struct office *office)
{
	office->desk = desk_create(settings);
	assert_false(failed(gates_init(&office->gates, &office->desk->shard)));
}

static void office_close(struct office *office)
{
	gates_finish(&office->gates);
	desk_destroy(office->desk);
}

/* The next sheet, read at once; false: there is none. */
static bool sent(struct office *office, struct gate_sheet *sheet)
{
	struct letter letter;

	gates_work(&office->gates);
	if (!mailbox_take(&office->desk->out, &letter))
		return false;
	*sheet = *letter.gate;
	gates_told(&office->gates, letter.gate);
	return true;
}

static void hear(struct office *office, uint32_t gate, const char *who, bool closed, bool yours)
{
	struct gate_news news = {
		.index = gate,
		.gate = {
			.closed = closed,
			.epoch = office->gates.entries[gate].gate.epoch + !yours,
			.until = loop_now(&office->desk->shard.loop),
		},
		.yours = yours,
	};

	(void)snprintf(news.recipient, sizeof news.recipient, "%s", who);
	(void)gates_hear(&office->gates, &news);
}

static void test_of_our_own(void **state)
{
	struct office office;
	struct gate_sheet sheet;
	struct mono until;
	uint32_t gate;
	uint32_t other;

	(void)state;
	office_open(&office);
	assert_int_equal(gates_look_recipient(&office.gates, ann, &gate), GATES_OPEN);
	gates_refuse_recipient(&office.gates, ann, 60 * NS_PER_S, &note);
	gates_refuse_recipient(&office.gates, ann, 60 * NS_PER_S, &note); /* another one of then */
	assert_int_equal(
	        gates_look_recipient(&office.gates, VIEW("ANN@Out.test"), &gate), GATES_CLOSED);
	assert_int_equal(gate, gate_plan_recipients(office.desk->config, 0));
	assert_int_equal(
	        gates_look_recipient(&office.gates, VIEW("ben@out.test"), &other), GATES_OPEN);
	/* No route is concerned. */
	assert_int_equal(gates_look(&office.gates, 0, &until), GATES_OPEN);
	assert_true(sent(&office, &sheet));
	assert_true(sheet.refused);
	assert_string_equal(sheet.recipient, "ann@out.test");
	assert_int_equal(sheet.gate, gate);
	assert_false(sent(&office, &sheet));
	/* The time is up: one asks, and one message tries. */
	hear(&office, gate, "ann@out.test", true, false);
	assert_int_equal(gates_look_recipient(&office.gates, ann, &gate), GATES_CLOSED);
	assert_int_equal(gates_look_recipient(&office.gates, ann, &gate), GATES_CLOSED);
	assert_true(sent(&office, &sheet));
	assert_true(sheet.asks);
	assert_false(sent(&office, &sheet));
	hear(&office, gate, "ann@out.test", true, true);
	assert_int_equal(gates_look_recipient(&office.gates, ann, &gate), GATES_PROBE);
	gates_try_recipient(&office.gates, gate);
	assert_int_equal(gates_look_recipient(&office.gates, ann, &gate), GATES_CLOSED);
	/* It is refused: closed anew. Then one is taken. */
	gates_refuse_recipient(&office.gates, ann, 60 * NS_PER_S, &note);
	gates_end_recipient(&office.gates, gate, false);
	assert_true(sent(&office, &sheet));
	assert_true(sheet.refused);
	assert_false(sheet.gave_up);
	hear(&office, gate, "ann@out.test", true, false);
	hear(&office, gate, "ann@out.test", true, true);
	gates_try_recipient(&office.gates, gate);
	gates_end_recipient(&office.gates, gate, true);
	assert_true(sent(&office, &sheet));
	assert_true(sheet.taken);
	hear(&office, gate, "ann@out.test", false, false);
	assert_int_equal(gates_look_recipient(&office.gates, ann, &other), GATES_OPEN);
	assert_false(gates_any_recipient(&office.gates));
	office_close(&office);
}

/* Refused on another shard. A try that comes to nothing is somebody else's again. */
static void test_of_another_shard(void **state)
{
	struct office office;
	struct gate_sheet sheet;
	uint32_t gate;

	(void)state;
	office_open(&office);
	hear(&office, gate_plan_recipients(office.desk->config, 1) + 3, "ann@out.test", true,
	        false);
	assert_int_equal(gates_look_recipient(&office.gates, ann, &gate), GATES_CLOSED);
	assert_true(sent(&office, &sheet));
	assert_true(sheet.asks);
	hear(&office, gate, "ann@out.test", true, true);
	gates_try_recipient(&office.gates, gate);
	gates_end_recipient(&office.gates, gate, false);
	assert_true(sent(&office, &sheet));
	assert_true(sheet.gave_up);
	office_close(&office);
}

/* One more than there are places waits message by message, as does a name that is too long. */
static void test_no_place(void **state)
{
	struct office office;
	struct gate_sheet sheet;
	char memory[GATE_RECIPIENT_BYTES + 16];
	struct text text = TEXT_ON(memory);
	uint32_t gate;

	(void)state;
	office_open(&office);
	for (int i = 0; i <= GATE_PLAN_RECIPIENTS; i++) {
		text.bytes = 0;
		text_format(&text, "r%d@out.test", i);
		gates_refuse_recipient(&office.gates, text_view(&text), NS_PER_S, &note);
	}
	assert_int_equal(office.gates.shut, GATE_PLAN_RECIPIENTS);
	assert_int_equal(gates_look_recipient(&office.gates, text_view(&text), &gate), GATES_OPEN);
	while (sent(&office, &sheet))
		hear(&office, sheet.gate, sheet.recipient, false, false);
	assert_int_equal(office.gates.shut, 0);
	memset(memory, 'a', sizeof memory);
	gates_refuse_recipient(&office.gates, view_from(memory, GATE_RECIPIENT_BYTES), 1, &note);
	assert_int_equal(office.gates.shut, 0);
	gates_refuse_recipient(
	        &office.gates, view_from(memory, GATE_RECIPIENT_BYTES - 1), 1, &note);
	assert_int_equal(office.gates.shut, 1);
	office_close(&office);
}

/* What waits comes back one after the other, from when the gate may open. */
static void test_put_off(void **state)
{
	struct office office;
	struct mono last = { 0 };
	uint32_t gate;

	(void)state;
	office_open(&office);
	const struct mono now = loop_now(&office.desk->shard.loop);
	gates_refuse_recipient(&office.gates, ann, 60 * NS_PER_S, &note);
	assert_int_equal(gates_look_recipient(&office.gates, ann, &gate), GATES_CLOSED);
	assert_true(gates_put_off(&office.gates, gate).ns == now.ns + 60 * NS_PER_S);
	assert_true(
	        gates_put_off(&office.gates, gate).ns == now.ns + 60 * NS_PER_S + GATES_APART_NS);
	for (int i = 0; i < 20000; i++)
		last = gates_put_off(&office.gates, gate);
	assert_true(last.ns <= now.ns + 60 * NS_PER_S + GATE_MOST_NS);
	office_close(&office);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_our_own),
		cmocka_unit_test(test_of_another_shard),
		cmocka_unit_test(test_no_place),
		cmocka_unit_test(test_put_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
