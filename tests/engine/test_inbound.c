#include "tests/engine/ingest_client.h"

/* What is said, and what comes back: beginnings of lines, separated by '|'; "": nothing. */
struct line {
	const char *say;
	const char *expect;
};

#define LINES_MAX 24

struct dialogue {
	const char *name;
	struct line lines[LINES_MAX];
	size_t mails;
};

#define EHLO                                                                                       \
	{                                                                                          \
		"EHLO client.test\r\n",                                                            \
		        "250-relay.test Hello [127.0.0.1]|250-SIZE "                               \
		        "1048576|250-PIPELINING|250-8BITMIME|"                                     \
		        "250-SMTPUTF8|250-CHUNKING|250-DSN|250 ENHANCEDSTATUSCODES"                \
	}
#define MAIL                                                                                       \
	{                                                                                          \
		"MAIL FROM:<a@b.test>\r\n", "250 2.1.0 "                                           \
	}
#define RCPT                                                                                       \
	{                                                                                          \
		"RCPT TO:<c@d.test>\r\n", "250 2.1.5 "                                             \
	}
#define DATA                                                                                       \
	{                                                                                          \
		"DATA\r\n", "354 "                                                                 \
	}
#define TEXT                                                                                       \
	{                                                                                          \
		"Subject: x\r\n\r\n.\r\n", "250 2.0.0 queued as "                                  \
	}

