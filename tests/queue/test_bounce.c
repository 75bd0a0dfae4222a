#include "queue/bounce.h"
#include "queue/base/random.h"
#include "queue/bounce_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BUDGET_CHUNKS 256

static struct depot *depot;
static struct shelf shelf;

static int set_up(void **state)
{
	(void)state;
	if (failed(depot_create(&depot, BUDGET_CHUNKS * (size_t)CHUNK_BYTES)))
		return -1;
	shelf_init(&shelf, depot);
	return 0;
}

/* Fails too when a test has not given all chunks back (I6). */
static int tear_down(void **state)
{
	(void)state;
	shelf_finish(&shelf);
	size_t out = depot_chunks_out(depot);
	depot_destroy(depot);
	return out == 0 ? 0 : -1;
}

static struct rope rope_of(const char *bytes, size_t count)
{
	struct rope rope = { 0 };
	assert_true(rope_append(&rope, &shelf, view_from(bytes, count), 0));
	return rope;
}

static char *text_of(const struct rope *rope)
{
	char *text = malloc(rope->bytes + 1);
	assert_non_null(text);
	size_t bytes = rope_copy(rope, 0, (struct span){ text, rope->bytes });
	assert_int_equal(bytes, rope->bytes);
	text[bytes] = '\0';
	return text;
}

static const char original_text[] = "Received: from printer\r\n"
                                    "Message-ID:\r\n"
                                    "\t<scan.17@printer.contoso.com>\r\n"
                                    "Subject: Scan\r\n"
                                    "\r\n"
                                    "The body.\r\n";

static struct bounce_recipient unknown_recipient(void)
{
	return (struct bounce_recipient){
		.address = VIEW("nobody@fabrikam.com"),
		.action = BOUNCE_FAILED,
		.status = { 5, 4, 1 },
		.reply = VIEW("550 5.4.1 Recipient address rejected: Access denied. For more "
		              "information see https://aka.ms/EXOSmtpErrors"),
		.remote = VIEW("fabrikam-com.mail.protection.outlook.com"),
		.advice = VIEW("There is no such mailbox. The sender has to correct the address."),
		.last_attempt = { 1795490105000 },
	};
}

static struct bounce bounce_of(
        const struct rope *original, const struct bounce_recipient *recipients, size_t count)
{
	return (struct bounce){
		.id = VIEW("0000000000042"),
		.reporter = VIEW("relay.contoso.com"),
		.now = { 1795490106000 },
		.sender = VIEW("printer@contoso.com"),
		.original_id = VIEW("0000000000017"),
		.arrived = { 1795490100000 },
		.original = original,
		.recipients = recipients,
		.recipient_count = count,
	};
}

/* Every line ends in CRLF and is short, and there is no other CR or LF. */
static void assert_lines_good(const char *text, size_t bytes)
{
	size_t column = 0;
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '\r') {
			assert_true(i + 1 < bytes);
			assert_int_equal(text[i + 1], '\n');
			i++;
			column = 0;
		} else {
			assert_int_not_equal(text[i], '\n');
			column++;
			assert_true(column <= BOUNCE_LINE_BYTES_MAX);
		}
	}
	assert_int_equal(column, 0);
}

/* Writes, checks the form of every line, and gives the text. */
static char *write_report(const struct bounce *bounce, struct bounce_needs *needs)
{
	struct rope report = { 0 };
	assert_true(bounce_write(bounce, &report, &shelf, 0, needs));
	char *text = text_of(&report);
	assert_lines_good(text, report.bytes);
	rope_free(&report, &shelf);
	return text;
}

static void assert_holds(const char *text, const char *wanted)
{
	if (strstr(text, wanted) == NULL) {
		print_error("not found: %s\nin: %s\n", wanted, text);
		fail();
	}
}

static void assert_lacks(const char *text, const char *unwanted)
{
	if (strstr(text, unwanted) != NULL) {
		print_error("found: %s\nin: %s\n", unwanted, text);
		fail();
	}
}

