#include "bench/load.h"

#include "tests/bench/hall.h"

#include <stdlib.h>

static const struct mock_settings mx = { 0 };
static struct hall hall;
static struct load load;

static struct load_settings few(void)
{
	struct load_settings settings = LOAD_SETTINGS;

	settings.target = hall.at;
	settings.messages = 200;
	settings.bytes = 2000;
	settings.sessions = 4;
	return settings;
}

static void load_begin(const struct load_settings *settings)
{
	assert_false(failed(load_init(&load, &hall.fixture.loop, settings)));
}

static void load_turn(void)
{
	loop_begin(&hall.fixture.loop);
	loop_run_completions(&hall.fixture.loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&hall.fixture.loop);
	mock_work(&hall.mock);
	load_work(&load);
	loop_end(&hall.fixture.loop);
}

static void load_turn_until_done(void)
{
	const struct mono begun = clock_mono();

	while (!load_is_done(&load)) {
		load_turn();
		if (clock_mono().ns - begun.ns > FIXTURE_PATIENCE_NS)
			fail_msg("waited in vain; %llu taken",
			        (unsigned long long)load.account.taken);
	}
}

static void load_end(void)
{
	load_stop(&load);
	while (!load_is_idle(&load))
		load_turn();
	load_finish(&load);
	assert_int_equal(hall.mock.account.without_id, 0);
}

/* Every message arrives, once, and of the size asked for. */
static void assert_all_arrived(const struct load_settings *settings)
{
	const struct mock_account *account = &hall.mock.account;

	assert_null(load_failure(&load));
	assert_int_equal(load.account.taken, settings->messages);
	assert_int_equal(load.account.latency.count, settings->messages);
	assert_int_equal(load.account.refused, 0);
	assert_true(load.account.last.ns >= load.account.first.ns);
	assert_int_equal(account->ids_count, settings->messages);
	assert_int_equal(account->recipients, account->messages * settings->recipients);
	assert_int_equal(account->bytes, account->messages * settings->bytes);
	for (uint64_t i = 0; i < settings->messages; i++)
		assert_int_equal(load_fate(&load, i) & LOAD_TAKEN, LOAD_TAKEN);
}

static void test_hands_everything_over(void **state)
{
	(void)state;
	static const unsigned windows[] = { 1, 2, 16, LOAD_WINDOW_MAX };

	for (size_t i = 0; i < 2 * sizeof windows / sizeof windows[0]; i++) {
		hall_open(&hall, mx, false);
		struct load_settings settings = few();
		settings.window = windows[i / 2];
		settings.chunking = i % 2 == 1;
		settings.recipients = i % 2 == 1 ? 3 : 1;
		load_begin(&settings);
		load_turn_until_done();
		assert_all_arrived(&settings);
		assert_int_equal(hall.mock.account.duplicates, 0);
		assert_int_equal(load.account.losses, 0);
		load_end();
		hall_close(&hall);
	}
}

/* Lines are whole and end with CRLF whatever the size: the mock refuses bare ends. */
static void test_makes_any_size(void **state)
{
	(void)state;
	hall_open(&hall, mx, false);
	for (size_t bytes = LOAD_BYTES_MIN; bytes < LOAD_BYTES_MIN + 200; bytes++) {
		char run[LOAD_RUN_MAX];
		struct load_settings settings = few();
		(void)snprintf(run, sizeof run, "size-%zu", bytes);
		settings.run = run;
		settings.bytes = bytes;
		settings.messages = 1;
		settings.sessions = 1;
		const uint64_t before = hall.mock.account.bytes;
		load_begin(&settings);
		load_turn_until_done();
		assert_int_equal(load.account.taken, 1);
		assert_int_equal(hall.mock.account.bytes, before + bytes);
		load_end();
	}
	hall_close(&hall);
}

static void test_secures_its_sessions(void **state)
{
	(void)state;
	hall_open(&hall, mx, true);
	struct load_settings settings = few();
	settings.tls = hall.client_tls;
	settings.tls_host = VIEW("localhost");
	load_begin(&settings);
	load_turn_until_done();
	assert_all_arrived(&settings);
	assert_int_equal(hall.mock.account.tls_connections, settings.sessions);
	load_end();
	hall_close(&hall);
}

