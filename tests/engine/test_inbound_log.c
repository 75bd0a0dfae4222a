#include "engine/logger.h"
#include "tests/engine/ingest_client.h"

static struct house house;
static struct logger *logger;
static FILE *file;
static char lines[1 << 16];

/* What the log has so far. */
static const char *log_read(void)
{
	(void)logger_drain(logger);
	rewind(file);
	const size_t bytes = fread(lines, 1, sizeof lines - 1, file);
	lines[bytes] = '\0';
	return lines;
}

static void log_open(void)
{
	file = tmpfile();
	assert_non_null(file);
	const struct logger_options options = { .fd = fileno(file), .level = LOG_INFO };
	assert_false(failed(logger_create(&logger, options)));
	house_prepare(&house);
	assert_false(failed(logger_open(logger, &house.log)));
}

static void log_close(void)
{
	house_close(&house);
	logger_destroy(logger);
	fclose(file);
}

/* One grep for the id tells the mail's story here, another for the connection's. */
static void a_mail_has_its_line(void **state)
{
	(void)state;
	log_open();
	house_open(&house);
	int fd = house_dial(&house, 0);
	(void)house_ask(&house, fd, "", 1);
	(void)house_ask(&house, fd,
	        "HELO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nRCPT TO:<e@f.test>\r\n"
	        "DATA\r\n",
	        5);
	(void)house_ask(&house, fd, "Message-ID: <1@client>\r\n\r\n.\r\nQUIT\r\n", 2);
	close(fd);
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
	const char *accepted = strstr(log_read(), "m=Z8 ");
	assert_non_null(accepted);
	const char *end = strchr(accepted, '\n');
	assert_non_null(end);
	const char *const parts[] = { " c=", "event=accepted ", "from=a@b.test ",
		"to=c@d.test,e@f.test ", "recipients=2 ", "client=127.0.0.1 ", "protocol=SMTP ",
		"message_id=<1@client> " };
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		const char *found = strstr(accepted, parts[i]);
		if (found == NULL || found > end)
			fail_msg("no %s in %s", parts[i], lines);
	}
	assert_non_null(strstr(lines, "event=connected client=127.0.0.1:"));
	assert_non_null(strstr(lines, "event=closed reason=\"221 2.0.0 Goodbye\""));
	assert_null(strstr(lines, "answer=lost"));
	assert_null(strstr(lines, "longest_line="));
	assert_null(strstr(lines, "nul="));

	/* What others may refuse is told. */
	char odd[1100];
	memset(odd, 'x', sizeof odd);
	fd = house_dial(&house, 0);
	(void)house_ask(&house, fd, "HELO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n", 4);
	(void)house_ask(&house, fd, "DATA\r\n", 1);
	house_send(&house, fd, VIEW("\r\n\0"));
	house_send(&house, fd, view_from(odd, sizeof odd));
	(void)house_ask(&house, fd, "\r\n.\r\n", 1);
	assert_non_null(strstr(log_read(), " longest_line=1101 nul=yes"));
	close(fd);
	log_close();
}

/* However many, every recipient is named, with the message's id in its line. */
static void every_recipient_is_named(void **state)
{
	(void)state;
	char command[64];

	log_open();
	house_open(&house);
	int fd = house_dial(&house, 0);
	(void)house_ask(&house, fd, "", 1);
	(void)house_ask(&house, fd, "HELO x\r\nMAIL FROM:<>\r\n", 2);
	for (int i = 0; i < 100; i++) {
		snprintf(command, sizeof command, "RCPT TO:<recipient-%03d@example.test>\r\n", i);
		(void)house_ask(&house, fd, command, 1);
	}
	(void)house_ask(&house, fd, "BDAT 6 LAST\r\nA: b\r\n", 1);
	(void)log_read();
	for (int i = 0; i < 100; i++) {
		snprintf(command, sizeof command, "recipient-%03d@example.test", i);
		const char *found = strstr(lines, command);
		assert_non_null(found);
		while (found > lines && found[-1] != '\n')
			found--;
		assert_memory_equal(found, "m=Z8 ", 5);
	}
	assert_non_null(strstr(lines, "recipients=100 "));
	close(fd);
	log_close();
}

