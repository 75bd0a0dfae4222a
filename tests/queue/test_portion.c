/* A shard's part of a quota: spent no further than it goes, all or what is left, and what was not
 * needed comes back. */
#include "queue/portion.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct mono now = { NS_PER_S };
static const struct mono later = { 60 * NS_PER_S };

static enum portion_reason take(
        struct portion *portion, bool urgent, uint32_t count, struct portion_ticket *ticket)
{
	const enum portion_reason reason = portion_look(portion, now, urgent, count, ticket);

	if (reason == PORTION_FREE)
		portion_take(portion, ticket);
	return reason;
}

static void test_it_is_asked_for(void **state)
{
	struct portion portion = { 0 };
	struct portion_ticket ticket;

	(void)state;
	assert_int_equal(take(&portion, false, 3, &ticket), PORTION_ASKED);
	assert_int_equal(take(&portion, false, 2, &ticket), PORTION_ASKED);
	assert_int_equal(portion.wanted[PORTION_ANY], 3);
	portion_grant(&portion, PORTION_ANY, 5, 3, later);
	assert_int_equal(portion.wanted[PORTION_ANY], 0);
	assert_int_equal(take(&portion, false, 3, &ticket), PORTION_FREE);
	assert_int_equal(ticket.count, 3);
	assert_int_equal(portion.open, 3);
	/* Two of them were refused. */
	portion_end(&portion, &ticket, 1);
	assert_int_equal(portion.open, 0);
	assert_int_equal(portion.spent, 1);
	assert_int_equal(portion.pots[PORTION_ANY], 4);
	assert_int_equal(take(&portion, false, 5, &ticket), PORTION_ASKED);
	assert_int_equal(portion.open, 0);
}

/* Where the quota is used up, a message takes what is left; the next one waits. */
static void test_what_is_left(void **state)
{
	struct portion portion = { 0 };
	struct portion_ticket ticket;

	(void)state;
	assert_int_equal(take(&portion, false, 7, &ticket), PORTION_ASKED);
	portion_grant(&portion, PORTION_ANY, 2, 7, later);
	assert_int_equal(take(&portion, false, 7, &ticket), PORTION_FREE);
	assert_int_equal(ticket.count, 2);
	assert_int_equal(take(&portion, false, 7, &ticket), PORTION_SHORT);
	assert_int_equal(portion.wanted[PORTION_ANY], 0);
	assert_int_equal(portion_look(&portion, later, false, 7, &ticket), PORTION_ASKED);
	portion_grant(&portion, PORTION_ANY, 0, 7, mono_after(later, NS_PER_S));
	assert_int_equal(portion_look(&portion, later, false, 7, &ticket), PORTION_SHORT);
	portion_resume(&portion);
	assert_int_equal(portion_look(&portion, later, false, 7, &ticket), PORTION_ASKED);
}

/* What was lent for urgent mail is no other's; urgent mail may use both. */
static void test_two_pots(void **state)
{
	struct portion portion = { 0 };
	struct portion_ticket ticket;
	struct portion_ticket urgent;

	(void)state;
	portion_grant(&portion, PORTION_ANY, 0, 1, later);
	assert_int_equal(take(&portion, false, 1, &ticket), PORTION_SHORT);
	assert_int_equal(take(&portion, true, 2, &urgent), PORTION_ASKED);
	portion_grant(&portion, PORTION_URGENT, 2, 2, later);
	assert_int_equal(take(&portion, false, 1, &ticket), PORTION_SHORT);
	assert_int_equal(take(&portion, true, 2, &urgent), PORTION_FREE);
	portion_end(&portion, &urgent, 0);
	assert_int_equal(take(&portion, false, 1, &ticket), PORTION_SHORT);
	portion_grant(&portion, PORTION_ANY, 3, 3, later);
	assert_int_equal(take(&portion, true, 3, &urgent), PORTION_FREE);
	assert_int_equal(urgent.pot, PORTION_ANY);
	assert_int_equal(portion.pots[PORTION_URGENT], 2);
	portion_end(&portion, &urgent, 3);
}

