/* What a batch waits for, and what it does not wait for. */
#include "engine/patience.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CLIENTS 20

static const struct mono start = { 1000 * NS_PER_S };

static struct mono after(int64_t ns)
{
	return mono_after(start, ns);
}

static bool waits(struct patience *patience, size_t puts, size_t settles, int64_t ns)
{
	const struct patience_batch batch = { .puts = puts, .settles = settles };

	return patience_waits(patience, &batch, after(ns));
}

static void test_settles_wait_for_mail(void **state)
{
	struct patience patience = { 0 };

	(void)state;
	assert_int_equal(patience_until(&patience).ns, MONO_NEVER.ns);
	assert_true(waits(&patience, 0, 1, 0));
	assert_int_equal(patience_until(&patience).ns, after(PATIENCE_SETTLES_NS).ns);
	/* No longer for what comes after them. */
	assert_true(waits(&patience, 0, 2, PATIENCE_SETTLES_NS - 1));
	assert_int_equal(patience_until(&patience).ns, after(PATIENCE_SETTLES_NS).ns);
	assert_false(waits(&patience, 0, 2, PATIENCE_SETTLES_NS));
	assert_int_equal(patience_until(&patience).ns, MONO_NEVER.ns);
	/* Mail ends it, and their number. */
	assert_true(waits(&patience, 0, 1, 0));
	assert_false(waits(&patience, 1, 1, 1));
	assert_true(waits(&patience, 0, PATIENCE_SETTLES - 1, 2));
	assert_false(waits(&patience, 0, PATIENCE_SETTLES, 3));
}

static void test_a_cohort_is_waited_for(void **state)
{
	struct patience patience = { 0 };

	(void)state;
	/* Nobody is expected at first; half of them come while the others' commit is under way. */
	assert_false(waits(&patience, CLIENTS / 2, 0, 0));
	patience_committed(&patience, CLIENTS / 2, CLIENTS - CLIENTS / 2);
	assert_true(waits(&patience, CLIENTS / 2, 0, 0));
	assert_true(waits(&patience, CLIENTS - 1, 7, PATIENCE_MAIL_NS - 1));
	assert_int_equal(patience_until(&patience).ns, after(PATIENCE_MAIL_NS).ns);
	assert_false(waits(&patience, CLIENTS, 7, PATIENCE_MAIL_NS - 1));
	for (size_t i = 0; i < 3; i++) {
		patience_committed(&patience, CLIENTS, 0);
		assert_true(waits(&patience, 1, 0, 0));
		assert_false(waits(&patience, CLIENTS, 0, 1));
	}
	/* The time counts from the first mail, not from settles that waited before. */
	patience_committed(&patience, CLIENTS, 0);
	assert_true(waits(&patience, 0, 1, 0));
	assert_true(waits(&patience, 1, 1, PATIENCE_SETTLES_NS - 1));
	assert_int_equal(
	        patience_until(&patience).ns, after(PATIENCE_SETTLES_NS - 1 + PATIENCE_MAIL_NS).ns);
}

static void test_few_are_not_waited_for(void **state)
{
	struct patience patience = { 0 };

	(void)state;
	patience_committed(&patience, 1, PATIENCE_MAIL_MIN - 2);
	assert_false(waits(&patience, 1, 0, 0));
	patience_committed(&patience, 1, PATIENCE_MAIL_MIN - 1);
	assert_true(waits(&patience, 1, 0, 0));
	/* A commit of settles alone tells nothing of clients. */
	assert_false(waits(&patience, PATIENCE_MAIL_MIN, 0, 1));
	patience_committed(&patience, 0, 0);
	assert_true(waits(&patience, 1, 0, 2));
}

static void test_much_and_urgent_go_at_once(void **state)
{
	struct patience patience = { 0 };
	struct patience_batch batch = { .puts = 1, .put_bytes = PATIENCE_MAIL_BYTES - 1 };

	(void)state;
	patience_committed(&patience, CLIENTS, 0);
	assert_true(patience_waits(&patience, &batch, start));
	batch.put_bytes++;
	assert_false(patience_waits(&patience, &batch, start));
	batch = (struct patience_batch){ .puts = 1, .urgent = true };
	assert_false(patience_waits(&patience, &batch, start));
	batch = (struct patience_batch){ .settles = 1, .urgent = true };
	assert_false(patience_waits(&patience, &batch, start));
}

/* How many commits go without a wait until one is tried again. */
static unsigned rests(struct patience *patience)
{
	unsigned count = 0;

	patience_committed(patience, CLIENTS, 0);
	while (!waits(patience, 1, 0, 0)) {
		patience_committed(patience, CLIENTS, 0);
		count++;
		assert_true(count <= PATIENCE_VAIN_MAX);
	}
	return count;
}

static void test_waits_in_vain_grow_rare(void **state)
{
	struct patience patience = { 0 };

	(void)state;
	assert_int_equal(rests(&patience), 0);
	for (unsigned vain = PATIENCE_VAIN_MIN; vain < PATIENCE_VAIN_MAX; vain *= 2) {
		assert_false(waits(&patience, CLIENTS - 1, 0, PATIENCE_MAIL_NS));
		assert_int_equal(rests(&patience), vain - 1);
	}
	for (int i = 0; i < 2; i++) {
		assert_false(waits(&patience, CLIENTS - 1, 0, PATIENCE_MAIL_NS));
		assert_int_equal(rests(&patience), PATIENCE_VAIN_MAX - 1);
	}
	/* One that was worth it, and all is as at first. */
	assert_false(waits(&patience, CLIENTS, 0, 1));
	assert_int_equal(rests(&patience), 0);
	assert_false(waits(&patience, 1, 0, PATIENCE_MAIL_NS));
	assert_int_equal(rests(&patience), PATIENCE_VAIN_MIN - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settles_wait_for_mail),
		cmocka_unit_test(test_a_cohort_is_waited_for),
		cmocka_unit_test(test_few_are_not_waited_for),
		cmocka_unit_test(test_much_and_urgent_go_at_once),
		cmocka_unit_test(test_waits_in_vain_grow_rare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
