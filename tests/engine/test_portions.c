/* A shard's portions: asked for when mail needs them, told of now and then, given back. */
#include "engine/portions.h"
#include "tests/engine/desk.h"

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

struct office {
	struct desk *desk;
	struct portions portions;
};

static struct office *office_open_with(const char *settings)
{
	struct office *office = calloc(1, sizeof *office);

	assert_non_null(office);
	office->desk = desk_create(settings);
	assert_false(failed(portions_init(&office->portions, &office->desk->shard)));
	return office;
}

static struct office *office_open(void)
{
	return office_open_with(text);
}

static void office_close(struct office *office)
{
	portions_finish(&office->portions);
	desk_destroy(office->desk);
	free(office);
}

/* The next sheet that the shard sends; NULL: none. */
static struct portion_sheet *sent(struct office *office)
{
	struct letter letter;

	portions_work(&office->portions);
	if (!mailbox_take(&office->desk->out, &letter))
		return NULL;
	assert_int_equal(letter.kind, LETTER_PORTION);
	return letter.portion;
}

static enum portion_reason look(struct office *office, struct portions_entry *entry, bool urgent,
        uint32_t count, struct portion_ticket *ticket)
{
	return portions_look(&office->portions, entry, urgent, count, ticket);
}

static void assert_route(const struct office *office, uint32_t route, const char *tenant)
{
	const struct portions_route *of = &office->portions.routes[route];

	assert_int_equal(of->count, 4);
	assert_string_equal(of->entries[0]->row->name, tenant);
	assert_int_equal(of->entries[1]->row->unit, QUOTA_ONMICROSOFT);
	assert_int_equal(of->entries[2]->row->unit, QUOTA_RATE);
	assert_string_equal(of->entries[1]->row->name, tenant);
}

static void test_whose_mail_counts(void **state)
{
	struct office *office = office_open();

	(void)state;
	assert_int_equal(
	        office->portions.count, 6 + 4); /* three tenants' and our address's rates */
	assert_route(office, 0, "small");
	assert_route(office, 1, "large");
	assert_route(office, 2, "free");
	assert_int_equal(office->portions.routes[3].count, 0);
	assert_true(office->portions.entries[0].free);
	assert_false(office->portions.entries[2].free);
	assert_null(sent(office)); /* nothing is asked for by itself */
	office_close(office);
}

static void test_asked_spent_told(void **state)
{
	struct office *office = office_open();
	struct portions_entry *large = &office->portions.entries[4];
	struct portion_ticket ticket;

	(void)state;
	assert_int_equal(look(office, large, false, 3, &ticket), PORTION_ASKED);
	struct portion_sheet *sheet = sent(office);
	assert_ptr_equal(sheet, &large->sheet);
	assert_int_equal(sheet->quota, 4);
	assert_int_equal(sheet->needed, 3);
	assert_int_equal(sheet->most, 3 + 100000 / 512);
	assert_int_equal(sheet->pot, PORTION_ANY);
	/* One is under way. */
	assert_int_equal(look(office, large, true, 4, &ticket), PORTION_ASKED);
	assert_null(sent(office));
	sheet->granted = sheet->most;
	assert_ptr_equal(portions_told(&office->portions, sheet), large);
	sheet = sent(office); /* urgent mail waited too */
	assert_int_equal(sheet->pot, PORTION_URGENT);
	assert_int_equal(sheet->needed, 4);
	sheet->granted = 0;
	sheet->until = mono_after(loop_now(&office->desk->shard.loop), NS_PER_S);
	(void)portions_told(&office->portions, sheet);
	assert_int_equal(look(office, large, true, 4, &ticket), PORTION_FREE);
	struct portions_shares shares = { { { large, ticket } }, 1 };
	portions_take(&shares);
	portions_end(&office->portions, &shares.at[0], 1);
	assert_null(sent(office)); /* it is told later, by the way */
	large->tell_at = (struct mono){ 0 };
	sheet = sent(office);
	assert_int_equal(sheet->spent, 1);
	assert_int_equal(sheet->back, 0); /* it was of use a moment ago */
	assert_int_equal(sheet->needed, 0);
	(void)portions_told(&office->portions, sheet);
	large->tell_at = (struct mono){ 0 };
	sheet = sent(office);
	assert_int_equal(sheet->spent, 0);
	assert_int_equal(sheet->back, 3 + 100000 / 512 - 1);
	(void)portions_told(&office->portions, sheet);
	assert_null(sent(office));
	assert_true(large->tell_at.ns == MONO_NEVER.ns);
	assert_true(list_is_empty(&office->portions.busy));
	office_close(office);
}