static const struct dialogue dialogues[] = {
	{ "a mail", { EHLO, MAIL, RCPT, DATA, TEXT, { "QUIT\r\n", "221 2.0.0 " } }, 1 },
	{ "a device",
	        { { "HELO printer\r\n", "250 relay.test Hello" }, MAIL, RCPT, DATA, TEXT,
	                { "QUIT\r\n", "221 2.0.0 " } },
	        1 },
	{ "two mails", { EHLO, MAIL, RCPT, DATA, TEXT, MAIL, RCPT, RCPT, DATA, TEXT }, 2 },
	{ "case and spaces",
	        { { "ehlo client.test\r\n", "250-|250-|250-|250-|250-|250-|250-|250 " },
	                { "mail from: <a@b.test> \r\n", "250 2.1.0" },
	                { "Rcpt To:c@d.test\r\n", "250 2.1.5" }, { "data\r\n", "354 " }, TEXT },
	        1 },
	{ "order",
	        { { "MAIL FROM:<a@b.test>\r\n", "503 5.5.1 Say EHLO" },
	                { "RCPT TO:<c@d.test>\r\n", "503 5.5.1 Say EHLO" },
	                { "DATA\r\n", "503 5.5.1 Say EHLO" }, { "NOOP\r\n", "250 2.0.0 " },
	                { "RSET\r\n", "250 2.0.0 " }, EHLO,
	                { "RCPT TO:<c@d.test>\r\n", "503 5.5.1 Say MAIL" },
	                { "DATA\r\n", "503 5.5.1 Say MAIL" }, MAIL,
	                { "MAIL FROM:<a@b.test>\r\n", "503 5.5.1 A transaction" },
	                { "DATA\r\n", "503 5.5.1 No valid" }, RCPT,
	                { "MAIL FROM:<a@b.test>\r\n", "503 5.5.1 A transaction" },
	                { "RSET\r\n", "250 2.0.0 " },
	                { "RCPT TO:<c@d.test>\r\n", "503 5.5.1 Say MAIL" }, MAIL, EHLO,
	                { "RCPT TO:<c@d.test>\r\n", "503 5.5.1 Say MAIL" } },
	        0 },
	{ "the others",
	        { { "EHLO\r\n", "501 5.5.4" }, EHLO, { "VRFY c\r\n", "252 2.1.5" },
	                { "EXPN list\r\n", "502 5.5.1" }, { "HELP\r\n", "214 2.0.0" },
	                { "NOOP whatever\r\n", "250 2.0.0" }, { "XYZZY\r\n", "500 5.5.2" },
	                { "\r\n", "500 5.5.2" }, { "STARTTLS\r\n", "502 5.5.1" },
	                { "AUTH PLAIN AGEAYg==\r\n", "502 5.5.1" },
	                { "MAIL FROM:<a@b.test> NONE=1\r\n", "555 5.5.4" },
	                { "MAIL FROM:<a@b.test> SIZE=1048577\r\n", "552 5.3.4" },
	                { "MAIL FROM:<>\r\n", "250 2.1.0" },
	                { "RCPT TO:<nobody>\r\n", "553 5.1.3" },
	                { "RCPT TO:<Postmaster>\r\n", "250 2.1.5" }, DATA, TEXT },
	        1 },
	{ "lines that are none",
	        { EHLO, { "NOOP\n", "500 5.5.2 Commands end" }, { "NO\rOP\r\n", "500 5.5.2 " },
	                { "NOOP\r\r\n", "500 5.5.2 " } },
	        0 },
	{ "chunks",
	        { EHLO, MAIL, RCPT, { "BDAT 12\r\nSubject: x\r\n", "250 2.0.0 12 bytes" },
	                { "BDAT 0\r\n", "250 2.0.0 12 bytes" },
	                { "RCPT TO:<e@d.test>\r\n", "503 5.5.1 The message" },
	                { "DATA\r\n", "503 5.5.1 DATA and BDAT" },
	                { "BDAT 1\r\n\r", "250 2.0.0 12 bytes" }, /* the CR is held back */
	                { "BDAT 6 LAST\r\n\n.\r\nx\n", "550 5.6.0 " }, MAIL, RCPT,
	                { "BDAT 8\r\nA: b\r\n\r\n", "250 2.0.0 8 bytes" },
	                { "BDAT 0 LAST\r\n", "250 2.0.0 queued as " }, MAIL, RCPT,
	                { "BDAT 0 LAST\r\n", "250 2.0.0 queued as " }, MAIL, RCPT,
	                { "BDAT 13 LAST\r\nA: b\r\n\r\n.\r\n\r\n", "250 2.0.0 queued as " } },
	        3 },
	{ "chunks that have no place",
	        { { "BDAT 6 LAST\r\nQUIT\r\n", "503 5.5.1 Say EHLO" }, EHLO,
	                { "BDAT 6 LAST\r\nQUIT\r\n", "503 5.5.1 Say MAIL" }, MAIL,
	                { "RCPT TO:<nobody>\r\n", "553 " },
	                { "BDAT 6 LAST\r\nQUIT\r\n", "503 5.5.1 No valid" }, RCPT,
	                { "BDAT 6\r\nab\rcd\n", "550 5.6.0" },
	                { "BDAT 6 LAST\r\nQUIT\r\n", "503 5.5.1 Say MAIL" } },
	        0 },
	/* Its bytes are no commands, and the message without them is none. */
	{ "chunks that make no sense",
	        { EHLO, MAIL, RCPT, { "BDAT 3\r\nA: ", "250 2.0.0 3 bytes" },
	                { "BDAT 6 LUST\r\nQUIT\r\n", "501 5.5.4 Syntax: BDAT" },
	                { "BDAT 3 LAST\r\nb\r\n", "503 5.5.1 Say MAIL" },
	                { "BDAT 6 \x01\r\nQUIT\r\n", "501 5.5.4 Syntax: BDAT" }, MAIL, RCPT,
	                { "BDAT 6 LAST\nQUIT\r\n", "500 5.5.2 Commands end" },
	                { "RCPT TO:<c@d.test>\r\n", "503 5.5.1 Say MAIL" } },
	        0 },
	{ "a chunk of no length",
	        { EHLO, MAIL, RCPT, { "BDAT x LAST\r\nRSET\r\n", "501 5.5.4 Syntax: BDAT" } }, 0 },
	{ "a chunk within, then anew",
	        { EHLO, MAIL, RCPT, { "BDAT 3\r\nA: ", "250 2.0.0 3 bytes" },
	                { "RSET\r\n", "250 2.0.0" }, MAIL, RCPT,
	                { "BDAT 3\r\nB: ", "250 2.0.0 3 bytes" },
	                { "BDAT 3 LAST\r\nb\r\n", "250 2.0.0 queued" } },
	        1 },
};

