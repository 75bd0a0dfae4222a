#include "engine/io/tls_keys.h"

#include "engine/io/tls.h"
#include "tests/engine/io/holder.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define WHY_ROOM    512
#define STEPS_MAX   20 /* of a handshake; none has half as many */
#define THREADS     4
#define THREAD_RUNS 8

/* How the door treats those who ask. */
enum mood {
	MOOD_HONEST,
	MOOD_SILENT,
	MOOD_REFUSING,
	MOOD_GARBAGE,
	MOOD_SHORT,
	MOOD_LONG,
	MOOD_TOO_LONG,
	MOOD_OTHER_KEY,
};

struct test_door {
	struct tls_keys_door door;
	enum mood mood;
	atomic_int asked;
	atomic_int last_op;
};

static struct certificates certificates;
static struct holder holder;
static struct test_door door;
static struct tls_keys *keys;

static bool test_door_ask(struct tls_keys_door *argument, const struct tls_key_request *request,
        struct tls_key_answer *answer)
{
	struct test_door *asked = container_of(argument, struct test_door, door);

	atomic_fetch_add(&asked->asked, 1);
	atomic_store(&asked->last_op, request->op);
	assert_in_range(request->key, 0, HOLDER_COUNT - 1);
	tls_key_answer(holder.keys[request->key], request, answer);
	switch (asked->mood) {
	case MOOD_SILENT:
		return false;
	case MOOD_REFUSING:
		*answer = (struct tls_key_answer){ 0 };
		return true;
	case MOOD_GARBAGE:
		memset(answer->output, 0xa5, answer->bytes);
		answer->bytes -= request->op == TLS_KEY_DECRYPT;
		return true;
	case MOOD_SHORT:
		answer->bytes--;
		return true;
	case MOOD_LONG:
		answer->bytes = TLS_KEY_OUTPUT_MAX;
		return true;
	case MOOD_TOO_LONG:
		answer->bytes = TLS_KEY_OUTPUT_MAX + 1;
		return true;
	case MOOD_OTHER_KEY:
		tls_key_answer(holder.keys[HOLDER_RSA_OTHER], request, answer);
		return true;
	case MOOD_HONEST:
	default:
		return true;
	}
}

static void open_keys(void)
{
	const struct tls_keys_settings settings = { &door.door, holder.paths, HOLDER_COUNT };

	assert_false(failed(tls_keys_create(&keys, &settings)));
}

static int open_shop(void **state)
{
	(void)state;
	open_keys(); /* before the library has loaded anything by itself */
	certificates_init(&certificates);
	holder_init(&holder, &certificates);
	door.door.ask = test_door_ask;
	return 0;
}

static int close_shop(void **state)
{
	(void)state;
	tls_keys_destroy(keys);
	tls_keys_destroy(NULL);
	holder_finish(&holder);
	certificates_finish(&certificates);
	return 0;
}

static int calm_door(void **state)
{
	(void)state;
	door.mood = MOOD_HONEST;
	atomic_store(&door.asked, 0);
	atomic_store(&door.last_op, 0);
	return 0;
}

/* One connection in memory: a struct tls at this end, the bare library at the far one, which may
 * be as old as a test wants. */
struct pair {
	struct tls_wire wire;
	BIO *in;
	BIO *out;
	struct tls *tls;
	SSL *far;
};

static size_t pair_read(struct tls_wire *wire, struct span into)
{
	struct pair *pair = container_of(wire, struct pair, wire);
	const int bytes = BIO_read(pair->in, into.data, (int)into.bytes);

	return bytes > 0 ? (size_t)bytes : 0;
}

static bool pair_write(struct tls_wire *wire, struct view bytes)
{
	struct pair *pair = container_of(wire, struct pair, wire);

	return BIO_write(pair->out, bytes.data, (int)bytes.bytes) == (int)bytes.bytes;
}