static void test_the_end(void **state)
{
	struct office *office = office_open();
	struct portions_entry *small = &office->portions.entries[2];
	struct portion_ticket ticket;

	(void)state;
	assert_true(portions_close(&office->portions));
	assert_int_equal(look(office, small, false, 3, &ticket), PORTION_ASKED);
	struct portion_sheet *sheet = sent(office);
	assert_false(portions_close(&office->portions)); /* it has to come back first */
	sheet->granted = 3;
	(void)portions_told(&office->portions, sheet);
	assert_int_equal(look(office, small, false, 9, &ticket), PORTION_ASKED);
	assert_false(portions_close(&office->portions));
	sheet = sent(office);
	assert_int_equal(sheet->back, 3);
	assert_int_equal(sheet->needed, 0); /* nobody waits any more */
	(void)portions_told(&office->portions, sheet);
	assert_true(portions_close(&office->portions));
	office_close(office);
}

/* One after the other, as the limit frees: 100 in 10 s are one each tenth of a second. */
static void test_put_off(void **state)
{
	struct office *office = office_open();
	struct portions_entry *small = &office->portions.entries[2];
	struct portions_entry *large = &office->portions.entries[4];
	const struct mono now = loop_now(&office->desk->shard.loop);
	const int64_t apart_ns = NS_PER_S / 10 * office->desk->config->threads.delivery;
	struct portion_ticket ticket;

	(void)state;
	assert_int_equal(look(office, small, false, 1, &ticket), PORTION_ASKED);
	struct portion_sheet *sheet = sent(office);
	sheet->until = mono_after(now, 5 * NS_PER_S);
	(void)portions_told(&office->portions, sheet);
	assert_true(portions_put_off(&office->portions, small, false, 1).ns == sheet->until.ns);
	assert_true(portions_put_off(&office->portions, small, false, 2).ns ==
	            sheet->until.ns + apart_ns);
	assert_true(portions_put_off(&office->portions, small, false, 1).ns ==
	            sheet->until.ns + 3 * apart_ns);
	/* Far off: within the hour, and not all at once. */
	assert_int_equal(look(office, large, false, 1, &ticket), PORTION_ASKED);
	sheet = sent(office);
	sheet->until = MONO_NEVER;
	(void)portions_told(&office->portions, sheet);
	const struct mono first = portions_put_off(&office->portions, large, false, 1);
	const struct mono second = portions_put_off(&office->portions, large, false, 1);
	assert_true(first.ns != second.ns);
	assert_true(first.ns - now.ns >= PORTIONS_PUT_OFF_MOST_NS / 2);
	assert_true(first.ns - now.ns < PORTIONS_PUT_OFF_MOST_NS);
	office_close(office);
}

static const char caps[] = "name: relay.test\n"
                           "threads: {delivery: 3}\n"
                           "routes:\n"
                           "  - {name: a, host: a.test, interface: connector, connections: "
                           "6}\n";