static struct house house;

static void dialogue_check(const char *name, const char *mode, const char *expect, struct text *got)
{
	const char *at = text_string(got);

	while (*expect != '\0') {
		size_t bytes = strcspn(expect, "|");
		if (strncmp(at, expect, bytes) != 0)
			fail_msg("%s, %s: wanted \"%.*s\", got: %s", name, mode, (int)bytes, expect,
			        at);
		at = strchr(at, '\n');
		if (at == NULL)
			fail_msg("%s, %s: too few lines: %s", name, mode, got->data);
		at++;
		expect += bytes + (expect[bytes] == '|');
	}
	if (*at != '\0')
		fail_msg("%s, %s: too many lines: %s", name, mode, at);
}

static size_t expect_lines(const char *expect)
{
	size_t lines = *expect != '\0';

	for (; *expect != '\0'; expect++)
		lines += *expect == '|';
	return lines;
}

enum dialogue_mode { STEP_BY_STEP, BYTE_BY_BYTE, IN_ONE_TRAIN };
static const char *const mode_names[] = { "step by step", "byte by byte", "in one train" };

static void dialogue_say(int fd, const char *say, enum dialogue_mode mode)
{
	for (size_t i = 0; mode == BYTE_BY_BYTE && i < strlen(say); i++) {
		house_send(&house, fd, view_from(say + i, 1));
		house_turn(&house);
	}
	if (mode != BYTE_BY_BYTE)
		house_send(&house, fd, view_of(say));
}

static void dialogue_run(const struct dialogue *dialogue, enum dialogue_mode mode)
{
	char room[8192];
	char expect[2048] = "";
	struct text got = TEXT_ON(room);
	const size_t mails = house.mail_count;
	int fd = house_dial(&house, 0);

	house_await(&house, fd, &got, 1);
	dialogue_check(dialogue->name, "greeting", "220 relay.test ESMTP", &got);
	got.bytes = 0;
	for (size_t i = 0; i < LINES_MAX && dialogue->lines[i].say != NULL; i++) {
		const struct line *line = &dialogue->lines[i];
		dialogue_say(fd, line->say, mode);
		if (mode == IN_ONE_TRAIN) {
			struct text all = text_on(expect, sizeof expect);
			all.bytes = strlen(expect);
			text_format(&all, "%s%s", all.bytes > 0 ? "|" : "", line->expect);
			(void)text_string(&all);
			continue;
		}
		house_await(&house, fd, &got, expect_lines(line->expect));
		dialogue_check(dialogue->name, mode_names[mode], line->expect, &got);
		got.bytes = 0;
	}
	if (mode == IN_ONE_TRAIN) {
		house_await(&house, fd, &got, expect_lines(expect));
		house_turn_some(&house);
		(void)house_receive(fd, &got);
		dialogue_check(dialogue->name, mode_names[mode], expect, &got);
	}
	if (house.mail_count - mails != dialogue->mails)
		fail_msg("%s, %s: %zu mails", dialogue->name, mode_names[mode],
		        house.mail_count - mails);
	close(fd);
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
}

static void dialogues_go_as_they_should(void **state)
{
	(void)state;
	house_prepare(&house);
	house_open(&house);
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
		dialogue_run(&dialogues[i], STEP_BY_STEP);
		dialogue_run(&dialogues[i], BYTE_BY_BYTE);
		dialogue_run(&dialogues[i], IN_ONE_TRAIN);
	}
	house_close(&house);
}

static const char *ask(int fd, const char *say, size_t lines)
{
	return house_ask(&house, fd, say, lines);
}

static int greeted(size_t door)
{
	int fd = house_dial(&house, door);

	assert_memory_equal(ask(fd, "", 1), "220 ", 4);
	assert_memory_equal(ask(fd, "HELO client.test\r\n", 1), "250 ", 4);
	return fd;
}

static void part(int fd)
{
	close(fd);
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
}

