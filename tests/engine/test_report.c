/* Who is told of what, in whose words, on which envelope. */
#include "engine/report.h"
#include "queue/verdict.h"
#include "tests/queue/spool_tools.h"

static struct tools tools;
static struct report_maker *maker;

static struct job bounced(const char *from, uint32_t recipients, unsigned notify, unsigned flags)
{
	struct message *message = message_create(&tools.shelf, 0);
	struct job job = { 0 };

	assert_non_null(message);
	message_name(message, 7, (struct wall){ 1000 });
	message->flags = (uint16_t)flags;
	assert_true(message_set(message, MESSAGE_SENDER, view_of(from)));
	for (uint32_t i = 0; i < recipients; i++) {
		char text[32];
		const int bytes = snprintf(text, sizeof text, "r%u@example.org", i);
		const struct message_recipient recipient = {
			.address = view_from(text, (size_t)bytes),
			.notify = (uint8_t)notify,
		};
		assert_true(message_add_recipient(message, &tools.shelf, 0, &recipient));
	}
	assert_true(rope_append(
	        &message->body, &tools.shelf, VIEW("Subject: hello\r\n\r\nbody text\r\n"), 0));
	message_seal(message);
	job_begin(&job, message, 0, 0);
	message_release(message, &tools.shelf);
	assert_true(job_owe_all(&job, &tools.shelf, 0));
	return job;
}

static void end_one(
        struct job *job, size_t at, enum owed_outcome outcome, uint16_t code, const char *text)
{
	const struct reply_note note = {
		.code = code,
		.status = { 5, 1, 1 },
		.stage = STAGE_RCPT,
		.server = VIEW("mx.example"),
		.text = view_of(text),
	};

	job_set_outcome(job, at, outcome, &note, &tools.shelf);
}

static struct message *make(const struct job *job, const char *mailbox)
{
	return report_make(maker, job, 99, view_of(mailbox), (struct wall){ 2000 }, &tools.shelf);
}

static bool says(const struct message *report, const char *words)
{
	static char text[8 << 20];
	const size_t bytes = rope_copy(&report->body, 0, (struct span){ text, sizeof text });

	return view_contains_fold(view_from(text, bytes), view_of(words));
}

