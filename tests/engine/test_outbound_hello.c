/* From the connection to being ready: TLS and sign-in, and what stops there. */
#include "engine/wire/base64.h"
#include "tests/engine/office.h"
#include "tests/engine/phrases.h"

static size_t count(const char *text, const char *what)
{
	size_t found = 0;

	for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what))
		found++;
	return found;
}

static void test_no_starttls(void **state)
{
	static const char *const scripts[] = { GREET OFFER ALL "end\n", NULL };
	struct rig *rig = rig_begin("", "tls: {mode: required}", scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_non_null(strstr(rig_reply(rig, 0, 0), "does not offer STARTTLS"));
	rig_stop(rig);
	assert_null(strstr(rig->server.heard, "MAIL"));
	rig_destroy(rig);
}

static void test_starttls_refused(void **state)
{
	static const char *const scripts[] = {
		GREET ONLY "STARTTLS\n< STARTTLS\n> 454 4.7.0 TLS not available\nend\n", NULL
	};
	struct rig *rig = rig_begin("", "tls: {mode: optional}", scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_memory_equal(rig_reply(rig, 0, 0), "454 4.7.0", 9);
	rig_destroy(rig);
}

static void hello_refused(const char *mode, const char *answer, const char *reply)
{
	char script[128];
	const char *const scripts[] = { script, NULL };

	(void)snprintf(script, sizeof script, GREET "> %s\nend\n", answer);
	struct rig *rig = rig_begin("", mode, scripts);
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_non_null(strstr(rig_reply(rig, 0, 0), reply));
	rig_stop(rig);
	assert_null(strstr(rig->server.heard, "HELO"));
	rig_destroy(rig);
}

/* HELO is for servers that do not know EHLO, and only where nothing that it lacks is needed. */
static void test_no_helo(void **state)
{
	(void)state;
	hello_refused("tls: {mode: required}", "500 5.5.1 what?", "it does not know EHLO");
	hello_refused(PLAIN, "554 5.7.1 not you", "554 5.7.1 not you");
	hello_refused(PLAIN, "550 5.7.1 not you", "550 5.7.1 not you");
}

static void test_helo(void **state)
{
	static const char *const codes[] = { "500 5.5.1", "502", "504" };

	(void)state;
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		char script[512];
		const char *const scripts[] = { script, NULL };

		(void)snprintf(script, sizeof script,
		        GREET "> %s what?\n< HELO relay.example\n> 250 mail.example\n"
		              "< MAIL\n> 250 ok\n< RCPT\n> 250 ok\n< DATA\n> 354 go\n.\n"
		              "> 250 taken\n" BYE,
		        codes[i]);
		struct rig *rig = rig_begin("", "tls: {mode: optional}", scripts);
		rig_post(rig, "x\r\n");
		rig_wait(rig, 1);
		rig_assert_outcomes(rig, 0, "D");
		rig_destroy(rig);
	}
}

#define WITH "> 235 2.7.0 welcome\n" MESSAGE TAKEN BYE

/* With TLS. */

/* `identity`: "user: u, auth: login", or NULL. */
static struct rig *office_rig(
        struct office *office, const char *tls, const char *identity, const char *const *scripts)
{
	char route[1024];
	int bytes;

	server_start(&office->rig->server, scripts);
	if (identity == NULL)
		bytes = snprintf(route, sizeof route, "tls: {%s}", tls);
	else
		bytes = snprintf(route, sizeof route,
		        "tls: {%s}, identities: [{%s, secret_file: %s}]", tls, identity,
		        office->secret);
	assert_true(bytes < (int)sizeof route);
	rig_init_with(office->rig, "", route, NULL, &office->keeper);
	if (identity != NULL)
		assert_false(failed(helper_start(&office->keeper.helper)));
	return office->rig;
}

static const char *trusting(const struct office *office, const char *mode)
{
	static char tls[CERTIFICATES_PATH_BYTES + 64];

	(void)snprintf(
	        tls, sizeof tls, "mode: %s, ca_file: %s", mode, office->certificates.authority);
	return tls;
}

static void test_starttls(void **state)
{
	static const char *const scripts[] = { SECURE OFFER ALL MESSAGE TAKEN BYE, NULL };
	struct office *office = *state;
	struct rig *rig = office_rig(office, trusting(office, "required"), NULL, scripts);

	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
}

/* What a server offers behind more than is kept of a reply: TLS, sign-in and CHUNKING are used. */
static void test_verbose(void **state)
{
	char filler[OUTBOUND_REPLY_BYTES + 512] = "";
	char script[3 * sizeof filler];
	const char *const scripts[] = { script, NULL };
	struct office *office = *state;

	while (strlen(filler) <= OUTBOUND_REPLY_BYTES)
		strncat(filler, "X-FEATURE of ours that nobody knows\\n250-",
		        sizeof filler - strlen(filler) - 1);
	(void)snprintf(script, sizeof script,
	        GREET OFFER "%sSIZE 100000\\n250 STARTTLS\n< STARTTLS\n> 220 2.0.0 go\ntls\n"
	                    "< EHLO relay.example\n" OFFER
	                    "%sPIPELINING\\n250-CHUNKING\\n250 AUTH PLAIN\n"
	                    "< AUTH PLAIN AHUAczNjcmV0\n" WITH,
	        filler, filler);
	struct rig *rig =
	        office_rig(office, trusting(office, "optional"), "user: u, auth: plain", scripts);

	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
	rig_stop(rig);
}

static void test_implicit_tls(void **state)
{
	static const char *const scripts[] = { "tls\n" HELLO MESSAGE TAKEN BYE, NULL };
	struct office *office = *state;
	struct rig *rig = office_rig(office, trusting(office, "implicit"), NULL, scripts);

	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
}

static void test_injection(void **state)
{
	/* What is said ahead of TLS in the same breath is not heard. */
	static const char *const scripts[] = {
		GREET ONLY "STARTTLS\n< STARTTLS\n> 220 2.0.0 go\\n250-evil\\n250 AUTH PLAIN\ntls\n"
		           "< EHLO relay.example\n" OFFER ALL MESSAGE TAKEN BYE,
		NULL,
	};
	struct office *office = *state;
	struct rig *rig = office_rig(office, trusting(office, "required"), NULL, scripts);

	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	assert_string_equal(rig_reply(rig, 0, 0), "250 2.0.0 taken");
	rig_assert_outcomes(rig, 0, "D");
}

static void test_untrusted(void **state)
{
	static const char *const scripts[] = {
		GREET ONLY "STARTTLS\n< STARTTLS\n> 220 2.0.0 go\ntls!\n", NULL
	};
	struct office *office = *state;
	struct rig *rig = office_rig(office, "mode: required", NULL, scripts);

	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_non_null(strstr(rig_reply(rig, 0, 0), "TLS"));
	assert_int_equal(atomic_load(&rig->counters.tls_failed), 1);
	rig_stop(rig);
	assert_null(strstr(rig->server.heard, "MAIL"));
}

#define SIGNED SECURE OFFER "PIPELINING\\n250-CHUNKING\\n250 AUTH PLAIN LOGIN XOAUTH2\n"

static void sign_in(struct office *office, const char *identity, const char *script)
{
	const char *const scripts[] = { script, NULL };
	struct rig *rig = office_rig(office, trusting(office, "required"), identity, scripts);

	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
	rig_stop(rig);
}

static void test_login(void **state)
{
	sign_in(*state, "user: u, auth: login",
	        SIGNED "< AUTH LOGIN dQ==\n> 334 UGFzc3dvcmQ6\n< czNjcmV0\n" WITH);
}

static void test_plain(void **state)
{
	sign_in(*state, "user: u, auth: plain", SIGNED "< AUTH PLAIN AHUAczNjcmV0\n" WITH);
}

static void test_password(void **state)
{
	sign_in(*state, "user: u",
	        SECURE OFFER "PIPELINING\\n250-CHUNKING\\n250 AUTH LOGIN\n< AUTH LOGIN dQ==\n"
	                     "> 334 UGFzc3dvcmQ6\n< czNjcmV0\n" WITH);
}

static void test_xoauth2(void **state)
{
	/* user=u ^A auth=Bearer s3cret ^A ^A */
	sign_in(*state, "user: u, auth: xoauth2",
	        SIGNED "< AUTH XOAUTH2\n> 334 \n< dXNlcj11AWF1dGg9QmVhcmVyIHMzY3JldAEB\n" WITH);
}

/* The largest secret that a file may hold, and whole lines of it. */
static void largest(struct office *office, const char *auth, const char *before, const char *after)
{
	static char secret[KEEPER_SECRET_MAX];
	static char plain[2 * KEEPER_SECRET_MAX];
	static char wanted[2 * sizeof plain];
	struct text whole = TEXT_ON(plain);
	struct text line = TEXT_ON(wanted);
	char identity[64];

	for (size_t i = 0; i < sizeof secret - 1; i++)
		secret[i] = (char)('a' + i % 26);
	FILE *file = fopen(office->secret, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(secret, 1, sizeof secret - 1, file), sizeof secret - 1);
	assert_int_equal(fclose(file), 0);
	(void)snprintf(identity, sizeof identity, "user: u, auth: %s", auth);
	if (strcmp(auth, "xoauth2") == 0)
		text_put(&whole, VIEW("user=u\1auth=Bearer "));
	else if (strcmp(auth, "plain") == 0)
		text_put(&whole, view_from("\0u", 3));
	text_put(&whole, view_from(secret, sizeof secret - 1));
	if (strcmp(auth, "xoauth2") == 0)
		text_put(&whole, VIEW("\1\1"));
	base64_encode(&line, text_view(&whole));
	assert_false(line.overflow);
	char script[2048];
	(void)snprintf(script, sizeof script, SIGNED "%s%.32s\n" WITH, before, wanted);
	sign_in(office, identity, script);
	const char *heard = strstr(office->rig->server.heard, after);
	assert_non_null(heard);
	heard += strlen(after);
	assert_memory_equal(heard, wanted, line.bytes);
	assert_int_equal(heard[line.bytes], '\r');
}

static void test_largest_token(void **state)
{
	largest(*state, "xoauth2", "< AUTH XOAUTH2\n> 334 \n< ", "AUTH XOAUTH2\r\n");
}

static void test_largest_passwords(void **state)
{
	largest(*state, "plain", "< AUTH PLAIN ", "AUTH PLAIN ");
}

static void test_largest_login(void **state)
{
	largest(*state, "login", "< AUTH LOGIN dQ==\n> 334 UGFzc3dvcmQ6\n< ",
	        "AUTH LOGIN dQ==\r\n");
}

static void refused(
        struct office *office, const char *identity, const char *script, const char *reply)
{
	const char *const scripts[] = { script, NULL };
	struct rig *rig = office_rig(office, trusting(office, "required"), identity, scripts);

	rig_post(rig, "x\r\n");
	rig_post(rig, "y\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_non_null(strstr(rig_reply(rig, 0, 0), reply));
	assert_int_equal(rig->settled[0]->attempts, 0);
	/* The identity waits; the second message keeps its place. */
	rig_turn_for(rig, 50 * NS_PER_MS);
	assert_int_equal(rig->settled_count, 1);
	rig_stop(rig);
	assert_int_equal(count(rig->server.heard, "MAIL"), 0);
}

static void test_sign_in_refused(void **state)
{
	refused(*state, "user: u, auth: login",
	        SIGNED "< AUTH LOGIN\n> 334 UGFzc3dvcmQ6\n< czNjcmV0\n"
	               "> 535 5.7.139 Authentication unsuccessful, the user credentials were "
	               "incorrect.\nend\n",
	        "535 5.7.139");
}

static void test_sign_in_not_offered(void **state)
{
	refused(*state, "user: u, auth: plain",
	        SECURE OFFER "PIPELINING\\n250 AUTH LOGIN XOAUTH2\nend\n",
	        "the server offers LOGIN, XOAUTH2, and the identity's `auth` is plain");
}

static void test_no_sign_in_offered(void **state)
{
	refused(*state, "user: u", SECURE ONLY "PIPELINING\nend\n",
	        "the server offers no way to sign in that we know, and the identity's `auth` is "
	        "password");
}

static void test_token_refused(void **state)
{
	/* Refused once: one more try with a fresh token. */
	static const char *const scripts[] = {
		SIGNED
		"< AUTH XOAUTH2\n> 334 \n< dXN\n> 535 5.7.3 Authentication unsuccessful\nend\n",
		SIGNED "< AUTH XOAUTH2\n> 334 \n< dXN\n" WITH,
		NULL,
	};
	struct office *office = *state;
	struct rig *rig =
	        office_rig(office, trusting(office, "required"), "user: u, auth: xoauth2", scripts);

	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	rig_post(rig, "x\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
}

#define OFFICE_TEST(name) cmocka_unit_test_setup_teardown(name, office_open, office_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_starttls),
		cmocka_unit_test(test_starttls_refused),
		cmocka_unit_test(test_no_helo),
		cmocka_unit_test(test_helo),
		OFFICE_TEST(test_starttls),
		OFFICE_TEST(test_verbose),
		OFFICE_TEST(test_implicit_tls),
		OFFICE_TEST(test_injection),
		OFFICE_TEST(test_untrusted),
		OFFICE_TEST(test_login),
		OFFICE_TEST(test_plain),
		OFFICE_TEST(test_password),
		OFFICE_TEST(test_xoauth2),
		OFFICE_TEST(test_largest_token),
		OFFICE_TEST(test_largest_passwords),
		OFFICE_TEST(test_largest_login),
		OFFICE_TEST(test_sign_in_refused),
		OFFICE_TEST(test_sign_in_not_offered),
		OFFICE_TEST(test_no_sign_in_offered),
		OFFICE_TEST(test_token_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