#define ASK(fd, say, begins) assert_memory_equal(ask((fd), (say), 1), (begins), strlen(begins))

/* Nobody hears 250 before the spooler has said so, and each answer has its reply (I1). */
static void answer_comes_after_the_commit(void **state)
{
	(void)state;
	static const char mail[] = "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n";
	const struct {
		enum put_result result;
		const char *reply;
	} cases[] = { { PUT_COMMITTED, "250 2.0.0 queued as " }, { PUT_FULL, "452 4.3.1 " },
		{ PUT_FAILED, "451 4.3.0 " } };
	char room[1024];

	house_prepare(&house);
	house_open(&house);
	int fd = greeted(0);
	for (size_t i = 0; i < 3; i++) {
		struct text got = TEXT_ON(room);
		house.holds = true;
		house.result = cases[i].result;
		(void)ask(fd, mail, 3);
		house_send(&house, fd, VIEW("Subject: x\r\n\r\n.\r\nNOOP\r\n"));
		house_turn_until(&house, house.mail_count == i + 1);
		for (int turns = 0; turns < 20; turns++)
			house_turn(&house);
		assert_true(house_receive(fd, &got));
		assert_int_equal(got.bytes, 0);
		house.holds = false;
		house_await(&house, fd, &got, 2);
		assert_memory_equal(room, cases[i].reply, strlen(cases[i].reply));
		assert_non_null(strstr(text_string(&got), "\r\n250 2.0.0 OK"));
	}
	assert_int_equal(house.counters.messages_taken, 1);
	/* A spool that is full says so at MAIL, and later has room again. */
	const struct letter full = { .kind = LETTER_PRESSURE, .result = PUT_FULL };
	const struct letter room_again = { .kind = LETTER_PRESSURE, .result = PUT_COMMITTED };
	house_give(&house, &full);
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "452 4.3.1");
	house_give(&house, &room_again);
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	part(fd);
	house_close(&house);
}

/* A connection that is lost: before the data's end nothing is queued; after it the message is. */
static void lost_connections(void **state)
{
	(void)state;
	static const char *const parts[] = { "MAIL FROM:<a@b.test>\r\n", "RCPT TO:<c@d.test>\r\n",
		"DATA\r\n", "Subject: x\r\n\r\ntext\r\n.\r", "\n" };

	house_prepare(&house);
	house_open(&house);
	house.holds = true;
	for (size_t said = 1; said <= 5; said++) {
		int fd = greeted(0);
		for (size_t i = 0; i < said; i++) {
			house_send(&house, fd, view_of(parts[i]));
			house_turn_some(&house);
		}
		const struct linger reset = { 1, 0 };
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
		close(fd);
		house_turn_some(&house);
		assert_int_equal(house.mail_count, said == 5);
		assert_int_equal(house.ingest.transactions, said == 5);
	}
	assert_int_equal(house.ingest.puts, 1);
	house.holds = false;
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
	assert_int_equal(house.ingest.transactions, 0);
	/* One who sends no more, but listens, hears what became of his train. */
	int fd = greeted(0);
	char room[1024];
	struct text got = TEXT_ON(room);
	house_send(&house, fd,
	        VIEW("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
	             "BDAT 6 LAST\r\nA: b\r\n"));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	house_await_end(&house, fd, &got);
	assert_non_null(strstr(text_string(&got), "250 2.0.0 queued as "));
	part(fd);
	house_close(&house);
}