static void failure_reads_as_it_should(void **state)
{
	(void)state;
	struct rope original = rope_of(original_text, sizeof original_text - 1);
	struct bounce_recipient recipient = unknown_recipient();
	struct bounce bounce = bounce_of(&original, &recipient, 1);
	struct bounce_needs needs;
	char *text = write_report(&bounce, &needs);
	static const char wanted[] =
	        "From: Mail Delivery System <MAILER-DAEMON@relay.contoso.com>\r\n"
	        "To: <printer@contoso.com>\r\n"
	        "Subject: Your message could not be delivered\r\n"
	        "Date: Tue, 24 Nov 2026 03:15:06 +0000\r\n"
	        "Message-ID: <0000000000042@relay.contoso.com>\r\n"
	        "In-Reply-To: <scan.17@printer.contoso.com>\r\n"
	        "References: <scan.17@printer.contoso.com>\r\n"
	        "Auto-Submitted: auto-replied\r\n"
	        "MIME-Version: 1.0\r\n"
	        "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	        "\tboundary=\"=_report_0000000000042\"\r\n"
	        "\r\n"
	        "This is a delivery report in MIME format (RFC 3464).\r\n"
	        "\r\n"
	        "--=_report_0000000000042\r\n"
	        "Content-Type: text/plain; charset=us-ascii\r\n"
	        "\r\n"
	        "This is the mail relay at relay.contoso.com.\r\n"
	        "\r\n"
	        "Your message of Tue, 24 Nov 2026 03:15:00 +0000\r\n"
	        "could not be delivered to these recipients, and will not be tried again:\r\n"
	        "\r\n"
	        "<nobody@fabrikam.com>\r\n"
	        "    fabrikam-com.mail.protection.outlook.com said:\r\n"
	        "    550 5.4.1 Recipient address rejected: Access denied. For more\r\n"
	        "    information see https://aka.ms/EXOSmtpErrors\r\n"
	        "    What it means: There is no such mailbox. The sender has to correct the\r\n"
	        "    address.\r\n"
	        "\r\n"
	        "Whoever runs the relay finds your message in its log as\r\n"
	        "0000000000017. The next part of this report says the same to programs; then\r\n"
	        "comes the header of your message.\r\n"
	        "\r\n"
	        "--=_report_0000000000042\r\n"
	        "Content-Type: message/delivery-status\r\n"
	        "\r\n"
	        "Reporting-MTA: dns; relay.contoso.com\r\n"
	        "Arrival-Date: Tue, 24 Nov 2026 03:15:00 +0000\r\n"
	        "X-Sluice-Queue-Id: 0000000000017\r\n"
	        "\r\n"
	        "Final-Recipient: rfc822; nobody@fabrikam.com\r\n"
	        "Action: failed\r\n"
	        "Status: 5.4.1\r\n"
	        "Remote-MTA: dns; fabrikam-com.mail.protection.outlook.com\r\n"
	        "Diagnostic-Code: smtp; 550 5.4.1 Recipient address rejected: Access denied.\r\n"
	        " For more information see https://aka.ms/EXOSmtpErrors\r\n"
	        "Last-Attempt-Date: Tue, 24 Nov 2026 03:15:05 +0000\r\n"
	        "\r\n"
	        "--=_report_0000000000042\r\n"
	        "Content-Type: text/rfc822-headers\r\n"
	        "\r\n"
	        "Received: from printer\r\n"
	        "Message-ID:\r\n"
	        "\t<scan.17@printer.contoso.com>\r\n"
	        "Subject: Scan\r\n"
	        "\r\n"
	        "--=_report_0000000000042--\r\n";
	assert_string_equal(text, wanted);
	assert_false(needs.eight_bit);
	assert_false(needs.smtputf8);
	free(text);
	rope_free(&original, &shelf);
}

