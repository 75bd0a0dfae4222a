/* What a server took is known by its Message-ID for a time, where that is asked for. */
#include "tests/engine/star.h"

#include "engine/spooler_inner.h"

static const char remembers[] = "sent_memory: {window: 1h, most: 2}\n"
                                "routes:\n"
                                "  - {name: first, interface: connector, host: 127.0.0.1,\n"
                                "     tls: {mode: none}, sessions: 2, pipeline: 2}\n";

/* Taken, lent, and back with this outcome. */
static uint64_t send(
        struct star *star, const char *header, const char *to, enum owed_outcome outcome)
{
	struct message *message = message_create(&star->shelf, 0);

	assert_non_null(message);
	assert_true(star_ask_ids(star));
	star->ids_left--;
	message_name(message, star->ids++, clock_wall());
	assert_true(message_set(message, MESSAGE_SENDER, VIEW("a@contoso.com")));
	const struct message_recipient recipient = { .address = view_of(to) };
	assert_true(message_add_recipient(message, &star->shelf, 0, &recipient));
	assert_true(rope_append(&message->body, &star->shelf, view_of(header), 0));
	assert_true(rope_append(&message->body, &star->shelf, VIEW("\r\nbody\r\n"), 0));
	message_seal(message);
	const uint64_t id = message->id;
	star_put_message(star, message);
	for (int i = 0; i < 10 && star->job_count == 0; i++)
		star_turn(star);
	star_settle(star, outcome);
	star_turns(star, 3);
	return id;
}

/* 0: nothing is known. */
static uint64_t known(struct star *star, const char *message_id, struct spool_sent *sent)
{
	struct spool_sent_place place = { 0 };

	spooler_sent_key(view_of(message_id), sent->key);
	const struct err err = spool_find_sent(star->spooler->spool, &place, sent);
	if (err.code == ERR_NOT_FOUND)
		return 0;
	star_assert_ok(err);
	return sent->id;
}

static void test_kept_where_asked_for(void **state)
{
	struct spool_sent sent;
	struct star star;

	(void)state;
	star_open(&star, remembers);
	const uint64_t id = send(&star, "Subject: x\r\nMESSAGE-ID:\r\n  <1@c> (x)\r\n",
	        "b@contoso.com", OWED_DELIVERED);
	assert_int_equal(known(&star, "<1@c>", &sent), id);
	assert_string_equal(sent.route, "first");
	assert_string_equal(sent.identity, "");
	assert_string_equal(sent.sender, "a@contoso.com");
	assert_true(spool_sent_has(&sent, VIEW("b@contoso.com")));
	(void)send(&star, "Message-ID: <2@c>\r\n", "b@contoso.com", OWED_DEFERRED);
	assert_int_equal(known(&star, "<2@c>", &sent), 0);
	(void)send(&star, "Message-ID: <3@c>\r\n", "b@contoso.com", OWED_BOUNCED);
	assert_int_equal(known(&star, "<3@c>", &sent), 0);
	star_restart(&star, remembers);
	assert_int_equal(known(&star, "<1@c>", &sent), id);
	star_close(&star);
}

static void test_nothing_is_kept_unasked(void **state)
{
	struct spool_sent sent;
	struct star star;

	(void)state;
	star_open(&star, star_routes);
	(void)send(&star, "Message-ID: <1@c>\r\n", "b@contoso.com", OWED_DELIVERED);
	assert_int_equal(known(&star, "<1@c>", &sent), 0);
	star_close(&star);
}

static void test_no_more_than_most(void **state)
{
	static const char *const headers[] = { "Message-ID: <1@c>\r\n", "Message-ID: <2@c>\r\n",
		"Message-ID: <3@c>\r\n", "Message-ID: <4@c>\r\n" };
	struct spool_counts counts;
	struct spool_sent sent;
	struct star star;
	int left = 0;

	(void)state;
	star_open(&star, remembers);
	for (size_t i = 0; i < 4; i++)
		(void)send(&star, headers[i], "b@contoso.com", OWED_DELIVERED);
	star.spooler->sent_look = (struct mono){ 0 };
	star_turns(&star, 3);
	left += known(&star, "<1@c>", &sent) > 0;
	left += known(&star, "<2@c>", &sent) > 0;
	left += known(&star, "<3@c>", &sent) > 0;
	left += known(&star, "<4@c>", &sent) > 0;
	assert_int_equal(left, 2);
	counts = spool_counts(star.spooler->spool);
	assert_int_equal(counts.messages, 0);
	star_close(&star);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_where_asked_for),
		cmocka_unit_test(test_nothing_is_kept_unasked),
		cmocka_unit_test(test_no_more_than_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