static void pair_open(struct pair *pair, struct tls_context *context, SSL_CTX *far)
{
	const struct tls_peer peer = { .host = VIEW("mail.example") };
	const bool serves = SSL_CTX_get_ssl_method(far) == TLS_client_method();

	*pair = (struct pair){ .wire = { pair_read, pair_write } };
	pair->in = BIO_new(BIO_s_mem());
	pair->out = BIO_new(BIO_s_mem());
	pair->far = SSL_new(far);
	assert_int_equal(BIO_up_ref(pair->in), 1);
	assert_int_equal(BIO_up_ref(pair->out), 1);
	SSL_set_bio(pair->far, pair->out, pair->in);
	if (serves)
		SSL_set_connect_state(pair->far);
	else
		SSL_set_accept_state(pair->far);
	assert_false(failed(tls_create(&pair->tls, context, &pair->wire, serves ? NULL : &peer)));
}

static void pair_close(struct pair *pair)
{
	SSL_set_shutdown(pair->far, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	tls_destroy(pair->tls);
	SSL_free(pair->far);
	BIO_free(pair->in);
	BIO_free(pair->out);
}

/* Whether both ends are secured. */
static bool pair_shake(struct pair *pair)
{
	enum tls_status near = TLS_WANTS;
	int far = 0;

	for (int i = 0; i < STEPS_MAX && (near != TLS_DONE || far != 1); i++) {
		if (near == TLS_WANTS)
			near = tls_handshake(pair->tls);
		if (far != 1)
			far = SSL_do_handshake(pair->far);
		if (near == TLS_FAILED)
			return false;
	}
	return near == TLS_DONE && far == 1;
}

/* What was agreed on serves both ways; a client of TLS 1.3 has its tickets then. */
static void pair_talk(struct pair *pair)
{
	char room[16];
	size_t bytes;

	assert_int_equal(SSL_write(pair->far, "EHLO", 4), 4);
	assert_int_equal(tls_read(pair->tls, (struct span){ room, sizeof room }, &bytes), TLS_DONE);
	assert_int_equal(bytes, 4);
	assert_int_equal(tls_write(pair->tls, VIEW("250")), TLS_DONE);
	assert_int_equal(SSL_read(pair->far, room, sizeof room), 3);
	assert_memory_equal(room, "250", 3);
}

/* Contexts */

static struct tls_context *server_of(enum holder_key key, enum tls_oldest oldest)
{
	const struct tls_server_settings settings = { .certificate_file = holder.certificates[key],
		.key_file = holder.paths[key],
		.oldest = oldest,
		.keys = keys };
	struct tls_context *context = NULL;
	char room[WHY_ROOM];
	struct text why = TEXT_ON(room);

	if (failed(tls_context_server(&context, &settings, &why)))
		fail_msg("%s", text_string(&why));
	return context;
}

static struct tls_context *client_of(enum holder_key key)
{
	const struct tls_client_settings settings = { .verify = true,
		.ca_file = certificates.authority,
		.certificate_file = holder.certificates[key],
		.key_file = holder.paths[key],
		.keys = keys };
	struct tls_context *context = NULL;
	char room[WHY_ROOM];
	struct text why = TEXT_ON(room);

	if (failed(tls_context_client(&context, &settings, &why)))
		fail_msg("%s", text_string(&why));
	return context;
}

/* A far end that knows one version, and with 1.2 and older one cipher; NULL: those it has. */
static SSL_CTX *far_end(const SSL_METHOD *method, int version, const char *cipher)
{
	SSL_CTX *far = SSL_CTX_new(method);

	assert_non_null(far);
	SSL_CTX_set_security_level(far, version < TLS1_2_VERSION ? 0 : 1);
	assert_int_equal(SSL_CTX_set_min_proto_version(far, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(far, version), 1);
	if (cipher != NULL)
		assert_int_equal(SSL_CTX_set_cipher_list(far, cipher), 1);
	assert_int_equal(SSL_CTX_load_verify_file(far, certificates.authority), 1);
	SSL_CTX_set_verify(far, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return far;
}

static SSL_CTX *far_client(int version, const char *cipher)
{
	return far_end(TLS_client_method(), version, cipher);
}

static SSL_CTX *far_server(int version)
{
	SSL_CTX *far = far_end(TLS_server_method(), version, NULL);
	char path[CERTIFICATES_PATH_BYTES];

	certificates_make(&certificates,
	        &(struct certificate_wish){ "far.pem", "mail.example", NULL, -1, 30, false }, path);
	assert_int_equal(SSL_CTX_use_certificate_chain_file(far, path), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(far, certificates.key, SSL_FILETYPE_PEM), 1);
	return far;
}

/* Handshakes */

static const struct row {
	enum holder_key key;
	int version;
	const char *cipher;
	enum tls_oldest oldest;
	enum tls_key_op op;
} rows[] = {
	{ HOLDER_RSA, TLS1_3_VERSION, NULL, TLS_OLDEST_GOOD, TLS_KEY_SIGN },
	{ HOLDER_RSA, TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384", 0, TLS_KEY_SIGN },
	{ HOLDER_RSA, TLS1_2_VERSION, "DHE-RSA-AES256-GCM-SHA384", 0, TLS_KEY_SIGN },
	{ HOLDER_RSA_OTHER, TLS1_3_VERSION, NULL, TLS_OLDEST_GOOD, TLS_KEY_SIGN },
	{ HOLDER_PSS, TLS1_3_VERSION, NULL, TLS_OLDEST_GOOD, TLS_KEY_SIGN },
	{ HOLDER_PSS, TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", 0, TLS_KEY_SIGN },
	{ HOLDER_P256, TLS1_3_VERSION, NULL, TLS_OLDEST_GOOD, TLS_KEY_SIGN },
	{ HOLDER_P256, TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", 0, TLS_KEY_SIGN },
	{ HOLDER_P384, TLS1_3_VERSION, NULL, TLS_OLDEST_GOOD, TLS_KEY_SIGN },
	{ HOLDER_P384, TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", 0, TLS_KEY_SIGN },
	{ HOLDER_ED25519, TLS1_3_VERSION, NULL, TLS_OLDEST_GOOD, TLS_KEY_SIGN },
	{ HOLDER_ED25519, TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", 0, TLS_KEY_SIGN },
	{ HOLDER_ED448, TLS1_3_VERSION, NULL, TLS_OLDEST_GOOD, TLS_KEY_SIGN },
	/* Old devices. */
	{ HOLDER_RSA, TLS1_VERSION, "ECDHE-RSA-AES256-SHA", TLS_OLDEST_1_0, TLS_KEY_SIGN },
	{ HOLDER_RSA, TLS1_VERSION, "DHE-RSA-AES256-SHA", TLS_OLDEST_1_0, TLS_KEY_SIGN },
	{ HOLDER_RSA, TLS1_VERSION, "AES256-SHA", TLS_OLDEST_1_0, TLS_KEY_DECRYPT },
	{ HOLDER_P256, TLS1_VERSION, "ECDHE-ECDSA-AES256-SHA", TLS_OLDEST_1_0, TLS_KEY_SIGN },
	{ HOLDER_RSA, TLS1_1_VERSION, "ECDHE-RSA-AES256-SHA", TLS_OLDEST_1_1, TLS_KEY_SIGN },
	{ HOLDER_RSA, TLS1_1_VERSION, "AES256-SHA", TLS_OLDEST_1_1, TLS_KEY_DECRYPT },
	{ HOLDER_RSA, TLS1_2_VERSION, "AES256-GCM-SHA384", TLS_OLDEST_1_2, TLS_KEY_DECRYPT },
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* Once, by the holder, and then by the ticket, without. */
static void test_every_kind_of_handshake(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct row *row = &rows[i];
		struct tls_context *server = server_of(row->key, row->oldest);
		SSL_CTX *client = far_client(row->version, row->cipher);
		SSL_SESSION *session = NULL;

		for (int turn = 0; turn < 2; turn++) {
			struct pair pair;
			atomic_store(&door.asked, 0);
			pair_open(&pair, server, client);
			if (session != NULL)
				assert_int_equal(SSL_set_session(pair.far, session), 1);
			if (!pair_shake(&pair))
				fail_msg("row %zu: %s", i, tls_failure_text(pair.tls));
			pair_talk(&pair);
			assert_int_equal(SSL_version(pair.far), row->version);
			if (row->cipher != NULL)
				assert_string_equal(tls_cipher(pair.tls), row->cipher);
			assert_int_equal(tls_resumed(pair.tls), turn == 1);
			assert_int_equal(atomic_load(&door.asked), turn == 0);
			assert_int_equal(atomic_load(&door.last_op), row->op);
			SSL_SESSION_free(session);
			session = SSL_get1_session(pair.far);
			pair_close(&pair);
		}
		SSL_SESSION_free(session);
		SSL_CTX_free(client);
		tls_context_destroy(server);
	}
}

static void test_clients_have_certificates_too(void **state)
{
	static const enum holder_key kinds[] = { HOLDER_RSA, HOLDER_PSS, HOLDER_P256, HOLDER_P384,
		HOLDER_ED25519 };
	static const int versions[] = { TLS1_3_VERSION, TLS1_2_VERSION };

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		for (size_t j = 0; j < 2; j++) {
			struct tls_context *client = client_of(kinds[i]);
			SSL_CTX *server = far_server(versions[j]);
			struct pair pair;

			atomic_store(&door.asked, 0);
			pair_open(&pair, client, server);
			if (!pair_shake(&pair))
				fail_msg("%zu %zu: %s", i, j, tls_failure_text(pair.tls));
			pair_talk(&pair);
			assert_int_equal(tls_auth(pair.tls), TLS_AUTH_PKIX);
			assert_int_equal(
			        EVP_PKEY_eq(X509_get0_pubkey(SSL_get0_peer_certificate(pair.far)),
			                holder.publics[kinds[i]]),
			        1);
			assert_int_equal(SSL_get_verify_result(pair.far), X509_V_OK);
			assert_int_equal(atomic_load(&door.asked), 1);
			pair_close(&pair);
			SSL_CTX_free(server);
			tls_context_destroy(client);
		}
}

/* A client of TLS 1.2 signs all that was said: the list of authorities, too. */
static void test_long_handshakes(void **state)
{
	static const struct {
		int names; /* of 1,000 bytes */
		bool passes;
	} lists[] = { { 16, true }, { 40, false } };
	static char name[1001];

	(void)state;
	memset(name, 'a', 1000);
	for (size_t i = 0; i < 2; i++) {
		struct tls_context *client = client_of(HOLDER_RSA);
		SSL_CTX *server = far_server(TLS1_2_VERSION);
		STACK_OF(X509_NAME) *list = sk_X509_NAME_new_null();
		struct pair pair;

		for (int j = 0; j < lists[i].names; j++) {
			X509_NAME *authority = X509_NAME_new();
			for (int part = 0; part < 20; part++)
				assert_int_equal(
				        X509_NAME_add_entry_by_txt(authority, "OU", MBSTRING_ASC,
				                (unsigned char *)name, 39, -1, 0),
				        1);
			assert_true(sk_X509_NAME_push(list, authority) > 0);
		}
		SSL_CTX_set_client_CA_list(server, list);
		atomic_store(&door.asked, 0);
		pair_open(&pair, client, server);
		assert_int_equal(pair_shake(&pair), lists[i].passes);
		assert_int_equal(atomic_load(&door.asked), lists[i].passes);
		assert_string_equal(tls_failure_text(pair.tls),
		        lists[i].passes ? ""
		                        : "the private key's holder takes no handshake as long as "
		                          "this");
		pair_close(&pair);
		SSL_CTX_free(server);
		tls_context_destroy(client);
	}
}

#define SILENT  "the private key's holder gave no answer"
#define REFUSED "the private key's holder refused"
#define WRONG   "what the private key's holder answered is wrong"

/* Each fails its handshake, and no other. */
static void test_what_a_door_may_do(void **state)
{
	static const struct {
		enum mood mood;
		const char *says;
	} moods[] = {
		{ MOOD_SILENT, SILENT },
		{ MOOD_REFUSING, REFUSED },
		{ MOOD_GARBAGE, WRONG },
		{ MOOD_SHORT, WRONG },
		{ MOOD_LONG, WRONG },
		{ MOOD_TOO_LONG, WRONG },
		{ MOOD_OTHER_KEY, WRONG },
	};

	(void)state;
	for (size_t i = 0; i < ROW_COUNT; i++)
		for (size_t j = 0; j < sizeof moods / sizeof moods[0]; j++) {
			const struct row *row = &rows[i];
			struct tls_context *server = server_of(row->key, row->oldest);
			SSL_CTX *client = far_client(row->version, row->cipher);
			struct pair pair;
			const char *says = moods[j].says;

			if (moods[j].mood == MOOD_OTHER_KEY) {
				/* Asked for what it can't sign it refuses; and its answer to a
				 * cipher of another key is a secret, only not the right one. */
				if (row->key >= HOLDER_P256)
					says = REFUSED;
				else if (row->key == HOLDER_RSA_OTHER || row->op == TLS_KEY_DECRYPT)
					says = NULL;
			}
			door.mood = moods[j].mood;
			if (says != NULL) {
				pair_open(&pair, server, client);
				assert_false(pair_shake(&pair));
				if (strcmp(tls_failure_text(pair.tls), says) != 0)
					fail_msg("row %zu, mood %zu: %s", i, j,
					        tls_failure_text(pair.tls));
				assert_int_equal(tls_failure(pair.tls).code, ERR_TLS);
				assert_int_equal(tls_trouble(pair.tls), TLS_TROUBLE_OTHER);
				pair_close(&pair);
			}
			door.mood = MOOD_HONEST;
			pair_open(&pair, server, client);
			assert_true(pair_shake(&pair));
			pair_talk(&pair);
			pair_close(&pair);
			SSL_CTX_free(client);
			tls_context_destroy(server);
		}
}

/* Start */

static void refused(enum holder_key key, const char *certificate, const char *key_file,
        const struct tls_keys_settings *settings, const char *says)
{
	struct tls_context *context = NULL;
	struct tls_keys *other = NULL;
	char room[WHY_ROOM];
	struct text why = TEXT_ON(room);

	assert_false(failed(tls_keys_create(&other, settings)));
	const struct tls_server_settings wanted = { .certificate_file = certificate,
		.key_file = key_file == NULL ? holder.paths[key] : key_file,
		.keys = other };
	assert_true(failed(tls_context_server(&context, &wanted, &why)));
	if (strstr(text_string(&why), says) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", text_string(&why), says);
	tls_keys_destroy(other);
}

static void test_bad_settings_are_named(void **state)
{
	const struct tls_keys_settings all = { &door.door, holder.paths, HOLDER_COUNT };
	const struct tls_keys_settings few = { &door.door, holder.paths, HOLDER_RSA_OTHER };
	char certificate[CERTIFICATES_PATH_BYTES];
	char key[CERTIFICATES_PATH_BYTES];

	(void)state;
	refused(HOLDER_RSA, "nowhere.pem", NULL, &all, "certificate nowhere.pem can't be used: No");
	refused(HOLDER_RSA, holder.certificates[HOLDER_RSA], "nowhere.key", &all,
	        "key nowhere.key can't be used: its holder has no such key");
	refused(HOLDER_RSA_OTHER, holder.certificates[HOLDER_RSA_OTHER], NULL, &few,
	        "RSA_OTHER.key can't be used: its holder has no such key");
	certificates_make_kind(&certificates, "DSA", "dsa", certificate, key);
	refused(HOLDER_RSA, certificate, key, &all,
	        "dsa.key can't be used: it is of the kind DSA; right are RSA, RSA-PSS, EC, "
	        "ED25519, ED448");
	assert_int_equal(atomic_load(&door.asked), 0);
}

/* Everything else goes on with the library's own provider, and no key goes there. */
static void test_the_default_provider_stays_so(void **state)
{
	static const char *const names[] = { "RSA", "RSA-PSS", "EC", "ED25519", "ED448" };
	static const char *const signatures[] = { "RSA", "ECDSA", "ED25519", "ED448" };
	char room[WHY_ROOM];

	(void)state;
	assert_int_equal(OSSL_PROVIDER_available(NULL, "sluice-keys"), 1);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		EVP_KEYMGMT *found = EVP_KEYMGMT_fetch(NULL, names[i], NULL);
		assert_string_equal(
		        OSSL_PROVIDER_get0_name(EVP_KEYMGMT_get0_provider(found)), "default");
		EVP_KEYMGMT_free(found);
	}
	for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
		EVP_SIGNATURE *found = EVP_SIGNATURE_fetch(NULL, signatures[i], NULL);
		assert_string_equal(
		        OSSL_PROVIDER_get0_name(EVP_SIGNATURE_get0_provider(found)), "default");
		EVP_SIGNATURE_free(found);
	}
	EVP_ASYM_CIPHER *cipher = EVP_ASYM_CIPHER_fetch(NULL, "RSA", NULL);
	assert_string_equal(
	        OSSL_PROVIDER_get0_name(EVP_ASYM_CIPHER_get0_provider(cipher)), "default");
	EVP_ASYM_CIPHER_free(cipher);
	for (enum holder_key i = 0; i < HOLDER_COUNT; i++) {
		struct text why = TEXT_ON(room);
		EVP_PKEY *public = holder.publics[i];
		EVP_PKEY *key = tls_keys_key(keys, holder.paths[i], public, &why);
		OSSL_PARAM *params = NULL;
		assert_non_null(key);
		assert_string_equal(
		        OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(public)), "default");
		assert_string_equal(
		        OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key)), "sluice-keys");
		assert_int_equal(EVP_PKEY_eq(public, key), 1);
		assert_int_equal(EVP_PKEY_eq(key, public), 1);
		for (enum holder_key j = 0; j < HOLDER_COUNT; j++)
			assert_int_equal(EVP_PKEY_eq(holder.publics[j], key) == 1, i == j);
		assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params), 0);
		EVP_PKEY_free(key);
	}
}

/* Whoever makes them again, in the same process, finds the library as it was. */
static void test_keys_come_and_go(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct tls_context *server = server_of(HOLDER_P256, TLS_OLDEST_GOOD);
		SSL_CTX *client = far_client(TLS1_3_VERSION, NULL);
		struct pair pair;

		pair_open(&pair, server, client);
		assert_true(pair_shake(&pair));
		pair_talk(&pair);
		pair_close(&pair);
		SSL_CTX_free(client);
		tls_context_destroy(server);
		tls_keys_destroy(keys);
		assert_int_equal(OSSL_PROVIDER_available(NULL, "sluice-keys"), 0);
		assert_int_equal(OSSL_PROVIDER_available(NULL, "default"), 1);
		open_keys();
	}
}

/* Several threads */

struct client_thread {
	pthread_t thread;
	struct tls_context *server;
	SSL_CTX *client;
	int secured;
};

static void *run_client(void *argument)
{
	struct client_thread *thread = argument;

	for (int i = 0; i < THREAD_RUNS; i++) {
		struct pair pair;
		pair_open(&pair, thread->server, thread->client);
		thread->secured += pair_shake(&pair);
		pair_close(&pair);
	}
	return NULL;
}

static void test_threads_ask_at_once(void **state)
{
	static const struct row *const kinds[] = { &rows[0], &rows[6], &rows[10], &rows[15] };

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct client_thread threads[THREADS];
		struct tls_context *server = server_of(kinds[i]->key, kinds[i]->oldest);

		atomic_store(&door.asked, 0);
		for (int j = 0; j < THREADS; j++) {
			threads[j] = (struct client_thread){ .server = server,
				.client = far_client(kinds[i]->version, kinds[i]->cipher) };
			assert_int_equal(
			        pthread_create(&threads[j].thread, NULL, run_client, &threads[j]),
			        0);
		}
		for (int j = 0; j < THREADS; j++) {
			assert_int_equal(pthread_join(threads[j].thread, NULL), 0);
			assert_int_equal(threads[j].secured, THREAD_RUNS);
			SSL_CTX_free(threads[j].client);
		}
		assert_int_equal(atomic_load(&door.asked), THREADS * THREAD_RUNS);
		tls_context_destroy(server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_kind_of_handshake, calm_door),
		cmocka_unit_test_setup(test_clients_have_certificates_too, calm_door),
		cmocka_unit_test_setup(test_long_handshakes, calm_door),
		cmocka_unit_test_setup(test_what_a_door_may_do, calm_door),
		cmocka_unit_test_setup(test_bad_settings_are_named, calm_door),
		cmocka_unit_test_setup(test_the_default_provider_stays_so, calm_door),
		cmocka_unit_test_setup(test_keys_come_and_go, calm_door),
		cmocka_unit_test_setup(test_threads_ask_at_once, calm_door),
	};

	return cmocka_run_group_tests(tests, open_shop, close_shop);
}
