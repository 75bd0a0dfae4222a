/* What a shard makes of gates: closed at once by its own word and by others', one message lets go
 * with leave alone, and what became of that is told. */
#include "engine/gates.h"
#include "engine/config_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CONNECTOR 0
#define DIRECT    1
#define TENANT    0 /* gates */
#define SOURCE    1

static const char text[] = "name: relay.test\naccepted_domains: [in.test]\nroutes:\n"
                           "  - {name: b, interface: connector, host: a.test}\n"
                           "  - {name: c, interface: direct, host: a.test}\n";
static const struct reply_note note = { .code = 550, .text = VIEW_INIT("no") };

struct desk {
	struct config *config;
	struct depot *depot;
	struct shard shard;
	struct mailbox out;
	struct doorbell doorbell;
	struct gates gates;
};

static struct desk *desk_open(void)
{
	const struct io_settings io = { 64, 1, 4096 };
	struct desk *desk = calloc(1, sizeof *desk);
	struct config_report report;
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	assert_non_null(desk);
	config_report_init(&report);
	assert_false(failed(config_load_text(&desk->config, "x.yaml", view_of(text), &report)));
	config_report_finish(&report);
	desk->shard.config = desk->config;
	assert_false(failed(depot_create(&desk->depot, 64 * CHUNK_BYTES)));
	shelf_init(&desk->shard.shelf, desk->depot);
	assert_false(failed(loop_init(&desk->shard.loop, &io, &desk->shard.shelf, &why)));
	loop_start(&desk->shard.loop);
	loop_begin(&desk->shard.loop);
	doorbell_init(&desk->doorbell, NULL);
	assert_false(failed(mailbox_init(&desk->out, sizeof(struct letter), 16, &desk->doorbell)));
	desk->shard.spooler.out = &desk->out;
	assert_false(failed(gates_init(&desk->gates, &desk->shard)));
	return desk;
}

static void desk_close(struct desk *desk)
{
	gates_finish(&desk->gates);
	mailbox_finish(&desk->out);
	loop_finish(&desk->shard.loop);
	shelf_finish(&desk->shard.shelf);
	depot_destroy(desk->depot);
	config_destroy(desk->config);
	free(desk);
}

static enum gates_way look(struct desk *desk, uint16_t route)
{
	struct mono until;

	return gates_look(&desk->gates, route, &until);
}

/* The next sheet, read at once; false: there is none. */
static bool sent(struct desk *desk, struct gate_sheet *sheet)
{
	struct letter letter;

	gates_work(&desk->gates);
	if (!mailbox_take(&desk->out, &letter))
		return false;
	assert_int_equal(letter.kind, LETTER_GATE);
	*sheet = *letter.gate;
	gates_told(&desk->gates, letter.gate);
	return true;
}

static bool hear(struct desk *desk, uint32_t index, bool closed, uint32_t epoch, bool yours)
{
	const struct gate_news news = {
		.index = index,
		.gate = { .closed = closed, .epoch = epoch, .until = loop_now(&desk->shard.loop) },
		.yours = yours,
	};

	return gates_hear(&desk->gates, &news);
}

static void test_refused(void **state)
{
	struct desk *desk = desk_open();
	struct gate_sheet sheet;

	(void)state;
	assert_int_equal(look(desk, CONNECTOR), GATES_OPEN);
	assert_true(gates_refuse(&desk->gates, SOURCE, CONNECTOR, 0, 60 * NS_PER_S, &note, true));
	assert_false(gates_refuse(&desk->gates, SOURCE, CONNECTOR, 0, 60 * NS_PER_S, &note, true));
	/* All routes of it, at once. */
	assert_int_equal(look(desk, CONNECTOR), GATES_CLOSED);
	assert_int_equal(look(desk, DIRECT), GATES_CLOSED);
	assert_true(sent(desk, &sheet));
	assert_int_equal(sheet.gate, SOURCE);
	assert_true(sheet.refused);
	assert_true(sheet.elsewhere);
	assert_string_equal(sheet.said.text, "no");
	assert_false(sent(desk, &sheet));
	/* What began before says nothing more. */
	assert_false(hear(desk, SOURCE, true, 1, false));
	assert_false(gates_refuse(&desk->gates, SOURCE, CONNECTOR, 0, NS_PER_S, &note, true));
	assert_true(hear(desk, SOURCE, false, 1, false));
	assert_false(gates_refuse(&desk->gates, SOURCE, CONNECTOR, 0, NS_PER_S, &note, true));
	assert_int_equal(look(desk, DIRECT), GATES_OPEN);
	desk_close(desk);
}

