#include "tests/engine/ingest_client.h"

#include "tests/engine/io/certificates.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>

static struct house house;
static struct certificates certificates;
static char certificate[CERTIFICATES_PATH_BYTES];

/* A client, in the clear or with TLS. */
struct caller {
	int fd;
	SSL_CTX *context;
	SSL *ssl;
	char room[8192];
	struct text got;
};

static void caller_end(struct caller *caller)
{
	SSL_free(caller->ssl);
	SSL_CTX_free(caller->context);
	close(caller->fd);
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
}

static void caller_secure(struct caller *caller)
{
	caller->context = SSL_CTX_new(TLS_client_method());
	caller->ssl = SSL_new(caller->context);
	assert_int_equal(SSL_set_fd(caller->ssl, caller->fd), 1);
	const int flags = 1;
	assert_int_equal(ioctl(caller->fd, FIONBIO, &flags), 0);
	struct mono begun = clock_mono();
	while (SSL_connect(caller->ssl) != 1) {
		house_turn(&house);
		assert_true(clock_mono().ns - begun.ns < HOUSE_PATIENCE_NS);
	}
}

/* Says it, and gives the lines that come. */
static const char *say(struct caller *caller, const char *text, size_t lines)
{
	struct mono begun = clock_mono();

	caller->got = text_on(caller->room, sizeof caller->room);
	if (caller->ssl == NULL) {
		house_send(&house, caller->fd, view_of(text));
		house_await(&house, caller->fd, &caller->got, lines);
		return text_string(&caller->got);
	}
	if (text[0] != '\0')
		assert_int_equal(SSL_write(caller->ssl, text, (int)strlen(text)), strlen(text));
	while (house_lines(&caller->got) < lines) {
		struct text *got = &caller->got;
		int came = SSL_read(
		        caller->ssl, got->data + got->bytes, (int)(got->size - got->bytes));
		if (came > 0)
			got->bytes += (size_t)came;
		else
			house_turn(&house);
		if (clock_mono().ns - begun.ns > HOUSE_PATIENCE_NS)
			fail_msg("waited in vain after %s, got: %s", text, text_string(got));
	}
	return text_string(&caller->got);
}

#define SAY(caller, text, begins)                                                                  \
	do {                                                                                       \
		const char *got_ = say((caller), (text), 1);                                       \
		if (strncmp(got_, (begins), strlen(begins)) != 0)                                  \
			fail_msg("after %s wanted %s, got %s", (text), (begins), got_);            \
	} while (0)

static struct caller caller_greeted(size_t door)
{
	struct caller caller = { .fd = house_dial(&house, door) };

	SAY(&caller, "", "220 ");
	return caller;
}

static void signing_in_prepare(void)
{
	house_prepare(&house);
	house.config.listeners.count = 3;
	house_add_users(&house, &house.listeners[0]);
	for (size_t i = 0; i < 3; i++) {
		house.listeners[i].users_file = house.users_path;
		house.listeners[i].allow = (struct config_networks){ 0 };
		house.listeners[i].tls.certificate = certificate;
		house.listeners[i].tls.key = certificates.key;
	}
	house.listeners[1].tls.implicit = true;
	house.listeners[2].allow_plaintext_auth = true;
}

static const char ehlo[] = "EHLO client.test\r\n";
#define RIGHT "AGFubmEAc2VjcmV0" /* \0anna\0secret */

static void signing_in_lets_relay(void **state)
{
	(void)state;
	signing_in_prepare();
	house_open(&house);
	for (int mechanism = 0; mechanism < 3; mechanism++) {
		struct caller caller = caller_greeted(0);
		assert_null(strstr(say(&caller, ehlo, 9), "AUTH"));
		assert_non_null(strstr(caller.room, "250-STARTTLS\r\n"));
		SAY(&caller, "AUTH PLAIN " RIGHT "\r\n", "538 5.7.11");
		SAY(&caller, "STARTTLS\r\n", "220 2.0.0");
		caller_secure(&caller);
		SAY(&caller, "MAIL FROM:<a@b.test>\r\n", "503 5.5.1 Say EHLO");
		assert_non_null(strstr(say(&caller, ehlo, 9), "250-AUTH PLAIN LOGIN\r\n"));
		assert_null(strstr(caller.room, "STARTTLS"));
		SAY(&caller, "STARTTLS\r\n", "503 5.5.1");
		if (mechanism == 0) {
			SAY(&caller, "AUTH PLAIN " RIGHT "\r\n", "235 2.7.0");
		} else if (mechanism == 1) {
			SAY(&caller, "AUTH PLAIN\r\n", "334 \r\n");
			SAY(&caller, RIGHT "\r\n", "235 2.7.0");
		} else {
			SAY(&caller, "AUTH LOGIN\r\n", "334 VXNlcm5hbWU6");
			SAY(&caller, "YW5uYQ==\r\n", "334 UGFzc3dvcmQ6");
			SAY(&caller, "c2VjcmV0\r\n", "235 2.7.0");
		}
		SAY(&caller, "AUTH PLAIN " RIGHT "\r\n", "503 5.5.1 You are");
		SAY(&caller, "MAIL FROM:<a@b.test>\r\n", "250");
		SAY(&caller, "AUTH PLAIN " RIGHT "\r\n", "503 5.5.1");
		SAY(&caller, "RCPT TO:<c@d.test>\r\n", "250");
		SAY(&caller, "DATA\r\n", "354");
		SAY(&caller, "A: b\r\n.\r\n", "250 2.0.0 queued");
		caller_end(&caller);
	}
	assert_int_equal(house.mail_count, 3);
	assert_string_equal(house.mail[2].user, "anna");
	assert_string_equal(house.mail[2].protocol, "ESMTPSA");
	assert_int_equal(house.counters.signins_accepted, 3);
	house_close(&house);
}

