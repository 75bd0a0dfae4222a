/* In whose name mail goes out: at MAIL, and in the header as it comes in. */
#include "engine/config_report.h"
#include "tests/engine/ingest_client.h"

static struct house house;
static struct config *loaded;

static void open_with(const char *names)
{
	char room[4096];
	struct text text = TEXT_ON(room);
	struct config_report report;

	text_format(&text,
	        "name: relay.test\nroutes: [{host: a.test, notices_from: r@o.test}]\nnames:\n%s",
	        names);
	config_report_init(&report);
	if (failed(config_load_text(&loaded, "x.yaml", text_view(&text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(loaded);
	house_prepare(&house);
	house.config.routes = loaded->routes;
	house.config.names = loaded->names;
	house.config.naming_book = loaded->naming_book;
	house.config.rulebook = loaded->rulebook;
	house_open(&house);
}

static void close_all(int fd)
{
	close(fd);
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
	house_close(&house);
	config_destroy(MOVE(loaded));
}

#define ASK(fd, say, begins)                                                                       \
	assert_memory_equal(house_ask(&house, (fd), (say), 1), (begins), strlen(begins))

static int greeted(void)
{
	const int fd = house_dial(&house, 0);

	ASK(fd, NULL, "220");
	house_ask(&house, fd, "EHLO client.test\r\n", 8);
	return fd;
}

/* The message that was queued: its sender, and the body behind our Received. */
static const char *handed_in(int fd, const char *mail, const char *content)
{
	char line[8192];
	const size_t before = house.mail_count;

	snprintf(line, sizeof line, "%s\r\n", mail);
	ASK(fd, line, "250");
	ASK(fd, "RCPT TO:<b@x.test>\r\n", "250");
	ASK(fd, "DATA\r\n", "354");
	snprintf(line, sizeof line, "%s.\r\n", content);
	ASK(fd, line, "250 2.0.0 queued as");
	assert_int_equal(house.mail_count, before + 1);
	const char *body = house.mail[before].body;
	assert_memory_equal(body, "Received: ", 10);
	for (body = strstr(body, "\r\n"); body[2] == ' ' || body[2] == '\t';)
		body = strstr(body + 2, "\r\n");
	return body + 2;
}

#define IDS "Message-ID: <1@b.test>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n"

static void assert_last(const char *sender, const char *original)
{
	const struct house_mail *mail = &house.mail[house.mail_count - 1];

	assert_string_equal(mail->sender, sender);
	assert_string_equal(mail->original, original);
}

static void rewrite_changes_sender_and_from(void **state)
{
	(void)state;
	open_with("  - {policy: rewrite, address: n@o.test}\n");
	int fd = greeted();
	assert_string_equal(handed_in(fd, "MAIL FROM:<a@b.test>",
	                            IDS "From: Anna <x@b.test>\r\nS: x\r\n\r\nx\r\n"),
	        "From: Anna <n@o.test>\r\nReply-To: Anna <x@b.test>\r\n"
	        "X-Sluice-Original-From: Anna <x@b.test>\r\n" IDS "S: x\r\n\r\nx\r\n");
	assert_last("n@o.test", "a@b.test");
	/* Ours already: to the byte. */
	assert_string_equal(
	        handed_in(fd, "MAIL FROM:<n@o.test>", "From: <n@o.test>\r\n" IDS "\r\n"),
	        "From: <n@o.test>\r\n" IDS "\r\n");
	assert_last("n@o.test", "");
	/* Junk, nothing, and no header at all. */
	assert_string_equal(handed_in(fd, "MAIL FROM:<root>", IDS "From: root\r\n\r\n"),
	        "From: root <n@o.test>\r\nX-Sluice-Original-From: root\r\n" IDS "\r\n");
	assert_last("n@o.test", "");
	assert_string_equal(
	        handed_in(fd, "MAIL FROM:<>", IDS "\r\n"), "From: <n@o.test>\r\n" IDS "\r\n");
	assert_last("n@o.test", "");
	const char *bare = handed_in(fd, "MAIL FROM:<a@b.test>", "just text\r\n");
	static const char lines[] = "From: <n@o.test>\r\nReply-To: <a@b.test>\r\n"
	                            "X-Sluice-Original-From: a@b.test\r\nMessage-ID:";
	assert_memory_equal(bare, lines, strlen(lines));
	assert_non_null(strstr(bare, "\r\n\r\njust text\r\n"));
	close_all(fd);
}

/* What From had may need SMTPUTF8 where it is written anew, though nothing else does. */
static void utf8_is_seen_in_what_is_written(void **state)
{
	static const uint16_t needs = MESSAGE_8BIT | MESSAGE_HEADER_8BIT;

	(void)state;
	open_with("  - {policy: rewrite, address: n@o.test}\n");
	int fd = greeted();
	handed_in(fd, "MAIL FROM:<a@b.test> SMTPUTF8",
	        IDS "From: \xc3\x84nna <a@b.test>\r\n\r\nx\r\n");
	assert_int_equal(house.mail[0].flags & needs, needs);
	handed_in(fd, "MAIL FROM:<a@b.test> SMTPUTF8", IDS "From: Anna <a@b.test>\r\n\r\nx\r\n");
	assert_int_equal(house.mail[1].flags & needs, 0);
	/* Encoded, where it may not. */
	handed_in(fd, "MAIL FROM:<a@b.test>", IDS "From: \xc3\x84nna <a@b.test>\r\n\r\nx\r\n");
	assert_int_equal(house.mail[2].flags & needs, 0);
	close_all(fd);
}

#define ASSERT_AUTHOR(text) assert_string_equal(house.mail[house.mail_count - 1].author, (text))

/* The sender stays until somebody sends it; where From's address stands is known, whatever else is
 * put into the header. */
static void rewrite_without_an_address_leaves_it_open(void **state)
{
	(void)state;
	open_with("  - {user: nobody}\n  - {policy: rewrite}\n");
	int fd = greeted();
	assert_string_equal(handed_in(fd, "MAIL FROM:<a@b.test>",
	                            IDS "From: Anna <x@b.test>\r\nS: x\r\n\r\nx\r\n"),
	        "From: Anna <x@b.test>\r\nReply-To: Anna <x@b.test>\r\n"
	        "X-Sluice-Original-From: Anna <x@b.test>\r\n" IDS "S: x\r\n\r\nx\r\n");
	assert_last("a@b.test", "");
	ASSERT_AUTHOR("x@b.test");
	handed_in(fd, "MAIL FROM:<a@b.test>",
	        "Date:\r\nFrom: root\r\nMessage-ID:\r\nReply-To: r@b.test\r\n\r\nx\r\n");
	assert_last("a@b.test", "");
	ASSERT_AUTHOR("a@b.test");
	handed_in(fd, "MAIL FROM:<root>", "just text\r\n");
	assert_last("r@o.test", "");
	ASSERT_AUTHOR("r@o.test");
	handed_in(fd, "MAIL FROM:<>", IDS "Auto-Submitted: auto-replied\r\nFrom: a@b.test\r\n\r\n");
	assert_last("", "");
	ASSERT_AUTHOR("a@b.test");
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	ASK(fd, "RCPT TO:<b@x.test>\r\n", "250");
	ASK(fd, "BDAT 3\r\nFro", "250");
	ASK(fd, "BDAT 12\r\nm: c@b.test\r", "250");
	ASK(fd, "BDAT 9 LAST\r\n\nS: x\r\n\r\n", "250 2.0.0 queued");
	ASSERT_AUTHOR("c@b.test");
	close_all(fd);
}

/* Where a field is to be filled is counted in what is stored, not in what came. */
static void empty_fields_are_filled_in_place(void **state)
{
	(void)state;
	open_with("  - {policy: rewrite, address: n@o.test}\n");
	int fd = greeted();
	const char *body = handed_in(fd, "MAIL FROM:<a@b.test>",
	        "From a@b.test Tue Nov 24\r\nFrom: a@b.test\r\nMessage-ID:\r\nDate: \r\n"
	        "S: x\r\n\r\nx\r\n");
	static const char begins[] = "From: <n@o.test>\r\nReply-To: <a@b.test>\r\n"
	                             "X-Sluice-Original-From: a@b.test\r\nMessage-ID: <";
	assert_memory_equal(body, begins, strlen(begins));
	body = strstr(body, "@relay.test>\r\nDate:");
	assert_non_null(body);
	const char *rest = strstr(body, " +0000");
	assert_non_null(rest);
	assert_true(rest - body < 60);
	rest = strstr(rest, "\r\n");
	assert_string_equal(rest, "\r\nS: x\r\n\r\nx\r\n");
	close_all(fd);
}

static void a_report_keeps_the_null_sender(void **state)
{
	(void)state;
	open_with("  - {policy: rewrite, address: n@o.test}\n");
	int fd = greeted();
	handed_in(fd, "MAIL FROM:<>",
	        IDS "Content-Type: Multipart/Report; boundary=x\r\nFrom: a@b.test\r\n\r\n");
	assert_last("", "");
	assert_string_equal(house.mail[0].recipients, "b@x.test");
	handed_in(fd, "MAIL FROM:<> ENVID=abc", IDS "Auto-Submitted: auto-replied (away)\r\n\r\n");
	assert_last("", "");
	assert_string_equal(house.mail[1].envid, "abc");
	assert_string_equal(house.mail[1].recipients, "b@x.test");
	handed_in(fd, "MAIL FROM:<a@b.test>", IDS "Content-Type: multipart/report\r\n\r\n");
	assert_last("n@o.test", "a@b.test");
	/* Each transaction anew. */
	handed_in(fd, "MAIL FROM:<>", IDS "\r\n");
	assert_last("n@o.test", "");
	close_all(fd);
}

static void a_default_is_for_what_is_impossible(void **state)
{
	(void)state;
	open_with("  - {default_from: d@o.test}\n");
	int fd = greeted();
	assert_string_equal(
	        handed_in(fd, "MAIL FROM:<a@b.test>", IDS "From: A\r\n <x@b.test>\r\n\r\n"),
	        IDS "From: A\r\n <x@b.test>\r\n\r\n");
	assert_last("a@b.test", "");
	assert_string_equal(handed_in(fd, "MAIL FROM:<a@b.test>", IDS "From: root\r\n\r\n"),
	        "From: root <d@o.test>\r\nX-Sluice-Original-From: root\r\n" IDS "\r\n");
	assert_last("a@b.test", "");
	assert_string_equal(handed_in(fd, "MAIL FROM:<a@b.test>",
	                            IDS "S: x"
	                                "\r\n"),
	        "From: <d@o.test>\r\nX-Sluice-Original-From: a@b.test\r\n" IDS "S: x\r\n");
	static const char *const junk[] = { "MAIL FROM:<>", "MAIL FROM:<root> SIZE=10",
		"MAIL FROM:root", "MAIL FROM:<root@>", "MAIL FROM:<a..b@c.test>",
		"MAIL FROM:<\xc3\xa4@b.test>" };
	for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
		handed_in(fd, junk[i], IDS "\r\n");
		assert_last("d@o.test", "");
	}
	/* What else is wrong with MAIL is still wrong. */
	ASK(fd, "MAIL FROM:<root> SIZE=x\r\n", "501 5.5.4");
	ASK(fd, "MAIL FROM\r\n", "501 5.5.4");
	close_all(fd);
}

static void who_may_not_is_refused(void **state)
{
	(void)state;
	open_with("  - {sender: ['@o.test', '<>']}\n  - {policy: refuse}\n");
	int fd = greeted();
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "550 5.7.1 Sender refused: this relay does not let");
	ASK(fd, "RCPT TO:<b@x.test>\r\n", "503");
	assert_string_equal(handed_in(fd, "MAIL FROM:<a@o.test>", IDS "From: x\r\n\r\n"),
	        IDS "From: x\r\n\r\n");
	handed_in(fd, "MAIL FROM:<>", IDS "\r\n");
	assert_last("", "");
	/* No entry knows an address for it. */
	ASK(fd, "MAIL FROM:<root>\r\n", "501 5.1.7");
	close_all(fd);
}

/* By BDAT, in three pieces, the first of which ends within From. */
static void chunks_are_the_same(void **state)
{
	(void)state;
	open_with("  - {policy: map, map: '@b.test: m@o.test'}\n");
	int fd = greeted();
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	ASK(fd, "RCPT TO:<b@x.test>\r\n", "250");
	ASK(fd, "BDAT 3\r\nFro", "250");
	ASK(fd, "BDAT 12\r\nm: a@b.test\r", "250");
	ASK(fd, "BDAT 9 LAST\r\n\nS: x\r\n\r\n", "250 2.0.0 queued");
	assert_non_null(
	        strstr(house.mail[0].body, "From: <m@o.test>\r\nReply-To: "
	                                   "<a@b.test>\r\nX-Sluice-Original-From: a@b.test\r\n"));
	assert_null(strstr(house.mail[0].body, "\r\nFrom: a@b.test"));
	assert_last("m@o.test", "a@b.test");
	/* Refused in its midst, and the next one is whole. */
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	ASK(fd, "RCPT TO:<b@x.test>\r\n", "250");
	ASK(fd, "BDAT 9 LAST\r\nFrom: a\nb", "550 5.6.0");
	handed_in(fd, "MAIL FROM:<a@c.test>", IDS "From: a@b.test\r\n\r\n");
	assert_last("a@c.test", "");
	close_all(fd);
}

static void strangers_learn_nothing(void **state)
{
	(void)state;
	open_with("  - {policy: refuse}\n");
	house.listeners[0].allow.count = 0;
	int fd = greeted();
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	ASK(fd, "RCPT TO:<b@x.test>\r\n", "550 5.7.1 Relaying denied");
	ASK(fd, "RSET\r\n", "250");
	ASK(fd, "MAIL FROM:<root>\r\n", "501");
	close_all(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rewrite_changes_sender_and_from),
		cmocka_unit_test(rewrite_without_an_address_leaves_it_open),
		cmocka_unit_test(utf8_is_seen_in_what_is_written),
		cmocka_unit_test(empty_fields_are_filled_in_place),
		cmocka_unit_test(a_report_keeps_the_null_sender),
		cmocka_unit_test(a_default_is_for_what_is_impossible),
		cmocka_unit_test(who_may_not_is_refused),
		cmocka_unit_test(chunks_are_the_same),
		cmocka_unit_test(strangers_learn_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
