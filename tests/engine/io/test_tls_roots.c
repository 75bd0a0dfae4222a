#include "engine/io/tls_roots.h"

#include "engine/io/tls.h"
#include "tests/engine/io/certificates.h"
#include "tests/engine/io/peers.h"

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define CHUNKS     256
#define FILE_BYTES 8192

/* An authority's file of its own, which a test may remove, and what the authority signed. */
struct shop {
	struct certificates certificates;
	char server[CERTIFICATES_PATH_BYTES];
	char own[CERTIFICATES_PATH_BYTES]; /* signed by itself */
	char copy[CERTIFICATES_PATH_BYTES];
};

static struct shop shop;

static int open_shop(void **state)
{
	static char text[FILE_BYTES];

	(void)state;
	certificates_init(&shop.certificates);
	certificates_make(&shop.certificates,
	        &(struct certificate_wish){ "server.pem", "mail.example", NULL, -1, 30, false },
	        shop.server);
	certificates_make(&shop.certificates,
	        &(struct certificate_wish){ "own.pem", "mail.example", NULL, -1, 30, true },
	        shop.own);
	FILE *file = fopen(shop.certificates.authority, "re");
	assert_non_null(file);
	const size_t bytes = fread(text, 1, sizeof text - 1, file);
	assert_int_equal(fclose(file), 0);
	text[bytes] = '\0';
	certificates_write_file(&shop.certificates, "copy.pem", text, shop.copy);
	return 0;
}

static int close_shop(void **state)
{
	(void)state;
	certificates_finish(&shop.certificates);
	return 0;
}

static struct tls_roots *new_roots(void)
{
	struct tls_roots *roots;

	assert_int_equal(tls_roots_create(&roots).code, ERR_OK);
	assert_int_equal(tls_roots_count(roots), 0);
	return roots;
}

/* `why`: of WHY_ROOM bytes. */
#define WHY_ROOM 512
static struct tls_context *client(struct tls_roots *roots, const char *ca_file, char *why)
{
	const struct tls_client_settings settings = {
		.verify = true, .ca_file = ca_file, .roots = roots
	};
	struct text text = text_on(why, WHY_ROOM);
	struct tls_context *context = NULL;

	if (failed(tls_context_client(&context, &settings, &text)))
		assert_null(context);
	(void)text_string(&text);
	return context;
}

/* Whether the client lets the server pass that the authority signed. */
static bool trusts(struct tls_context *context)
{
	static struct peers peers;
	const struct tls_server_settings settings = { shop.server, shop.certificates.key };
	struct tls_context *server = NULL;
	char room[WHY_ROOM];
	struct text why = TEXT_ON(room);

	assert_int_equal(tls_context_server(&server, &settings, &why).code, ERR_OK);
	peers_open(&peers, CHUNKS);
	peers_connect(&peers);
	assert_int_equal(stream_secure_server(&peers.server.stream, server), 0);
	assert_int_equal(stream_secure_client(&peers.client.stream, context,
	                         &(struct tls_peer){ .host = VIEW("mail.example") }),
	        0);
	peers_turn_until(&peers, (peers.client.news & (STREAM_SECURED | STREAM_ENDED)) != 0);
	const bool secured = (peers.client.news & STREAM_SECURED) != 0;
	peers_close(&peers);
	tls_context_destroy(server);
	return secured;
}

static void test_a_file_is_parsed_once(void **state)
{
	struct tls_roots *roots = new_roots();
	struct tls_context *contexts[3];
	char why[WHY_ROOM];

	(void)state;
	contexts[0] = client(roots, shop.copy, why);
	assert_non_null(contexts[0]);
	assert_int_equal(tls_roots_count(roots), 1);
	/* Not even opened again: it need not be there any more. */
	assert_int_equal(unlink(shop.copy), 0);
	for (size_t i = 1; i < 3; i++) {
		contexts[i] = client(roots, shop.copy, why);
		assert_non_null(contexts[i]);
	}
	assert_int_equal(tls_roots_count(roots), 1);
	assert_null(client(NULL, shop.copy, why));
	/* Each has its own hold on them: the collection may go, and other contexts. */
	tls_roots_destroy(roots);
	tls_context_destroy(contexts[0]);
	assert_true(trusts(contexts[1]));
	tls_context_destroy(contexts[1]);
	assert_true(trusts(contexts[2]));
	tls_context_destroy(contexts[2]);
}

