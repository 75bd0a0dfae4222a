/* Messages are found in the trace by what is asked, with where they stand, and told as JSON. */
#include "engine/ops/trace_json.h"
#include "engine/ops/trace_tally.h"
#include "queue/spool_trace.h"
#include "tests/queue/spool_tools.h"

#include <jansson.h>

static struct tools tools;
static struct trace_messages messages;
static int64_t now;

static const struct reply_note busy = {
	.code = 451,
	.status = { 4, 7, 1 },
	.stage = STAGE_RCPT,
	.server = VIEW_INIT("mx.example.org"),
	.text = VIEW_INIT("Greylisted, please try again later"),
};

static int set_up(void **state)
{
	(void)state;
	tools_start(&tools);
	tools_open(&tools);
	now = 1000;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	trace_find_free(&messages);
	tools_stop(&tools);
	return 0;
}

/* Its acceptance, in a batch of its own; gives a job that its steps are settles of. */
static struct job accept(uint64_t id, uint32_t recipients, bool held)
{
	struct job job = tools_job(&tools, id, recipients, 10, 0, now);
	struct job *jobs[] = { &job };
	const char *routes[] = { "submission" };
	char name[64];
	struct text text = TEXT_ON(name);

	text_format(&text, "<%llu@x>", (unsigned long long)id);
	const struct trace_origin origin = { .connection = 5, .message_id = text_view(&text) };
	job.held = held;
	job.rule = TRACE_NO_RULE;
	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_trace_put(tools.spool, &(struct trace_put){
	                                               .origin = &origin,
	                                               .when = { now },
	                                               .message = job.message,
	                                               .jobs = jobs,
	                                               .routes = routes,
	                                               .job_count = 1,
	                                       }));
	assert_ok(spool_commit(tools.spool));
	now += 1000;
	return job;
}

static void settle(struct job *job, enum trace_act act)
{
	const struct trace_end end = { .when = { now }, .route = "submission", .identity = "m" };

	job->act = (uint8_t)act;
	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_trace_settle(tools.spool, job, &end));
	assert_ok(spool_commit(tools.spool));
	now += 1000;
}

/* Settled with one outcome for all, or not at all; it is over for us. */
static void send(uint64_t id, uint32_t recipients, enum owed_outcome outcome)
{
	struct job job = accept(id, recipients, false);

	for (size_t i = 0; i < job.owed_count && outcome != OWED_PENDING; i++)
		job_set_outcome(&job, i, outcome, &busy, &tools.shelf);
	job.next_attempt.ms = now;
	if (outcome != OWED_PENDING)
		settle(&job, TRACE_ACT_ATTEMPT);
	job_clear(&job, &tools.shelf);
}

static void find(const struct trace_query *query)
{
	struct trace_reader *reader = NULL;

	trace_find_free(&messages);
	spool_close(MOVE(tools.spool));
	assert_ok(trace_reader_open(&reader, tools.path));
	assert_ok(trace_find(reader, query, &messages));
	trace_reader_close(reader);
	tools_open(&tools);
}

/* Ids, one a letter. */
static void assert_found(struct trace_query query, const char *ids)
{
	char found[16] = { 0 };

	query.limit = query.limit == 0 ? 10 : query.limit;
	find(&query);
	for (size_t i = 0; i < messages.count; i++)
		found[i] = (char)('0' + messages.at[i].id);
	assert_string_equal(found, ids);
}

static void test_filters(void **state)
{
	const uint64_t ids[] = { 4, 2 };
	const uint64_t stranger[] = { 9 };
	const enum trace_status any = TRACE_STATUS_ANY;

	(void)state;
	send(1, 1, OWED_DELIVERED);
	send(2, 3, OWED_DEFERRED);
	send(3, 1, OWED_BOUNCED);
	send(4, 1, OWED_PENDING);
	send(5, 1, OWED_REMOVED);
	struct job held = accept(6, 1, true);
	job_clear(&held, &tools.shelf);
	assert_found((struct trace_query){ .status = any }, "123456");
	assert_found((struct trace_query){ .status = any, .limit = 2 }, "56");
	assert_found((struct trace_query){ .status = any, .ids = ids, .id_count = 2 }, "24");
	assert_found((struct trace_query){ .status = any, .ids = stranger, .id_count = 1 }, "");
	assert_found((struct trace_query){ .status = any, .message_id = VIEW("<3@x>") }, "3");
	assert_found((struct trace_query){ .status = any, .message_id = VIEW("3@x") }, "3");
	assert_found((struct trace_query){ .status = any, .to = VIEW("R2.2@EXAMPLE.org") }, "2");
	assert_found((struct trace_query){ .status = any, .to = VIEW("@example.org") }, "123456");
	assert_found((struct trace_query){ .status = any, .to = VIEW("@ample.org") }, "");
	assert_found(
	        (struct trace_query){
	                .status = any, .by_from = true, .from = VIEW("printer@contoso.com") },
	        "123456");
	assert_found((struct trace_query){ .status = any, .by_from = true }, "");
	assert_found((struct trace_query){ .status = any, .client = VIEW("192.0.2.1") }, "");
	assert_found((struct trace_query){ .status = any, .since = { 5000 } }, "3456");
	assert_found((struct trace_query){ .status = TRACE_STATUS_DELIVERED }, "1");
	assert_found((struct trace_query){ .status = TRACE_STATUS_DEFERRED }, "2");
	assert_found((struct trace_query){ .status = TRACE_STATUS_BOUNCED }, "3");
	assert_found((struct trace_query){ .status = TRACE_STATUS_QUEUED }, "4");
	assert_found((struct trace_query){ .status = TRACE_STATUS_REMOVED }, "5");
	assert_found((struct trace_query){ .status = TRACE_STATUS_HELD }, "6");
}