static void test_one_probe(void **state)
{
	struct desk *desk = desk_open();
	struct gate_sheet sheet;

	(void)state;
	(void)hear(desk, TENANT, true, 1, false); /* another shard was refused */
	assert_int_equal(look(desk, DIRECT), GATES_OPEN);
	assert_int_equal(look(desk, CONNECTOR), GATES_CLOSED);
	assert_int_equal(look(desk, CONNECTOR), GATES_CLOSED);
	assert_true(sent(desk, &sheet));
	assert_true(sheet.asks);
	assert_false(sent(desk, &sheet)); /* once */
	(void)hear(desk, TENANT, true, 1, true);
	assert_int_equal(look(desk, CONNECTOR), GATES_PROBE);
	const uint64_t tries = gates_try(&desk->gates, CONNECTOR);
	assert_int_equal(look(desk, CONNECTOR), GATES_CLOSED); /* one at a time */
	/* It came to nothing: another shard may try. */
	gates_end(&desk->gates, CONNECTOR, tries, false);
	assert_true(sent(desk, &sheet));
	assert_true(sheet.gave_up);
	assert_int_equal(look(desk, CONNECTOR), GATES_CLOSED);
	assert_true(sent(desk, &sheet));
	assert_true(sheet.asks);
	(void)hear(desk, TENANT, true, 1, true);
	gates_end(&desk->gates, CONNECTOR, gates_try(&desk->gates, CONNECTOR), true);
	assert_true(sent(desk, &sheet));
	assert_true(sheet.taken);
	assert_int_equal(sheet.epoch, 1);
	assert_true(hear(desk, TENANT, false, 1, false));
	assert_int_equal(look(desk, CONNECTOR), GATES_OPEN);
	assert_int_equal(gates_try(&desk->gates, CONNECTOR), 0);
	desk_close(desk);
}

static void test_the_probe_is_refused(void **state)
{
	struct desk *desk = desk_open();
	struct gate_sheet sheet;

	(void)state;
	(void)hear(desk, TENANT, true, 1, true);
	const uint64_t tries = gates_try(&desk->gates, CONNECTOR);
	const uint32_t epoch = gates_epoch(&desk->gates, CONNECTOR);
	assert_true(gates_refuse(&desk->gates, TENANT, CONNECTOR, epoch, NS_PER_S, &note, false));
	gates_end(&desk->gates, CONNECTOR, tries, false);
	assert_true(sent(desk, &sheet));
	assert_true(sheet.refused);
	assert_false(sheet.gave_up);
	assert_int_equal(sheet.epoch, 1);
	desk_close(desk);
}

/* Leave that is of no use goes back. */
static void test_leave_unused(void **state)
{
	struct desk *desk = desk_open();
	struct gate_sheet sheet;

	(void)state;
	(void)hear(desk, TENANT, true, 1, true);
	assert_false(sent(desk, &sheet));
	desk->gates.entries[TENANT].lent_at.ns -= GATES_IDLE_NS;
	assert_true(sent(desk, &sheet));
	assert_true(sheet.gave_up);
	desk_close(desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_one_probe),
		cmocka_unit_test(test_the_probe_is_refused),
		cmocka_unit_test(test_leave_unused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