static void test_it_rests(void **state)
{
	struct portion portion = { 0 };
	struct portion_ticket ticket;

	(void)state;
	portion_grant(&portion, PORTION_ANY, 4, 4, later);
	assert_false(portion_rest(&portion));
	assert_true(portion_rest(&portion));
	assert_int_equal(take(&portion, false, 1, &ticket), PORTION_FREE);
	assert_false(portion_rest(&portion));
	assert_int_equal(take(&portion, false, 9, &ticket), PORTION_ASKED);
	assert_false(portion_rest(&portion)); /* somebody waits */
	assert_int_equal(portion_empty(&portion), 3);
	assert_int_equal(portion_empty(&portion), 0);
	assert_int_equal(portion.open, 1);
}

/* Of a cap, what is beyond the fair part goes back: what is free at once, the rest as it ends. */
static void test_a_fair_part(void **state)
{
	struct portion portion = { 0 };
	struct portion_ticket tickets[4];

	(void)state;
	portion_grant(&portion, PORTION_ANY, 6, 1, (struct mono){ 0 });
	for (int i = 0; i < 4; i++) {
		assert_int_equal(portion_look(&portion, now, false, 1, &tickets[i]), PORTION_FREE);
		portion_take(&portion, &tickets[i]);
	}
	portion_share(&portion, 3);
	assert_int_equal(portion_returns(&portion), 2);
	assert_int_equal(portion_returns(&portion), 0);
	portion_end(&portion, &tickets[0], 0);
	portion_end(&portion, &tickets[1], 0);
	assert_int_equal(portion_returns(&portion), 1);
	assert_int_equal(portion.pots[PORTION_ANY], 1);
	assert_int_equal(portion.open, 2);
}

/* There is no more, says the server: all goes back, and nothing is asked for until then. */
static void test_it_is_shut(void **state)
{
	struct portion portion = { 0 };
	struct portion_ticket ticket;
	struct portion_ticket open;

	(void)state;
	portion_grant(&portion, PORTION_ANY, 6, 1, (struct mono){ 0 });
	assert_int_equal(portion_look(&portion, now, false, 2, &open), PORTION_FREE);
	portion_take(&portion, &open);

	portion_shut(&portion, later);
	assert_int_equal(portion_look(&portion, now, true, 1, &ticket), PORTION_SHORT);
	portion_end(&portion, &open, 0);
	assert_int_equal(portion_look(&portion, now, false, 1, &ticket), PORTION_SHORT);
	assert_int_equal(portion_returns(&portion), 6);
	assert_int_equal(portion_look(&portion, later, false, 1, &ticket), PORTION_ASKED);
}

/* What was under way then and was spent all the same is no debt of later mail. */
static void test_what_was_spent_goes_not_back(void **state)
{
	struct portion portion = { 0 };
	struct portion_ticket ticket;

	(void)state;
	portion_grant(&portion, PORTION_ANY, 2, 1, (struct mono){ 0 });
	assert_int_equal(take(&portion, false, 2, &ticket), PORTION_FREE);
	portion_shut(&portion, later);
	portion_end(&portion, &ticket, 2);
	assert_int_equal(portion.surrender, 0);
	portion_grant(&portion, PORTION_ANY, 2, 1, (struct mono){ 0 });
	assert_int_equal(take(&portion, false, 2, &ticket), PORTION_FREE);
	portion_end(&portion, &ticket, 0);
	assert_int_equal(portion_returns(&portion), 0);
	assert_int_equal(portion.pots[PORTION_ANY], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_asked_for),
		cmocka_unit_test(test_what_is_left),
		cmocka_unit_test(test_two_pots),
		cmocka_unit_test(test_it_rests),
		cmocka_unit_test(test_a_fair_part),
		cmocka_unit_test(test_it_is_shut),
		cmocka_unit_test(test_what_was_spent_goes_not_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
