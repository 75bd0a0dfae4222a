/* What makes a key, what makes a copy, and what the client hears of it. */
#include "engine/logger.h"
#include "tests/engine/ingest_client.h"

static struct house house;

static void open_with(enum claim_by by)
{
	house_prepare(&house);
	house.config.idempotency.by = by;
	house_open(&house);
}

#define ASK(fd, say, begins)                                                                       \
	assert_memory_equal(house_ask(&house, (fd), (say), 1), (begins), strlen(begins))

static int greeted(size_t door)
{
	const int fd = house_dial(&house, door);

	ASK(fd, NULL, "220");
	ASK(fd, "HELO client.test\r\n", "250");
	return fd;
}

static void part(int fd)
{
	close(fd);
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
}

/* One message; gives what was kept of it. */
static const struct house_mail *mail(int fd, const char *to, const char *content)
{
	char rcpt[128];

	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	snprintf(rcpt, sizeof rcpt, "RCPT TO:<%s>\r\n", to);
	ASK(fd, rcpt, "250");
	ASK(fd, "DATA\r\n", "354");
	house_send(&house, fd, view_of(content));
	ASK(fd, ".\r\n", "250 2.0.0 queued as ");
	return &house.mail[house.mail_count - 1];
}

static bool same_key(const struct house_mail *a, const struct house_mail *b)
{
	return memcmp(a->claim.key, b->claim.key, sizeof a->claim.key) == 0;
}

static void the_field_is_a_key_and_not_sent_on(void **state)
{
	(void)state;
	open_with(CLAIM_BY_KEY);
	const int fd = greeted(0);
	const struct house_mail *first =
	        mail(fd, "c@d.test", "Subject: x\r\nX-Sluice-Key: k1\r\nTo: y\r\n\r\nbody\r\n");
	assert_non_null(first->lent);
	assert_int_equal(first->claim.id, first->id);
	assert_null(strstr(first->body, "luice-Key"));
	assert_non_null(strstr(first->body, "Subject: x\r\nTo: y\r\n\r\nbody\r\n"));
	/* Its header may differ: it was made anew. */
	const struct house_mail *again =
	        mail(fd, "c@d.test", "x-sluice-key: k1\r\nSubject: new\r\n\r\nbody\r\n");
	assert_true(same_key(first, again));
	assert_true(first->claim.print == again->claim.print);
	assert_non_null(strstr(again->body, "Subject: new\r\n\r\nbody\r\n"));
	const struct house_mail *other = mail(fd, "c@d.test", "X-Sluice-Key: k2\r\n\r\nbody\r\n");
	assert_false(same_key(first, other));
	const struct house_mail *body = mail(fd, "c@d.test", "X-Sluice-Key: k1\r\n\r\nother\r\n");
	assert_true(same_key(first, body));
	assert_false(first->claim.print == body->claim.print);
	const struct house_mail *to = mail(fd, "d@d.test", "X-Sluice-Key: k1\r\n\r\nbody\r\n");
	assert_true(same_key(first, to));
	assert_false(first->claim.print == to->claim.print);
	/* Without the field, nothing is claimed. */
	assert_null(mail(fd, "c@d.test", "Message-ID: <1@x>\r\n\r\nbody\r\n")->lent);
	assert_null(mail(fd, "c@d.test", "A: b\r\n\r\nX-Sluice-Key: k1\r\n")->lent);
	part(fd);
	house_close(&house);
}

/* However the bytes come: what is hashed begins behind the header. */
static void pieces_make_no_difference(void **state)
{
	static const char content[] = "A: b\r\nX-Sluice-Key: k1\r\nC: d\r\n\r\none\r\ntwo\r\n";
	uint64_t print = 0;

	(void)state;
	open_with(CLAIM_BY_KEY);
	const int fd = greeted(0);
	for (size_t step = 1; step < sizeof content; step += 3) {
		ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
		ASK(fd, "RCPT TO:<c@d.test>\r\n", "250");
		for (size_t at = 0; at < sizeof content - 1; at += step) {
			const struct view piece = view_first(view_skip(VIEW(content), at), step);
			char line[32];
			snprintf(line, sizeof line, "BDAT %zu\r\n", piece.bytes);
			house_send(&house, fd, view_of(line));
			house_send(&house, fd, piece);
			ASK(fd, NULL, "250");
		}
		ASK(fd, "BDAT 0 LAST\r\n", "250 2.0.0 queued as ");
		const struct house_mail *mail = &house.mail[house.mail_count - 1];
		assert_non_null(strstr(mail->body, "\r\nA: b\r\nC: d\r\n\r\none\r\ntwo\r\n"));
		assert_true(print == 0 || print == mail->claim.print);
		print = mail->claim.print;
	}
	part(fd);
	house_close(&house);
}