static void strangers_may_not_relay(void **state)
{
	(void)state;
	house_prepare(&house);
	house.config.listeners.count = 3;
	house.listeners[1].allow = (struct config_networks){ 0 };
	static const struct config_network elsewhere = {
		.address = { [10] = 0xff, [11] = 0xff, [12] = 10 }, .prefix_bits = 104
	};
	house.listeners[2].allow = (struct config_networks){ &elsewhere, 1 };
	house_open(&house);
	for (size_t door = 1; door < 3; door++) {
		int fd = greeted(door);
		ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
		assert_int_equal(house.ingest.transactions, 0); /* nor do they hold memory */
		ASK(fd, "EHLO client.test\r\n", "250");
		const char *got = ask(fd,
		        "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"
		        "BDAT 6 LAST\r\nA: b\r\nQUIT\r\n",
		        5);
		assert_non_null(strstr(got, "\n550 5.7.1 Relaying denied"));
		assert_non_null(
		        strstr(got, "\n503 5.5.1 No valid recipients\r\n503 5.5.1 No valid"));
		part(fd);
	}
	assert_int_equal(house.mail_count, 0); /* I9 */
	assert_int_equal(house.counters.relays_refused, 2);
	int fd = greeted(0);
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	ASK(fd, "RCPT TO:<c@d.test>\r\n", "250");
	part(fd);
	house_close(&house);
}

/* Endings that some server takes for the end of data (CVE-2023-51764, -51765, -51766). */
static const char *const endings[] = { "\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\n", "\r\n.\r",
	"\n.\r", "\r.\n", "\r\r\n.\r\r\n", "\n\r\n.\r\r\n", "\r\n.\r\r\n", "\n.\n.\r\n" };

static void smuggling_is_impossible(void **state)
{
	(void)state;
	char say[1024];

	house_prepare(&house);
	house.config.listeners.count = 2;
	house.listeners[1].bare_lf = BARE_LF_REPAIR;
	house_open(&house);
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		for (size_t door = 0; door < 2; door++) {
			const size_t mails = house.mail_count;
			int fd = greeted(door);
			(void)ask(fd, "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n", 3);
			snprintf(say, sizeof say,
			        "Subject: 1\r\n\r\nfirst%sMAIL FROM:<evil@b.test>\r\n"
			        "RCPT TO:<c@d.test>\r\nDATA\r\nSubject: 2\r\n\r\nsecond\r\n.\r\n",
			        endings[i]);
			const char *got = ask(fd, say, 1);
			if (door == 0)
				assert_memory_equal(got, "550 5.6.0 ", 10);
			else
				assert_memory_equal(got, "250 2.0.0 queued", 16);
			ASK(fd, "NOOP\r\n", "250 2.0.0 OK");
			assert_int_equal(house.mail_count - mails, door);
			if (door == 1) {
				const char *body = house.mail[mails].body;
				assert_string_equal(house.mail[mails].sender, "a@b.test");
				assert_non_null(strstr(body, "\nMAIL FROM:<evil@b.test>"));
				for (const char *at = strchr(body, '\n'); at != NULL;
				        at = strchr(at + 1, '\n'))
					assert_int_equal(at[-1], '\r');
				for (const char *at = strchr(body, '\r'); at != NULL;
				        at = strchr(at + 1, '\r'))
					assert_int_equal(at[1], '\n');
			}
			part(fd);
		}
	}
	/* A repairing door takes commands that end so, too. */
	int fd = greeted(1);
	ASK(fd, "NOOP\n", "250 2.0.0");
	part(fd);
	house_close(&house);
}

static void sizes_have_a_limit(void **state)
{
	(void)state;
	static char content[70000];

	house_prepare(&house);
	house.config.limits.message_bytes = 65536;
	house_open(&house);
	int fd = greeted(0);
	for (size_t i = 0; i + 10 <= sizeof content; i += 10)
		memcpy(content + i, "12345678\r\n", 10);
	for (size_t bytes = 65520; bytes <= 70000; bytes += 4480) {
		const char *reply = bytes <= 65536 ? "250 2.0.0 queued" : "552 5.3.4 ";
		(void)ask(fd, "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n", 3);
		house_send(&house, fd, view_from(content, bytes));
		ASK(fd, ".\r\n", reply);
		(void)ask(fd, "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n", 2);
		char command[64];
		snprintf(command, sizeof command, "BDAT %zu\r\n", bytes);
		house_send(&house, fd, view_of(command));
		house_send(&house, fd, view_from(content, bytes));
		if (bytes > 65536) {
			ASK(fd, "", reply);
			ASK(fd, "BDAT 2 LAST\r\n\r\n", "503 5.5.1");
		} else {
			ASK(fd, "", "250 2.0.0 65520 bytes");
			ASK(fd, "BDAT 2 LAST\r\n\r\n", reply);
		}
	}
	assert_int_equal(house.mail_count, 2);
	assert_non_null(strstr(house.mail[1].body, "12345678\r\n12345678"));
	/* A train of commands fills more replies than fit at once. */
	for (int i = 0; i < 5000; i++)
		house_send(&house, fd, VIEW("NOOP\r\n"));
	const char *got = ask(fd, "QUIT\r\n", 5001);
	assert_non_null(strstr(got, "221 2.0.0"));
	part(fd);
	house_close(&house);
}