/* Everything said before TLS is forgotten, and what was sent ahead of it is thrown away. */
static void starttls_forgets(void **state)
{
	(void)state;
	signing_in_prepare();
	house_open(&house);
	struct caller caller = caller_greeted(0);
	(void)say(&caller, ehlo, 9);
	SAY(&caller, "STARTTLS now\r\n", "501 5.5.4");
	SAY(&caller,
	        "STARTTLS\r\nEHLO injected\r\nMAIL FROM:<evil@b.test>\r\nRCPT TO:<c@d.test>\r\n",
	        "220 2.0.0");
	assert_int_equal(house_lines(&caller.got), 1);
	caller_secure(&caller);
	SAY(&caller, "RCPT TO:<c@d.test>\r\n", "503 5.5.1 Say EHLO");
	assert_int_equal(house_lines(&caller.got), 1);
	(void)say(&caller, ehlo, 9);
	SAY(&caller, "RCPT TO:<c@d.test>\r\n", "503 5.5.1 Say MAIL");
	caller_end(&caller);
	/* A sign-in in the clear does not last either. */
	caller = caller_greeted(2);
	(void)say(&caller, ehlo, 10);
	SAY(&caller, "AUTH PLAIN " RIGHT "\r\n", "235 2.7.0");
	SAY(&caller, "STARTTLS\r\n", "220 2.0.0");
	caller_secure(&caller);
	assert_non_null(strstr(say(&caller, ehlo, 9), "AUTH"));
	(void)say(&caller, "MAIL FROM:<a@b.test>\r\n", 1);
	SAY(&caller, "RCPT TO:<c@d.test>\r\n", "550 5.7.1");
	caller_end(&caller);
	house_close(&house);
}

static void implicit_tls_greets_inside(void **state)
{
	(void)state;
	signing_in_prepare();
	house_open(&house);
	struct caller caller = { .fd = house_dial(&house, 1) };
	caller_secure(&caller);
	SAY(&caller, "", "220 relay.test");
	assert_null(strstr(say(&caller, ehlo, 9), "STARTTLS"));
	SAY(&caller, "AUTH PLAIN " RIGHT "\r\n", "235 2.7.0");
	caller_end(&caller);
	/* One that doesn't know it, and speaks in the clear. */
	caller = (struct caller){ .fd = house_dial(&house, 1) };
	house_send(&house, caller.fd, VIEW("EHLO client.test\r\n"));
	house_turn_until(&house, house.counters.connections_closed == 2);
	caller_end(&caller);
	house_close(&house);
}