static void senders_wishes_decide(void **state)
{
	(void)state;
	struct view sender = VIEW("a@contoso.com");
	static const struct {
		unsigned notify;
		bool failed, delayed, relayed;
	} cases[] = {
		{ 0, true, false, false },
		{ NOTIFY_NEVER, false, false, false },
		{ NOTIFY_FAILURE, true, false, false },
		{ NOTIFY_DELAY, false, true, false },
		{ NOTIFY_SUCCESS, false, false, true },
		{ NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY, true, true, true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned notify = cases[i].notify;
		assert_int_equal(bounce_wanted(sender, notify, BOUNCE_FAILED), cases[i].failed);
		assert_int_equal(bounce_wanted(sender, notify, BOUNCE_DELAYED), cases[i].delayed);
		assert_int_equal(bounce_wanted(sender, notify, BOUNCE_RELAYED), cases[i].relayed);
		assert_int_equal(bounce_wanted(sender, notify, BOUNCE_DELIVERED), cases[i].relayed);
		for (int action = 0; action < BOUNCE_ACTION_COUNT; action++)
			assert_false(bounce_wanted(VIEW(""), notify, (enum bounce_action)action));
	}
}

static void envelope_marks_come_back_decoded(void **state)
{
	(void)state;
	struct rope original = rope_of(original_text, sizeof original_text - 1);
	struct bounce_recipient recipient = unknown_recipient();
	recipient.original = VIEW("rfc822;user+2Btag@example.org");
	struct bounce bounce = bounce_of(&original, &recipient, 1);
	bounce.envid = VIEW("QQ+3D314159");
	struct bounce_needs needs;
	char *text = write_report(&bounce, &needs);
	assert_holds(text, "\r\nOriginal-Envelope-Id: QQ=314159\r\n");
	assert_holds(text, "\r\n\r\nOriginal-Recipient: rfc822; user+tag@example.org\r\n"
	                   "Final-Recipient: rfc822; nobody@fabrikam.com\r\n");
	free(text);
	rope_free(&original, &shelf);
}

static void whole_message_comes_back_when_asked_for(void **state)
{
	(void)state;
	struct rope original = rope_of(original_text, sizeof original_text - 1);
	struct bounce_recipient recipient = unknown_recipient();
	struct bounce bounce = bounce_of(&original, &recipient, 1);
	bounce.full = true;
	struct bounce_needs needs;
	char *text = write_report(&bounce, &needs);
	assert_holds(text, "Content-Type: message/rfc822\r\n\r\nReceived: from printer\r\n");
	assert_holds(text, "\r\n\r\nThe body.\r\n\r\n--=_report_0000000000042--\r\n");
	free(text);
	rope_free(&original, &shelf);
}

static void notices_mailbox_writes_the_same_report(void **state)
{
	(void)state;
	struct rope original = rope_of(original_text, sizeof original_text - 1);
	struct bounce_recipient recipient = unknown_recipient();
	struct bounce bounce = bounce_of(&original, &recipient, 1);
	struct bounce_needs needs;
	char *by_null = write_report(&bounce, &needs);
	bounce.mailbox = VIEW("notify@contoso.com");
	char *by_mailbox = write_report(&bounce, &needs);
	assert_holds(by_mailbox, "From: Mail Delivery System <notify@contoso.com>\r\n");
	assert_holds(by_mailbox, "Auto-Submitted: auto-replied\r\n");
	assert_string_equal(strstr(by_null, "\r\nTo: "), strstr(by_mailbox, "\r\nTo: "));
	free(by_null);
	free(by_mailbox);
	rope_free(&original, &shelf);
}

static void every_action_has_its_section(void **state)
{
	(void)state;
	struct rope original = rope_of(original_text, sizeof original_text - 1);
	struct bounce_recipient recipients[] = {
		{ .address = VIEW("d@example.org"), .action = BOUNCE_RELAYED },
		{ .address = VIEW("c@example.org"),
		        .action = BOUNCE_DELAYED,
		        .reply = VIEW("451 4.7.500 Server busy"),
		        .status = { 4, 7, 500 },
		        .advice = VIEW("Wait."),
		        .retry_until = { 1795490106000 } },
		{ .address = VIEW("b@example.org"),
		        .action = BOUNCE_FAILED,
		        .reply = VIEW("the session was lost") },
		{ .address = VIEW("a@example.org"),
		        .action = BOUNCE_FAILED,
		        .reply = VIEW("550 no") },
	};
	struct bounce bounce = bounce_of(&original, recipients, 4);
	struct bounce_needs needs;
	char *text = write_report(&bounce, &needs);
	assert_holds(text, "Subject: Your message could not be delivered\r\n");
	assert_holds(text, "has not reached these recipients yet.");
	assert_holds(text, "was passed on for these recipients,");
	assert_holds(text, "    We try until Tue, 24 Nov 2026 03:15:06 +0000.\r\n");
	assert_holds(text, "    The next server said:\r\n    550 no\r\n");
	assert_holds(text, "rfc822; d@example.org\r\nAction: relayed\r\nStatus: 2.0.0\r\n\r\n");
	assert_holds(text, "rfc822; c@example.org\r\nAction: delayed\r\nStatus: 4.7.500\r\n"
	                   "Diagnostic-Code: smtp; 451 4.7.500 Server busy\r\n"
	                   "Will-Retry-Until: Tue, 24 Nov 2026 03:15:06 +0000\r\n");
	/* Our own words are no server's, and mean that the time ran out. */
	assert_holds(text, "rfc822; b@example.org\r\nAction: failed\r\nStatus: 5.4.7\r\n"
	                   "Diagnostic-Code: X-Sluice; the session was lost\r\n");
	assert_holds(text, "rfc822; a@example.org\r\nAction: failed\r\nStatus: 5.0.0\r\n"
	                   "Diagnostic-Code: smtp; 550 no\r\n");
	assert_holds(text, "    What it means: Wait.\r\n");
	free(text);

	recipients[1].action = BOUNCE_FAILED;
	text = write_report(&bounce, &needs);
	assert_holds(text, "    We gave up waiting. While we tried it meant: Wait.\r\n");
	assert_holds(text, "rfc822; c@example.org\r\nAction: failed\r\nStatus: 4.7.500\r\n");
	free(text);

	bounce.recipients = recipients;
	bounce.recipient_count = 1;
	text = write_report(&bounce, &needs);
	assert_holds(text, "Subject: Your message was passed on\r\n");
	free(text);
	rope_free(&original, &shelf);
}

static void assert_7bit(const char *text)
{
	for (; *text != '\0'; text++)
		assert_true((unsigned char)*text < 0x80);
}

/* Words and headers in UTF-8 are quoted, addresses have a form in ASCII: any server takes it. */
static void utf8_goes_as_7bit(void **state)
{
	(void)state;
	static const char header[] = "Subject: Gr\xc3\xbc\xc3\x9f"
	                             "e = x \r\n\r\nbody \xe4\r\n";
	struct rope original = rope_of(header, sizeof header - 1);
	struct bounce_recipient recipient = unknown_recipient();
	recipient.address = VIEW("j\xc3\xb6rg+x@ex\xc3\xa4mple.org");
	recipient.original = VIEW("utf-8;\xe2\x82\xac\\x{F6}rg@example.org");
	struct bounce bounce = bounce_of(&original, &recipient, 1);
	struct bounce_needs needs;
	for (int full = 0; full < 2; full++) {
		bounce.full = full != 0; /* its header is 8-bit, so that comes back alone */
		char *text = write_report(&bounce, &needs);
		assert_false(needs.eight_bit);
		assert_false(needs.smtputf8);
		assert_7bit(text);
		assert_holds(text, "Content-Type: multipart/report; report-type=delivery-status;");
		assert_holds(text, "Content-Type: message/delivery-status\r\n\r\n");
		assert_holds(text, "Content-Type: text/plain; charset=utf-8\r\n"
		                   "Content-Transfer-Encoding: quoted-printable\r\n");
		assert_holds(text, "\r\n<j=C3=B6rg+x@ex=C3=A4mple.org>\r\n");
		assert_holds(text,
		        "Original-Recipient: utf-8; \\x{20AC}\\x{F6}rg@example.org\r\n"
		        "Final-Recipient: utf-8; j\\x{F6}rg\\x{2B}x@ex\\x{E4}mple.org\r\n");
		assert_holds(text, "Content-Type: text/rfc822-headers\r\n"
		                   "Content-Transfer-Encoding: quoted-printable\r\n"
		                   "\r\n"
		                   "Subject: Gr=C3=BC=C3=9Fe =3D x=20\r\n"
		                   "\r\n--=_report_");
		assert_holds(text, "comes the header of your message.");
		assert_lacks(text, "body");
		free(text);
	}
	bounce.sender = VIEW("j\xc3\xb6rg@example.org");
	char *text = write_report(&bounce, &needs);
	assert_true(needs.smtputf8);
	assert_true(needs.eight_bit);
	free(text);
	rope_free(&original, &shelf);
}

/* What is quoted reads as it was, in lines of at most 76. */
static void quoted_reads_as_it_was(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 3);
	for (int round = 0; round < 200; round++) {
		static const char bytes[] = "=  \t\xff\x80\x01"
		                            "abcdefghijklmnop";
		char mail[600];
		char back[600];
		size_t count = 0;
		while (count < 500)
			if (random_below(&random, 40) == 0)
				count += (size_t)snprintf(mail + count, 3, "\r\n");
			else
				mail[count++] = bytes[random_below(&random, sizeof bytes - 1)];
		count += (size_t)snprintf(mail + count, 3, "\r\n");
		struct rope rope = rope_of(mail, count);
		struct rope quoted = { 0 };
		struct bounce_writer writer;
		bounce_writer_init(&writer, &shelf, 0);
		bounce_writer_quote(&writer, &rope);
		assert_true(bounce_writer_take(&writer, &quoted));
		char *text = text_of(&quoted);
		assert_7bit(text);
		size_t got = 0;
		size_t column = 0;
		for (const char *c = text; *c != '\0'; c++) {
			column = *c == '\n' ? 0 : column + 1;
			assert_true(column <= 77); /* and CR */
			if (*c != '=') {
				back[got++] = *c;
				assert_true((*c != ' ' && *c != '\t') || c[1] != '\r');
				continue;
			}
			unsigned value = 0;
			if (c[1] == '\r') {
				c += 2;
				column = 0;
				continue;
			}
			assert_int_equal(sscanf(c + 1, "%2X", &value), 1);
			back[got++] = (char)value;
			c += 2;
			column += 2;
		}
		assert_int_equal(got, count);
		assert_memory_equal(back, mail, count);
		free(text);
		rope_free(&quoted, &shelf);
		rope_free(&rope, &shelf);
	}
}

