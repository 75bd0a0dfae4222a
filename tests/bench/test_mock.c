#include "bench/mock_session.h"
#include "tests/engine/io/certificates.h"
#include "tests/engine/io/fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fixture fixture;
static struct mock mock;
static struct mock_settings settings;
static struct endpoint at;
static struct certificates certificates;
static char certificate[CERTIFICATES_PATH_BYTES];
static struct tls_context *tls;

/* Fakes and connections */

static void mock_open(void)
{
	fixture_init(&fixture);
	assert_false(failed(mock_init(&mock, &fixture.loop, &settings)));
	assert_true(endpoint_parse(VIEW("127.0.0.1:0"), &at));
	assert_false(failed(mock_listen(&mock, &at, false)));
}

static void mock_rule(const char *rule)
{
	char room[256];
	struct text why = TEXT_ON(room);

	if (!mock_script_add(&mock.script, view_of(rule), &why))
		fail_msg("%s: %s", rule, text_string(&why));
}

static void mock_turn(void)
{
	loop_begin(&fixture.loop);
	loop_run_completions(&fixture.loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&fixture.loop);
	mock_work(&mock);
	loop_end(&fixture.loop);
}

static void mock_close(void)
{
	mock_stop(&mock);
	while (!mock_is_idle(&mock))
		mock_turn();
	for (size_t i = 0; i < mock.account.identity_count; i++)
		assert_int_equal(mock.account.identities[i].in_flight, 0);
	mock_finish(&mock);
	fixture_finish(&fixture, 32);
}

struct caller {
	int fd;
	SSL_CTX *context;
	SSL *ssl;
	char room[32768];
	size_t bytes;
	bool ended;
};

static struct caller caller;