/* Values that are filled in find their places, the field being out. */
static void empty_fields_are_filled(void **state)
{
	static const char *const contents[] = {
		"X-Sluice-Key: k1\r\nMessage-ID:\r\nDate:\r\nSubject: x\r\n\r\nbody\r\n",
		"Message-ID:\r\nX-Sluice-Key: k1\r\nDate:\r\nSubject: x\r\n\r\nbody\r\n",
		"Message-ID:\r\nDate:\r\nX-Sluice-Key: k1\r\nSubject: x\r\n\r\nbody\r\n",
	};

	(void)state;
	open_with(CLAIM_BY_KEY);
	const int fd = greeted(0);
	for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
		const char *body = mail(fd, "c@d.test", contents[i])->body;
		const char *id = strstr(body, "\r\nMessage-ID: <");
		assert_non_null(id);
		assert_memory_equal(strchr(id, '>'), ">\r\nDate: ", 9);
		const char *date = strstr(id, "\r\nDate: ");
		assert_memory_equal(strstr(date + 2, "\r\n"), "\r\nSubject: x\r\n\r\nbody\r\n", 22);
	}
	part(fd);
	house_close(&house);
}

static void by_message_id_and_envelope(void **state)
{
	static const char content[] = "Message-ID: <1@x>\r\nSubject: x\r\n\r\nbody\r\n";

	(void)state;
	open_with(CLAIM_BY_MESSAGE_ID);
	const int fd = greeted(0);
	const struct house_mail *first = mail(fd, "c@d.test", content);
	assert_non_null(first->lent);
	assert_non_null(strstr(first->body, "Message-ID: <1@x>"));
	assert_true(same_key(first, mail(fd, "c@d.test", content)));
	assert_false(same_key(first, mail(fd, "d@d.test", content)));
	assert_false(same_key(first, mail(fd, "c@d.test", "Message-ID: <2@x>\r\n\r\nbody\r\n")));
	/* The field goes before it. */
	const struct house_mail *keyed =
	        mail(fd, "c@d.test", "Message-ID: <1@x>\r\nX-Sluice-Key: <1@x>\r\n\r\nbody\r\n");
	assert_non_null(keyed->lent);
	assert_false(same_key(first, keyed));
	assert_null(strstr(keyed->body, "luice-Key"));
	/* An id of our making is nobody's claim. */
	assert_null(mail(fd, "c@d.test", "Subject: x\r\n\r\nbody\r\n")->lent);
	part(fd);
	house_close(&house);
}

static void off_leaves_it_all_alone(void **state)
{
	(void)state;
	open_with(CLAIM_BY_OFF);
	const int fd = greeted(0);
	const struct house_mail *it = mail(
	        fd, "c@d.test", "X-Sluice-Key: 1\r\nX-Sluice-Key: 2\r\nMessage-ID: <1@x>\r\n\r\n");
	assert_null(it->lent);
	assert_non_null(strstr(it->body, "X-Sluice-Key: 1\r\nX-Sluice-Key: 2\r\n"));
	part(fd);
	house_close(&house);
}

/* Users have keys of their own, and so has each address where nobody signed in. */
static void a_key_is_its_clients(void **state)
{
	static const char content[] = "X-Sluice-Key: k1\r\n\r\nbody\r\n";

	(void)state;
	house_prepare(&house);
	house.config.idempotency.by = CLAIM_BY_KEY;
	house.config.listeners.count = 2;
	house.listeners[0].allow_plaintext_auth = true;
	house_add_users(&house, &house.listeners[0]);
	house_open(&house);
	int fd = greeted(1);
	const struct house_mail *address = mail(fd, "c@d.test", content);
	part(fd);
	fd = house_dial(&house, 0);
	ASK(fd, NULL, "220");
	(void)house_ask(&house, fd, "EHLO client.test\r\n", 9);
	/* NUL anna NUL secret */
	ASK(fd, "AUTH PLAIN AGFubmEAc2VjcmV0\r\n", "235");
	const struct house_mail *user = mail(fd, "c@d.test", content);
	assert_string_equal(user->user, "anna");
	assert_false(same_key(address, user));
	assert_true(same_key(user, mail(fd, "c@d.test", content)));
	part(fd);
	fd = greeted(0);
	assert_true(same_key(address, mail(fd, "c@d.test", content)));
	part(fd);
	house_close(&house);
}