static void eight_bit_body_needs_8bitmime_only_in_full(void **state)
{
	(void)state;
	static const char mail[] = "Subject: x\r\n\r\n\xe4\r\n";
	struct rope original = rope_of(mail, sizeof mail - 1);
	struct bounce_recipient recipient = unknown_recipient();
	struct bounce bounce = bounce_of(&original, &recipient, 1);
	struct bounce_needs needs;
	char *text = write_report(&bounce, &needs);
	assert_false(needs.eight_bit);
	assert_lacks(text, "8bit");
	free(text);
	bounce.full = true;
	text = write_report(&bounce, &needs);
	assert_true(needs.eight_bit);
	assert_false(needs.smtputf8);
	assert_holds(text, "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n");
	free(text);
	rope_free(&original, &shelf);
}

/* A host without a name; one that was given up; our own words. */
static void what_the_fields_say(void **state)
{
	(void)state;
	struct rope original = rope_of(original_text, sizeof original_text - 1);
	struct bounce_recipient recipient = unknown_recipient();
	struct bounce bounce = bounce_of(&original, &recipient, 1);
	struct bounce_needs needs;

	recipient.remote = VIEW("192.0.2.7");
	recipient.expired = true;
	char *text = write_report(&bounce, &needs);
	assert_holds(text, "\r\nStatus: 4.4.7\r\nRemote-MTA: dns; [192.0.2.7]\r\n"
	                   "Diagnostic-Code: smtp; 550 5.4.1 Recipient");
	assert_holds(text, "    We gave up waiting. While we tried it meant:");
	free(text);
	recipient.remote = VIEW("2001:db8::7");
	recipient.expired = false;
	recipient.reply = VIEW("the server is too old");
	text = write_report(&bounce, &needs);
	assert_holds(text, "\r\nRemote-MTA: dns; [IPv6:2001:db8::7]\r\n"
	                   "Diagnostic-Code: X-Sluice; the server is too old\r\n");
	free(text);
	rope_free(&original, &shelf);
}

