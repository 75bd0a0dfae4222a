/* What closes for a tenant: told to every shard, ended by one probe, kept over restarts. */
#include "tests/engine/star.h"

static struct gate *gate_of(struct star *star)
{
	return &star->spooler->gates[0].gate;
}

static void send_sheet(struct star *star, struct gate_sheet *sheet)
{
	const struct letter letter = { .kind = LETTER_GATE, .gate = sheet };
	const size_t before = star->gates;

	star_send(star, &star->delivery.to_spooler, &letter);
	star_turns(star, 2);
	assert_int_equal(star->gates, before + 1);
}

static void refuse(struct star *star, uint32_t epoch, int64_t wait_s)
{
	struct gate_sheet sheet = {
		.epoch = epoch,
		.refused = true,
		.elsewhere = true,
		.wait_ns = wait_s * NS_PER_S,
		.said = { .code = 550, .text = "Access denied" },
	};

	send_sheet(star, &sheet);
}

static void test_told_probed_opened(void **state)
{
	struct gate_sheet asks = { .epoch = 1, .asks = true };
	struct gate_sheet gave_up = { .epoch = 1, .gave_up = true };
	struct gate_sheet taken = { .epoch = 1, .taken = true };
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	refuse(&star, 0, 60);
	assert_int_equal(star.news_count, 1);
	assert_true(star.news.gate.closed);
	assert_true(star.news.gate.elsewhere);
	assert_false(star.news.yours);
	assert_int_equal(star.news.gate.epoch, 1);
	assert_string_equal(star.news.gate.text, "Access denied");
	const struct mono until = star.news.gate.until;
	refuse(&star, 0, 60); /* of the same epoch */
	assert_true(star.news.gate.until.ns == until.ns);
	assert_int_equal(gate_of(&star)->epoch, 1);
	send_sheet(&star, &asks);
	assert_true(star.news.yours);
	send_sheet(&star, &gave_up);
	assert_false(gate_of(&star)->lent);
	send_sheet(&star, &asks);
	assert_true(star.news.yours);
	send_sheet(&star, &taken);
	assert_false(star.news.gate.closed);
	assert_false(star.news.yours);
	star_turns(&star, 5);
	assert_true(list_is_empty(&star.spooler->gates_busy)); /* all is told and kept */
	star_close(&star);
}

/* Closed by a report: after a probe that is taken it opens by itself, and remembers that over a
 * restart. */
static void test_doubt(void **state)
{
	struct gate_sheet late = {
		.refused = true,
		.late = true,
		.began = clock_mono(),
		.wait_ns = 60 * NS_PER_S,
	};
	struct gate_sheet asks = { .epoch = 1, .asks = true };
	struct gate_sheet taken = { .epoch = 1, .taken = true };
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	send_sheet(&star, &late);
	assert_true(star.news.gate.late);
	send_sheet(&star, &asks);
	assert_true(star.news.yours);
	send_sheet(&star, &taken);
	assert_true(star.news.gate.closed);
	assert_true(star.news.gate.doubted);
	send_sheet(&star, &asks);
	assert_false(star.news.yours);
	star.news_count = 0;
	star_restart(&star, star_routes);
	star_turns(&star, 2);
	assert_int_equal(star.news_count, 1);
	assert_true(star.news.gate.doubted);
	assert_in_range((star.news.gate.until.ns - clock_mono().ns) / NS_PER_S, 100, 120);
	assert_true(star.spooler->timer.deadline.ns <= gate_of(&star)->until.ns);
	gate_of(&star)->until = clock_mono();
	star_turns(&star, 2);
	assert_false(star.news.gate.closed);
	star_close(&star);
}

static void test_kept(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	refuse(&star, 0, 600);
	refuse(&star, 1, 600);
	star.news_count = 0;
	star_restart(&star, star_routes);
	star_turns(&star, 2);
	assert_int_equal(star.news_count, 1); /* before any job */
	assert_true(star.news.gate.closed);
	assert_int_equal(star.news.gate.setbacks, 2);
	const int64_t left_s = (star.news.gate.until.ns - clock_mono().ns) / NS_PER_S;
	assert_in_range(left_s, 1100, 1440);
	assert_string_equal(star.news.gate.text, "Access denied");
	/* Open again, it stays so. */
	struct gate_sheet taken = { .epoch = 2, .taken = true };
	send_sheet(&star, &taken);
	star.news_count = 0;
	star_restart(&star, star_routes);
	star_turns(&star, 2);
	assert_int_equal(star.news_count, 0);
	assert_false(gate_of(&star)->closed);
	star_close(&star);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_probed_opened),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
