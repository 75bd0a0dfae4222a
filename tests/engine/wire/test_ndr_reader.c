/* Reports of Exchange Online, Exchange, Postfix and in words alone, whole and in pieces. */
#include "engine/wire/ndr_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ndr_reader reader;
static struct ndr ndr;
static char message[2 * NDR_BYTES_MAX];

static void read_by(struct view text, size_t step)
{
	ndr_reader_init(&reader, &ndr);
	for (; text.bytes > step; text = view_skip(text, step))
		ndr_reader_feed(&reader, view_first(text, step));
	ndr_reader_feed(&reader, text);
	ndr_reader_finish(&reader);
}

/* A seed of the fuzz target is a report as it may come. */
static struct view load(const char *name)
{
	static const char folder[] = "../../fuzz/corpus/ndr/";
	char path[4096];
	const size_t here = sizeof __FILE__ - sizeof "test_ndr_reader.c";

	snprintf(path, sizeof path, "%.*s%s%s", (int)here, __FILE__, folder, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	const size_t bytes = fread(message, 1, sizeof message, file);
	assert_int_equal(fclose(file), 0);
	return view_from(message, bytes);
}

static void assert_recipient(size_t at, const char *address, enum ndr_action action,
        const char *status, const char *reply)
{
	const struct ndr_recipient *recipient = &ndr.recipients[at];

	assert_true(at < ndr.recipient_count);
	assert_string_equal(recipient->address, address);
	assert_int_equal(recipient->action, action);
	assert_string_equal(recipient->status, status);
	assert_string_equal(recipient->reply, reply);
}

#define TENANT                                                                                     \
	"550 5.7.233 - Your message can't be sent because your tenant has exceeded its daily "     \
	"limit for sending email to external recipients (tenant external recipient rate limit). "  \
	"For more information see https://aka.ms/EXONdrs."

static void assert_online(void)
{
	assert_true(ndr.report);
	assert_int_equal(ndr.recipient_count, 1);
	assert_string_equal(ndr.ids[0], "<order-1042@shop.contoso.com>");
	assert_int_equal(ndr.id_count, 1);
	assert_string_equal(ndr.reporter, "AM0PR03MB4567.eurprd03.prod.outlook.com");
	assert_string_equal(ndr.recipients[0].remote, "");
	assert_recipient(0, "ann@fabrikam.com", NDR_FAILED, "5.7.233", TENANT);
}

static void test_online(void **state)
{
	const struct view text = load("online.eml");

	(void)state;
	for (size_t step = 1; step < 9; step++) {
		read_by(text, step);
		assert_online();
	}
	read_by(text, text.bytes);
	assert_online();
}

/* Where the status part says nothing, the words do; of another server's reply it says whose. */
static void test_online_remote(void **state)
{
	(void)state;
	read_by(load("online_remote.eml"), 100);
	assert_true(ndr.report);
	assert_int_equal(ndr.recipient_count, 1);
	assert_recipient(
	        0, "bob@gmail.example", NDR_FAILED, "5.7.26", "550 5.7.26 Unauthenticated email");
	assert_string_equal(ndr.recipients[0].remote, "mx.gmail.example");
}

static void test_exchange(void **state)
{
	(void)state;
	read_by(load("exchange_2010.eml"), 7);
	assert_true(ndr.report);
	assert_int_equal(ndr.recipient_count, 2);
	assert_recipient(0, "carol@corp.contoso.com", NDR_FAILED, "5.1.1",
	        "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found");
	assert_string_equal(ndr.recipients[0].original, "c.smith@contoso.com");
	assert_recipient(1, "dave@corp.contoso.com", NDR_FAILED, "5.2.2", "552 5.2.2 mailbox full");
	assert_string_equal(ndr.ids[0], "<memo-7@contoso.com>");
	assert_int_equal(ndr.id_count, 1);
}

static void test_postfix(void **state)
{
	(void)state;
	read_by(load("postfix.eml"), 13);
	assert_true(ndr.report);
	assert_int_equal(ndr.recipient_count, 1);
	assert_recipient(0, "eve@fabrikam.com", NDR_FAILED, "5.1.1",
	        "550 5.1.1 <eve@fabrikam.com>: unknown");
	assert_string_equal(ndr.envelope_id, "QQ314159");
	assert_string_equal(ndr.recipients[0].remote, "mail.fabrikam.com");
	assert_int_equal(ndr.id_count, 1);
	assert_string_equal(ndr.ids[0], "<pf-9@contoso.com>");
}

static void test_delays_and_successes(void **state)
{
	(void)state;
	read_by(load("delayed.eml"), 5);
	assert_true(ndr.report);
	assert_int_equal(ndr.recipient_count, 2);
	assert_recipient(0, "frank@fabrikam.com", NDR_DELAYED, "4.4.7", "450 4.4.7");
	assert_recipient(1, "grace@fabrikam.com", NDR_RELAYED, "2.0.0", "250 2.0.0");
	assert_string_equal(ndr.ids[0], "<late-1@contoso.com>");
}

static void test_words_alone(void **state)
{
	(void)state;
	read_by(load("words.eml"), 11);
	assert_true(ndr.report);
	assert_int_equal(ndr.recipient_count, 1);
	assert_recipient(0, "heidi@fabrikam.com", NDR_FAILED, "5.1.8",
	        "550 5.1.8 Access denied, bad outbound sender AS(42004)");
	assert_string_equal(ndr.ids[0], "<words-1@contoso.com>");
	assert_string_equal(ndr.reporter, "AM0PR03MB4567.eurprd03.prod.outlook.com");
}

static void test_what_is_none(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"Subject: hello\r\nReferences: <a@x>\r\n\r\nHello ann@fabrikam.com\r\n",
		"Content-Type: multipart/report; report-type=disposition-notification; "
		"boundary=b\r\n\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
		"Disposition: displayed\r\n--b--\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b--\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		read_by(view_of(texts[i]), 3);
		assert_false(ndr.report);
		assert_int_equal(ndr.recipient_count, 0);
	}
}