static void others_words_stay_on_their_line(void **state)
{
	(void)state;
	struct rope original = rope_of(original_text, sizeof original_text - 1);
	struct bounce_recipient recipient = unknown_recipient();
	recipient.reply = VIEW("550-5.1.1 one\r\nAction: delivered\n550 5.1.1 t\x01wo\xff\0x");
	recipient.remote = VIEW("evil\r\nStatus: 2.0.0");
	recipient.original = VIEW("rfc822;a+0D+0AAction:delivered");
	struct bounce bounce = bounce_of(&original, &recipient, 1);
	bounce.envid = VIEW("x\r\nAction: delivered");
	struct bounce_needs needs;
	char *text = write_report(&bounce, &needs);
	assert_lacks(text, "\nAction: delivered");
	assert_lacks(text, "\nStatus: 2.0.0");
	assert_holds(
	        text, "Diagnostic-Code: smtp; 550-5.1.1 one Action: delivered 550 5.1.1 t?wo??x");
	free(text);
	rope_free(&original, &shelf);
}

static void long_header_is_cut_at_a_lines_end(void **state)
{
	(void)state;
	size_t bytes = 2 * BOUNCE_HEADER_BYTES_MAX;
	char *mail = malloc(bytes + 100);
	assert_non_null(mail);
	size_t used = 0;
	for (unsigned line = 0; used < bytes; line++)
		used += (size_t)snprintf(
		        mail + used, 100, "X-%07u: some words that fill it\r\n", line);
	struct rope original = rope_of(mail, used);
	struct bounce_recipient recipient = unknown_recipient();
	struct bounce bounce = bounce_of(&original, &recipient, 1);
	struct bounce_needs needs;
	char *text = write_report(&bounce, &needs);
	char *header = strstr(text, "X-0000000");
	char *end = strstr(header, "\r\n\r\n--=_report");
	assert_non_null(end);
	size_t kept = (size_t)(end + 2 - header);
	assert_true(kept <= BOUNCE_HEADER_BYTES_MAX);
	assert_true(kept > BOUNCE_HEADER_BYTES_MAX - 100);
	assert_memory_equal(header, mail, kept);
	free(text);
	rope_free(&original, &shelf);
	free(mail);
}

