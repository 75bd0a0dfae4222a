/* The rows of the trace are read as they were written, and those that are damaged are told. */
#include "queue/trace_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct depot *depot;
static struct shelf shelf;
static char memory[2 * TRACE_ROW_MAX];
static struct trace_draft draft;

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(depot_create(&depot, (size_t)256 * CHUNK_BYTES).code, ERR_OK);
	shelf_init(&shelf, depot);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	shelf_finish(&shelf);
	assert_int_equal(depot_chunks_out(depot), 0);
	depot_destroy(depot);
	return 0;
}

static struct message *make_message(uint32_t recipients, const char *padding)
{
	struct message *message = message_create(&shelf, 0);
	char address[MESSAGE_ADDRESS_MAX + 1];

	message_name(message, 42, (struct wall){ 1790000000000 });
	assert_true(message_set(message, MESSAGE_SENDER, VIEW("a@contoso.com")));
	assert_true(message_set(message, MESSAGE_CLIENT, VIEW("192.0.2.7")));
	assert_true(message_set(message, MESSAGE_HELO, VIEW("printer")));
	assert_true(message_set(message, MESSAGE_USER, VIEW("device")));
	assert_true(message_set(message, MESSAGE_LISTENER, VIEW("127.0.0.1:25")));
	assert_true(message_set(message, MESSAGE_PROTOCOL, VIEW("ESMTPSA")));
	for (uint32_t i = 0; i < recipients; i++) {
		snprintf(address, sizeof address, "r%u%s@example.org", i, padding);
		const struct message_recipient recipient = { .address = view_of(address) };
		assert_true(message_add_recipient(message, &shelf, 0, &recipient));
	}
	assert_true(rope_append(&message->body, &shelf, VIEW("x\r\n"), 0));
	message_seal(message);
	return message;
}

static const struct trace_origin origin = {
	.connection = 7,
	.marks = TRACE_MARK_DATE | TRACE_MARK_FROM,
	.message_id = VIEW_INIT("<1@contoso.com>"),
	.tls = "TLSv1.3",
	.cipher = "TLS_AES_256_GCM_SHA384",
	.device = "scanners",
	.proxy = "192.0.2.1:1234",
};

static void begin(void)
{
	draft = (struct trace_draft){ .room = { memory, sizeof memory } };
	trace_write_begin(&draft);
}

/* Of a block of one. */
static struct trace_row only_row(void)
{
	struct trace_block block;
	struct trace_row row;

	assert_true(trace_read_block(trace_write_end(&draft), &block));
	assert_true(trace_read_row(&block, &row));
	assert_int_equal(block.rows.bytes, 0);
	return row;
}

static void assert_view(struct view view, const char *text)
{
	if (!view_equal(view, view_of(text)))
		fail_msg("\"%.*s\" is not \"%s\"", VIEW_ARGS(view), text);
}

/* Nothing shorter is a row, and nothing whose parts say that they are longer is one. */
static void assert_damage_is_told(const struct trace_row *row)
{
	for (size_t i = 0; i < row->body.bytes; i++) {
		struct trace_row cut = *row;
		cut.body = view_first(row->body, i);
		assert_false(trace_read_is_whole(&cut));
	}
	struct trace_row longer = *row;
	longer.body.bytes++;
	assert_false(trace_read_is_whole(&longer));
}