static void caller_dial(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(at.port) };
	const int on = 1;

	caller = (struct caller){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
	memcpy(&address.sin_addr, at.address + 12, 4);
	assert_int_equal(connect(caller.fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(ioctl(caller.fd, FIONBIO, &on), 0);
	assert_int_equal(setsockopt(caller.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
}

static void caller_secure(void)
{
	caller.context = SSL_CTX_new(TLS_client_method());
	caller.ssl = SSL_new(caller.context);
	assert_int_equal(SSL_set_fd(caller.ssl, caller.fd), 1);
	while (SSL_connect(caller.ssl) != 1)
		mock_turn();
}

static void caller_hang_up(void)
{
	SSL_free(caller.ssl);
	SSL_CTX_free(caller.context);
	close(caller.fd);
	while (!list_is_empty(&mock.live))
		mock_turn();
}

static void caller_receive(void)
{
	char *into = caller.room + caller.bytes;
	const size_t room = sizeof caller.room - caller.bytes - 1;
	ssize_t came;

	if (caller.ssl != NULL) {
		came = SSL_read(caller.ssl, into, (int)room);
		const int error = SSL_get_error(caller.ssl, (int)came);
		caller.ended = came <= 0 && error != SSL_ERROR_WANT_READ;
	} else {
		came = recv(caller.fd, into, room, 0);
		caller.ended = came == 0 || (came < 0 && errno != EAGAIN);
	}
	if (came > 0)
		caller.bytes += (size_t)came;
	caller.room[caller.bytes] = '\0';
}

static size_t caller_lines(void)
{
	size_t lines = 0;

	for (size_t i = 0; i < caller.bytes; i++)
		lines += caller.room[i] == '\n';
	return lines;
}

static void caller_send(const char *text)
{
	const size_t bytes = strlen(text);

	if (caller.ssl != NULL && bytes > 0)
		assert_int_equal(SSL_write(caller.ssl, text, (int)bytes), bytes);
	else
		assert_int_equal(send(caller.fd, text, bytes, MSG_NOSIGNAL), bytes);
}

/* Says it, and gives the lines that come; 0: until the connection ends. */
static const char *say(const char *text, size_t lines)
{
	const struct mono begun = clock_mono();

	caller.bytes = 0;
	caller_send(text);
	while (!caller.ended && (lines == 0 || caller_lines() < lines)) {
		mock_turn();
		caller_receive();
		if (clock_mono().ns - begun.ns > FIXTURE_PATIENCE_NS)
			fail_msg("waited in vain after %s, got %s", text, caller.room);
	}
	return caller.room;
}

#define SAY(text, begins)                                                                          \
	do {                                                                                       \
		if (strncmp(say((text), 1), (begins), strlen(begins)) != 0)                        \
			fail_msg("after %s wanted %s, got %s", (text), (begins), caller.room);     \
	} while (0)

static void caller_greeted(void)
{
	caller_dial();
	SAY("", "220 " MOCK_HOST " Microsoft ESMTP MAIL Service ready");
}

#define MAIL  "MAIL FROM:<a@contoso.com>\r\nRCPT TO:<b@example.org>\r\n"
#define CHUNK "BDAT 31 LAST\r\nMessage-ID: <1@relay>\r\n\r\ntext\r\n"
#define RIGHT "AHVzZXIAc2VjcmV0" /* \0user\0secret */

/* What it says */

static void lines_are_the_real_ones(void **state)
{
	(void)state;
	settings = (struct mock_settings){ .interface = MOCK_SUBMISSION,
		.tls = tls,
		.size_max = MOCK_SIZE_DEFAULT,
		.mechanisms = SIGNIN_BIT(SIGNIN_LOGIN) | SIGNIN_BIT(SIGNIN_XOAUTH2) };
	mock_open();
	caller_greeted();
	assert_string_equal(say("EHLO relay\r\n", 10),
	        "250-" MOCK_HOST " Hello [127.0.0.1]\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n"
	        "250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250-8BITMIME\r\n"
	        "250-BINARYMIME\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n");
	SAY("AUTH LOGIN\r\n", "504 5.7.4 ");
	SAY("MAIL FROM:<a@contoso.com>\r\n", "451 5.7.3 STARTTLS is required to send mail");
	SAY("STARTTLS\r\n", "220 2.0.0 SMTP server ready\r\n");
	caller_secure();
	assert_string_equal(say("EHLO relay\r\n", 10),
	        "250-" MOCK_HOST " Hello [127.0.0.1]\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n"
	        "250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-AUTH LOGIN XOAUTH2\r\n250-8BITMIME\r\n"
	        "250-BINARYMIME\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n");
	SAY("MAIL FROM:<a@contoso.com>\r\n", "530 5.7.57 ");
	SAY("AUTH PLAIN " RIGHT "\r\n", "504 5.7.4 ");
	SAY("AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n");
	SAY("dXNlcg==\r\n", "334 UGFzc3dvcmQ6\r\n");
	SAY("c2VjcmV0\r\n", "235 2.7.0 Authentication successful\r\n");
	say(MAIL CHUNK, 3);
	assert_string_equal(caller.room, "250 2.1.0 Sender OK\r\n250 2.1.5 Recipient OK\r\n"
	                                 "250 2.0.0 OK <1@relay> [Hostname=" MOCK_BACKEND "]\r\n");
	say("MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\n" CHUNK, 3);
	assert_non_null(strstr(caller.room, "\r\n550 5.7.60 "));
	SAY("QUIT\r\n", "221 2.0.0 Service closing transmission channel");
	caller_hang_up();
	assert_int_equal(mock.account.messages, 1);
	assert_int_equal(mock.account.tls_connections, 1);
	assert_int_equal(mock.account.tls_resumed, 0);
	assert_int_equal(mock.account.connections_open_max, 1);
	assert_int_equal(mock.account.connections_open, 0);
	mock_close();
}

static void mx_host_takes_without_sign_in(void **state)
{
	(void)state;
	settings = (struct mock_settings){ .size_max = 1000, .lacks = { [MOCK_CHUNKING] = true } };
	mock_open();
	caller_greeted();
	say("EHLO relay\r\n", 8);
	assert_null(strstr(caller.room, "CHUNKING"));
	assert_null(strstr(caller.room, "AUTH"));
	SAY("BDAT 0 LAST\r\n", "501 5.5.4 ");
	SAY("MAIL FROM:<a@contoso.com> SIZE=1001\r\n", "552 5.3.4 ");
	SAY("DATA\r\n", "503 5.5.2 ");
	say(MAIL "DATA\r\n", 3);
	assert_non_null(strstr(caller.room, "\n354 Start mail input; end with <CRLF>.<CRLF>\r\n"));
	SAY("Message-Id: <2@relay>\r\n\r\n..\r\n.\r\n", "250 2.6.0 <2@relay> [InternalId=1, ");
	say(MAIL "DATA\r\n", 3);
	SAY("a\nb\r\n.\r\n", "554 5.6.0 ");
	caller_hang_up();
	assert_int_equal(mock.account.messages, 1);
	assert_int_equal(mock.account.bytes, 28);
	mock_close();
}

/* A client that said QUIT has its next connection at once: they are not two. */
static void quit_leaves_and_losses_do(void **state)
{
	(void)state;
	settings = (struct mock_settings){ .size_max = 1000 };
	mock_open();
	caller_greeted();
	SAY("QUIT\r\n", "221 ");
	assert_int_equal(mock.account.connections_open, 0);
	caller_hang_up();
	caller_greeted();
	assert_int_equal(mock.account.connections_open, 1);
	caller_hang_up();
	assert_int_equal(mock.account.connections_open, 0);
	assert_int_equal(mock.account.connections_open_max, 1);
	mock_close();
}

/* What it is told to do */

static void rules_refuse(void **state)
{
	(void)state;
	settings = (struct mock_settings){ .size_max = 100000 };
	mock_open();
	mock_rule("stage=mail,match=evil@,reply=550 5.1.8 Bad sender, really");
	mock_rule("stage=rcpt,reply=452 4.5.3 Wait,limit=1");
	mock_rule("stage=eod,reply=432 4.3.2 Concurrent connections limit exceeded.,limit=2");
	caller_greeted();
	SAY("MAIL FROM:<evil@contoso.com>\r\n", "550 5.1.8 Bad sender, really\r\n");
	SAY("MAIL FROM:<a@contoso.com>\r\n", "250");
	SAY("RCPT TO:<b@example.org>\r\n", "452 4.5.3 Wait\r\n");
	SAY(CHUNK, "503 5.5.2 ");
	SAY("RCPT TO:<b@example.org>\r\n", "250");
	SAY(CHUNK, "432 4.3.2 ");
	SAY(CHUNK, "503 5.5.2 Need mail command\r\n");
	/* A train, in which one message fails alone. */
	say(MAIL CHUNK MAIL CHUNK, 6);
	assert_non_null(strstr(caller.room, "\n432 4.3.2 Concurrent"));
	assert_non_null(strstr(caller.room, "\n250 2.6.0 <1@relay> "));
	caller_hang_up();
	assert_int_equal(mock.account.refused, 4);
	assert_int_equal(mock.account.messages, 1);
	mock_close();
}

static void rules_drop(void **state)
{
	(void)state;
	settings = (struct mock_settings){ .size_max = 100000 };
	mock_open();
	mock_rule("stage=eod,drop=before,limit=1");
	mock_rule("stage=eod,drop=after,limit=1");
	mock_rule("stage=connect,reply=421 4.3.2 Service not active,limit=1");
	caller_dial();
	assert_string_equal(say("", 0), "421 4.3.2 Service not active\r\n");
	caller_hang_up();
	for (int after = 0; after < 2; after++) {
		caller_greeted();
		/* The replies before come, the connection ends, the message counts or not. */
		say(MAIL CHUNK, 0);
		assert_null(strstr(caller.room, "<1@relay>"));
		caller_hang_up();
		assert_int_equal(mock.account.messages, after);
	}
	caller_greeted();
	say(MAIL CHUNK, 3);
	caller_hang_up();
	assert_int_equal(mock.account.drops_before, 1);
	assert_int_equal(mock.account.drops_after, 1);
	assert_int_equal(mock.account.messages, 2);
	assert_int_equal(mock.account.duplicates, 1);
	assert_string_equal(mock.account.duplicate_ids[0], "<1@relay>");
	mock_close();
}

static void identities_have_limits(void **state)
{
	(void)state;
	static const char *const users[] = { "user:secret", "other:secret" };
	settings = (struct mock_settings){ .interface = MOCK_SUBMISSION,
		.size_max = 100000,
		.mechanisms = SIGNIN_BIT(SIGNIN_PLAIN),
		.users = users,
		.user_count = 2,
		.connections_max = 1,
		.messages_minute_max = 3,
		.work_ns = 50 * NS_PER_MS };
	mock_open();
	caller_greeted();
	SAY("AUTH PLAIN AHVzZXIAZ3Vlc3M=\r\n", "535 5.7.3 ");
	SAY("AUTH PLAIN " RIGHT "\r\n", "235");
	/* The second comes while the first is being worked on. */
	say(MAIL CHUNK MAIL CHUNK, 6);
	const char *busy = strstr(caller.room, "\n432 4.3.2 Concurrent connections limit");
	assert_non_null(busy);
	assert_non_null(strstr(caller.room, "\n250 2.0.0 OK <1@relay>"));
	say(MAIL CHUNK, 3);
	say(MAIL CHUNK, 3);
	say(MAIL CHUNK, 3);
	assert_non_null(strstr(caller.room, "\n450 4.5.127 "));
	caller_hang_up();
	const struct mock_identity *identity = mock_account_identity(&mock.account, VIEW("user"));
	assert_int_equal(identity->messages, 3);
	assert_int_equal(identity->refused, 2);
	assert_int_equal(identity->signins, 1);
	assert_int_equal(identity->in_flight_max, 2);
	mock_close();
}

/* Replies come late, in order, and a client that sends ahead waits with them. */
static void delays_keep_the_order(void **state)
{
	(void)state;
	static char train[40000];
	settings = (struct mock_settings){ .size_max = 100000, .delay_ns = 30 * NS_PER_MS };
	mock_open();
	caller_greeted();
	const struct mono begun = clock_mono();
	SAY("NOOP\r\n", "250 2.0.0 OK");
	assert_true(clock_mono().ns - begun.ns >= 30 * NS_PER_MS);
	struct text text = TEXT_ON(train);
	for (int i = 0; i < 1000; i++)
		text_put(&text, i % 2 == 0 ? VIEW("RSET\r\n") : VIEW("NOOP\r\n"));
	say(text_string(&text), 1000);
	size_t resets = 0;
	for (const char *line = caller.room; *line != '\0'; line = strchr(line, '\n') + 1)
		assert_int_equal(line[10] == 'R', resets++ % 2 == 0);
	caller_hang_up();
	mock_close();
}

static int set_up(void **state)
{
	(void)state;
	const struct certificate_wish wish = { .file = "mock.pem",
		.name = "localhost",
		.valid_from_days = -1,
		.valid_until_days = 10 };
	char room[256];
	struct text why = TEXT_ON(room);

	certificates_init(&certificates);
	certificates_make(&certificates, &wish, certificate);
	const struct tls_server_settings files = { certificate, certificates.key };
	return failed(tls_context_server(&tls, &files, &why));
}

static int tear_down(void **state)
{
	(void)state;
	tls_context_destroy(tls);
	certificates_finish(&certificates);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_the_real_ones),
		cmocka_unit_test(mx_host_takes_without_sign_in),
		cmocka_unit_test(quit_leaves_and_losses_do),
		cmocka_unit_test(rules_refuse),
		cmocka_unit_test(rules_drop),
		cmocka_unit_test(identities_have_limits),
		cmocka_unit_test(delays_keep_the_order),
	};

	return cmocka_run_group_tests_name("mock", tests, set_up, tear_down);
}
