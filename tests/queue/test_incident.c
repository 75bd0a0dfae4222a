/* Incidents: what they are about, what ends them, their record, and the book that has them. */
#include "queue/incident_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct incident incident_of(enum cause cause, const char *identity, const char *sender)
{
	struct incident incident = {
		.cause = cause,
		.scope = SCOPE_IDENTITY,
		.first = { 1000 },
		.last = { 1000 },
		.count = 1,
	};

	incident_set(incident.route, sizeof incident.route, VIEW("submission"));
	incident_set(incident.identity, sizeof incident.identity, view_of(identity));
	incident_set(incident.sender, sizeof incident.sender, view_of(sender));
	return incident;
}

static void assert_command(const struct incident *incident, const char *wanted)
{
	char bytes[INCIDENT_COMMAND_MAX];
	struct text text = TEXT_ON(bytes);

	assert_int_equal(incident_put_command(incident, &text), wanted != NULL);
	assert_string_equal(text_string(&text), wanted == NULL ? "" : wanted);
}

static void test_commands(void **state)
{
	struct incident pair =
	        incident_of(CAUSE_SEND_AS_DENIED, "relay@contoso.com", "notify@contoso.com");
	struct incident off = incident_of(CAUSE_AUTH_DISABLED, "relay@contoso.com", "");

	(void)state;
	assert_command(&pair, "Add-RecipientPermission notify@contoso.com "
	                      "-Trustee relay@contoso.com -AccessRights SendAs");
	assert_command(&off, "Set-CASMailbox -Identity relay@contoso.com "
	                     "-SmtpClientAuthenticationDisabled $false");
	off.scope = SCOPE_TENANT;
	assert_command(&off, "Set-TransportConfig -SmtpClientAuthenticationDisabled $false");
	off.cause = CAUSE_AUTH_FAILED;
	assert_command(&off, NULL);
}

static void assert_name(const char *reply, const char *wanted)
{
	const struct view name = incident_refused_name(view_of(reply));

	assert_true(view_equal(name, view_of(wanted)));
}

static void test_the_refused_name(void **state)
{
	(void)state;
	assert_name("554 5.2.252 SendAsDenied; r@contoso.com not allowed to send as b@contoso.com; "
	            "STOREDRV",
	        "b@contoso.com");
	assert_name("554 r@c.d Not allowed to send as <b@c.d>", "");
	assert_name("554 not allowed to send as b@c.d", "b@c.d");
	assert_name("554 not allowed to send as", "");
	assert_name("554 not allowed to send as ", "");
	assert_name("554 not allowed to send as anyone", "");
	assert_name("550 5.7.60 SMTP; Client does not have permissions to send as this sender", "");
}

static void test_same(void **state)
{
	const struct incident one = incident_of(CAUSE_SEND_AS_DENIED, "Relay@a.b", "x@a.b");
	struct incident other = incident_of(CAUSE_SEND_AS_DENIED, "relay@A.B", "X@a.b");

	(void)state;
	assert_true(incident_is_same(&one, &other));
	other.scope = SCOPE_TENANT;
	assert_false(incident_is_same(&one, &other));
	other = incident_of(CAUSE_SEND_AS_DENIED, "relay@a.b", "y@a.b");
	assert_false(incident_is_same(&one, &other));
	other = incident_of(CAUSE_AUTH_FAILED, "relay@a.b", "x@a.b");
	assert_false(incident_is_same(&one, &other));
	other = one;
	incident_set(other.route, sizeof other.route, VIEW("hve"));
	assert_false(incident_is_same(&one, &other));
}

