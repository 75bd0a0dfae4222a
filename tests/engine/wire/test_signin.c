#include "engine/wire/signin.h"

#include "engine/wire/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Base64 of a literal that may hold NULs; lends from `memory`. */
static struct view encode(char memory[256], struct view plain)
{
	struct text text = text_on(memory, 256);

	base64_encode(&text, plain);
	return text_view(&text);
}

#define ENCODE(literal) encode((char[256]){ 0 }, VIEW(literal))

struct exchange {
	struct signin_server server;
	char memory[SIGNIN_MEMORY_BYTES];
};

static enum signin_news start(struct exchange *exchange, enum signin_mechanism mechanism,
        bool has_initial, struct view initial)
{
	return signin_server_start(&exchange->server, mechanism,
	        (struct span){ exchange->memory, sizeof exchange->memory }, has_initial, initial);
}

static void assert_done(
        const struct exchange *exchange, const char *authzid, const char *user, const char *secret)
{
	assert_true(view_equal(exchange->server.authzid, view_of(authzid)));
	assert_true(view_equal(exchange->server.user, view_of(user)));
	assert_true(view_equal(exchange->server.password, view_of(secret)));
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(signin_mechanism_of(VIEW("plain")), SIGNIN_PLAIN);
	assert_int_equal(signin_mechanism_of(VIEW("XOAuth2")), SIGNIN_XOAUTH2);
	assert_int_equal(signin_mechanism_of(VIEW("none")), SIGNIN_NONE);
	assert_int_equal(signin_mechanism_of(VIEW("CRAM-MD5")), SIGNIN_NONE);
	assert_int_equal(signin_mechanism_of(VIEW("")), SIGNIN_NONE);
	assert_string_equal(signin_mechanism_name(SIGNIN_LOGIN), "LOGIN");
}

static void test_server_plain(void **state)
{
	(void)state;
	struct exchange e;

	assert_int_equal(start(&e, SIGNIN_PLAIN, true, ENCODE("\0user\0pass word")), SIGNIN_DONE);
	assert_done(&e, "", "user", "pass word");
	assert_int_equal(start(&e, SIGNIN_PLAIN, false, VIEW("")), SIGNIN_CHALLENGE);
	assert_int_equal(e.server.challenge.bytes, 0);
	assert_int_equal(signin_server_feed(&e.server, ENCODE("as\0user\0p\xc3\xa9")), SIGNIN_DONE);
	assert_done(&e, "as", "user", "p\xc3\xa9");
	assert_int_equal(start(&e, SIGNIN_PLAIN, true, ENCODE("\0user\0")), SIGNIN_DONE);
	assert_done(&e, "", "user", "");
}

static void test_server_login(void **state)
{
	(void)state;
	struct exchange e;

	assert_int_equal(start(&e, SIGNIN_LOGIN, false, VIEW("")), SIGNIN_CHALLENGE);
	assert_true(view_equal(e.server.challenge, ENCODE("Username:")));
	assert_int_equal(signin_server_feed(&e.server, ENCODE("user")), SIGNIN_CHALLENGE);
	assert_true(view_equal(e.server.challenge, ENCODE("Password:")));
	assert_int_equal(signin_server_feed(&e.server, ENCODE("pass")), SIGNIN_DONE);
	assert_done(&e, "", "user", "pass");

	assert_int_equal(start(&e, SIGNIN_LOGIN, true, ENCODE("user")), SIGNIN_CHALLENGE);
	assert_true(view_equal(e.server.challenge, ENCODE("Password:")));
	assert_int_equal(signin_server_feed(&e.server, ENCODE("pass")), SIGNIN_DONE);
	assert_done(&e, "", "user", "pass");
}

