#include "engine/io/tls.h"

#include "tests/engine/io/certificates.h"
#include "tests/engine/io/peers.h"

#define CHUNKS 256

/* Certificates of every kind, made once. */
struct shop {
	struct certificates certificates;
	char good[CERTIFICATES_PATH_BYTES];
	char expired[CERTIFICATES_PATH_BYTES];
	char early[CERTIFICATES_PATH_BYTES];
	char self_signed[CERTIFICATES_PATH_BYTES];
	char nameless[CERTIFICATES_PATH_BYTES];
};

static struct shop shop;

static int open_shop(void **state)
{
	(void)state;
	certificates_init(&shop.certificates);
	certificates_make(&shop.certificates,
	        &(struct certificate_wish){
	                "good.pem", "mail.example", "127.0.0.1", -1, 30, false },
	        shop.good);
	certificates_make(&shop.certificates,
	        &(struct certificate_wish){ "expired.pem", "mail.example", NULL, -30, -1, false },
	        shop.expired);
	certificates_make(&shop.certificates,
	        &(struct certificate_wish){ "early.pem", "mail.example", NULL, 2, 30, false },
	        shop.early);
	certificates_make(&shop.certificates,
	        &(struct certificate_wish){ "self.pem", "mail.example", NULL, -1, 30, true },
	        shop.self_signed);
	certificates_make(&shop.certificates,
	        &(struct certificate_wish){ "nameless.pem", NULL, NULL, -1, 30, false },
	        shop.nameless);
	return 0;
}

static int close_shop(void **state)
{
	(void)state;
	certificates_finish(&shop.certificates);
	return 0;
}

static struct tls_context *server_context(const char *certificate)
{
	const struct tls_server_settings settings = { certificate, shop.certificates.key };
	struct tls_context *context = NULL;
	char room[512];
	struct text why = TEXT_ON(room);

	if (failed(tls_context_server(&context, &settings, &why)))
		fail_msg("%s", text_string(&why));
	return context;
}

static struct tls_context *client_context(bool verify)
{
	const struct tls_client_settings settings = { .verify = verify,
		.ca_file = shop.certificates.authority };
	struct tls_context *context = NULL;
	char room[512];
	struct text why = TEXT_ON(room);

	if (failed(tls_context_client(&context, &settings, &why)))
		fail_msg("%s", text_string(&why));
	return context;
}

/* A connection of peers with both sides on their way to TLS. */
static void secure(struct peers *peers, struct tls_context *server, struct tls_context *client,
        const char *host)
{
	peers_open(peers, CHUNKS);
	peers_connect(peers);
	assert_int_equal(stream_secure_server(&peers->server.stream, server), 0);
	assert_int_equal(stream_secure_client(&peers->client.stream, client,
	                         &(struct tls_peer){ .host = view_of(host) }),
	        0);
}

static void test_both_sides_talk(void **state)
{
	static struct peers peers;
	static char block[100000];
	struct tls_context *server = server_context(shop.good);
	struct tls_context *client = client_context(true);
	char room[512];
	struct text text = TEXT_ON(room);

	(void)state;
	secure(&peers, server, client, "mail.example.");
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (char)(i % 251);
	assert_true(stream_put(&peers.client.stream, VIEW("EHLO\r\n"))); /* waits for TLS */
	peers_turn_until(&peers, (peers.client.news & STREAM_SECURED) != 0);
	peers_turn_until(&peers, (peers.server.news & STREAM_SECURED) != 0);
	assert_true(stream_lend(&peers.client.stream, view_from(block, sizeof block)));
	assert_true(stream_put(&peers.client.stream, VIEW("end")));
	peers_turn_until(&peers, peers.server.input_bytes == sizeof block + 9);
	assert_memory_equal(peers.server.input, "EHLO\r\n", 6);
	assert_memory_equal(peers.server.input + 6, block, sizeof block);
	peers_turn_until(&peers, stream_written_total(&peers.client.stream) ==
	                                 stream_queued_total(&peers.client.stream));

	const struct tls *tls = stream_tls(&peers.client.stream);
	assert_string_equal(tls_version(tls), "TLSv1.3");
	assert_non_null(strstr(tls_cipher(tls), "TLS_"));
	assert_int_equal(tls_auth(tls), TLS_AUTH_PKIX);
	tls_describe_peer(tls, &text);
	assert_non_null(strstr(text_string(&text), "subject=\"CN=mail.example\""));
	assert_non_null(strstr(text_string(&text), "issuer=\"CN=Test Authority\" expires=20"));

	/* An idle stream holds neither chunk nor buffer. */
	assert_null(peers.server.stream.inbox.gathered);
	assert_null(peers.client.stream.outbox.chunk);
	assert_null(peers.client.stream.cipher.first);
	stream_close(&peers.client.stream);
	peers_turn_until(&peers, (peers.server.news & STREAM_ENDED) != 0);
	assert_int_equal(stream_failure(&peers.server.stream).code, ERR_CLOSED);
	stream_close(&peers.server.stream);
	peers_turn_until(&peers, peers.server.gone_count + peers.client.gone_count == 2);
	peers_close(&peers);
	tls_context_destroy(server);
	tls_context_destroy(client);
}

