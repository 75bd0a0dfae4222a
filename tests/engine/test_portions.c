/* A shard's portions: asked for when mail needs them, told of now and then, given back. */
#include "engine/portions.h"
#include "engine/config_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char text[] = "name: relay.test\n"
                           "accepted_domains: [in.test]\n"
                           "tenants:\n"
                           "  - {name: free}\n"
                           "  - {name: small, external_recipients_per_day: 100/10s}\n"
                           "  - {name: large, external_recipients_per_day: 100000}\n"
                           "routes:\n"
                           "  - {name: a, host: a.test, interface: connector, tenant: small}\n"
                           "  - {name: b, host: a.test, interface: connector, tenant: large}\n"
                           "  - {name: c, host: a.test, interface: connector}\n"
                           "  - {name: d, host: a.test, interface: hve, tenant: small}\n";

struct desk {
	struct config *config;
	struct depot *depot;
	struct shard shard;
	struct mailbox out;
	struct doorbell doorbell;
	struct portions portions;
};

static struct desk *desk_open_with(const char *settings)
{
	const struct io_settings io = { 64, 1, 4096 };
	struct desk *desk = calloc(1, sizeof *desk);
	struct config_report report;
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	assert_non_null(desk);
	config_report_init(&report);
	if (failed(config_load_text(&desk->config, "x.yaml", view_of(settings), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(desk->config);
	desk->shard.config = desk->config;
	random_seed(&desk->shard.random, 1);
	assert_false(failed(depot_create(&desk->depot, 64 * CHUNK_BYTES)));
	shelf_init(&desk->shard.shelf, desk->depot);
	assert_false(failed(loop_init(&desk->shard.loop, &io, &desk->shard.shelf, &why)));
	loop_start(&desk->shard.loop);
	loop_begin(&desk->shard.loop);
	doorbell_init(&desk->doorbell, NULL);
	assert_false(failed(mailbox_init(&desk->out, sizeof(struct letter), 16, &desk->doorbell)));
	desk->shard.spooler.out = &desk->out;
	assert_false(failed(portions_init(&desk->portions, &desk->shard)));
	return desk;
}

static struct desk *desk_open(void)
{
	return desk_open_with(text);
}

static void desk_close(struct desk *desk)
{
	portions_finish(&desk->portions);
	mailbox_finish(&desk->out);
	loop_finish(&desk->shard.loop);
	shelf_finish(&desk->shard.shelf);
	depot_destroy(desk->depot);
	config_destroy(desk->config);
	free(desk);
}

/* The next sheet that the shard sends; NULL: none. */
static struct portion_sheet *sent(struct desk *desk)
{
	struct letter letter;

	portions_work(&desk->portions);
	if (!mailbox_take(&desk->out, &letter))
		return NULL;
	assert_int_equal(letter.kind, LETTER_PORTION);
	return letter.portion;
}

static enum portion_reason look(struct desk *desk, struct portions_entry *entry, bool urgent,
        uint32_t count, struct portion_ticket *ticket)
{
	return portion_look(&entry->portion, loop_now(&desk->shard.loop), urgent, count, ticket);
}

static void assert_route(const struct desk *desk, uint32_t route, const char *tenant)
{
	const struct portions_route *of = &desk->portions.routes[route];

	assert_int_equal(of->count, 1);
	assert_string_equal(of->entries[0]->row->name, tenant);
}

static void test_whose_mail_counts(void **state)
{
	struct desk *desk = desk_open();

	(void)state;
	assert_int_equal(desk->portions.count, 3);
	assert_route(desk, 0, "small");
	assert_route(desk, 1, "large");
	assert_route(desk, 2, "free");
	assert_int_equal(desk->portions.routes[3].count, 0);
	assert_true(desk->portions.entries[0].free);
	assert_false(desk->portions.entries[1].free);
	assert_null(sent(desk)); /* nothing is asked for by itself */
	desk_close(desk);
}

static void test_asked_spent_told(void **state)
{
	struct desk *desk = desk_open();
	struct portions_entry *large = &desk->portions.entries[2];
	struct portion_ticket ticket;

	(void)state;
	assert_int_equal(look(desk, large, false, 3, &ticket), PORTION_ASKED);
	struct portion_sheet *sheet = sent(desk);
	assert_ptr_equal(sheet, &large->sheet);
	assert_int_equal(sheet->quota, 2);
	assert_int_equal(sheet->needed, 3);
	assert_int_equal(sheet->most, 3 + 100000 / 512);
	assert_int_equal(sheet->pot, PORTION_ANY);
	/* One is under way. */
	assert_int_equal(look(desk, large, true, 4, &ticket), PORTION_ASKED);
	assert_null(sent(desk));
	sheet->granted = sheet->most;
	assert_ptr_equal(portions_told(&desk->portions, sheet), large);
	sheet = sent(desk); /* urgent mail waited too */
	assert_int_equal(sheet->pot, PORTION_URGENT);
	assert_int_equal(sheet->needed, 4);
	sheet->granted = 0;
	sheet->until = mono_after(loop_now(&desk->shard.loop), NS_PER_S);
	(void)portions_told(&desk->portions, sheet);
	assert_int_equal(look(desk, large, true, 4, &ticket), PORTION_FREE);
	struct portions_shares shares = { { { large, ticket } }, 1 };
	portions_take(&shares);
	portions_end(&desk->portions, &shares.at[0], 1);
	assert_null(sent(desk)); /* it is told later, by the way */
	large->tell_at = (struct mono){ 0 };
	sheet = sent(desk);
	assert_int_equal(sheet->spent, 1);
	assert_int_equal(sheet->back, 0); /* it was of use a moment ago */
	assert_int_equal(sheet->needed, 0);
	(void)portions_told(&desk->portions, sheet);
	large->tell_at = (struct mono){ 0 };
	sheet = sent(desk);
	assert_int_equal(sheet->spent, 0);
	assert_int_equal(sheet->back, 3 + 100000 / 512 - 1);
	(void)portions_told(&desk->portions, sheet);
	assert_null(sent(desk));
	assert_true(large->tell_at.ns == MONO_NEVER.ns);
	desk_close(desk);
}

static void test_the_end(void **state)
{
	struct desk *desk = desk_open();
	struct portions_entry *small = &desk->portions.entries[1];
	struct portion_ticket ticket;

	(void)state;
	assert_true(portions_close(&desk->portions));
	assert_int_equal(look(desk, small, false, 3, &ticket), PORTION_ASKED);
	struct portion_sheet *sheet = sent(desk);
	assert_false(portions_close(&desk->portions)); /* it has to come back first */
	sheet->granted = 3;
	(void)portions_told(&desk->portions, sheet);
	assert_int_equal(look(desk, small, false, 9, &ticket), PORTION_ASKED);
	assert_false(portions_close(&desk->portions));
	sheet = sent(desk);
	assert_int_equal(sheet->back, 3);
	assert_int_equal(sheet->needed, 0); /* nobody waits any more */
	(void)portions_told(&desk->portions, sheet);
	assert_true(portions_close(&desk->portions));
	desk_close(desk);
}

/* One after the other, as the limit frees: 100 in 10 s are one each tenth of a second. */
static void test_put_off(void **state)
{
	struct desk *desk = desk_open();
	struct portions_entry *small = &desk->portions.entries[1];
	struct portions_entry *large = &desk->portions.entries[2];
	const struct mono now = loop_now(&desk->shard.loop);
	const int64_t apart_ns = NS_PER_S / 10 * desk->config->threads.delivery;
	struct portion_ticket ticket;

	(void)state;
	assert_int_equal(look(desk, small, false, 1, &ticket), PORTION_ASKED);
	struct portion_sheet *sheet = sent(desk);
	sheet->until = mono_after(now, 5 * NS_PER_S);
	(void)portions_told(&desk->portions, sheet);
	assert_true(portions_put_off(&desk->portions, small, false, 1).ns == sheet->until.ns);
	assert_true(portions_put_off(&desk->portions, small, false, 2).ns ==
	            sheet->until.ns + apart_ns);
	assert_true(portions_put_off(&desk->portions, small, false, 1).ns ==
	            sheet->until.ns + 3 * apart_ns);
	/* Far off: within the hour, and not all at once. */
	assert_int_equal(look(desk, large, false, 1, &ticket), PORTION_ASKED);
	sheet = sent(desk);
	sheet->until = MONO_NEVER;
	(void)portions_told(&desk->portions, sheet);
	const struct mono first = portions_put_off(&desk->portions, large, false, 1);
	const struct mono second = portions_put_off(&desk->portions, large, false, 1);
	assert_true(first.ns != second.ns);
	assert_true(first.ns - now.ns >= PORTIONS_PUT_OFF_MOST_NS / 2);
	assert_true(first.ns - now.ns < PORTIONS_PUT_OFF_MOST_NS);
	desk_close(desk);
}

static const char caps[] = "name: relay.test\n"
                           "threads: {delivery: 3}\n"
                           "routes:\n"
                           "  - {name: a, host: a.test, interface: connector, connections: "
                           "6}\n";

/* Under a cap a shard keeps its fair part, as its messages end: others may wait for a place. */
static void test_a_cap_is_shared(void **state)
{
	struct desk *desk = desk_open_with(caps);
	struct portions_entry *cap = &desk->portions.entries[1];
	struct portions_shares shares = { .count = 1 };
	struct portion_ticket ticket;

	(void)state;
	assert_int_equal(look(desk, cap, false, 1, &ticket), PORTION_ASKED);
	struct portion_sheet *sheet = sent(desk);
	assert_int_equal(sheet->most, 1 + 2); /* a third of it ahead */
	sheet->granted = 5;
	(void)portions_told(&desk->portions, sheet);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(look(desk, cap, false, 1, &ticket), PORTION_FREE);
		shares.at[0] = (struct portions_share){ cap, ticket };
		portions_take(&shares);
	}
	struct portions_share share = shares.at[0];
	portions_end(&desk->portions, &share, 0);
	assert_int_equal(cap->portion.pots[PORTION_ANY], 2);
	cap->tell_at = (struct mono){ 0 };
	sheet = sent(desk);
	assert_int_equal(sheet->back, 2); /* two are free, and one more is to come back */
	assert_int_equal(sheet->spent, 0);
	(void)portions_told(&desk->portions, sheet);
	for (int i = 0; i < 2; i++) {
		share = shares.at[0];
		portions_end(&desk->portions, &share, 0);
	}
	assert_int_equal(cap->portion.pots[PORTION_ANY], 1);
	cap->tell_at = (struct mono){ 0 };
	sheet = sent(desk);
	assert_int_equal(sheet->back, 1 + 1); /* and what nobody took meanwhile */
	(void)portions_told(&desk->portions, sheet);
	desk_close(desk);
}

/* The server says that a limit is reached that we don't know of: nothing more goes out, what is
 * left of the portion goes back, and when the spooler says so it is free again. */
static void test_the_server_says_so(void **state)
{
	struct desk *desk = desk_open();
	struct portions_entry *free = &desk->portions.entries[0];
	struct portions_entry *small = &desk->portions.entries[1];
	const struct mono now = loop_now(&desk->shard.loop);
	struct portion_ticket ticket;

	(void)state;
	assert_false(portions_exhaust(&desk->portions, 3, now, NS_PER_S, false)); /* hve */
	assert_true(portions_exhaust(&desk->portions, 2, now, NS_PER_S, true));
	assert_false(free->free);
	assert_int_equal(look(desk, free, true, 1, &ticket), PORTION_SHORT);
	struct portion_sheet *sheet = sent(desk);
	assert_true(sheet->exhausted);
	assert_true(sheet->late);
	assert_true(sheet->began.ns == now.ns);
	assert_true(sheet->wait_ns == NS_PER_S);
	sheet->until = mono_after(now, 3600 * NS_PER_S);
	sheet->free = false;
	(void)portions_told(&desk->portions, sheet);
	assert_false(free->free);
	assert_true(free->portion.short_until[PORTION_ANY].ns == sheet->until.ns);
	assert_null(sent(desk));
	free->portion.short_until[PORTION_ANY] = (struct mono){ 0 };
	assert_int_equal(look(desk, free, false, 1, &ticket), PORTION_ASKED);
	sheet = sent(desk);
	assert_false(sheet->exhausted);
	sheet->granted = 1;
	sheet->free = true;
	(void)portions_told(&desk->portions, sheet);
	assert_true(free->free);

	assert_int_equal(look(desk, small, false, 2, &ticket), PORTION_ASKED);
	sheet = sent(desk);
	/* It is said while more is on its way: that is not used either. */
	assert_true(portions_exhaust(&desk->portions, 0, now, NS_PER_S, false));
	sheet->granted = 2;
	(void)portions_told(&desk->portions, sheet);
	assert_int_equal(look(desk, small, false, 1, &ticket), PORTION_SHORT);
	sheet = sent(desk);
	assert_true(sheet->exhausted);
	assert_int_equal(sheet->back, 2);
	(void)portions_told(&desk->portions, sheet);
	desk_close(desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_mail_counts),
		cmocka_unit_test(test_asked_spent_told),
		cmocka_unit_test(test_the_end),
		cmocka_unit_test(test_put_off),
		cmocka_unit_test(test_a_cap_is_shared),
		cmocka_unit_test(test_the_server_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