/* Bare ends, endless lines, no empty line, nothing at all: the report is well formed. */
static void original_of_any_form_is_given_back_well_formed(void **state)
{
	(void)state;
	struct random random;
	random_seed(&random, 11);
	struct bounce_recipient recipient = unknown_recipient();
	struct bounce_needs needs;
	for (int round = 0; round < 300; round++) {
		static const char bytes[] = "\r\n\n\r:<> aaaaaaaaaaaaaaaaaaaaaaaa\xe4";
		size_t count = random_below(&random, 3000);
		unsigned ends = (unsigned)random_below(&random, 3);
		char *mail = malloc(count + 1);
		assert_non_null(mail);
		for (size_t i = 0; i < count; i++)
			mail[i] = bytes[random_below(&random, sizeof bytes - 1 - ends * 2) +
			                ends * 2];
		struct rope original = rope_of(mail, count);
		struct bounce bounce = bounce_of(&original, &recipient, 1);
		bounce.full = random_below(&random, 2) == 0;
		free(write_report(&bounce, &needs));
		rope_free(&original, &shelf);
		free(mail);
	}
}

static void message_id_is_repeated_only_when_it_is_one(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		const char *id; /* NULL: none */
	} cases[] = {
		{ "Message-ID: <a@b>\r\n\r\n", "In-Reply-To: <a@b>\r\n" },
		{ "message-id:<a@b>\r\n\r\n", "In-Reply-To: <a@b>\r\n" },
		{ "Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n\r\n", "In-Reply-To: <a@b>\r\n" },
		{ "X-Message-ID: <a@b>\r\n\r\n", NULL },
		{ "Message-ID: <a b>\r\n\r\n", NULL },
		{ "Message-ID: <a@b\r\n\r\n", NULL },
		{ "Message-ID: none\r\nX: <a@b>\r\n\r\n", NULL },
		{ "Subject: x\r\n\r\nMessage-ID: <a@b>\r\n", NULL },
		{ "", NULL },
	};
	struct bounce_recipient recipient = unknown_recipient();
	struct bounce_needs needs;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rope original = rope_of(cases[i].header, strlen(cases[i].header));
		struct bounce bounce = bounce_of(&original, &recipient, 1);
		char *text = write_report(&bounce, &needs);
		if (cases[i].id == NULL)
			assert_lacks(text, "In-Reply-To");
		else
			assert_holds(text, cases[i].id);
		free(text);
		rope_free(&original, &shelf);
	}
}