static void counts_have_limits(void **state)
{
	(void)state;
	house_prepare(&house);
	house.config.limits.recipients = 3;
	house.config.limits.errors = 3;
	house.config.limits.hops = 3;
	house_open(&house);
	int fd = greeted(0);
	const char *got = ask(fd,
	        "MAIL FROM:<a@b.test>\r\nRCPT TO:<1@d.test>\r\nRCPT TO:<2@d.test>\r\n"
	        "RCPT TO:<3@d.test>\r\nRCPT TO:<4@d.test>\r\nDATA\r\n",
	        6);
	assert_non_null(strstr(got, "\n452 4.5.3 Too many recipients\r\n354 "));
	ASK(fd, "Received: a\r\nReceived: b\r\n\r\n.\r\n", "250 2.0.0 queued as ");
	assert_string_equal(house.mail[0].recipients, "1@d.test 2@d.test 3@d.test");
	(void)ask(fd, "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n", 3);
	ASK(fd, "Received: a\r\nReceived: b\r\nRECEIVED: c\r\n\r\n.\r\n", "554 5.4.6 ");
	assert_int_equal(house.mail_count, 1);
	/* That was the first error. */
	ASK(fd, "XYZZY\r\n", "500 5.5.2");
	ASK(fd, "XYZZY\r\n", "500 5.5.2");
	ASK(fd, "XYZZY\r\nNOOP\r\n", "421 4.7.0 Too many errors");
	part(fd);
	house_close(&house);
}

/* A line without end is no command, and holds no memory. */
static void long_lines_are_refused(void **state)
{
	(void)state;
	static char line[20000];

	house_prepare(&house);
	house_open(&house);
	int fd = greeted(0);
	memset(line, 'x', sizeof line);
	memcpy(line, "NOOP ", 5);
	for (size_t bytes = 2040; bytes < sizeof line; bytes += bytes < 2060 ? 1 : 5000) {
		house_send(&house, fd, view_from(line, bytes));
		if (bytes % 2 == 0)
			house_turn_some(&house);
		ASK(fd, "\r\n",
		        bytes <= COMMAND_LINE_MAX ? "250 2.0.0" : "500 5.5.2 Line too long");
	}
	ASK(fd, "NOOP\r\n", "250 2.0.0");
	part(fd);
	house_close(&house);
}

static void silence_has_an_end(void **state)
{
	(void)state;
	char room[256];
	struct text got = TEXT_ON(room);

	house_prepare(&house);
	house.config.limits.idle_ns = 50 * NS_PER_MS;
	house.config.limits.transaction_ns = 20 * NS_PER_MS;
	house_open(&house);
	int fd = greeted(0);
	house_await_end(&house, fd, &got);
	assert_memory_equal(room, "421 4.4.2 Timed out", 19);
	part(fd);
	fd = greeted(0);
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	got.bytes = 0;
	house_await_end(&house, fd, &got);
	assert_memory_equal(room, "421 4.4.2 The transaction", 25);
	part(fd);
	house_close(&house);
}