static void who_is_told(void **state)
{
	static const struct {
		const char *from;
		unsigned notify;
		unsigned flags;
		enum owed_outcome outcome;
		unsigned owed_flags;
		bool told;
	} rows[] = {
		{ "a@b.c", 0, 0, OWED_BOUNCED, 0, true },
		{ "a@b.c", NOTIFY_NEVER, 0, OWED_BOUNCED, 0, false },
		{ "a@b.c", NOTIFY_SUCCESS, 0, OWED_BOUNCED, 0, false },
		{ "", 0, 0, OWED_BOUNCED, 0, false },
		{ "a@b.c", 0, MESSAGE_REPORT, OWED_BOUNCED, 0, false },
		{ "a@b.c", 0, 0, OWED_DELIVERED, OWED_RELAYED, false },
		{ "a@b.c", NOTIFY_SUCCESS, 0, OWED_DELIVERED, OWED_RELAYED, true },
		{ "a@b.c", NOTIFY_SUCCESS, 0, OWED_DELIVERED, 0, false },
		{ "a@b.c", 0, 0, OWED_REMOVED, 0, false },
		{ "a@b.c", 0, 0, OWED_DEFERRED, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct job job = bounced(rows[i].from, 1, rows[i].notify, rows[i].flags);
		job_owed(&job)[0].flags = (uint8_t)rows[i].owed_flags;
		job_set_outcome(&job, 0, rows[i].outcome, NULL, &tools.shelf);
		assert_int_equal(report_is_owed(&job), rows[i].told);
		job_clear(&job, &tools.shelf);
	}
}

static void the_envelope(void **state)
{
	struct job job = bounced("a@b.c", 2, 0, 0);
	struct message_recipient recipient;

	(void)state;
	end_one(&job, 0, OWED_BOUNCED, 550, "nobody here");
	end_one(&job, 1, OWED_DEFERRED, 450, "later");
	struct message *report = make(&job, NULL);
	assert_non_null(report);
	assert_true(report->sealed);
	assert_int_equal(report->id, 99);
	assert_int_equal(report->flags, MESSAGE_REPORT);
	assert_true(message_sender_is_null(report));
	assert_int_equal(report->recipient_count, 1);
	struct message_cursor at = message_recipients(report);
	assert_true(message_next_recipient(&at, &recipient));
	assert_true(view_equal(recipient.address, VIEW("a@b.c")));
	assert_true(says(report, "550 5.1.1 nobody here"));
	assert_true(says(report, "r0@example.org"));
	assert_false(says(report, "r1@example.org")); /* goes on */
	message_release(report, &tools.shelf);

	report = make(&job, "n@b.c");
	assert_int_equal(report->flags, MESSAGE_REPORT | MESSAGE_FROM_NOTICES);
	assert_true(message_sender_is_null(report)); /* the session puts the mailbox in */
	assert_true(says(report, "From: "));
	assert_true(says(report, "n@b.c"));
	assert_true(says(report, "Auto-Submitted: auto-replied"));
	message_release(report, &tools.shelf);
	job_clear(&job, &tools.shelf);
}

/* It was given up for its age: the status says so, and the server's words stay its own. */
static void expired(void **state)
{
	struct job job = bounced("a@b.c", 1, 0, 0);
	const struct reply_note note = {
		.code = 451,
		.status = { 4, 7, 500 },
		.stage = STAGE_RCPT,
		.server = VIEW("192.0.2.7"),
		.text = VIEW("Server busy"),
	};

	(void)state;
	job_owed(&job)[0].flags |= OWED_EXPIRED;
	job_set_outcome(&job, 0, OWED_BOUNCED, &note, &tools.shelf);
	struct message *report = make(&job, NULL);
	assert_non_null(report);
	assert_true(says(report, "\r\nStatus: 4.4.7\r\n"));
	assert_true(says(report, "\r\nDiagnostic-Code: smtp; 451 4.7.500 Server busy\r\n"));
	assert_true(says(report, "\r\nRemote-MTA: dns; [192.0.2.7]\r\n"));
	assert_true(says(report, "We gave up waiting."));
	message_release(report, &tools.shelf);
	job_clear(&job, &tools.shelf);
}

/* A sender that was changed hears of it by the name that it had; one that had none, by ours. */
static void the_original_is_told(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++) {
		struct message *message = message_create(&tools.shelf, 0);
		const struct message_recipient to = { .address = VIEW("r@example.org") };
		struct message_recipient recipient;
		struct job job = { 0 };

		assert_non_null(message);
		message_name(message, 7, (struct wall){ 1000 });
		assert_true(message_set(message, MESSAGE_SENDER, VIEW("n@b.c")));
		if (named != 0)
			assert_true(message_set(message, MESSAGE_ORIGINAL, VIEW("a@b.c")));
		assert_true(message_add_recipient(message, &tools.shelf, 0, &to));
		assert_true(rope_append(&message->body, &tools.shelf, VIEW("S: x\r\n\r\n"), 0));
		message_seal(message);
		job_begin(&job, message, 0, 0);
		message_release(message, &tools.shelf);
		assert_true(job_owe_all(&job, &tools.shelf, 0));
		end_one(&job, 0, OWED_BOUNCED, 550, "nobody here");
		assert_true(report_is_owed(&job));
		struct message *report = make(&job, NULL);
		assert_non_null(report);
		struct message_cursor at = message_recipients(report);
		assert_true(message_next_recipient(&at, &recipient));
		assert_true(
		        view_equal(recipient.address, named != 0 ? VIEW("a@b.c") : VIEW("n@b.c")));
		assert_true(says(report, named != 0 ? "To: <a@b.c>" : "To: <n@b.c>"));
		message_release(report, &tools.shelf);
		job_clear(&job, &tools.shelf);
	}
}

