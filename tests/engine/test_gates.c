/* What a shard makes of gates: closed at once by its own word and by others', one message lets go
 * with leave alone, and what became of that is told. */
#include "engine/gates.h"
#include "tests/engine/desk.h"

#define CONNECTOR 0
#define DIRECT    1
#define TENANT    0 /* gates */
#define SOURCE    1

static const char text[] = "name: relay.test\naccepted_domains: [in.test]\nroutes:\n"
                           "  - {name: b, interface: connector, host: a.test}\n"
                           "  - {name: c, interface: direct, host: a.test}\n";
static const struct reply_note note = { .code = 550, .text = VIEW_INIT("no") };

struct office {
	struct desk *desk;
	struct gates gates;
};

static struct office *office_open(void)
{
	struct office *office = calloc(1, sizeof *office);

	assert_non_null(office);
	office->desk = desk_create(text);
	assert_false(failed(gates_init(&office->gates, &office->desk->shard)));
	return office;
}

static void office_close(struct office *office)
{
	gates_finish(&office->gates);
	desk_destroy(office->desk);
	free(office);
}

static enum gates_way look(struct office *office, uint16_t route)
{
	struct mono until;

	return gates_look(&office->gates, route, &until);
}

/* The next sheet, read at once; false: there is none. */
static bool sent(struct office *office, struct gate_sheet *sheet)
{
	struct letter letter;

	gates_work(&office->gates);
	if (!mailbox_take(&office->desk->out, &letter))
		return false;
	assert_int_equal(letter.kind, LETTER_GATE);
	*sheet = *letter.gate;
	gates_told(&office->gates, letter.gate);
	return true;
}

static bool hear(struct office *office, uint32_t index, bool closed, uint32_t epoch, bool yours)
{
	const struct gate_news news = {
		.index = index,
		.gate = { .closed = closed,
		        .epoch = epoch,
		        .until = loop_now(&office->desk->shard.loop) },
		.yours = yours,
	};

	return gates_hear(&office->gates, &news);
}

static bool refuse(struct office *office, uint32_t gate, uint32_t epoch)
{
	const struct gates_refusal refusal = {
		.epoch = epoch,
		.wait_ns = 60 * NS_PER_S,
		.elsewhere = gate == SOURCE,
	};

	return gates_refuse(&office->gates, gate, CONNECTOR, &refusal, &note);
}

/* A report of what began so long ago. */
static bool refuse_late(struct office *office, uint32_t gate, int64_t ago_ns)
{
	const struct gates_refusal refusal = {
		.wait_ns = 60 * NS_PER_S,
		.late = true,
		.began = { loop_now(&office->desk->shard.loop).ns - ago_ns },
	};

	return gates_refuse(&office->gates, gate, CONNECTOR, &refusal, &note);
}

static void test_refused(void **state)
{
	struct office *office = office_open();
	struct gate_sheet sheet;

	(void)state;
	assert_int_equal(look(office, CONNECTOR), GATES_OPEN);
	assert_true(refuse(office, SOURCE, 0));
	assert_false(refuse(office, SOURCE, 0));
	/* All routes of it, at once. */
	assert_int_equal(look(office, CONNECTOR), GATES_CLOSED);
	assert_int_equal(look(office, DIRECT), GATES_CLOSED);
	assert_true(sent(office, &sheet));
	assert_int_equal(sheet.gate, SOURCE);
	assert_true(sheet.refused);
	assert_true(sheet.elsewhere);
	assert_string_equal(sheet.said.text, "no");
	assert_false(sent(office, &sheet));
	/* What began before says nothing more. */
	assert_false(hear(office, SOURCE, true, 1, false));
	assert_false(refuse(office, SOURCE, 0));
	assert_true(hear(office, SOURCE, false, 1, false));
	assert_false(refuse(office, SOURCE, 0));
	assert_int_equal(look(office, DIRECT), GATES_OPEN);
	office_close(office);
}