static void refusals_and_losses_have_lines(void **state)
{
	(void)state;
	log_open();
	house.listeners[0].allow = (struct config_networks){ 0 };
	house.config.listeners.count = 2;
	house_open(&house);
	int fd = house_dial(&house, 0);
	(void)house_ask(&house, fd, "", 1);
	(void)house_ask(
	        &house, fd, "HELO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nQUIT\r\n", 4);
	close(fd);
	assert_non_null(strstr(log_read(), "event=stranger client=127.0.0.1:"));
	assert_non_null(strstr(lines, "from=a@b.test"));
	assert_non_null(strstr(lines, "event=refused stage=rcpt client=127.0.0.1:"));
	assert_non_null(strstr(lines, "to=c@d.test reply=\"550 5.7.1 Relaying denied"));

	/* One who is gone when his message is safe. */
	const enum put_result results[] = { PUT_COMMITTED, PUT_FAILED };
	for (size_t i = 0; i < 2; i++) {
		house.holds = true;
		house.result = results[i];
		fd = house_dial(&house, 1);
		(void)house_ask(&house, fd, "", 1);
		(void)house_ask(
		        &house, fd, "HELO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n", 3);
		house_send(&house, fd, VIEW("BDAT 6 LAST\r\nA: b\r\n"));
		house_turn_until(&house, house.ingest.puts == 1);
		const struct linger reset = { 1, 0 };
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		close(fd);
		house_turn_some(&house);
		house.holds = false;
		house_turn_until(&house, list_is_empty(&house.ingest.sessions));
	}
	assert_non_null(strstr(log_read(), " answer=lost"));
	assert_non_null(strstr(lines, "event=refused stage=data"));
	assert_non_null(strstr(lines, "reply=\"451 4.3.0 "));
	log_close();
}

/* What a device's owner needs to see, and no secret. */
static void every_refusal_of_mail_has_a_line(void **state)
{
	static const struct {
		const char *say;
		const char *line; /* up to the client, and from behind it */
		const char *rest;
	} rows[] = {
		{ "RCPT TO:<c@d.test>\r\n", "event=refused stage=rcpt client=127.0.0.1:",
		        " to=c@d.test reply=\"503 5.5.1 Say MAIL first\"" },
		{ "MAIL FROM:<a b>\r\n", "event=refused stage=mail client=127.0.0.1:",
		        " arguments=\"FROM:<a b>\" reply=\"501 5.1.7 " },
		{ "MAIL FROM:<a@b.test> SIZE=99999999\r\n",
		        "event=refused stage=mail client=", " from=a@b.test reply=\"552 5.3.4 " },
		{ "MAIL FROM:<a@b.test>\r\n", NULL, NULL },
		{ "MAIL FROM:<x@y.test>\r\n", "event=refused stage=mail client=127.0.0.1:",
		        " from=a@b.test arguments=FROM:<x@y.test> reply=\"503 5.5.1 " },
		{ "DATA\r\n", "event=refused stage=data client=127.0.0.1:",
		        " from=a@b.test reply=\"503 5.5.1 No valid recipients\"" },
		{ "RCPT TO:<c>\r\n", "event=refused stage=rcpt client=127.0.0.1:",
		        " from=a@b.test arguments=TO:<c> reply=\"553 5.1.3 " },
		{ "BDAT 2 x\r\nab",
		        "event=refused stage=bdat client=127.0.0.1:", " reply=\"501 5.5.4 " },
		{ "RSET\r\n", NULL, NULL },
		{ "BDAT 3\r\nabc", "event=refused stage=bdat client=127.0.0.1:",
		        " reply=\"503 5.5.1 Say MAIL first\"" },
		{ "AUTH PLAIN c2VjcmV0\r\n", "event=refused stage=auth client=127.0.0.1:",
		        " reply=\"502 5.5.1 AUTH is not offered\"" },
		/* Not of mail: at debug alone. */
		{ "c2VjcmV0\r\n", NULL, NULL },
		{ "c2VjcmV0 c2VjcmV0\r\n", NULL, NULL },
		{ "EXPN all\r\n", NULL, NULL },
		{ "HELO\r\n", NULL, NULL },
	};
	size_t before = 0;

	(void)state;
	log_open();
	house_open(&house);
	int fd = house_dial(&house, 0);
	(void)house_ask(&house, fd, "HELO x\r\n", 2);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)house_ask(&house, fd, rows[i].say, 1);
		const char *more = log_read() + before;
		before += strlen(more);
		const char *line = strstr(more, "event=refused");
		if ((line == NULL) != (rows[i].line == NULL))
			fail_msg("%s gives: %s", rows[i].say, more);
		if (line != NULL && (strncmp(line, rows[i].line, strlen(rows[i].line)) != 0 ||
		                            strstr(line, rows[i].rest) == NULL))
			fail_msg("%s gives: %s", rows[i].say, more);
	}
	assert_null(strstr(lines, "c2VjcmV0"));
	close(fd);
	log_close();
}

