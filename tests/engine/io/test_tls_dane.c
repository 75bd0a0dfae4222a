/* TLSA records instead of authorities: what they let pass, and what passes no more. */
#include "tests/engine/io/certificates.h"
#include "tests/engine/io/peers.h"

#define CHUNKS      256
#define RECORDS_MAX 2

static struct shop {
	struct certificates certificates;
	struct certificates others; /* another authority, another key */
	char good[CERTIFICATES_PATH_BYTES];
	char expired[CERTIFICATES_PATH_BYTES];
	char self_signed[CERTIFICATES_PATH_BYTES];
	char good_chain[CERTIFICATES_PATH_BYTES];
	char expired_chain[CERTIFICATES_PATH_BYTES];
	char foreign[CERTIFICATES_PATH_BYTES];
} shop;

static int open_shop(void **state)
{
	(void)state;
	certificates_init(&shop.certificates);
	certificates_init(&shop.others);
	certificates_make(&shop.certificates,
	        &(struct certificate_wish){ "good.pem", "mail.example", NULL, -1, 30, false },
	        shop.good);
	certificates_make(&shop.certificates,
	        &(struct certificate_wish){ "expired.pem", "mail.example", NULL, -30, -1, false },
	        shop.expired);
	certificates_make(&shop.certificates,
	        &(struct certificate_wish){ "self.pem", "mail.example", NULL, -1, 30, true },
	        shop.self_signed);
	certificates_make(&shop.others,
	        &(struct certificate_wish){ "foreign.pem", "mail.example", NULL, -1, 30, false },
	        shop.foreign);
	certificates_chain(&shop.certificates, shop.good, "chain.pem", shop.good_chain);
	certificates_chain(&shop.certificates, shop.expired, "old.pem", shop.expired_chain);
	return 0;
}

static int close_shop(void **state)
{
	(void)state;
	certificates_finish(&shop.certificates);
	certificates_finish(&shop.others);
	return 0;
}

/* A record, and the certificate that it is of. */
struct record {
	const char *of;
	unsigned usage, selector, matching;
};

struct visit {
	const char *shown; /* the server's certificate */
	const char *host;
	const char *alias;
	struct record records[RECORDS_MAX];
	bool trusting; /* the client's settings verify nothing */
	/* what is to come of it */
	enum tls_auth auth;
	const char *refusal; /* NULL: it passes */
};

struct sides {
	struct peers peers;
	struct tls_context *server;
	struct tls_context *client;
	char records[RECORDS_MAX][CERTIFICATES_TLSA_BYTES];
};

static void sides_open(struct sides *sides, const struct visit *visit)
{
	const struct tls_server_settings server = { visit->shown, shop.certificates.key };
	const struct tls_client_settings client = {
		.verify = !visit->trusting,
		.ca_file = shop.certificates.authority,
	};
	char room[512];
	struct text why = TEXT_ON(room);

	assert_false(failed(tls_context_server(&sides->server, &server, &why)));
	assert_false(failed(tls_context_client(&sides->client, &client, &why)));
}

static void sides_close(struct sides *sides)
{
	tls_context_destroy(sides->server);
	tls_context_destroy(sides->client);
}

static void sides_meet(struct sides *sides, const struct visit *visit)
{
	struct peers *peers = &sides->peers;
	struct view records[RECORDS_MAX];
	size_t count = 0;

	for (; count < RECORDS_MAX && visit->records[count].of != NULL; count++) {
		const struct record *record = &visit->records[count];
		char *room = sides->records[count];
		records[count] = view_from(room, certificates_tlsa(record->of, record->usage,
		                                         record->selector, record->matching, room));
	}
	const struct tls_peer peer = {
		.host = view_of(visit->host),
		.alias = view_of(visit->alias),
		.tlsa = records,
		.tlsa_count = count,
	};
	peers_open(peers, CHUNKS);
	peers_connect(peers);
	assert_int_equal(stream_secure_server(&peers->server.stream, sides->server), 0);
	assert_int_equal(stream_secure_client(&peers->client.stream, sides->client, &peer), 0);
	assert_true(stream_put(&peers->client.stream, VIEW("secret\r\n")));
	peers_turn_until(peers, (peers->client.news & (STREAM_SECURED | STREAM_ENDED)) != 0);
}