/* The address of the host may stand in the certificate, too. */
static void test_addresses_are_verified_like_names(void **state)
{
	static struct peers peers;
	struct tls_context *server = server_context(shop.good);
	struct tls_context *client = client_context(true);

	(void)state;
	secure(&peers, server, client, "127.0.0.1");
	peers_turn_until(&peers, (peers.client.news & STREAM_SECURED) != 0);
	peers_close(&peers);
	secure(&peers, server, client, "127.0.0.2");
	peers_turn_until(&peers, (peers.client.news & STREAM_ENDED) != 0);
	assert_int_equal(peers.client.news & STREAM_SECURED, 0);
	peers_close(&peers);
	tls_context_destroy(server);
	tls_context_destroy(client);
}

/* I8: whatever is wrong with the certificate, nothing that was queued is sent, and we say why. */
static void test_bad_certificates_get_nothing(void **state)
{
	const struct {
		const char *certificate;
		const char *host;
		const char *says;
	} rows[] = {
		{ shop.expired, "mail.example", "for mail.example expired on 20" },
		{ shop.early, "mail.example", "for mail.example is not valid before 20" },
		{ shop.good, "smtp.example", "for mail.example is not for smtp.example" },
		{ shop.self_signed, "mail.example", "is self-signed and not among the trusted" },
		{ shop.nameless, "mail.example", "for CN=nameless is not for mail.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		static struct peers peers;
		struct tls_context *server = server_context(rows[i].certificate);
		struct tls_context *client = client_context(true);
		char room[512];
		struct text text = TEXT_ON(room);

		secure(&peers, server, client, rows[i].host);
		assert_true(stream_put(&peers.client.stream, VIEW("AUTH PLAIN secret\r\n")));
		peers_turn_until(&peers, (peers.client.news & STREAM_ENDED) != 0);
		assert_int_equal(stream_failure(&peers.client.stream).code, ERR_TLS);
		stream_failure_text(&peers.client.stream, &text);
		if (strstr(text_string(&text), rows[i].says) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", text_string(&text), rows[i].says);
		assert_int_equal(peers.client.news & STREAM_SECURED, 0);
		assert_false(stream_put(&peers.client.stream, VIEW("more")));
		stream_close(&peers.client.stream);
		/* Our alert tells the server what is wrong. */
		peers_turn_until(&peers, (peers.server.news & STREAM_ENDED) != 0);
		assert_int_equal(stream_failure(&peers.server.stream).code, ERR_TLS);
		assert_int_equal(stream_begun_total(&peers.client.stream), 0);
		assert_int_equal(peers.server.input_bytes, 0);
		peers_close(&peers);
		tls_context_destroy(server);
		tls_context_destroy(client);
	}
}

static void test_an_unknown_authority_is_named(void **state)
{
	static struct peers peers;
	struct tls_client_settings settings = { .verify = true, .ca_file = shop.self_signed };
	struct tls_context *server = server_context(shop.good);
	struct tls_context *client;
	struct text why = { 0 };
	char room[512];
	struct text text = TEXT_ON(room);

	(void)state;
	assert_false(failed(tls_context_client(&client, &settings, &why)));
	secure(&peers, server, client, "mail.example");
	peers_turn_until(&peers, (peers.client.news & STREAM_ENDED) != 0);
	stream_failure_text(&peers.client.stream, &text);
	assert_non_null(strstr(text_string(&text), "not trusted: CN=Test Authority"));
	peers_close(&peers);
	tls_context_destroy(server);
	tls_context_destroy(client);
}

static void test_without_verification_anything_passes(void **state)
{
	static struct peers peers;
	struct tls_context *server = server_context(shop.expired);
	struct tls_context *client = client_context(false);

	(void)state;
	secure(&peers, server, client, "else.example");
	peers_turn_until(&peers, (peers.client.news & STREAM_SECURED) != 0);
	assert_int_equal(tls_auth(stream_tls(&peers.client.stream)), TLS_AUTH_NONE);
	peers_close(&peers);
	tls_context_destroy(server);
	tls_context_destroy(client);
}

static void test_sessions_are_resumed_with_the_same_host_only(void **state)
{
	static struct peers peers;
	struct tls_context *server = server_context(shop.good);
	struct tls_context *client = client_context(true);
	static const struct {
		const char *host;
		bool resumed;
	} rows[] = {
		{ "mail.example", false },
		{ "mail.example", true },
		{ "127.0.0.1", false },
		{ "127.0.0.1", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		secure(&peers, server, client, rows[i].host);
		peers_turn_until(&peers, (peers.server.news & STREAM_SECURED) != 0);
		assert_int_equal(tls_resumed(stream_tls(&peers.client.stream)), rows[i].resumed);
		assert_int_equal(tls_auth(stream_tls(&peers.client.stream)), TLS_AUTH_PKIX);
		/* The tickets come behind the handshake; by the reply we have them. */
		assert_true(stream_put(&peers.server.stream, VIEW("250\r\n")));
		peers_turn_until(&peers, peers.client.input_bytes == 5);
		peers_close(&peers);
	}
	tls_context_destroy(server);
	tls_context_destroy(client);
}

/* Each send costs, and wakes the peer: what a side has to say goes out with its last flight. */
static void test_first_words_go_with_the_handshake(void **state)
{
	static struct peers peers;
	struct tls_context *server = server_context(shop.good);
	struct tls_context *client = client_context(true);

	(void)state;
	secure(&peers, server, client, "mail.example");
	assert_true(stream_put(&peers.client.stream, VIEW("EHLO\r\n")));
	assert_true(stream_put(&peers.server.stream, VIEW("220\r\n")));
	peers_turn_until(&peers, (peers.client.news & STREAM_SECURED) != 0);
	assert_int_equal(peers.client.input_bytes, 0);
	/* By the turn in which the server is done it has heard us. */
	peers_turn_until(&peers, (peers.server.news & STREAM_SECURED) != 0);
	assert_int_equal(peers.server.input_bytes, 6);
	peers_turn_until(&peers, peers.client.input_bytes > 0);
	assert_int_equal(peers.client.input_bytes, 5);
	peers_turn_until(&peers, stream_written_total(&peers.client.stream) == 6);
	peers_turn_until(&peers, stream_written_total(&peers.server.stream) == 5);
	peers_close(&peers);
	tls_context_destroy(server);
	tls_context_destroy(client);
}

static void test_without_tickets_nothing_is_resumed(void **state)
{
	static struct peers peers;
	const struct tls_server_settings settings = { .certificate_file = shop.good,
		.key_file = shop.certificates.key,
		.lacks_tickets = true };
	struct tls_context *client = client_context(true);
	struct tls_context *server = NULL;
	char room[512];
	struct text why = TEXT_ON(room);

	(void)state;
	assert_int_equal(tls_context_server(&server, &settings, &why).code, ERR_OK);
	for (int i = 0; i < 2; i++) {
		secure(&peers, server, client, "mail.example");
		peers_turn_until(&peers, (peers.server.news & STREAM_SECURED) != 0);
		assert_false(tls_resumed(stream_tls(&peers.client.stream)));
		assert_true(stream_put(&peers.server.stream, VIEW("250\r\n")));
		peers_turn_until(&peers, peers.client.input_bytes == 5);
		peers_close(&peers);
	}
	tls_context_destroy(server);
	tls_context_destroy(client);
}

/* What a client sends between STARTTLS and the handshake is not taken for secure. */
static void test_injected_commands_are_discarded(void **state)
{
	static struct peers peers;
	struct tls_context *server = server_context(shop.good);
	struct tls_context *client = client_context(true);
	struct stream *stream = &peers.server.stream;

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	peers.server.reading = false;
	assert_true(stream_put(&peers.client.stream, VIEW("STARTTLS\r\nRSET\r\nMAIL")));
	peers_turn_until(&peers, stream_peek(stream).bytes == 20);
	stream_consume(stream, 10);
	assert_true(stream_put(stream, VIEW("220 go ahead\r\n")));
	assert_int_equal(stream_secure_server(stream, server), 10);
	assert_int_equal(stream_peek(stream).bytes, 0);
	assert_true(stream_put(stream, VIEW("under TLS")));
	peers.server.reading = true;
	peers_turn_until(&peers, peers.client.input_bytes == 14); /* plain, and no more than that */
	assert_memory_equal(peers.client.input, "220 go ahead\r\n", 14);
	assert_int_equal(stream_secure_client(&peers.client.stream, client,
	                         &(struct tls_peer){ .host = VIEW("mail.example") }),
	        0);
	assert_true(stream_put(&peers.client.stream, VIEW("EHLO\r\n")));
	peers_turn_until(&peers, peers.server.input_bytes == 6);
	assert_memory_equal(peers.server.input, "EHLO\r\n", 6);
	peers_turn_until(&peers, peers.client.input_bytes == 14 + 9);
	peers_close(&peers);
	tls_context_destroy(server);
	tls_context_destroy(client);
}

/* What a proxy says stands in front of the handshake, in one piece with its beginning or not. */
static void test_tls_from_the_first_byte(void **state)
{
	static struct peers peers;
	struct tls_context *server = server_context(shop.good);
	struct tls_context *client = client_context(true);
	struct stream *stream = &peers.server.stream;

	(void)state;
	for (int together = 0; together < 2; together++) {
		peers_open(&peers, CHUNKS);
		peers_connect(&peers);
		peers.server.reading = false;
		assert_true(stream_put(&peers.client.stream, VIEW("HEADER")));
		if (together == 0)
			peers_turn_until(&peers, stream_peek(stream).bytes == 6);
		(void)stream_secure_client(&peers.client.stream, client,
		        &(struct tls_peer){ .host = VIEW("mail.example") });
		peers_turn_until(&peers, stream_peek(stream).bytes > 6 ||
		                                 stream->inbox.buffer_count > 1 ||
		                                 (together == 0 && stream_peek(stream).bytes == 6));
		assert_memory_equal(stream_peek(stream).data, "HEADER", 6);
		stream_consume(stream, 6);
		stream_secure_server_first(stream, server);
		assert_int_equal(stream_peek(stream).bytes, 0);
		peers.server.reading = true;
		assert_true(stream_put(&peers.client.stream, VIEW("EHLO\r\n")));
		peers_turn_until(&peers, peers.server.input_bytes == 6);
		assert_memory_equal(peers.server.input, "EHLO\r\n", 6);
		peers_close(&peers);
	}
	tls_context_destroy(server);
	tls_context_destroy(client);
}

static void test_what_is_not_tls_is_told(void **state)
{
	static struct peers peers;
	struct tls_context *client = client_context(true);
	char room[512];
	struct text text = TEXT_ON(room);

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	assert_int_equal(stream_secure_client(&peers.client.stream, client,
	                         &(struct tls_peer){ .host = VIEW("mail.example") }),
	        0);
	assert_true(stream_put(&peers.server.stream, VIEW("454 not now, thank you\r\n")));
	peers_turn_until(&peers, (peers.client.news & STREAM_ENDED) != 0);
	stream_failure_text(&peers.client.stream, &text);
	assert_string_equal(text_string(&text), "TLS: what the peer sends is not TLS");
	peers_close(&peers);
	tls_context_destroy(client);
}

static void test_a_peer_may_leave_in_mid_handshake(void **state)
{
	static struct peers peers;
	struct tls_context *client = client_context(true);
	char room[512];
	struct text text = TEXT_ON(room);

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	assert_int_equal(stream_secure_client(&peers.client.stream, client,
	                         &(struct tls_peer){ .host = VIEW("mail.example") }),
	        0);
	peers_turn_until(&peers, peers.server.input_bytes > 0); /* the greeting of TLS */
	stream_close(&peers.server.stream);
	peers_turn_until(&peers, (peers.client.news & STREAM_ENDED) != 0);
	stream_failure_text(&peers.client.stream, &text);
	assert_non_null(strstr(text_string(&text), "during the TLS handshake"));
	peers_close(&peers);
	tls_context_destroy(client);
}

/* A reader that stops reading stops a secure writer; then everything arrives. */
static void test_back_pressure_under_tls(void **state)
{
	static struct peers peers;
	static char block[65536];
	struct tls_context *server = server_context(shop.good);
	struct tls_context *client = client_context(true);
	size_t lent = 0;

	(void)state;
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (char)(i % 251);
	secure(&peers, server, client, "mail.example");
	peers_turn_until(&peers, (peers.server.news & STREAM_SECURED) != 0);
	peers.server.reading = false;
	for (int quiet = 0; quiet < 50; quiet++) {
		uint64_t before = stream_written_total(&peers.client.stream);
		while (lent < 60 && stream_lend(&peers.client.stream, view_from(block, 65536)))
			lent++;
		peers_turn(&peers);
		if (stream_written_total(&peers.client.stream) > before)
			quiet = 0;
	}
	assert_true(peers.server.stream.recv_op.kind == IO_IDLE);
	assert_false(stream_gather(&peers.server.stream)); /* the chunk is full */
	peers.server.reading = true;
	peer_read(&peers.server);
	peers_turn_until(&peers, peers.server.input_bytes == lent * sizeof block);
	for (size_t i = 0; i < peers.server.input_bytes; i += sizeof block)
		assert_memory_equal(peers.server.input + i, block, sizeof block);
	peers_close(&peers);
	tls_context_destroy(server);
	tls_context_destroy(client);
}

/* Handshake and sending wait for memory, and fail nobody. */
static void test_without_memory_tls_waits(void **state)
{
	static struct peers peers;
	static char block[40000];
	struct chunk *taken[CHUNKS];
	struct tls_context *server = server_context(shop.good);
	struct tls_context *client = client_context(true);

	(void)state;
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	for (int round = 0; round < 2; round++) {
		size_t count = 0;
		if (round == 0) {
			stream_secure_server(&peers.server.stream, server);
			stream_secure_client(&peers.client.stream, client,
			        &(struct tls_peer){ .host = VIEW("mail.example") });
		} else {
			assert_true(
			        stream_lend(&peers.client.stream, view_from(block, sizeof block)));
		}
		while (count < CHUNKS && (taken[count] = shelf_take(&peers.fixture.shelf)) != NULL)
			count++;
		for (int i = 0; i < 5; i++)
			peers_turn(&peers);
		assert_int_equal(peers.server.news & (STREAM_SECURED | STREAM_ENDED),
		        round == 0 ? 0 : STREAM_SECURED);
		assert_int_equal(peers.server.input_bytes, 0);
		while (count > 0)
			shelf_give(&peers.fixture.shelf, taken[--count]);
		peers_turn_until(&peers, (peers.server.news & STREAM_SECURED) != 0 &&
		                                 (peers.client.news & STREAM_SECURED) != 0);
	}
	peers_turn_until(&peers, peers.server.input_bytes == sizeof block);
	peers_close(&peers);
	tls_context_destroy(server);
	tls_context_destroy(client);
}

/* A whole conversation, cut off after `turns` turns; gives whether it had come to its end. */
static bool converse(struct tls_context *server, struct tls_context *client, int turns)
{
	static struct peers peers;
	static char block[70000];
	struct stream *listener = &peers.server.stream;
	struct stream *caller = &peers.client.stream;
	bool told = false;

	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	stream_secure_server(listener, server);
	stream_secure_client(caller, client, &(struct tls_peer){ .host = VIEW("mail.example") });
	assert_true(stream_lend(caller, view_from(block, sizeof block)));
	for (int i = 0; i < turns; i++) {
		peers_turn(&peers);
		if (!told && peers.server.input_bytes == sizeof block) {
			told = stream_put(listener, VIEW("250 taken\r\n"));
			stream_close(listener);
		}
		if ((peers.client.news & STREAM_ENDED) != 0 && caller->state != STREAM_UNUSED)
			stream_close(caller);
	}
	bool whole = peers.server.gone_count == 1 && peers.client.gone_count == 1;
	peers_close(&peers); /* aborts what is left, and looks for leaks */
	return whole;
}

/* Whenever a connection is cut, everything it held comes back. */
static void test_cut_off_at_every_turn(void **state)
{
	struct tls_context *server = server_context(shop.good);
	struct tls_context *client = client_context(true);
	int turns = 0;

	(void)state;
	while (!converse(server, client, turns)) {
		turns++;
		assert_true(turns < 2000);
	}
	assert_true(turns > 5);
	tls_context_destroy(server);
	tls_context_destroy(client);
}

static void test_bad_files_are_named(void **state)
{
	const struct {
		const char *certificate;
		const char *key;
		const char *says;
	} rows[] = {
		{ "nowhere.pem", shop.certificates.key,
		        "certificate nowhere.pem can't be used: No such" },
		{ shop.good, "nowhere.pem", "key nowhere.pem can't be used: No such" },
		{ shop.certificates.key, shop.certificates.key, "can't be used: no start line" },
		{ shop.certificates.authority, shop.certificates.key, "key values mismatch" },
	};
	struct tls_context *context = NULL;
	char room[512];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct tls_server_settings settings = { rows[i].certificate, rows[i].key };
		struct text why = TEXT_ON(room);
		assert_true(failed(tls_context_server(&context, &settings, &why)));
		if (strstr(text_string(&why), rows[i].says) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", text_string(&why), rows[i].says);
	}
	const struct tls_client_settings settings = { .verify = true, .ca_file = "nowhere.pem" };
	struct text why = TEXT_ON(room);
	assert_true(failed(tls_context_client(&context, &settings, &why)));
	assert_non_null(strstr(text_string(&why), "nowhere.pem"));
	tls_context_destroy(NULL);
	tls_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides_talk),
		cmocka_unit_test(test_addresses_are_verified_like_names),
		cmocka_unit_test(test_bad_certificates_get_nothing),
		cmocka_unit_test(test_an_unknown_authority_is_named),
		cmocka_unit_test(test_without_verification_anything_passes),
		cmocka_unit_test(test_sessions_are_resumed_with_the_same_host_only),
		cmocka_unit_test(test_first_words_go_with_the_handshake),
		cmocka_unit_test(test_without_tickets_nothing_is_resumed),
		cmocka_unit_test(test_injected_commands_are_discarded),
		cmocka_unit_test(test_tls_from_the_first_byte),
		cmocka_unit_test(test_what_is_not_tls_is_told),
		cmocka_unit_test(test_a_peer_may_leave_in_mid_handshake),
		cmocka_unit_test(test_back_pressure_under_tls),
		cmocka_unit_test(test_without_memory_tls_waits),
		cmocka_unit_test(test_cut_off_at_every_turn),
		cmocka_unit_test(test_bad_files_are_named),
	};

	return cmocka_run_group_tests(tests, open_shop, close_shop);
}