/* Delays don't count as errors, but not every one of very many is logged. */
static void delays_have_a_bound(void **state)
{
	size_t found = 0;

	(void)state;
	log_open();
	house.config.limits.recipients = 1;
	house.config.limits.errors = 5;
	house_open(&house);
	int fd = house_dial(&house, 0);
	(void)house_ask(&house, fd, "HELO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d>\r\n", 4);
	for (int i = 0; i < 20; i++)
		(void)house_ask(&house, fd, "RCPT TO:<e@f.test>\r\n", 1);
	for (const char *at = log_read(); (at = strstr(at, "452 4.5.3")) != NULL; at++)
		found++;
	assert_int_equal(found, 5);
	(void)house_ask(&house, fd, "BDAT 6 LAST\r\nA: b\r\n", 1);
	close(fd);
	log_close();
}

static void a_shortage_of_memory_has_two_lines(void **state)
{
	struct rope hoard = { 0 };

	(void)state;
	log_open();
	house_open(&house);
	int fd = house_dial(&house, 0);
	(void)house_ask(&house, fd, "HELO x\r\n", 2);
	assert_null(strstr(log_read(), "event=memory_short"));
	while (rope_extend(&hoard, &house.shelf, CHUNK_DATA_BYTES, house.ingest.reserve) != NULL)
		continue;
	struct chunk *own = NULL;
	while (house.ingest.shard.shelf.count > 0) {
		struct chunk *chunk = shelf_take(&house.ingest.shard.shelf);
		chunk->next = own;
		own = chunk;
	}
	house_send(&house, fd, VIEW("MAIL FROM:<a@b.test>\r\n"));
	house_turn_until(&house, house.ingest.hungry.count == 1);
	house_turn_some(&house);
	const char *line = strstr(log_read(), "event=memory_short level=warning waiting=1 ");
	assert_non_null(line);
	assert_null(strstr(line + 1, "event=memory_short")); /* once */
	assert_null(strstr(lines, "event=memory_again"));
	rope_free(&hoard, &house.shelf);
	shelf_finish(&house.shelf);
	shelf_init(&house.shelf, house.depot);
	while (own != NULL) {
		struct chunk *chunk = own;
		own = MOVE(chunk->next);
		shelf_give(&house.shelf, chunk);
	}
	(void)house_ask(&house, fd, "", 1);
	house_turn_some(&house);
	assert_non_null(strstr(log_read(), "event=memory_again seconds="));
	close(fd);
	log_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_has_its_line),
		cmocka_unit_test(every_recipient_is_named),
		cmocka_unit_test(refusals_and_losses_have_lines),
		cmocka_unit_test(every_refusal_of_mail_has_a_line),
		cmocka_unit_test(delays_have_a_bound),
		cmocka_unit_test(a_shortage_of_memory_has_two_lines),
	};

	return cmocka_run_group_tests_name("inbound_log", tests, NULL, NULL);
}