/* Under a cap a shard keeps its fair part, as its messages end: others may wait for a place. */
static void test_a_cap_is_shared(void **state)
{
	struct office *office = office_open_with(caps);
	struct portions_entry *cap = &office->portions.entries[2];
	struct portions_shares shares = { .count = 1 };
	struct portion_ticket ticket;

	(void)state;
	assert_int_equal(look(office, cap, false, 1, &ticket), PORTION_ASKED);
	struct portion_sheet *sheet = sent(office);
	assert_int_equal(sheet->most, 1 + 2); /* a third of it ahead */
	sheet->granted = 5;
	(void)portions_told(&office->portions, sheet);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(look(office, cap, false, 1, &ticket), PORTION_FREE);
		shares.at[0] = (struct portions_share){ cap, ticket };
		portions_take(&shares);
	}
	struct portions_share share = shares.at[0];
	portions_end(&office->portions, &share, 0);
	assert_int_equal(cap->portion.pots[PORTION_ANY], 2);
	cap->tell_at = (struct mono){ 0 };
	sheet = sent(office);
	assert_int_equal(sheet->back, 2); /* two are free, and one more is to come back */
	assert_int_equal(sheet->spent, 0);
	(void)portions_told(&office->portions, sheet);
	for (int i = 0; i < 2; i++) {
		share = shares.at[0];
		portions_end(&office->portions, &share, 0);
	}
	assert_int_equal(cap->portion.pots[PORTION_ANY], 1);
	cap->tell_at = (struct mono){ 0 };
	sheet = sent(office);
	assert_int_equal(sheet->back, 1 + 1); /* and what nobody took meanwhile */
	(void)portions_told(&office->portions, sheet);
	office_close(office);
}

/* The server says that a limit is reached that we don't know of: nothing more goes out, what is
 * left of the portion goes back, and when the spooler says so it is free again. */
static void test_the_server_says_so(void **state)
{
	struct office *office = office_open();
	struct portions_entry *free = &office->portions.entries[0];
	struct portions_entry *small = &office->portions.entries[2];
	const struct mono now = loop_now(&office->desk->shard.loop);
	struct portion_ticket ticket;

	(void)state;
	assert_false(portions_exhaust(
	        &office->portions, 3, QUOTA_EXTERNAL, now, NS_PER_S, false)); /* hve */
	assert_true(portions_exhaust(&office->portions, 2, QUOTA_EXTERNAL, now, NS_PER_S, true));
	assert_false(free->free);
	assert_int_equal(look(office, free, true, 1, &ticket), PORTION_SHORT);
	struct portion_sheet *sheet = sent(office);
	assert_true(sheet->exhausted);
	assert_true(sheet->late);
	assert_true(sheet->began.ns == now.ns);
	assert_true(sheet->wait_ns == NS_PER_S);
	sheet->until = mono_after(now, 3600 * NS_PER_S);
	sheet->free = false;
	(void)portions_told(&office->portions, sheet);
	assert_false(free->free);
	assert_true(free->portion.short_until[PORTION_ANY].ns == sheet->until.ns);
	assert_null(sent(office));
	free->portion.short_until[PORTION_ANY] = (struct mono){ 0 };
	assert_int_equal(look(office, free, false, 1, &ticket), PORTION_ASKED);
	sheet = sent(office);
	assert_false(sheet->exhausted);
	sheet->granted = 1;
	sheet->free = true;
	(void)portions_told(&office->portions, sheet);
	assert_true(free->free);

	assert_int_equal(look(office, small, false, 2, &ticket), PORTION_ASKED);
	sheet = sent(office);
	/* It is said while more is on its way: that is not used either. */
	assert_true(portions_exhaust(&office->portions, 0, QUOTA_EXTERNAL, now, NS_PER_S, false));
	sheet->granted = 2;
	(void)portions_told(&office->portions, sheet);
	assert_int_equal(look(office, small, false, 1, &ticket), PORTION_SHORT);
	sheet = sent(office);
	assert_true(sheet->exhausted);
	assert_int_equal(sheet->back, 2);
	(void)portions_told(&office->portions, sheet);
	office_close(office);
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