static void visit(const struct visit *visit)
{
	static struct sides sides;
	char room[512];
	struct text why = TEXT_ON(room);

	sides_open(&sides, visit);
	sides_meet(&sides, visit);
	if (visit->refusal == NULL) {
		if ((sides.peers.client.news & STREAM_SECURED) == 0) {
			stream_failure_text(&sides.peers.client.stream, &why);
			fail_msg("%s", text_string(&why));
		}
		assert_int_equal(tls_auth(stream_tls(&sides.peers.client.stream)), visit->auth);
		peers_turn_until(&sides.peers, sides.peers.server.input_bytes == 8);
	} else {
		assert_int_equal(sides.peers.client.news & STREAM_SECURED, 0);
		stream_failure_text(&sides.peers.client.stream, &why);
		if (strstr(text_string(&why), visit->refusal) == NULL)
			fail_msg("\"%s\" is wanted in \"%s\"", visit->refusal, text_string(&why));
		peers_turn_until(&sides.peers, (sides.peers.server.news & STREAM_ENDED) != 0);
		assert_int_equal(sides.peers.server.input_bytes, 0);
	}
	peers_close(&sides.peers);
	sides_close(&sides);
}

/* DANE-EE: neither authority nor name nor dates count, only the record. */
static void test_the_certificate_itself(void **state)
{
	(void)state;
	for (unsigned selector = 0; selector < 2; selector++)
		for (unsigned matching = 0; matching < 3; matching++)
			visit(&(struct visit){
			        .shown = shop.good,
			        .host = "mail.example",
			        .records = { { shop.good, 3, selector, matching } },
			        .auth = TLS_AUTH_DANE_EE,
			});
	visit(&(struct visit){
	        .shown = shop.expired,
	        .host = "else.example",
	        .records = { { shop.expired, 3, 1, 1 } },
	        .auth = TLS_AUTH_DANE_EE,
	});
	visit(&(struct visit){
	        .shown = shop.self_signed,
	        .host = "else.example",
	        .records = { { shop.foreign, 3, 0, 1 }, { shop.self_signed, 3, 0, 2 } },
	        .auth = TLS_AUTH_DANE_EE,
	});
}

