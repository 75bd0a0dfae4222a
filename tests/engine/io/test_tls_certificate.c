#include "engine/io/tls_certificate.h"

#include "engine/io/tls.h"
#include "tests/engine/io/certificates.h"
#include "tests/engine/io/peers.h"

#define CHUNKS 256

static struct certificates certificates;
static char server_file[CERTIFICATES_PATH_BYTES];
static char relay_file[CERTIFICATES_PATH_BYTES];
static char nameless_file[CERTIFICATES_PATH_BYTES];
static char own_file[CERTIFICATES_PATH_BYTES]; /* signed by itself */

static int open_shop(void **state)
{
	(void)state;
	certificates_init(&certificates);
	certificates_make(&certificates,
	        &(struct certificate_wish){ "server.pem", "mail.example", NULL, -1, 30, false },
	        server_file);
	certificates_make(&certificates,
	        &(struct certificate_wish){ "relay.pem", "relay.contoso.com", NULL, -1, 30, false },
	        relay_file);
	certificates_make(&certificates,
	        &(struct certificate_wish){ "nameless.pem", NULL, NULL, -1, 30, false },
	        nameless_file);
	certificates_make(&certificates,
	        &(struct certificate_wish){ "own.pem", "relay.contoso.com", NULL, -1, 30, true },
	        own_file);
	return 0;
}

static int close_shop(void **state)
{
	(void)state;
	certificates_finish(&certificates);
	return 0;
}

static struct tls_context *server_context(bool asks)
{
	const struct tls_server_settings settings = { .certificate_file = server_file,
		.key_file = certificates.key,
		.asks_certificate = asks,
		.client_ca_file = certificates.authority };
	struct tls_context *context = NULL;
	char room[512];
	struct text why = TEXT_ON(room);

	if (failed(tls_context_server(&context, &settings, &why)))
		fail_msg("%s", text_string(&why));
	return context;
}

static struct tls_context *client_context(const char *certificate)
{
	const struct tls_client_settings settings = { .verify = true,
		.ca_file = certificates.authority,
		.certificate_file = certificate,
		.key_file = certificate == NULL ? NULL : certificates.key };
	struct tls_context *context = NULL;
	char room[512];
	struct text why = TEXT_ON(room);

	if (failed(tls_context_client(&context, &settings, &why)))
		fail_msg("%s", text_string(&why));
	return context;
}

/* What the server learns of the client: its names, each behind a space, and whether it may
 * believe them. */
static void shows(struct tls_context *server, struct tls_context *client, const char *names,
        bool verified, bool resumed)
{
	static struct peers peers;
	char room[512];
	struct text seen = TEXT_ON(room);

	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	assert_int_equal(stream_secure_server(&peers.server.stream, server), 0);
	assert_int_equal(stream_secure_client(&peers.client.stream, client,
	                         &(struct tls_peer){ .host = VIEW("mail.example") }),
	        0);
	assert_true(stream_put(&peers.server.stream, VIEW("220\r\n")));
	assert_true(stream_put(&peers.client.stream, VIEW("EHLO\r\n")));
	peers_turn_until(&peers, peers.server.input_bytes == 6 && peers.client.input_bytes == 5);
	const struct tls *tls = stream_tls(&peers.server.stream);
	text_put_byte(&seen, ' ');
	for (size_t i = 0; tls_peer_name(tls, i, &seen); i++)
		text_put_byte(&seen, ' ');
	assert_string_equal(text_string(&seen), names);
	assert_int_equal(tls_auth(tls) != TLS_AUTH_NONE, verified);
	assert_int_equal(tls_resumed(tls), resumed);
	peers_close(&peers);
}

static void test_a_client_shows_its_certificate(void **state)
{
	(void)state;
	struct tls_context *asking = server_context(true);
	struct tls_context *client = client_context(relay_file);

	/* Its DNS name, and the common name behind it. */
	shows(asking, client, " relay.contoso.com relay.contoso.com ", true, false);
	/* A resumed session knows whose it is. */
	shows(asking, client, " relay.contoso.com relay.contoso.com ", true, true);
	tls_context_destroy(client);
	client = client_context(nameless_file);
	shows(asking, client, " nameless ", true, false);
	tls_context_destroy(client);
	tls_context_destroy(asking);
}

static void test_a_bad_certificate_ends_nothing(void **state)
{
	(void)state;
	struct tls_context *asking = server_context(true);
	struct tls_context *client = client_context(own_file);

	shows(asking, client, " relay.contoso.com relay.contoso.com ", false, false);
	tls_context_destroy(client);
	client = client_context(NULL);
	shows(asking, client, " ", false, false);
	tls_context_destroy(client);
	tls_context_destroy(asking);
}

static void test_who_is_not_asked_shows_nothing(void **state)
{
	(void)state;
	struct tls_context *silent = server_context(false);
	struct tls_context *client = client_context(relay_file);

	shows(silent, client, " ", false, false);
	tls_context_destroy(client);
	tls_context_destroy(silent);
}

static void test_an_authority_that_is_none_is_told(void **state)
{
	(void)state;
	const struct tls_server_settings settings = { .certificate_file = server_file,
		.key_file = certificates.key,
		.asks_certificate = true,
		.client_ca_file = certificates.key };
	struct tls_context *context = NULL;
	char room[512];
	struct text why = TEXT_ON(room);

	assert_int_equal(tls_context_server(&context, &settings, &why).code, ERR_TLS);
	assert_null(context);
	assert_non_null(strstr(text_string(&why), certificates.key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_client_shows_its_certificate),
		cmocka_unit_test(test_a_bad_certificate_ends_nothing),
		cmocka_unit_test(test_who_is_not_asked_shows_nothing),
		cmocka_unit_test(test_an_authority_that_is_none_is_told),
	};

	return cmocka_run_group_tests(tests, open_shop, close_shop);
}
