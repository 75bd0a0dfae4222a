/* A message that comes again under its key: in the same batch, later, after a restart. */
#include "tests/engine/star.h"
#include "tests/queue/disk_faults.h"

static struct spool_claim claim_of(char key, uint64_t print)
{
	return (struct spool_claim){ .key = { key }, .print = print };
}

/* Gives the message's id. */
static uint64_t put(struct star *star, struct spool_claim *claim)
{
	struct message *message = star_message(star, "a@contoso.com", "b@contoso.com", 100);
	const uint64_t id = message->id;
	struct letter letter = {
		.kind = LETTER_PUT,
		.message = message,
		.ticket = ++star->asked,
		.claim = claim,
	};

	claim->id = id;
	assert_true(ways_find(&letter.ways, star->config, message, &star->shelf, 0));
	star_send(star, &star->ingest.to_spooler, &letter);
	return id;
}

static void the_second_gets_the_firsts_id(void **state)
{
	struct star star;
	struct spool_claim claims[4];

	(void)state;
	star_open(&star, star_routes);
	for (size_t i = 0; i < 4; i++)
		claims[i] = claim_of('k', 1);
	/* Of one batch: the second waits for the first's commit. */
	const uint64_t first = put(&star, &claims[0]);
	(void)put(&star, &claims[1]);
	assert_int_equal(star.known, 0);
	star_turn(&star);
	assert_int_equal(star.committed, 1);
	assert_int_equal(star.known, 1);
	assert_int_equal(claims[1].id, first);
	/* Of a later one. */
	(void)put(&star, &claims[2]);
	star_turn(&star);
	assert_int_equal(star.known, 2);
	assert_int_equal(claims[2].id, first);
	assert_int_equal(star_messages(&star), 1);
	/* Long after the message. */
	while (star.job_count > 0)
		star_settle(&star, OWED_DELIVERED);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 0);
	star_restart(&star, star_routes);
	assert_true(star_ask_ids(&star));
	(void)put(&star, &claims[3]);
	star_turn(&star);
	assert_int_equal(star.known, 3);
	assert_int_equal(claims[3].id, first);
	assert_int_equal(star_messages(&star), 0);
	star_close(&star);
}

static void another_message_of_the_key_clashes(void **state)
{
	struct star star;
	struct spool_claim claims[] = { claim_of('k', 1), claim_of('k', 2), claim_of('k', 3),
		claim_of('l', 2) };

	(void)state;
	star_open(&star, star_routes);
	const uint64_t first = put(&star, &claims[0]);
	(void)put(&star, &claims[1]);
	star_turn(&star);
	(void)put(&star, &claims[2]);
	(void)put(&star, &claims[3]);
	star_turn(&star);
	assert_int_equal(star.committed, 2);
	assert_int_equal(star.clashed, 2);
	assert_int_equal(claims[1].id, first);
	assert_int_equal(claims[2].id, first);
	assert_int_equal(star_messages(&star), 2);
	star_close(&star);
}

/* What was refused was never here: its key is free. */
static void a_refused_message_leaves_no_key(void **state)
{
	struct star star;
	struct spool_claim claims[] = { claim_of('k', 1), claim_of('k', 1), claim_of('k', 2) };
	int fillers = 0;

	(void)state;
	disk = (struct disk_faults){ 0 };
	star_open(&star, star_routes);
	disk.capacity = spool_counts(star.spooler->spool).file_bytes + (4 << 20);
	for (; star.full == 0 && fillers < 2000; fillers++) {
		(void)star_put(&star, "a@contoso.com", "b@contoso.com", 20000);
		star_turn(&star);
	}
	const uint64_t full = star.full;
	assert_true(full > 0);
	(void)put(&star, &claims[0]);
	(void)put(&star, &claims[1]);
	star_turn(&star);
	assert_int_equal(star.full, full + 2);
	assert_int_equal(star.known, 0);
	disk.capacity = 0;
	const uint64_t id = put(&star, &claims[2]);
	star_turn(&star);
	assert_int_equal(star.clashed, 0);
	assert_int_equal(claims[2].id, id);
	star_close(&star);
}

/* Nothing of a batch that failed is acknowledged, and no copy of it either. */
static void a_broken_spool_fails_both(void **state)
{
	struct star star;
	struct spool_claim claims[] = { claim_of('k', 1), claim_of('k', 1) };

	(void)state;
	disk = (struct disk_faults){ 0 };
	star_open(&star, star_routes);
	disk.error = EIO;
	disk.fail_at = disk.ops + 1;
	(void)put(&star, &claims[0]);
	(void)put(&star, &claims[1]);
	star_turn(&star);
	assert_int_equal(spooler_state(star.spooler), SPOOLER_BROKEN);
	assert_int_equal(star.failed, 2);
	assert_int_equal(star.known, 0);
	disk = (struct disk_faults){ 0 };
	star_close(&star);
}

/* More copies in one turn than the spooler keeps in mind: the rest waits its turn. */
static void many_copies_at_once(void **state)
{
	static struct spool_claim claims[BATCH_PUTS_MAX + 10];
	const size_t count = sizeof claims / sizeof claims[0];
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	for (size_t i = 0; i < count; i++) {
		claims[i] = claim_of('k', 1);
		(void)put(&star, &claims[i]);
	}
	for (int i = 0; i < 100 && star.known < count - 1; i++)
		star_turn(&star);
	assert_int_equal(star.committed, 1);
	assert_int_equal(star.known, count - 1);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(claims[i].id, claims[0].id);
	star_close(&star);
}

static void more_than_is_kept_is_forgotten(void **state)
{
	static const char few[] = "idempotency: {most: 5}\n"
	                          "routes:\n"
	                          "  - {name: first, interface: connector, host: 127.0.0.1,\n"
	                          "     tls: {mode: none}, sessions: 2, pipeline: 2}\n";
	struct star star;
	struct spool_claim claims[20];
	uint64_t early = 1;

	(void)state;
	star_open(&star, few);
	for (size_t i = 0; i < 20; i++) {
		claims[i] = claim_of((char)i, 1);
		(void)put(&star, &claims[i]);
		star_turn(&star);
		star_nap(2); /* each has its own time */
	}
	for (int i = 0; i < 300 && early > 0; i++) {
		star_nap(10);
		star_turn(&star);
		(void)spool_claims_are_due(star.spooler->spool, (struct wall){ 0 }, 5, &early);
	}
	assert_int_equal(early, 0);
	struct spool_claim known = claim_of(19, 1);
	star_assert_ok(spool_find_claim(star.spooler->spool, clock_wall(), &known));
	known = claim_of(0, 1);
	assert_int_equal(
	        spool_find_claim(star.spooler->spool, clock_wall(), &known).code, ERR_NOT_FOUND);
	star_close(&star);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_gets_the_firsts_id),
		cmocka_unit_test(another_message_of_the_key_clashes),
		cmocka_unit_test(a_refused_message_leaves_no_key),
		cmocka_unit_test(a_broken_spool_fails_both),
		cmocka_unit_test(many_copies_at_once),
		cmocka_unit_test(more_than_is_kept_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