/* An authority that we trust does not help a certificate that matches no record. */
static void test_no_match(void **state)
{
	const struct visit cases[] = {
		{ .shown = shop.good,
		        .host = "mail.example",
		        .records = { { shop.foreign, 3, 0, 1 } },
		        .refusal = "matches none of the TLSA records of mail.example" },
		{ .shown = shop.good,
		        .host = "mail.example",
		        .trusting = true,
		        .records = { { shop.foreign, 3, 0, 1 } },
		        .refusal = "matches none of the TLSA records" },
		{ .shown = shop.good_chain,
		        .host = "mail.example",
		        .records = { { shop.others.authority, 2, 0, 1 } },
		        .refusal = "matches none of the TLSA records" },
		{ .shown = shop.good_chain,
		        .host = "mail.example",
		        .records = { { shop.foreign, 3, 0, 1 },
		                { shop.others.authority, 2, 1, 1 } },
		        .refusal = "matches none of the TLSA records" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		visit(&cases[i]);
}

static void test_an_authority_of_the_records(void **state)
{
	(void)state;
	for (unsigned selector = 0; selector < 2; selector++)
		for (unsigned matching = 0; matching < 3; matching++)
			visit(&(struct visit){
			        .shown = shop.good_chain,
			        .host = "mail.example",
			        .records = { { shop.certificates.authority, 2, selector,
			                matching } },
			        .auth = TLS_AUTH_DANE_TA,
			});
}

/* DANE-TA: the name counts, and the dates do; next to the host's, the domain's name is right. */
static void test_an_authority_says_whose(void **state)
{
	const struct record authority = { shop.certificates.authority, 2, 0, 1 };
	const struct visit cases[] = {
		{ .shown = shop.good_chain,
		        .host = "else.example",
		        .records = { authority },
		        .refusal = "is not for else.example" },
		{ .shown = shop.good_chain,
		        .host = "else.example",
		        .alias = "third.example",
		        .records = { authority },
		        .refusal = "is not for else.example" },
		{ .shown = shop.good_chain,
		        .host = "else.example",
		        .alias = "mail.example",
		        .records = { authority },
		        .auth = TLS_AUTH_DANE_TA },
		{ .shown = shop.expired_chain,
		        .host = "mail.example",
		        .records = { authority },
		        .refusal = "expired on" },
		/* The server leaves its authority out. */
		{ .shown = shop.good,
		        .host = "mail.example",
		        .records = { authority },
		        .refusal = "matches none of the TLSA records" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		visit(&cases[i]);
}

/* A "certificate" that is none can't be matched: nothing is sent. */
static void test_records_that_are_of_no_use(void **state)
{
	static struct sides sides;
	const struct visit visit = { .shown = shop.good };
	const struct view record = VIEW("\3\0\0nonsense");
	const struct tls_peer peer = {
		.host = VIEW("mail.example"), .tlsa = &record, .tlsa_count = 1
	};
	char room[512];
	struct text why = TEXT_ON(room);

	(void)state;
	sides_open(&sides, &visit);
	peers_open(&sides.peers, CHUNKS);
	peers_connect(&sides.peers);
	(void)stream_secure_client(&sides.peers.client.stream, sides.client, &peer);
	peers_turn_until(&sides.peers, (sides.peers.client.news & STREAM_ENDED) != 0);
	stream_failure_text(&sides.peers.client.stream, &why);
	assert_string_equal(
	        text_string(&why), "TLS: none of the TLSA records of mail.example can be used");
	assert_int_equal(sides.peers.server.input_bytes, 0);
	peers_close(&sides.peers);
	sides_close(&sides);
}

/* With other records, a host shows its certificate again. */
static void test_sessions_are_resumed_with_the_same_records_only(void **state)
{
	static struct sides sides;
	const struct record key = { shop.good, 3, 1, 1 };
	const struct record whole = { shop.good, 3, 0, 1 };
	const struct {
		struct record record;
		bool resumed;
		enum tls_auth auth;
	} rows[] = {
		{ key, false, TLS_AUTH_DANE_EE },
		{ key, true, TLS_AUTH_DANE_EE },
		{ whole, false, TLS_AUTH_DANE_EE },
		{ { 0 }, false, TLS_AUTH_PKIX },
		{ { 0 }, true, TLS_AUTH_PKIX },
		{ whole, true, TLS_AUTH_DANE_EE },
	};
	struct visit visit = { .shown = shop.good, .host = "mail.example" };

	(void)state;
	sides_open(&sides, &visit);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct peers *peers = &sides.peers;
		visit.records[0] = rows[i].record;
		sides_meet(&sides, &visit);
		peers_turn_until(peers, (peers->server.news & STREAM_SECURED) != 0);
		const struct tls *tls = stream_tls(&peers->client.stream);
		assert_int_equal(tls_resumed(tls), rows[i].resumed);
		assert_int_equal(tls_auth(tls), rows[i].auth);
		/* The tickets come behind the handshake; by the reply we have them. */
		assert_true(stream_put(&peers->server.stream, VIEW("250\r\n")));
		peers_turn_until(peers, peers->client.input_bytes == 5);
		peers_close(peers);
	}
	sides_close(&sides);
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(tls_auth_word(TLS_AUTH_NONE), "none");
	assert_string_equal(tls_auth_word(TLS_AUTH_PKIX), "pkix");
	assert_string_equal(tls_auth_word(TLS_AUTH_DANE_TA), "dane-ta");
	assert_string_equal(tls_auth_word(TLS_AUTH_DANE_EE), "dane-ee");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_certificate_itself),
		cmocka_unit_test(test_no_match),
		cmocka_unit_test(test_an_authority_of_the_records),
		cmocka_unit_test(test_an_authority_says_whose),
		cmocka_unit_test(test_records_that_are_of_no_use),
		cmocka_unit_test(test_sessions_are_resumed_with_the_same_records_only),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, open_shop, close_shop);
}