/* However the replies alternate, each recipient's is its own and whole. */
static void the_longest_list(void **state)
{
	static char words[2][REPLY_TEXT_MAX + 1];
	char last[64];
	struct job job = bounced("a@b.c", MESSAGE_RECIPIENTS_MAX, 0, 0);

	(void)state;
	memset(words[0], 'x', REPLY_TEXT_MAX - 8);
	memset(words[1], 'y', REPLY_TEXT_MAX - 8);
	memcpy(words[0] + REPLY_TEXT_MAX - 8, " evenend", 8);
	memcpy(words[1] + REPLY_TEXT_MAX - 8, " odd end", 8);
	for (size_t i = 0; i < MESSAGE_RECIPIENTS_MAX; i++)
		end_one(&job, i, OWED_BOUNCED, 550, words[i % 2]);
	struct message *report = make(&job, NULL);
	assert_non_null(report);
	(void)snprintf(last, sizeof last, "r%u@example.org", MESSAGE_RECIPIENTS_MAX - 1);
	assert_true(says(report, last));
	size_t ends = 0;
	struct rope_cursor at = rope_start(&report->body);
	struct view piece;
	while (rope_next(&at, &piece))
		for (size_t i = 0; i + 4 <= piece.bytes; i++)
			ends += memcmp(piece.data + i, "odd ", 4) == 0;
	assert_true(ends + 100 > MESSAGE_RECIPIENTS_MAX / 2); /* some lie across two chunks */
	message_release(report, &tools.shelf);
	job_clear(&job, &tools.shelf);
}

/* RET=FULL has a bound: what is larger comes back as its header. */
static void the_largest_copy(void **state)
{
	static const char line[] = "a line of the body, which need not be read to be counted\r\n";

	(void)state;
	for (int large = 0; large < 2; large++) {
		const uint64_t bytes = large ? (32 << 20) + 1 : 100;
		struct message *message = message_create(&tools.shelf, 0);
		const struct message_recipient recipient = { .address = VIEW("r@example.org") };
		struct job job = { 0 };

		message_name(message, 7, (struct wall){ 1000 });
		message->flags = MESSAGE_RET_FULL;
		assert_true(message_set(message, MESSAGE_SENDER, VIEW("a@b.c")));
		assert_true(message_add_recipient(message, &tools.shelf, 0, &recipient));
		assert_true(rope_append(
		        &message->body, &tools.shelf, VIEW("Subject: hello\r\n\r\n"), 0));
		while (message->body.bytes < bytes)
			assert_true(rope_append(&message->body, &tools.shelf, view_of(line), 0));
		message_seal(message);
		job_begin(&job, message, 0, 0);
		message_release(message, &tools.shelf);
		assert_true(job_owe_all(&job, &tools.shelf, 0));
		end_one(&job, 0, OWED_BOUNCED, 550, "nobody here");
		struct message *report = make(&job, NULL);
		assert_non_null(report);
		assert_true(says(report, "Subject: hello"));
		assert_int_equal(says(report, "a line of the body"), !large);
		message_release(report, &tools.shelf);
		job_clear(&job, &tools.shelf);
	}
}

static void without_memory(void **state)
{
	struct job job = bounced("a@b.c", 1, 0, 0);
	struct chunk *chunks = NULL;
	struct chunk *chunk;

	(void)state;
	end_one(&job, 0, OWED_BOUNCED, 550, "nobody here");
	while ((chunk = shelf_take(&tools.shelf)) != NULL) {
		chunk->next = chunks;
		chunks = chunk;
	}
	for (int left = 0; left < 3; left++) {
		struct message *report = make(&job, NULL);
		if (report != NULL) {
			message_release(report, &tools.shelf);
			assert_true(left > 1); /* envelope and body */
		}
		chunk = chunks;
		chunks = MOVE(chunk->next);
		shelf_give(&tools.shelf, chunk);
	}
	while ((chunk = chunks) != NULL) {
		chunks = MOVE(chunk->next);
		shelf_give(&tools.shelf, chunk);
	}
	job_clear(&job, &tools.shelf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_told),
		cmocka_unit_test(the_envelope),
		cmocka_unit_test(expired),
		cmocka_unit_test(the_original_is_told),
		cmocka_unit_test(the_longest_list),
		cmocka_unit_test(the_largest_copy),
		cmocka_unit_test(without_memory),
	};
	const struct report_settings settings = { .reporter = VIEW("relay.example") };

	if (failed(report_create(&maker, &settings)) ||
	        failed(depot_create(&tools.depot, (size_t)80 << 20)))
		return 1;
	shelf_init(&tools.shelf, tools.depot);
	const int status = cmocka_run_group_tests(tests, NULL, NULL);
	shelf_finish(&tools.shelf);
	depot_destroy(tools.depot); /* every chunk is back */
	report_destroy(maker);
	return status;
}