/* With budgets from nothing up to enough: either the whole report or the rope as it was. */
static void short_memory_changes_nothing(void **state)
{
	(void)state;
	size_t bytes = 100000;
	char *mail = malloc(bytes);
	assert_non_null(mail);
	memset(mail, 'a', bytes);
	struct rope original = rope_of(mail, bytes);
	struct bounce_recipient recipient = unknown_recipient();
	struct bounce bounce = bounce_of(&original, &recipient, 1);
	bounce.full = true;
	bool written = false;
	for (size_t chunks = 1; !written; chunks++) {
		struct depot *small;
		struct shelf small_shelf;
		struct bounce_needs needs;
		assert_false(failed(depot_create(&small, chunks * CHUNK_BYTES)));
		shelf_init(&small_shelf, small);
		struct rope report = { 0 };
		assert_true(rope_append(&report, &small_shelf, VIEW("before"), 0));
		written = bounce_write(&bounce, &report, &small_shelf, 0, &needs);
		if (!written)
			assert_int_equal(report.bytes, 6);
		rope_free(&report, &small_shelf);
		shelf_finish(&small_shelf);
		assert_int_equal(depot_chunks_out(small), 0);
		depot_destroy(small);
		assert_true(chunks < 20);
	}
	rope_free(&original, &shelf);
	free(mail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(failure_reads_as_it_should, set_up, tear_down),
		cmocka_unit_test_setup_teardown(senders_wishes_decide, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		        envelope_marks_come_back_decoded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		        whole_message_comes_back_when_asked_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		        notices_mailbox_writes_the_same_report, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_action_has_its_section, set_up, tear_down),
		cmocka_unit_test_setup_teardown(utf8_goes_as_7bit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(quoted_reads_as_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_the_fields_say, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		        eight_bit_body_needs_8bitmime_only_in_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_words_stay_on_their_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		        long_header_is_cut_at_a_lines_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		        original_of_any_form_is_given_back_well_formed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		        message_id_is_repeated_only_when_it_is_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(short_memory_changes_nothing, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