static void test_server_xoauth2(void **state)
{
	(void)state;
	struct exchange e;

	assert_int_equal(start(&e, SIGNIN_XOAUTH2, true, ENCODE("user=u@x\1auth=Bearer tok\1\1")),
	        SIGNIN_DONE);
	assert_done(&e, "", "u@x", "tok");
	assert_int_equal(start(&e, SIGNIN_XOAUTH2, false, VIEW("")), SIGNIN_CHALLENGE);
	assert_int_equal(
	        signin_server_feed(&e.server, ENCODE("user=u@x\1auth=Bearer tok\1")), SIGNIN_BAD);
	assert_int_equal(
	        start(&e, SIGNIN_XOAUTH2, true, ENCODE("user=u\1auth=Basic tok\1\1")), SIGNIN_BAD);
	assert_int_equal(start(&e, SIGNIN_XOAUTH2, true, ENCODE("user=u")), SIGNIN_BAD);
	assert_int_equal(
	        start(&e, SIGNIN_XOAUTH2, true, ENCODE("user=u\1auth=Bearer t\1\1x")), SIGNIN_BAD);
}

static void test_server_refuses(void **state)
{
	(void)state;
	struct exchange e;
	const struct view bad[] = {
		VIEW(""),
		VIEW("="),
		VIEW("not base64"),
		ENCODE("user"),
		ENCODE("\0user"),
		ENCODE("\0\0pass"),
		ENCODE("\0us\ner\0pass"),
		ENCODE("\0user\0pass\0more"),
		ENCODE("\0user\0pa\rss"),
		ENCODE("\0us\x80\0pass"),
		ENCODE("a\x01\0user\0pass"),
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(start(&e, SIGNIN_PLAIN, true, bad[i]), SIGNIN_BAD);
	assert_int_equal(start(&e, SIGNIN_LOGIN, true, ENCODE("us\ner")), SIGNIN_BAD);
	assert_int_equal(start(&e, SIGNIN_LOGIN, true, VIEW("=")), SIGNIN_CHALLENGE);
	assert_int_equal(signin_server_feed(&e.server, ENCODE("pass")), SIGNIN_BAD);
	assert_int_equal(start(&e, SIGNIN_PLAIN, false, VIEW("")), SIGNIN_CHALLENGE);
	assert_int_equal(signin_server_feed(&e.server, VIEW("*")), SIGNIN_CANCELLED);
	assert_int_equal(start(&e, SIGNIN_LOGIN, true, ENCODE("user")), SIGNIN_CHALLENGE);
	assert_int_equal(signin_server_feed(&e.server, VIEW("*")), SIGNIN_CANCELLED);
}

static void test_server_keeps_within_its_memory(void **state)
{
	(void)state;
	char memory[8];
	const struct span span = { memory, sizeof memory };
	struct signin_server server;

	assert_int_equal(signin_server_start(&server, SIGNIN_LOGIN, span, true, ENCODE("user567")),
	        SIGNIN_CHALLENGE);
	assert_int_equal(signin_server_feed(&server, ENCODE("pw")), SIGNIN_BAD);
	assert_int_equal(
	        signin_server_start(&server, SIGNIN_LOGIN, span, true, ENCODE("user56789")),
	        SIGNIN_BAD);
}

struct client_row {
	enum signin_mechanism mechanism;
	bool initial;
	const char *sent[4]; /* after AUTH: an answer to each 334 */
};

/* user "u@x", secret "pw" */
static const struct client_row client_rows[] = {
	{ SIGNIN_PLAIN, true, { "AUTH PLAIN AHVAeABwdw==\r\n" } },
	{ SIGNIN_PLAIN, false, { "AUTH PLAIN\r\n", "AHVAeABwdw==\r\n" } },
	{ SIGNIN_LOGIN, true, { "AUTH LOGIN dUB4\r\n", "cHc=\r\n" } },
	{ SIGNIN_LOGIN, false, { "AUTH LOGIN\r\n", "dUB4\r\n", "cHc=\r\n" } },
	/* The last 334 is a complaint. */
	{ SIGNIN_XOAUTH2, true,
	        { "AUTH XOAUTH2 dXNlcj11QHgBYXV0aD1CZWFyZXIgcHcBAQ==\r\n", "\r\n" } },
	{ SIGNIN_XOAUTH2, false,
	        { "AUTH XOAUTH2\r\n", "dXNlcj11QHgBYXV0aD1CZWFyZXIgcHcBAQ==\r\n", "\r\n" } },
};

/* As the keeper writes it; in memory of the test's. */
static struct view argument_of(
        enum signin_mechanism mechanism, const char *user, const char *secret)
{
	static char memory[128];
	struct text argument = TEXT_ON(memory);

	signin_put_argument(&argument, mechanism, view_of(user), view_of(secret));
	assert_false(argument.overflow);
	return text_view(&argument);
}

static void test_client(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof client_rows / sizeof client_rows[0]; i++) {
		const struct client_row *row = &client_rows[i];
		struct signin_client client;
		char memory[128];
		struct text line = TEXT_ON(memory);
		assert_true(signin_client_start(&client, row->mechanism, VIEW("u@x"),
		        argument_of(row->mechanism, "u@x", "pw"), row->initial, &line));
		assert_true(view_equal(text_view(&line), view_of(row->sent[0])));
		for (size_t step = 1; row->sent[step] != NULL; step++) {
			line = text_on(memory, sizeof memory);
			assert_int_equal(signin_client_feed(&client, 334, &line), SIGNIN_SEND);
			assert_true(view_equal(text_view(&line), view_of(row->sent[step])));
		}
		line = text_on(memory, sizeof memory);
		assert_int_equal(signin_client_feed(&client, 334, &line), SIGNIN_BROKEN);
	}
}