/* A group without a blank line before it, a line that is no field, a part without an end. */
static void test_broken_ones(void **state)
{
	(void)state;
	read_by(VIEW("Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
	             "--b\nContent-Type: message/delivery-status\n\n"
	             "Reporting-MTA: dns;x\nFinal-Recipient: rfc822;<a@x.example>\nAction: failed\n"
	             "no field at all\nStatus: 5.1.1\n\n"
	             "Final-Recipient: rfc822;b@x.example\nDiagnostic-Code: smtp;550 5.7.1 no"),
	        4);
	assert_int_equal(ndr.recipient_count, 2);
	assert_recipient(0, "a@x.example", NDR_FAILED, "", "");
	assert_recipient(1, "b@x.example", NDR_UNKNOWN, "5.7.1", "550 5.7.1 no");
}

static void test_bounds(void **state)
{
	struct text text = TEXT_ON(message);

	(void)state;
	text_put(&text, VIEW("Content-Type: multipart/report; report-type=delivery-status; "
	                     "boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"));
	for (int i = 0; i < NDR_RECIPIENTS_MAX + 5; i++)
		text_format(&text, "Final-Recipient: rfc822;u%d@x.example\nStatus: 5.1.1\n\n", i);
	text_put(&text, VIEW("--b\nContent-Type: message/rfc822\n\nSubject: "));
	while (text.bytes < NDR_BYTES_MAX)
		text_put(&text,
		        VIEW("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
	text_put(&text, VIEW("\nMessage-ID: <too-far@x>\n"));
	assert_false(text.overflow);
	read_by(text_view(&text), 4096);
	assert_int_equal(ndr.recipient_count, NDR_RECIPIENTS_MAX);
	assert_int_equal(ndr.recipients_missed, 5);
	assert_int_equal(ndr.id_count, 0);

	text = (struct text)TEXT_ON(message);
	for (int i = 0; i < 20; i++)
		text_format(&text, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
	read_by(text_view(&text), 7);
	assert_int_equal(reader.levels, NDR_LEVELS_MAX);
	assert_false(ndr.report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_online),
		cmocka_unit_test(test_online_remote),
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_postfix),
		cmocka_unit_test(test_delays_and_successes),
		cmocka_unit_test(test_words_alone),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_broken_ones),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
