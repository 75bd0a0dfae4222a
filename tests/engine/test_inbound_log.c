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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_has_its_line),
		cmocka_unit_test(every_recipient_is_named),
		cmocka_unit_test(refusals_and_losses_have_lines),
	};

	return cmocka_run_group_tests_name("inbound_log", tests, NULL, NULL);
}