static void test_one_probe(void **state)
{
	struct office *office = office_open();
	struct gate_sheet sheet;

	(void)state;
	(void)hear(office, TENANT, true, 1, false); /* another shard was refused */
	assert_int_equal(look(office, DIRECT), GATES_OPEN);
	assert_int_equal(look(office, CONNECTOR), GATES_CLOSED);
	assert_int_equal(look(office, CONNECTOR), GATES_CLOSED);
	assert_true(sent(office, &sheet));
	assert_true(sheet.asks);
	assert_false(sent(office, &sheet)); /* once */
	(void)hear(office, TENANT, true, 1, true);
	assert_int_equal(look(office, CONNECTOR), GATES_PROBE);
	const uint64_t tries = gates_try(&office->gates, CONNECTOR);
	assert_int_equal(look(office, CONNECTOR), GATES_CLOSED); /* one at a time */
	/* It came to nothing: another shard may try. */
	gates_end(&office->gates, CONNECTOR, tries, false);
	assert_true(sent(office, &sheet));
	assert_true(sheet.gave_up);
	assert_int_equal(look(office, CONNECTOR), GATES_CLOSED);
	assert_true(sent(office, &sheet));
	assert_true(sheet.asks);
	(void)hear(office, TENANT, true, 1, true);
	gates_end(&office->gates, CONNECTOR, gates_try(&office->gates, CONNECTOR), true);
	assert_true(sent(office, &sheet));
	assert_true(sheet.taken);
	assert_int_equal(sheet.epoch, 1);
	assert_true(hear(office, TENANT, false, 1, false));
	assert_int_equal(look(office, CONNECTOR), GATES_OPEN);
	assert_int_equal(gates_try(&office->gates, CONNECTOR), 0);
	office_close(office);
}

static void test_the_probe_is_refused(void **state)
{
	struct office *office = office_open();
	struct gate_sheet sheet;

	(void)state;
	(void)hear(office, TENANT, true, 1, true);
	const uint64_t tries = gates_try(&office->gates, CONNECTOR);
	const uint32_t epoch = gates_epoch(&office->gates, CONNECTOR);
	assert_true(refuse(office, TENANT, epoch));
	gates_end(&office->gates, CONNECTOR, tries, false);
	assert_true(sent(office, &sheet));
	assert_true(sheet.refused);
	assert_false(sheet.gave_up);
	assert_int_equal(sheet.epoch, 1);
	office_close(office);
}

/* Leave that is of no use goes back. */
static void test_leave_unused(void **state)
{
	struct office *office = office_open();
	struct gate_sheet sheet;

	(void)state;
	(void)hear(office, TENANT, true, 1, true);
	assert_false(sent(office, &sheet));
	office->gates.entries[TENANT].lent_at.ns -= GATES_IDLE_NS;
	assert_true(sent(office, &sheet));
	assert_true(sheet.gave_up);
	office_close(office);
}

/* A report closes it, but for what was sent before; and again while it is in doubt. */
static void test_refused_late(void **state)
{
	struct office *office = office_open();
	const struct mono now = loop_now(&office->desk->shard.loop);
	struct gate_sheet sheet;
	struct gate_news news = {
		.index = TENANT,
		.gate = { .closed = true, .late = true, .epoch = 1, .until = now },
		.yours = true,
	};

	(void)state;
	assert_true(refuse_late(office, TENANT, NS_PER_S));
	assert_false(refuse_late(office, TENANT, NS_PER_S));
	assert_true(sent(office, &sheet));
	assert_true(sheet.refused);
	assert_true(sheet.late);
	assert_int_equal(sheet.began.ns, now.ns - NS_PER_S);
	/* The probe. */
	news.gate.shut_at.ns = now.ns - 100;
	(void)gates_hear(&office->gates, &news);
	assert_int_equal(look(office, CONNECTOR), GATES_PROBE);
	const uint64_t tries = gates_try(&office->gates, CONNECTOR);
	assert_true(gates_doubt(&office->gates, CONNECTOR, tries));
	assert_false(refuse_late(office, TENANT, 100));
	gates_end(&office->gates, CONNECTOR, tries, true);
	assert_false(gates_doubt(&office->gates, CONNECTOR, tries));
	assert_true(sent(office, &sheet));
	assert_true(sheet.taken);
	assert_int_equal(look(office, CONNECTOR), GATES_CLOSED);
	/* A report of it before the spooler knows more, and after. */
	assert_true(refuse_late(office, TENANT, 99));
	assert_true(sent(office, &sheet));
	assert_true(sheet.refused);
	news.yours = false;
	news.gate.doubted = true;
	(void)gates_hear(&office->gates, &news);
	assert_int_equal(look(office, CONNECTOR), GATES_CLOSED);
	assert_false(sent(office, &sheet)); /* nobody asks: it opens by itself */
	assert_true(refuse_late(office, TENANT, 50));
	assert_true(sent(office, &sheet));
	assert_true(sheet.late);
	office_close(office);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_one_probe),
		cmocka_unit_test(test_the_probe_is_refused),
		cmocka_unit_test(test_leave_unused),
		cmocka_unit_test(test_refused_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