/* Many recipients take several rows: the one that is asked for may be in any of them. */
static void test_a_recipient_in_a_later_row(void **state)
{
	const uint64_t ids[] = { 7 };

	(void)state;
	send(7, MESSAGE_RECIPIENTS_MAX, OWED_DELIVERED);
	assert_found((struct trace_query){ .status = TRACE_STATUS_ANY,
	                     .to = VIEW("r1999.7@example.org") },
	        "7");
	assert_found(
	        (struct trace_query){ .status = TRACE_STATUS_ANY, .ids = ids, .id_count = 1 }, "7");
	assert_int_equal(messages.at[0].status, TRACE_STATUS_DELIVERED);
}

/* What is left of a message whose acceptance is forgotten is found by its id alone. */
static void test_what_is_left(void **state)
{
	const uint64_t ids[] = { 1 };
	uint64_t forgotten = 0;

	(void)state;
	send(1, 1, OWED_DELIVERED);
	assert_ok(spool_begin(tools.spool));
	assert_ok(spool_trace_forget(tools.spool, (struct wall){ 1500 }, UINT64_MAX, &forgotten));
	assert_ok(spool_commit(tools.spool));
	assert_int_equal(forgotten, 1);
	assert_found((struct trace_query){ .status = TRACE_STATUS_ANY }, "");
	assert_found(
	        (struct trace_query){ .status = TRACE_STATUS_ANY, .ids = ids, .id_count = 1 }, "1");
	assert_false(messages.at[0].accepted);
	assert_int_equal(messages.at[0].row_count, 1);
	assert_int_equal(messages.at[0].status, TRACE_STATUS_DELIVERED);
}

static void test_many_tallies(void **state)
{
	struct trace_tallies tallies = { 0 };
	struct trace_tally tally;

	(void)state;
	for (uint64_t id = 1; id <= 5000; id++)
		trace_tally_of(&tallies, id * 77)->block = id;
	for (uint64_t id = 1; id <= 5000; id += 2) {
		assert_true(trace_tally_take(&tallies, id * 77, &tally));
		assert_int_equal(tally.block, id);
	}
	assert_int_equal(tallies.count, 2500);
	for (uint64_t id = 1; id <= 5000; id++) {
		const struct trace_tally *found = trace_tally_find(&tallies, id * 77);
		assert_int_equal(found != NULL, id % 2 == 0);
		if (found != NULL)
			assert_int_equal(found->block, id);
	}
	trace_tallies_free(&tallies);
}

static json_t *told(size_t at)
{
	static struct trace_story story;
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);

	assert_non_null(file);
	trace_story_read(&story, &messages.at[at]);
	trace_json_print(&story, file);
	fclose(file);
	assert_int_equal(text[bytes - 1], '\n');
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	free(text);
	return json;
}

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static void test_json(void **state)
{
	struct job job = accept(8, 2, false);

	(void)state;
	job_set_outcome(&job, 0, OWED_DEFERRED, &busy, &tools.shelf);
	job_set_outcome(&job, 1, OWED_DELIVERED, NULL, &tools.shelf);
	job.attempts = 1;
	job.connection = 77;
	job.next_attempt.ms = 60000;
	settle(&job, TRACE_ACT_ATTEMPT);
	job_clear(&job, &tools.shelf);
	assert_found((struct trace_query){ .status = TRACE_STATUS_DEFERRED }, "8");
	json_t *json = told(0);
	assert_string_equal(word(json, "status"), "deferred");
	assert_string_equal(word(json, "from"), "printer@contoso.com");
	assert_string_equal(word(json, "message_id"), "<8@x>");
	assert_string_equal(word(json, "accepted"), "1970-01-01T00:00:01.000Z");
	assert_int_equal(json_array_size(json_object_get(json, "recipients")), 2);
	const json_t *step = json_array_get(json_object_get(json, "steps"), 0);
	assert_string_equal(word(step, "what"), "attempt");
	assert_string_equal(word(step, "identity"), "m");
	assert_string_equal(word(step, "next_attempt"), "1970-01-01T00:01:00.000Z");
	const json_t *results = json_object_get(step, "results");
	assert_int_equal(json_array_size(results), 2);
	const json_t *first = json_array_get(results, 0);
	assert_string_equal(word(first, "outcome"), "deferred");
	assert_string_equal(word(first, "reply"), "451 4.7.1 Greylisted, please try again later");
	assert_string_equal(word(first, "cause"), "server_busy");
	assert_true(strlen(word(first, "meaning")) > 0);
	const json_t *who = json_array_get(json_object_get(first, "recipients"), 0);
	assert_string_equal(json_string_value(who), "r0.8@example.org");
	json_decref(json);
}

static void test_words(void **state)
{
	enum trace_status status;

	(void)state;
	for (int i = 0; i < TRACE_STATUS_ANY; i++) {
		assert_true(trace_status_parse(
		        view_of(trace_status_word((enum trace_status)i)), &status));
		assert_int_equal(status, i);
	}
	assert_false(trace_status_parse(VIEW("lost"), &status));
}

int main(void)
{
#define TRACE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TRACE_TEST(test_filters),
		TRACE_TEST(test_a_recipient_in_a_later_row),
		TRACE_TEST(test_what_is_left),
		TRACE_TEST(test_json),
		cmocka_unit_test(test_many_tallies),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