/* I8: what one route trusts is nothing to another, and the system's roots are nobody's file. */
static void test_files_are_kept_apart(void **state)
{
	const char *const files[] = { shop.own, shop.certificates.authority, NULL };
	const bool trusted[] = { false, true, false };
	struct tls_roots *roots = new_roots();
	char why[WHY_ROOM];

	(void)state;
	for (size_t turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
			struct tls_context *context = client(roots, files[i], why);
			assert_non_null(context);
			assert_int_equal(trusts(context), trusted[i]);
			assert_int_equal(tls_roots_count(roots), turn == 0 ? i + 1 : 3);
			tls_context_destroy(context);
		}
	tls_roots_destroy(roots);
}

static void test_a_bad_file_is_named_each_time(void **state)
{
	const struct {
		const char *file;
		const char *says;
	} rows[] = {
		{ "nowhere.pem", "certificates of nowhere.pem can't be used: No such file" },
		{ shop.certificates.key, "can't be used: no certificate or crl found" },
		{ "nowhere.pem", "certificates of nowhere.pem can't be used: No such file" },
	};
	struct tls_roots *roots = new_roots();
	char why[WHY_ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_null(client(roots, rows[i].file, why));
		if (strstr(why, rows[i].says) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", why, rows[i].says);
		assert_int_equal(tls_roots_count(roots), 0);
	}
	/* What failed for one file is not said of the next. */
	struct tls_context *context = client(roots, shop.certificates.authority, why);
	assert_non_null(context);
	tls_context_destroy(context);
	tls_roots_destroy(roots);
	tls_roots_destroy(NULL);
}

#define THREADS 2
#define ROUNDS  200

/* A thread of those that share one store. */
struct verifier {
	X509_STORE *store;
	pthread_barrier_t *start;
	int verified;
};

static void *verify(void *context)
{
	struct verifier *verifier = context;
	FILE *file = fopen(shop.server, "re");
	X509 *certificate = file == NULL ? NULL : PEM_read_X509(file, NULL, NULL, NULL);
	X509_STORE_CTX *verification = X509_STORE_CTX_new();

	if (file != NULL)
		(void)fclose(file);
	(void)pthread_barrier_wait(verifier->start);
	if (certificate != NULL && verification != NULL &&
	        X509_STORE_CTX_init(verification, verifier->store, certificate, NULL) == 1)
		verifier->verified = X509_verify_cert(verification);
	X509_STORE_CTX_free(verification);
	X509_free(certificate);
	return NULL;
}

static void verify_at_once(void)
{
	struct tls_roots *roots = new_roots();
	X509_STORE *store = tls_roots_store(roots, shop.certificates.authority);
	struct verifier verifiers[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t start;

	assert_non_null(store);
	assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (size_t i = 0; i < THREADS; i++) {
		verifiers[i] = (struct verifier){ .store = store, .start = &start };
		assert_int_equal(pthread_create(&threads[i], NULL, verify, &verifiers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(verifiers[i].verified, 1);
	}
	assert_int_equal(pthread_barrier_destroy(&start), 0);
	X509_STORE_free(store);
	tls_roots_destroy(roots);
}

/* First handshakes at once: the thread sanitizer hears when one finds a root half decoded, which
 * some ROUNDS in a hundred do. */
static void test_threads_share_a_store(void **state)
{
	(void)state;
	for (size_t round = 0; round < ROUNDS; round++)
		verify_at_once();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_share_a_store),
		cmocka_unit_test(test_files_are_kept_apart),
		cmocka_unit_test(test_a_bad_file_is_named_each_time),
		cmocka_unit_test(test_a_file_is_parsed_once),
	};

	return cmocka_run_group_tests(tests, open_shop, close_shop);
}