static void test_sends_deferred_messages_again(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		hall_open(&hall, mx, false);
		hall_rule(&hall, "stage=mail,reply=452 4.3.1 Full,limit=2");
		hall_rule(&hall, "stage=eod,reply=451 4.3.0 Later,limit=2");
		struct load_settings settings = few();
		settings.chunking = i == 1;
		settings.messages = 20;
		load_begin(&settings);
		load_turn_until_done();
		assert_all_arrived(&settings);
		assert_int_equal(load.account.deferred, 4);
		load_end();
		hall_close(&hall);
	}
}

static void test_counts_refused_messages(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		hall_open(&hall, mx, false);
		hall_rule(&hall, "stage=rcpt,reply=550 5.1.1 Nobody,limit=3");
		hall_rule(&hall, "stage=eod,reply=554 5.6.0 Content,limit=2");
		struct load_settings settings = few();
		settings.chunking = i == 1;
		load_begin(&settings);
		load_turn_until_done();
		assert_int_equal(load.account.refused, 5);
		assert_int_equal(load.account.taken, settings.messages - 5);
		load_end();
		hall_close(&hall);
	}
}

/* A message that the server took before the connection broke comes twice, and we say so. */
static void test_survives_lost_connections(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		hall_open(&hall, mx, false);
		hall_rule(&hall, "stage=eod,drop=after,limit=5");
		hall_rule(&hall, "stage=mail,drop=before,limit=3");
		struct load_settings settings = few();
		settings.chunking = i == 1;
		settings.window = i == 1 ? 8 : 1;
		load_begin(&settings);
		load_turn_until_done();
		assert_all_arrived(&settings);
		assert_int_equal(hall.mock.account.drops_after, 5);
		assert_in_range(load.account.losses, 5, 8);
		assert_true(hall.mock.account.duplicates >= 5);
		for (size_t d = 0; d < hall.mock.account.duplicate_ids_count; d++) {
			uint64_t number;
			const char *id = hall.mock.account.duplicate_ids[d];
			assert_true(load_number_of(&load, view_of(id), &number));
			assert_int_equal(load_fate(&load, number), LOAD_TAKEN | LOAD_DOUBTED);
		}
		load_end();
		hall_close(&hall);
	}
}

static void test_comes_again_until_somebody_listens(void **state)
{
	(void)state;
	hall_open(&hall, mx, false);
	hall_rule(&hall, "stage=connect,reply=421 4.3.2 Not now,limit=6");
	struct load_settings settings = few();
	load_begin(&settings);
	load_turn_until_done();
	assert_all_arrived(&settings);
	assert_true(load.account.connections > 6);
	load_end();
	hall_close(&hall);
}

/* Open loop: messages leave when they are due, and late answers count from then. */
static void test_keeps_a_rate(void **state)
{
	(void)state;
	struct mock_settings slow = mx;
	slow.work_ns = 20 * NS_PER_MS;
	hall_open(&hall, slow, false);
	struct load_settings settings = few();
	settings.messages = 50;
	settings.sessions = 10;
	settings.rate_per_s = 250;
	load_begin(&settings);
	load_turn_until_done();
	assert_all_arrived(&settings);
	assert_true(load.account.last.ns - load.account.first.ns >= 49 * 4 * NS_PER_MS);
	assert_true(histogram_at(&load.account.latency, 0) >= 20 * NS_PER_MS);
	load_end();
	hall_close(&hall);
}

static void test_holds_idle_connections(void **state)
{
	(void)state;
	hall_open(&hall, mx, false);
	struct load_settings settings = few();
	settings.messages = 0;
	settings.sessions = 150;
	load_begin(&settings);
	load_turn_until_done();
	assert_int_equal(load.ready, 150);
	assert_int_equal(list_first(&hall.mock.live) != NULL, 1);
	assert_int_equal(hall.mock.live.count, 150);
	assert_int_equal(hall.mock.account.messages, 0);
	load_end();
	hall_close(&hall);
}

static void test_writes_a_ledger(void **state)
{
	(void)state;
	char *text = NULL;
	size_t bytes = 0;
	FILE *ledger = open_memstream(&text, &bytes);

	hall_open(&hall, mx, false);
	struct load_settings settings = few();
	settings.sessions = 1;
	settings.messages = 2;
	settings.run = "book";
	settings.ledger = ledger;
	load_begin(&settings);
	load_turn_until_done();
	load_end();
	hall_close(&hall);
	assert_int_equal(fclose(ledger), 0);
	assert_starts(text, "<book.0000000000.");
	assert_holds(text, "@load.example> 250 2.6.0 <book.0000000000.");
	assert_holds(text, "\n<book.0000000001.");
	free(text);
}