static void test_an_acceptance(void **state)
{
	struct message *message = make_message(1, "");
	struct job job = { 0 };
	struct job *jobs[] = { &job };
	const char *routes[] = { "submission" };
	struct message_cursor at = message_recipients(message);
	struct trace_accept accept;
	struct trace_recipient recipient;
	struct trace_way way;

	(void)state;
	job_begin(&job, message, 0, 0);
	assert_true(job_owe_all(&job, &shelf, 0));
	job.rule = 3;
	const struct trace_put put = {
		.origin = &origin,
		.when = { 1790000000123 },
		.stream = "bulk",
		.message = message,
		.jobs = jobs,
		.routes = routes,
		.job_count = 1,
	};
	begin();
	trace_write_accept(&draft, &put, &at);
	const struct trace_row row = only_row();
	assert_int_equal(row.kind, TRACE_ACCEPT);
	assert_int_equal(row.id, 42);
	assert_int_equal(row.when.ms, 1790000000123);
	assert_true(trace_read_accept(&row, &accept));
	assert_int_equal(accept.received.ms, 1790000000000);
	assert_int_equal(accept.connection, 7);
	assert_int_equal(accept.marks, origin.marks);
	assert_int_equal(accept.bytes, 3);
	assert_int_equal(accept.about, 0);
	assert_int_equal(accept.recipient_count, 1);
	assert_view(accept.fields[MESSAGE_SENDER], "a@contoso.com");
	assert_view(accept.fields[MESSAGE_ORIGINAL], "");
	assert_view(accept.fields[MESSAGE_CLIENT], "192.0.2.7");
	assert_view(accept.fields[MESSAGE_HELO], "printer");
	assert_view(accept.fields[MESSAGE_USER], "device");
	assert_view(accept.fields[MESSAGE_LISTENER], "127.0.0.1:25");
	assert_view(accept.fields[MESSAGE_PROTOCOL], "ESMTPSA");
	assert_view(accept.message_id, "<1@contoso.com>");
	assert_view(accept.tls, "TLSv1.3");
	assert_view(accept.cipher, "TLS_AES_256_GCM_SHA384");
	assert_view(accept.device, "scanners");
	assert_view(accept.proxy, "192.0.2.1:1234");
	assert_view(accept.stream, "bulk");
	assert_true(trace_read_way(&accept, &way));
	assert_int_equal(way.number, 0);
	assert_int_equal(way.state, TRACE_WAY_GOES);
	assert_int_equal(way.rule, 3);
	assert_view(way.route, "submission");
	assert_false(trace_read_way(&accept, &way));
	assert_true(trace_read_recipient(&accept, &recipient));
	assert_int_equal(recipient.index, 0);
	assert_int_equal(recipient.number, 0);
	assert_view(recipient.address, "r0@example.org");
	assert_false(trace_read_recipient(&accept, &recipient));
	assert_damage_is_told(&row);
	job_clear(&job, &shelf);
	message_release(message, &shelf);
}

/* Two thousand with long addresses, who part: rows follow, and each says who is whose. */
static void test_many_recipients(void **state)
{
	static char padding[220];
	struct job even = { 0 };
	struct job odd = { 0 };
	struct job *jobs[] = { &even, &odd };
	const char *routes[] = { "far", "near" };
	char address[MESSAGE_ADDRESS_MAX + 1];
	struct trace_recipient recipient;
	struct trace_accept accept;
	uint32_t seen = 0;
	size_t rows = 0;

	(void)state;
	memset(padding, 'p', sizeof padding - 1);
	struct message *message = make_message(MESSAGE_RECIPIENTS_MAX, padding);
	job_begin(&even, message, 0, 0);
	job_begin(&odd, message, 1, 1);
	odd.nowhere = true;
	even.held = true;
	for (uint16_t i = 0; i < MESSAGE_RECIPIENTS_MAX; i++)
		assert_true(job_owe(i % 2 == 0 ? &even : &odd, &shelf, 0, i, 0));
	const struct trace_put put = {
		.message = message,
		.jobs = jobs,
		.routes = routes,
		.job_count = 2,
		.about = 41,
	};
	struct message_cursor at = message_recipients(message);
	while (at.index < MESSAGE_RECIPIENTS_MAX) {
		begin();
		if (rows == 0)
			trace_write_accept(&draft, &put, &at);
		else
			trace_write_recipients(&draft, &put, &at);
		const struct trace_row row = only_row();
		assert_true(trace_read_accept(&row, &accept));
		assert_int_equal(row.kind, rows == 0 ? TRACE_ACCEPT : TRACE_RECIPIENTS);
		assert_int_equal(accept.about, rows == 0 ? 41 : 0);
		assert_int_equal(accept.marks, rows == 0 ? TRACE_MARK_REPORT : 0);
		while (trace_read_recipient(&accept, &recipient)) {
			snprintf(address, sizeof address, "r%u%s@example.org", seen, padding);
			assert_int_equal(recipient.index, seen);
			assert_int_equal(recipient.number, seen % 2);
			assert_view(recipient.address, address);
			seen++;
		}
		if (rows++ > 0)
			continue;
		struct trace_way way;
		assert_true(trace_read_way(&accept, &way));
		assert_int_equal(way.state, TRACE_WAY_KEPT);
		assert_view(way.route, "far");
		assert_true(trace_read_way(&accept, &way));
		assert_int_equal(way.state, TRACE_WAY_NOWHERE);
		assert_view(way.route, "");
	}
	assert_int_equal(seen, MESSAGE_RECIPIENTS_MAX);
	assert_true(rows > 3);
	job_clear(&even, &shelf);
	job_clear(&odd, &shelf);
	message_release(message, &shelf);
}