static void test_record(void **state)
{
	struct incident incident = incident_of(CAUSE_AUTH_DISABLED, "relay@a.b", "x@a.b");
	char record[INCIDENT_RECORD_MAX];
	char again[INCIDENT_RECORD_MAX];
	char big[INCIDENT_ADVICE_MAX + 100];
	struct incident read;

	(void)state;
	memset(big, 'x', sizeof big);
	incident_set(incident.route, sizeof incident.route, view_from(big, sizeof big));
	incident_set(incident.identity, sizeof incident.identity, view_from(big, sizeof big));
	incident_set(incident.sender, sizeof incident.sender, view_from(big, sizeof big));
	incident_set(incident.reply, sizeof incident.reply, view_from(big, sizeof big));
	incident_set(incident.advice, sizeof incident.advice, view_from(big, sizeof big));
	incident.count = UINT64_MAX;
	incident.closed = (struct wall){ 5 };
	incident.until = (struct wall){ 6 };
	incident.setbacks = 7;
	const size_t bytes = incident_encode(&incident, (struct span){ record, sizeof record });
	assert_false(failed(incident_decode(&read, view_from(record, bytes))));
	assert_int_equal(incident_encode(&read, (struct span){ again, sizeof again }), bytes);
	assert_memory_equal(again, record, bytes);
	assert_true(incident_is_same(&read, &incident));
	/* No part of it passes for the whole, nor what is longer. */
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(incident_decode(&read, view_from(record, i)).code, ERR_FORMAT);
	record[bytes] = 0;
	assert_int_equal(incident_decode(&read, view_from(record, bytes + 1)).code, ERR_FORMAT);
	/* The first word is the cause's: one of another version. */
	record[1 + 5 * 8 + 4 + 2] = '?';
	assert_int_equal(incident_decode(&read, view_from(record, bytes)).code, ERR_FORMAT);
	record[0]++;
	assert_int_equal(incident_decode(&read, view_from(record, bytes)).code, ERR_FORMAT);
}

static struct incident_book *book;

static void test_one_as_long_as_it_lasts(void **state)
{
	struct incident news = incident_of(CAUSE_AUTH_DISABLED, "relay@a.b", "");
	bool opened;
	size_t at;

	(void)state;
	*book = (struct incident_book){ 0 };
	assert_int_equal(incident_book_close(book, &news, (struct wall){ 9 }), INCIDENTS_MAX);
	const size_t place = incident_book_raise(book, &news, &opened);
	assert_true(opened);
	news.count = 4;
	news.first = (struct wall){ 3000 };
	news.last = (struct wall){ 4000 };
	incident_set(news.reply, sizeof news.reply, VIEW("535 once more"));
	assert_int_equal(incident_book_raise(book, &news, &opened), place);
	assert_false(opened);
	assert_int_equal(book->at[place].count, 5);
	assert_int_equal(book->at[place].first.ms, 1000);
	assert_int_equal(book->at[place].last.ms, 4000);
	assert_string_equal(book->at[place].reply, "535 once more");
	assert_true(incident_book_next_dirty(book, &at));
	assert_int_equal(at, place);
	assert_false(incident_book_next_dirty(book, &at));
	assert_int_equal(incident_book_close(book, &news, (struct wall){ 0 }), place);
	assert_false(incident_is_open(&book->at[place]));
	assert_int_equal(book->at[place].count, 5);
	assert_true(incident_book_next_dirty(book, &at));
	/* Another time is another one. */
	assert_int_equal(incident_book_raise(book, &news, &opened), place);
	assert_true(opened);
	assert_int_equal(book->at[place].count, 4);
	assert_int_equal(book->at[place].first.ms, 3000);
}

static void test_a_full_book(void **state)
{
	struct incident news[INCIDENTS_MAX + 1];
	bool opened;
	size_t at;

	(void)state;
	*book = (struct incident_book){ 0 };
	for (int i = 0; i <= INCIDENTS_MAX; i++) {
		char name[32];
		snprintf(name, sizeof name, "m%d@a.b", i);
		news[i] = incident_of(CAUSE_AUTH_DISABLED, name, "");
	}
	for (size_t i = 0; i < INCIDENTS_MAX; i++)
		assert_int_equal(incident_book_raise(book, &news[i], &opened), i);
	assert_int_equal(incident_book_raise(book, &news[INCIDENTS_MAX], &opened), INCIDENTS_MAX);
	assert_false(opened);
	assert_int_equal(book->missed, 1);
	assert_int_equal(incident_book_close(book, &news[7], (struct wall){ 20 }), 7);
	assert_int_equal(incident_book_close(book, &news[5], (struct wall){ 10 }), 5);
	assert_int_equal(incident_book_raise(book, &news[INCIDENTS_MAX], &opened), 5);
	assert_true(opened);
	for (size_t i = 0; i < INCIDENTS_MAX; i++)
		assert_true(incident_book_next_dirty(book, &at));
	assert_false(incident_book_next_dirty(book, &at));
	incident_book_soil(book, 3);
	incident_book_soil(book, 3);
	assert_true(incident_book_next_dirty(book, &at));
	assert_int_equal(at, 3);
	assert_int_equal(book->dirty_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_the_refused_name),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_one_as_long_as_it_lasts),
		cmocka_unit_test(test_a_full_book),
	};

	book = calloc(1, sizeof *book);
	if (book == NULL)
		return 1;
	const int result = cmocka_run_group_tests(tests, NULL, NULL);
	free(book);
	return result;
}