static void test_client_ends(void **state)
{
	(void)state;
	struct signin_client client;
	char memory[16];
	struct text line = TEXT_ON(memory);

	assert_true(signin_client_start(
	        &client, SIGNIN_LOGIN, VIEW("u@x"), VIEW("cHc="), false, &line));
	assert_int_equal(signin_client_feed(&client, 235, &line), SIGNIN_PASSED);
	assert_int_equal(signin_client_feed(&client, 535, &line), SIGNIN_REFUSED);
	assert_int_equal(signin_client_feed(&client, 454, &line), SIGNIN_REFUSED);
	assert_int_equal(signin_client_feed(&client, 250, &line), SIGNIN_BROKEN);
	assert_int_equal(signin_client_feed(&client, 354, &line), SIGNIN_BROKEN);
	line = text_on(memory, 4);
	assert_int_equal(signin_client_feed(&client, 334, &line), SIGNIN_BROKEN);
	line = text_on(memory, 8);
	assert_false(signin_client_start(
	        &client, SIGNIN_LOGIN, VIEW("u@x"), VIEW("cHc="), false, &line));
}

static void test_client_and_server_agree(void **state)
{
	(void)state;
	for (unsigned m = SIGNIN_NONE + 1; m < SIGNIN_MECHANISM_COUNT; m++) {
		struct exchange e;
		struct signin_client client;
		char memory[128];
		struct text line = TEXT_ON(memory);
		assert_true(signin_client_start(&client, (enum signin_mechanism)m, VIEW("user"),
		        argument_of((enum signin_mechanism)m, "user", "secret"), false, &line));
		enum signin_news news = start(&e, (enum signin_mechanism)m, false, VIEW(""));
		while (news == SIGNIN_CHALLENGE) {
			line = text_on(memory, sizeof memory);
			assert_int_equal(signin_client_feed(&client, 334, &line), SIGNIN_SEND);
			struct view sent = view_first(text_view(&line), line.bytes - 2);
			news = signin_server_feed(&e.server, sent);
		}
		assert_int_equal(news, SIGNIN_DONE);
		assert_done(&e, "", "user", "secret");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_server_plain),
		cmocka_unit_test(test_server_login),
		cmocka_unit_test(test_server_xoauth2),
		cmocka_unit_test(test_server_refuses),
		cmocka_unit_test(test_server_keeps_within_its_memory),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_client_ends),
		cmocka_unit_test(test_client_and_server_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
