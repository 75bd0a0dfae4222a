/* What the spooler writes into the trace: how a message came, each settle and what led to it. */
#include "tests/engine/star.h"

#include "engine/ops/trace_find.h"
#include "engine/spooler_inner.h"

static const char off[] = "trace: {keep: 0s}\n"
                          "routes:\n"
                          "  - {name: first, interface: connector, host: 127.0.0.1,\n"
                          "     tls: {mode: none}, sessions: 2, pipeline: 2}\n";
static const char short_lived[] = "trace: {keep: 1ms}\n"
                                  "routes:\n"
                                  "  - {name: first, interface: connector, host: 127.0.0.1,\n"
                                  "     tls: {mode: none}, sessions: 2, pipeline: 2}\n";

/* All messages that the trace has. The spooler is away meanwhile: a process has a file of LMDB's
 * but once. */
static struct trace_messages look(struct star *star, const char *routes)
{
	const struct trace_query all = { .status = TRACE_STATUS_ANY, .limit = 100 };
	struct trace_reader *reader = NULL;
	struct trace_messages messages;

	star_end(star);
	star_assert_ok(trace_reader_open(&reader, star->path));
	star_assert_ok(trace_find(reader, &all, &messages));
	trace_reader_close(reader);
	star_begin(star, routes);
	return messages;
}

static struct trace_settle settle_of(const struct trace_message *message, size_t at)
{
	struct trace_settle settle;

	assert_true(at < message->row_count);
	assert_true(trace_read_settle(&message->rows[at], &settle));
	return settle;
}

static enum owed_outcome outcome_of(const struct trace_settle *settle)
{
	struct trace_settle walk = *settle;
	struct trace_group group;

	assert_true(trace_read_group(&walk, &group));
	return group.outcome;
}

static void send(struct star *star, enum owed_outcome outcome)
{
	assert_true(star_ask_ids(star));
	(void)star_put(star, "a@contoso.com", "b@contoso.com", 100);
	for (int i = 0; i < 10 && star->job_count == 0; i++)
		star_turn(star);
	star_settle(star, outcome);
	star_turns(star, 3);
}

static void test_ends(void **state)
{
	struct trace_messages messages;
	struct trace_settle settle;
	struct trace_accept accept;
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	send(&star, OWED_DELIVERED);
	send(&star, OWED_BOUNCED);
	messages = look(&star, star_routes);
	/* The second one's sender is told: that is a message of its own. */
	assert_int_equal(messages.count, 3);
	assert_int_equal(messages.at[0].status, TRACE_STATUS_DELIVERED);
	assert_int_equal(messages.at[0].row_count, 2);
	settle = settle_of(&messages.at[0], 1);
	assert_int_equal(outcome_of(&settle), OWED_DELIVERED);
	assert_true(view_equal(settle.route, VIEW("first")));
	assert_int_equal(settle.report, 0);
	assert_int_equal(messages.at[1].status, TRACE_STATUS_BOUNCED);
	settle = settle_of(&messages.at[1], 1);
	assert_int_equal(outcome_of(&settle), OWED_BOUNCED);
	assert_int_equal(settle.report, messages.at[2].id);
	assert_true(trace_read_accept(&messages.at[2].rows[0], &accept));
	assert_int_equal(accept.about, messages.at[1].id);
	assert_int_equal(accept.marks, TRACE_MARK_REPORT);
	trace_find_free(&messages);
	star_close(&star);
}

static void ask(struct star *star, enum request_verb verb, uint64_t id)
{
	struct letter letter = { .kind = LETTER_REQUEST };
	bool answered = false;

	star_assert_ok(request_create(&letter.request));
	request_reset(letter.request, verb);
	letter.request->ids = &id;
	letter.request->ids_count = 1;
	star_send(star, &star->requests, &letter);
	for (int i = 0; i < 1000 && !answered; i++) {
		star_turn(star);
		answered = request_wait(letter.request, 0);
	}
	assert_true(answered);
	star_assert_ok(letter.request->result);
	request_destroy(letter.request);
}

static void test_what_led_to_it(void **state)
{
	static const enum trace_act acts[] = { TRACE_ACT_WAIT, TRACE_ACT_HOLD, TRACE_ACT_REMOVE };
	struct trace_messages messages;
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	const uint64_t id = star_put(&star, "a@contoso.com", "b@contoso.com", 100);
	for (int i = 0; i < 10 && star.job_count == 0; i++)
		star_turn(&star);
	star_settle(&star, OWED_DEFERRED);
	star_turns(&star, 3);
	ask(&star, REQUEST_HOLD, id);
	ask(&star, REQUEST_REMOVE, id);
	messages = look(&star, star_routes);
	assert_int_equal(messages.count, 1);
	assert_int_equal(messages.at[0].status, TRACE_STATUS_REMOVED);
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
		const struct trace_settle settle = settle_of(&messages.at[0], i + 1);
		assert_int_equal(settle.act, acts[i]);
		assert_int_equal(settle.held, acts[i] != TRACE_ACT_WAIT);
	}
	trace_find_free(&messages);
	star_close(&star);
}

static void test_off_and_forgotten(void **state)
{
	struct trace_messages messages;
	struct star star;

	(void)state;
	star_open(&star, off);
	send(&star, OWED_DELIVERED);
	messages = look(&star, star_routes);
	assert_int_equal(messages.count, 0);
	send(&star, OWED_DELIVERED);
	messages = look(&star, short_lived);
	assert_int_equal(messages.count, 1);
	trace_find_free(&messages);
	star_nap(5);
	star.spooler->trace_look = (struct mono){ 0 };
	star_turns(&star, 3);
	messages = look(&star, star_routes);
	assert_int_equal(messages.count, 0);
	trace_find_free(&messages);
	star_close(&star);
}

/* Mail comes first: what is left out, and what goes for it, is counted. */
static void test_mail_fills_the_spool(void **state)
{
	struct trace_messages messages;
	struct star star;
	uint64_t puts = 0;

	(void)state;
	star_open(&star, star_routes);
	star.size = "16MiB";
	star_restart(&star, star_routes);
	assert_true(star_ask_ids(&star));
	for (; star.full == 0 && puts < 1000; puts++) {
		(void)star_put(&star, "a@contoso.com", "b@contoso.com", 100000);
		star_turns(&star, 2);
	}
	assert_int_equal(star.full, 1);
	assert_true(puts > 100);
	star.spooler->trace_look = (struct mono){ 0 };
	star_turns(&star, 2);
	assert_true(atomic_load(&star.counters.trace_rows_lost) > 0);
	assert_true(atomic_load(&star.counters.trace_blocks_shed) > 0);
	messages = look(&star, star_routes);
	assert_int_equal(messages.count, 0);
	star_close(&star);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_fills_the_spool),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_what_led_to_it),
		cmocka_unit_test(test_off_and_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
