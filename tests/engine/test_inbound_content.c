/* What becomes of the content: what is added to it, filled in, and taken away. */
#include "tests/engine/ingest_client.h"

static struct house house;

static const char *ask(int fd, const char *say, size_t lines)
{
	return house_ask(&house, fd, say, lines);
}

#define ASK(fd, say, begins) assert_memory_equal(ask((fd), (say), 1), (begins), strlen(begins))

static int greeted(size_t door)
{
	int fd = house_dial(&house, door);

	ASK(fd, "", "220 ");
	ASK(fd, "HELO client.test\r\n", "250 ");
	return fd;
}

static void part(int fd)
{
	close(fd);
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
}

static void envelope_and_headers_are_kept(void **state)
{
	(void)state;
	house_prepare(&house);
	house.config.accepted_domains =
	        (struct config_words){ (const char *const[]){ "contoso.test" }, 1 };
	house_open(&house);
	int fd = greeted(0);
	ASK(fd, "MAIL FROM:<a@b.test> RET=HDRS ENVID=QQ1 BODY=8BITMIME SMTPUTF8\r\n", "250");
	ASK(fd, "RCPT TO:<c@d.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y.test\r\n", "250");
	ASK(fd, "RCPT TO:<\xc3\xa4@d.test>\r\n", "250");
	ASK(fd, "RCPT TO:<postmaster>\r\n", "250");
	ASK(fd, "DATA\r\n", "354");
	ASK(fd, "Subject: \xc3\xa4\r\n\r\n..dot\r\n.\r\n", "250 2.0.0 queued as Z8");
	const struct house_mail *mail = &house.mail[0];
	assert_int_equal(mail->id, 1000);
	assert_string_equal(mail->sender, "a@b.test");
	assert_string_equal(mail->envid, "QQ1");
	assert_string_equal(mail->protocol, "SMTP");
	assert_string_equal(mail->recipients,
	        "c@d.test/10/rfc822;x@y.test \xc3\xa4@d.test postmaster@contoso.test");
	assert_int_equal(mail->flags, MESSAGE_8BIT | MESSAGE_8BITMIME | MESSAGE_SMTPUTF8 |
	                                      MESSAGE_RET_HEADERS | MESSAGE_HEADER_8BIT);
	assert_memory_equal(mail->body, "Received: from client.test ([127.0.0.1])\r\n", 42);
	assert_null(strstr(mail->body, "for <")); /* nobody learns of the others */
	assert_non_null(strstr(mail->body, "\r\nMessage-ID: <Z8@relay.test>\r\nDate: "));
	assert_non_null(strstr(mail->body, " +0000\r\nSubject: \xc3\xa4\r\n\r\n.dot\r\n"));

	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	ASK(fd, "RCPT TO:<c@d.test>\r\n", "250");
	ASK(fd, "DATA\r\n", "354");
	ASK(fd, "Date: today\r\nMessage-ID: <1@x>\r\n\r\n\xc3\xa4\r\n.\r\n",
	        "250 2.0.0 queued as Z9");
	mail = &house.mail[1];
	assert_int_equal(mail->flags, MESSAGE_8BIT);
	assert_null(strstr(mail->body, "@relay.test>"));
	assert_non_null(strstr(mail->body, "\r\n\tfor <c@d.test>;\r\n\t"));
	assert_non_null(
	        strstr(mail->body, " +0000\r\nDate: today\r\nMessage-ID: <1@x>\r\n\r\n\xc3\xa4"));

	part(fd);
	assert_int_equal(house.counters.messages_taken, 2);
	assert_int_equal(house.counters.recipients_taken, 4);
	house_close(&house);
}

/* The body that becomes of what is said after RCPT, behind our Received. */
static const char *body_of(int fd, const char *say)
{
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	ASK(fd, "RCPT TO:<c@d.test>\r\n", "250");
	assert_non_null(strstr(ask(fd, say, strncmp(say, "DATA", 4) == 0 ? 2 : 1), " queued as "));
	const char *body = strstr(house.mail[house.mail_count - 1].body, " +0000\r\n");
	assert_non_null(body);
	return body + strlen(" +0000\r\n");
}

static const char *data_of(int fd, const char *content)
{
	char room[512];

	snprintf(room, sizeof room, "DATA\r\n%s.\r\n", content);
	return body_of(fd, room);
}

#define FIELDS "Date: now\r\nMessage-ID: <1@x>\r\n"

static void what_is_no_header(void **state)
{
	(void)state;
	house_prepare(&house);
	house_open(&house);
	int fd = greeted(0);
	/* Text without one becomes a body. */
	assert_non_null(strstr(data_of(fd, "Just text\r\n"), " +0000\r\n\r\nJust text\r\n"));
	/* A line of an mbox file is none, nor does it end one. */
	assert_string_equal(data_of(fd, "From a@b Tue\r\n" FIELDS "\r\nb\r\n"), FIELDS "\r\nb\r\n");
	assert_string_equal(
	        data_of(fd, ">From a\r\n" FIELDS "\r\nFrom b\r\n"), FIELDS "\r\nFrom b\r\n");
	assert_non_null(strstr(body_of(fd, "BDAT 3 LAST\r\nFro"), " +0000\r\n\r\nFro"));
	part(fd);
	house_close(&house);
}

/* Fields that say nothing are filled, in either order. */
static void empty_fields_are_filled(void **state)
{
	static const char *const contents[] = {
		"Date:\r\nX: y\r\nMessage-ID:  \r\n\r\nb\r\n",
		"Message-ID:\r\nDate:\r\n\r\nb\r\n",
	};

	(void)state;
	house_prepare(&house);
	house_open(&house);
	int fd = greeted(0);
	for (size_t i = 0; i < 2; i++) {
		const char *body = data_of(fd, contents[i]);
		const char *date = strstr(body, "Date: ");
		const char *id = strstr(body, "Message-ID: <");
		assert_non_null(date);
		assert_non_null(id);
		assert_memory_equal(strchr(date, '\r') - 6, " +0000\r\n", 8);
		assert_memory_equal(strchr(id, '@'), "@relay.test>", 12);
		assert_null(strstr(date + 1, "Date"));
		assert_null(strstr(id + 1, "Message-ID"));
		assert_int_equal(date < id, i == 0);
	}
	/* One of the two. */
	assert_memory_equal(data_of(fd, "X: y\r\nDate:\r\n\r\n"), "Message-ID: <", 13);
	assert_non_null(strstr(house.mail[2].body, "\r\nX: y\r\nDate: "));
	part(fd);
	house_close(&house);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelope_and_headers_are_kept),
		cmocka_unit_test(what_is_no_header),
		cmocka_unit_test(empty_fields_are_filled),
	};

	return cmocka_run_group_tests_name("inbound_content", tests, NULL, NULL);
}