static void what_is_no_key_is_refused(void **state)
{
	static const char *const wrong[] = {
		"X-Sluice-Key:\r\n\r\nbody\r\n",
		"X-Sluice-Key: \xc3\xa4\r\n\r\nbody\r\n",
		"X-Sluice-Key: 1\r\nX-Sluice-Key: 1\r\n\r\nbody\r\n",
	};

	(void)state;
	open_with(CLAIM_BY_KEY);
	const int fd = greeted(0);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
		ASK(fd, "RCPT TO:<c@d.test>\r\n", "250");
		ASK(fd, "DATA\r\n", "354");
		house_send(&house, fd, view_of(wrong[i]));
		ASK(fd, ".\r\n", "550 5.6.0 X-Sluice-Key is to be there once");
	}
	assert_int_equal(house.mail_count, 0);
	part(fd);
	house_close(&house);
}

/* The spooler says what it is; the first one's id is the answer. */
static void a_copy_gets_the_first_ones_id(void **state)
{
	static char lines[1 << 14];
	char name[MESSAGE_ID_TEXT];
	char wanted[64];
	struct logger *logger;
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	const struct logger_options options = { .fd = fileno(file), .level = LOG_INFO };
	assert_false(failed(logger_create(&logger, options)));
	house_prepare(&house);
	house.config.idempotency.by = CLAIM_BY_KEY;
	assert_false(failed(logger_open(logger, &house.log)));
	house.known_id = 77;
	house.result = PUT_KNOWN;
	house_open(&house);
	const int fd = greeted(0);
	(void)mail(fd, "c@d.test", "X-Sluice-Key: k1\r\n\r\nbody\r\n");
	assert_int_equal(house.counters.messages_known, 1);
	assert_int_equal(house.counters.messages_taken, 0);
	(void)logger_drain(logger);
	rewind(file);
	lines[fread(lines, 1, sizeof lines - 1, file)] = '\0';
	snprintf(wanted, sizeof wanted, "m=%s ", message_id_format(77, name));
	assert_non_null(strstr(lines, wanted));
	assert_non_null(strstr(lines, "event=duplicate client=127.0.0.1:"));
	assert_non_null(strstr(lines, "key=k1"));
	assert_null(strstr(lines, "event=accepted"));

	house.result = PUT_CLASH;
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	ASK(fd, "RCPT TO:<c@d.test>\r\n", "250");
	ASK(fd, "DATA\r\n", "354");
	ASK(fd, "X-Sluice-Key: k1\r\n\r\nother\r\n.\r\n", "550 5.6.0 X-Sluice-Key or Message-ID");
	/* One who is gone when it is known. */
	for (int i = 0; i < 2; i++) {
		house.holds = true;
		house.result = i == 0 ? PUT_KNOWN : PUT_CLASH;
		const int gone = greeted(0);
		ASK(gone, "MAIL FROM:<a@b.test>\r\n", "250");
		ASK(gone, "RCPT TO:<c@d.test>\r\n", "250");
		house_send(&house, gone, VIEW("BDAT 20 LAST\r\nX-Sluice-Key: k1\r\n\r\n"));
		house_turn_until(&house, house.ingest.puts == 1);
		const struct linger reset = { 1, 0 };
		setsockopt(gone, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		close(gone);
		house_turn_some(&house);
		house.holds = false;
		house_turn_until(&house, house.ingest.sessions.count == 1);
	}
	(void)logger_drain(logger);
	rewind(file);
	lines[fread(lines, 1, sizeof lines - 1, file)] = '\0';
	assert_non_null(strstr(lines, "event=clash"));
	part(fd);
	house_close(&house);
	logger_destroy(logger);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_field_is_a_key_and_not_sent_on),
		cmocka_unit_test(pieces_make_no_difference),
		cmocka_unit_test(empty_fields_are_filled),
		cmocka_unit_test(by_message_id_and_envelope),
		cmocka_unit_test(off_leaves_it_all_alone),
		cmocka_unit_test(a_key_is_its_clients),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(a_copy_gets_the_first_ones_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