/* A client whose handshake fails hears why: here it can't verify an EC key's signature. */
static void failed_handshakes_are_told(void **state)
{
	(void)state;
	signing_in_prepare();
	house_open(&house);
	for (size_t door = 0; door < 2; door++) {
		struct caller caller = { .fd = house_dial(&house, door) };
		if (door == 0) {
			SAY(&caller, "", "220 ");
			(void)say(&caller, ehlo, 9);
			SAY(&caller, "STARTTLS\r\n", "220 2.0.0");
		}
		const struct mono begun = clock_mono();
		const int flags = 1;
		int status;
		caller.context = SSL_CTX_new(TLS_client_method());
		assert_int_equal(SSL_CTX_set1_sigalgs_list(caller.context, "RSA+SHA256"), 1);
		caller.ssl = SSL_new(caller.context);
		assert_int_equal(SSL_set_fd(caller.ssl, caller.fd), 1);
		assert_int_equal(ioctl(caller.fd, FIONBIO, &flags), 0);
		while ((status = SSL_connect(caller.ssl)) != 1 &&
		        SSL_get_error(caller.ssl, status) == SSL_ERROR_WANT_READ) {
			house_turn(&house);
			assert_true(clock_mono().ns - begun.ns < HOUSE_PATIENCE_NS);
		}
		assert_int_equal(SSL_get_error(caller.ssl, status), SSL_ERROR_SSL);
		assert_int_equal(
		        ERR_GET_REASON(ERR_get_error()), SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
		caller_end(&caller);
	}
	house_close(&house);
}

static void wrong_passwords_take_longer_and_longer(void **state)
{
	(void)state;
	signing_in_prepare();
	house.config.limits.auth_failures = 2;
	house_open(&house);
	struct caller caller = caller_greeted(2);
	assert_non_null(strstr(say(&caller, ehlo, 10), "AUTH PLAIN LOGIN"));
	SAY(&caller, "AUTH LOGIN\r\n", "334");
	SAY(&caller, "*\r\n", "501 5.7.0");
	SAY(&caller, "AUTH CRAM-MD5\r\n", "504 5.5.4");
	SAY(&caller, "AUTH XOAUTH2 AAAA\r\n", "504 5.5.4");
	SAY(&caller, "AUTH PLAIN not-base64!\r\n", "501 5.5.");
	SAY(&caller, "AUTH PLAIN\r\n", "334");
	SAY(&caller, "YW5uYQ==\n", "501 5.5.2");
	for (size_t bytes = SIGNIN_LINE_MAX; bytes <= SIGNIN_LINE_MAX + 1; bytes++) {
		static char line[SIGNIN_LINE_MAX + 4];
		memset(line, 'A', bytes);
		memcpy(line + bytes, "\r\n", 3);
		SAY(&caller, "AUTH PLAIN\r\n", "334");
		SAY(&caller, line, bytes == SIGNIN_LINE_MAX ? "501 5.5.2" : "500 5.5.6");
	}
	for (int failure = 0; failure < 2; failure++) {
		struct mono begun = clock_mono();
		/* The first acts as somebody else. */
		SAY(&caller,
		        failure == 0 ? "AUTH PLAIN YmVydABhbm5hAHNlY3JldA==\r\n"
		                     : "AUTH PLAIN AGFubmEAZ3Vlc3M=\r\nNOOP\r\n",
		        failure == 0 ? "535 5.7.8" : "421 4.7.0 Too many failed");
		assert_true(clock_mono().ns - begun.ns >= (1 + failure) * NS_PER_S);
	}
	assert_int_equal(house.counters.signins_refused, 2);
	caller_end(&caller);
	house_close(&house);
}

/* The connection is lost while the helper looks at its password: the answer finds its way. */
static void lost_while_checking(void **state)
{
	(void)state;
	signing_in_prepare();
	house_open(&house);
	struct caller caller = caller_greeted(2);
	(void)say(&caller, ehlo, 10);
	struct passwords *passwords = MOVE(house.passwords); /* it doesn't turn */
	house_send(&house, caller.fd, VIEW("AUTH PLAIN " RIGHT "\r\n"));
	house_turn_until(&house, house.ingest.checks == 1);
	const struct linger reset = { 1, 0 };
	setsockopt(caller.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(caller.fd);
	for (int i = 0; i < 20; i++)
		house_turn(&house);
	struct inbound *inbound =
	        container_of(list_first(&house.ingest.sessions), struct inbound, session_link);
	assert_int_equal(inbound->state, INBOUND_LOST);
	assert_true(inbound->gone);
	house.passwords = passwords;
	house_turn_until(&house, list_is_empty(&house.ingest.sessions));
	house_close(&house);
}

/* So many wait that one more is told to come again. */
static void too_many_checks_at_once(void **state)
{
	(void)state;
	signing_in_prepare();
	house_open(&house);
	struct caller caller = caller_greeted(2);
	(void)say(&caller, ehlo, 10);
	house.ingest.checks += PASSWORDS_CHECKS_MAX;
	SAY(&caller, "AUTH PLAIN " RIGHT "\r\n", "454 4.7.0");
	house.ingest.checks -= PASSWORDS_CHECKS_MAX;
	SAY(&caller, "AUTH PLAIN " RIGHT "\r\n", "235 2.7.0");
	caller_end(&caller);
	house_close(&house);
}

static int set_up(void **state)
{
	(void)state;
	const struct certificate_wish wish = { .file = "relay.pem",
		.name = "relay.test",
		.valid_from_days = -1,
		.valid_until_days = 10 };

	certificates_init(&certificates);
	certificates_make(&certificates, &wish, certificate);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	certificates_finish(&certificates);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signing_in_lets_relay),
		cmocka_unit_test(starttls_forgets),
		cmocka_unit_test(implicit_tls_greets_inside),
		cmocka_unit_test(failed_handshakes_are_told),
		cmocka_unit_test(wrong_passwords_take_longer_and_longer),
		cmocka_unit_test(lost_while_checking),
		cmocka_unit_test(too_many_checks_at_once),
	};

	return cmocka_run_group_tests_name("inbound_signin", tests, set_up, tear_down);
}