static const struct reply_note busy = {
	.code = 451,
	.status = { 4, 7, 500 },
	.stage = STAGE_RCPT,
	.server = VIEW_INIT("mx.example.org"),
	.text = VIEW_INIT("Server busy"),
};

static struct job make_job(struct message *message)
{
	struct job job = { 0 };

	job_begin(&job, message, 5, 0);
	assert_true(job_owe_all(&job, &shelf, 0));
	job.act = TRACE_ACT_ATTEMPT;
	job.attempts = 2;
	job.connection = 9;
	job.next_attempt.ms = 1790000060000;
	return job;
}

static struct trace_settle settle_of(const struct job *job, const struct trace_end *end)
{
	begin();
	trace_write_settle(&draft, job, end);
	const struct trace_row row = only_row();
	struct trace_settle settle;

	assert_int_equal(row.kind, TRACE_SETTLE);
	assert_int_equal(row.id, 42);
	assert_true(trace_read_settle(&row, &settle));
	return settle;
}

static void test_a_settle(void **state)
{
	struct message *message = make_message(4, "");
	struct job job = make_job(message);
	const struct trace_end end = {
		.when = { 1790000000999 },
		.route = "far",
		.identity = "m@contoso.com",
		.report = 77,
		.branch = "near",
		.branch_number = 6,
	};
	struct trace_group group;
	uint16_t index;

	(void)state;
	job_set_outcome(&job, 0, OWED_DEFERRED, &busy, &shelf);
	job_set_outcome(&job, 1, OWED_DELIVERED, NULL, &shelf);
	job_set_outcome(&job, 2, OWED_DEFERRED, &busy, &shelf);
	job_set_outcome(&job, 3, OWED_BOUNCED, &busy, &shelf);
	job_owed(&job)[3].flags = OWED_EXPIRED | OWED_IN_DOUBT;
	struct trace_settle settle = settle_of(&job, &end);
	assert_int_equal(settle.number, 5);
	assert_int_equal(settle.act, TRACE_ACT_ATTEMPT);
	assert_false(settle.held);
	assert_int_equal(settle.attempts, 2);
	assert_int_equal(settle.next_attempt.ms, 1790000060000);
	assert_int_equal(settle.connection, 9);
	assert_int_equal(settle.report, 77);
	assert_view(settle.route, "far");
	assert_view(settle.identity, "m@contoso.com");
	assert_true(settle.branched);
	assert_int_equal(settle.branch_number, 6);
	assert_view(settle.branch, "near");
	/* The same was said of the first and the third: once. */
	assert_int_equal(settle.group_count, 3);
	assert_true(trace_read_group(&settle, &group));
	assert_int_equal(group.outcome, OWED_DEFERRED);
	assert_true(group.said);
	assert_int_equal(group.note.code, 451);
	assert_int_equal(group.note.status[2], 500);
	assert_int_equal(group.note.stage, STAGE_RCPT);
	assert_view(group.note.server, "mx.example.org");
	assert_view(group.note.text, "Server busy");
	assert_int_equal(group.count, 2);
	assert_true(trace_read_index(&group, &index) && index == 0);
	assert_true(trace_read_index(&group, &index) && index == 2);
	assert_false(trace_read_index(&group, &index));
	assert_true(trace_read_group(&settle, &group));
	assert_int_equal(group.outcome, OWED_DELIVERED);
	assert_false(group.said);
	assert_true(trace_read_group(&settle, &group));
	assert_int_equal(group.outcome, OWED_BOUNCED);
	assert_int_equal(group.flags, OWED_EXPIRED | OWED_IN_DOUBT);
	assert_false(trace_read_group(&settle, &group));

	job.held = true;
	const struct trace_end plain = { .route = "far", .identity = "" };
	settle = settle_of(&job, &plain);
	assert_true(settle.held);
	assert_false(settle.branched);
	begin();
	trace_write_settle(&draft, &job, &end);
	const struct trace_row row = only_row();
	assert_damage_is_told(&row);
	job_clear(&job, &shelf);
	message_release(message, &shelf);
}