/* What the budget leaves to clients is used up: reading stops, and goes on when there is some. */
static void hunger_waits_for_memory(void **state)
{
	(void)state;
	struct rope hoard = { 0 };

	house_prepare(&house);
	house_open(&house);
	int fd = greeted(0);
	int other = greeted(0);
	ASK(fd, "MAIL FROM:<a@b.test>\r\n", "250");
	while (rope_extend(&hoard, &house.shelf, CHUNK_DATA_BYTES, house.ingest.reserve) != NULL)
		;
	struct chunk *own = NULL;
	for (struct chunk *chunk; house.ingest.shard.shelf.count > 0;) {
		chunk = shelf_take(&house.ingest.shard.shelf);
		chunk->next = own;
		own = chunk;
	}
	house_send(&house, fd, VIEW("RCPT TO:<c@d.test>\r\nDATA\r\nA: b\r\n\r\n.\r\n"));
	house_send(&house, other, VIEW("MAIL FROM:<e@f.test>\r\n"));
	house_turn_until(&house, house.ingest.hungry.count == 2);
	house_turn_some(&house);
	assert_int_equal(house.ingest.hungry.count, 2);
	assert_true(house.counters.memory_short > 0);
	/* One that waited long enough is told so, and the next one goes on waiting. */
	struct inbound *first =
	        container_of(list_first(&house.ingest.hungry), struct inbound, hungry_link);
	loop_timer_set(&house.ingest.shard.loop, &first->timer, (struct mono){ 0 });
	ASK(fd, "", "452 4.3.1 Insufficient memory");
	rope_free(&hoard, &house.shelf);
	shelf_finish(&house.shelf);
	shelf_init(&house.shelf, house.depot);
	while (own != NULL) {
		struct chunk *chunk = own;
		own = MOVE(chunk->next);
		shelf_give(&house.shelf, chunk);
	}
	ASK(other, "", "250 2.1.0");
	(void)ask(fd, "NOOP\r\n", 1);
	house_turn_until(&house, list_is_empty(&house.ingest.hungry));
	close(other);
	part(fd);
	house_close(&house);
}

/* Ids run out: the next mail waits for more. */
static void hunger_waits_for_ids(void **state)
{
	(void)state;
	house_prepare(&house);
	house_open(&house);
	house.keeps_ids = true;
	int fd = greeted(0);
	house.ingest.ids.left = 0;
	house.ingest.ids.spare_left = 0;
	house.ingest.ids.asked = true;
	(void)ask(fd, "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n", 2);
	house_send(&house, fd, VIEW("DATA\r\n"));
	house_turn_until(&house, house.ingest.hungry.count == 1);
	const struct letter ids = { .kind = LETTER_IDS, .ticket = 5, .count = 1 };
	house_give(&house, &ids);
	ASK(fd, "", "354 ");
	ASK(fd, ".\r\n", "250 2.0.0 queued as 5");
	part(fd);
	house_close(&house);
}

static void idle_connections_are_small(void **state)
{
	(void)state;
	house_prepare(&house);
	house_open(&house);
	int fd = greeted(0);
	ASK(fd, "EHLO x\r\nMAIL FROM:<a@b.test>\r\nRSET\r\nNO", "250");
	struct inbound *inbound =
	        container_of(list_first(&house.ingest.sessions), struct inbound, session_link);
	house_turn_some(&house);
	(void)ask(fd, "OP\r\n", 1);
	house_turn_some(&house);
	assert_null(inbound->message);
	assert_null(inbound->content);
	assert_null(inbound->stream.inbox.gathered);
	assert_int_equal(io_buffers_free(house.ingest.shard.loop.io), 64);
	assert_true(sizeof *inbound < 2048);
	part(fd);
	house_close(&house);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues_go_as_they_should),
		cmocka_unit_test(answer_comes_after_the_commit),
		cmocka_unit_test(lost_connections),
		cmocka_unit_test(strangers_may_not_relay),
		cmocka_unit_test(smuggling_is_impossible),
		cmocka_unit_test(sizes_have_a_limit),
		cmocka_unit_test(counts_have_limits),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(silence_has_an_end),
		cmocka_unit_test(hunger_waits_for_memory),
		cmocka_unit_test(hunger_waits_for_ids),
		cmocka_unit_test(idle_connections_are_small),
	};

	return cmocka_run_group_tests_name("inbound", tests, NULL, NULL);
}