/* Without PIPELINING each of a message's replies is waited for: MAIL, RCPT, RCPT, DATA, end. */
static void test_goes_in_lockstep_where_it_must(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct mock_settings plain = mx;
		plain.lacks[MOCK_PIPELINING] = i == 1;
		plain.delay_ns = 10 * NS_PER_MS;
		hall_open(&hall, plain, false);
		struct load_settings settings = few();
		settings.messages = 10;
		settings.recipients = 2;
		load_begin(&settings);
		load_turn_until_done();
		assert_all_arrived(&settings);
		if (i == 1)
			assert_true(histogram_at(&load.account.latency, 0) >= 49 * NS_PER_MS);
		load_end();
		hall_close(&hall);
	}
}

static void test_says_what_a_server_lacks(void **state)
{
	(void)state;
	struct mock_settings lacking = mx;
	lacking.lacks[MOCK_CHUNKING] = true;
	lacking.lacks[MOCK_PIPELINING] = true;
	for (int i = 0; i < 4; i++) {
		static const char *const words[] = { "no CHUNKING", "no PIPELINING",
			"greets with: 554 5.3.2 Away", "no STARTTLS" };
		hall_open(&hall, lacking, i == 3);
		struct load_settings settings = few();
		settings.chunking = i == 0;
		settings.window = i == 1 ? 2 : 1;
		settings.tls = hall.client_tls;
		settings.tls_host = VIEW("localhost");
		if (i == 2)
			hall_rule(&hall, "stage=connect,reply=554 5.3.2 Away");
		if (i == 3)
			hall.mock.settings.tls = NULL;
		load_begin(&settings);
		load_turn_until_done();
		assert_holds(load_failure(&load), words[i]);
		load_end();
		hall_close(&hall);
	}
}

static void test_trusts_no_stranger(void **state)
{
	(void)state;
	hall_open(&hall, mx, true);
	struct load_settings settings = few();
	settings.tls = hall.client_tls;
	settings.tls_host = VIEW("elsewhere.example");
	load_begin(&settings);
	load_turn_until_done();
	assert_holds(load_failure(&load), "TLS");
	assert_int_equal(hall.mock.account.messages, 0);
	load_end();
	hall_close(&hall);
}

static void test_knows_its_ids(void **state)
{
	(void)state;
	uint64_t number = 99;
	hall_open(&hall, mx, false);
	struct load_settings settings = few();
	load_begin(&settings);
	assert_true(load_number_of(&load, VIEW("<load.0000000017." STAMP_ZERO STAMP_END), &number));
	assert_int_equal(number, 17);
	assert_false(
	        load_number_of(&load, VIEW("<load.0000000200." STAMP_ZERO STAMP_END), &number));
	assert_false(
	        load_number_of(&load, VIEW("<other.0000000017." STAMP_ZERO STAMP_END), &number));
	assert_false(
	        load_number_of(&load, VIEW("<loud.0000000017." STAMP_ZERO STAMP_END), &number));
	assert_false(load_number_of(&load, VIEW("<load.x@load.example>"), &number));
	assert_false(load_number_of(&load, VIEW(""), &number));
	assert_int_equal(load_fate(&load, 17), 0);
	load_end();
	hall_close(&hall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hands_everything_over),
		cmocka_unit_test(test_makes_any_size),
		cmocka_unit_test(test_secures_its_sessions),
		cmocka_unit_test(test_sends_deferred_messages_again),
		cmocka_unit_test(test_counts_refused_messages),
		cmocka_unit_test(test_survives_lost_connections),
		cmocka_unit_test(test_comes_again_until_somebody_listens),
		cmocka_unit_test(test_keeps_a_rate),
		cmocka_unit_test(test_holds_idle_connections),
		cmocka_unit_test(test_writes_a_ledger),
		cmocka_unit_test(test_goes_in_lockstep_where_it_must),
		cmocka_unit_test(test_says_what_a_server_lacks),
		cmocka_unit_test(test_trusts_no_stranger),
		cmocka_unit_test(test_knows_its_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