/* Whatever was said of whom, a row has its bound: texts go first. */
static void test_the_longest_settle(void **state)
{
	struct message *message = make_message(MESSAGE_RECIPIENTS_MAX, "");
	struct job job = make_job(message);
	static char text[REPLY_TEXT_MAX];
	static char server[REPLY_SERVER_MAX];
	const struct trace_end end = { .route = "far", .identity = "m" };
	struct trace_group group;
	size_t members = 0;
	size_t texts = 0;

	(void)state;
	memset(text, 't', sizeof text);
	memset(server, 's', sizeof server);
	for (size_t i = 0; i < job.owed_count; i++) {
		const struct reply_note note = {
			.code = (uint16_t)(400 + i % 100),
			.status = { 4, (uint16_t)(i / 100), (uint16_t)(i % 100) },
			.server = view_from(server, sizeof server),
			.text = view_from(text, sizeof text - i % 100),
		};
		job_set_outcome(&job, i, OWED_DEFERRED, &note, &shelf);
	}
	struct trace_settle settle = settle_of(&job, &end);
	for (; trace_read_group(&settle, &group); members += group.count) {
		assert_true(group.note.text.bytes <= TRACE_TEXT_MAX);
		assert_true(group.note.code >= 400);
		texts += group.note.text.bytes + group.note.server.bytes;
	}
	assert_int_equal(members, MESSAGE_RECIPIENTS_MAX);
	assert_true(texts <= TRACE_TEXTS_MAX);
	assert_true(texts > TRACE_TEXTS_MAX / 2);
	job_clear(&job, &shelf);
	message_release(message, &shelf);
}

/* A word that stands in the row before is not written again, and read all the same. */
static void test_a_block(void **state)
{
	struct message *message = make_message(1, "");
	struct job job = make_job(message);
	struct job *jobs[] = { &job };
	const char *routes[] = { "submission" };
	const struct trace_end end = {
		.when = { 1790000000200 },
		.route = "submission",
		.identity = "m@contoso.com",
	};
	const struct trace_put put = {
		.origin = &origin,
		.when = { 1790000000100 },
		.message = message,
		.jobs = jobs,
		.routes = routes,
		.job_count = 1,
	};
	struct trace_block block;
	struct trace_accept accept;
	struct trace_settle settle;
	struct trace_recipient recipient;
	struct trace_row row;
	size_t bytes[2];

	(void)state;
	job_set_outcome(&job, 0, OWED_DEFERRED, &busy, &shelf);
	begin();
	for (size_t i = 0; i < 2; i++) {
		struct message_cursor at = message_recipients(message);
		const size_t before = draft.bytes;
		trace_write_accept(&draft, &put, &at);
		trace_write_settle(&draft, &job, &end);
		bytes[i] = draft.bytes - before;
	}
	assert_true(bytes[1] + 100 < bytes[0]);
	const struct view whole = trace_write_end(&draft);
	assert_true(trace_read_block(whole, &block));
	assert_int_equal(block.from.ms, 1790000000100);
	assert_int_equal(block.to.ms, 1790000000200);
	for (size_t i = 0; i < 2; i++) {
		assert_true(trace_read_row(&block, &row));
		assert_int_equal(row.when.ms, 1790000000100);
		assert_true(trace_read_accept(&row, &accept));
		assert_view(accept.fields[MESSAGE_SENDER], "a@contoso.com");
		assert_view(accept.cipher, "TLS_AES_256_GCM_SHA384");
		assert_true(trace_read_recipient(&accept, &recipient));
		assert_view(recipient.address, "r0@example.org");
		assert_true(trace_read_row(&block, &row));
		assert_int_equal(row.when.ms, 1790000000200);
		assert_true(trace_read_settle(&row, &settle));
		assert_view(settle.identity, "m@contoso.com");
	}
	assert_false(trace_read_row(&block, &row));
	assert_int_equal(block.rows.bytes, 0);
	/* Rows are damaged that say a word stands where none is. */
	struct trace_row lone = row;
	lone.block = view_first(row.block, 10);
	assert_false(trace_read_is_whole(&lone));
	for (size_t i = 0; i < TRACE_BLOCK_HEAD; i++)
		assert_false(trace_read_block(view_first(whole, i), &block));
	memory[0] = TRACE_VERSION + 1;
	assert_false(trace_read_block(whole, &block));
	job_clear(&job, &shelf);
	message_release(message, &shelf);
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(trace_act_word(TRACE_ACT_FALLBACK), "fallback");
	assert_string_equal(trace_act_text(TRACE_ACT_HOLD), "the operator: keep it");
	assert_string_equal(trace_way_word(TRACE_WAY_KEPT), "held");
	assert_string_equal(trace_mark_word(TRACE_BIT_DATE), "date_added");
	assert_string_equal(trace_mark_text(TRACE_BIT_FROM), "its From was rewritten");
	assert_int_equal(TRACE_MARK_DATE, 1 << TRACE_BIT_DATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_acceptance, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_recipients, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_settle, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_longest_settle, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_block, set_up, tear_down),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
