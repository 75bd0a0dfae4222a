#include "engine/io/tls.h"

#include "engine/io/tls_certificate.h"
#include "engine/io/tls_dane.h"
#include "engine/io/tls_error.h"
#include "engine/io/tls_identity.h"
#include "engine/io/tls_roots.h"
#include "queue/base/check.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define TLS_TEXT_BYTES 256

/* What a server takes of TLS 1.2 (1.3 has nothing else): forward secrecy, and ciphers that
 * authenticate what they encrypt; CBC and the key exchange by RSA are for old devices, by name. DHE
 * is for those of around 2013 that know GCM with that alone. */
#define TLS_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!PSK:!SRP"
/* And what old devices may bring, behind those. */
#define TLS_CIPHERS_OLD TLS_CIPHERS ":ALL:!eNULL"

/* A session of an earlier connection that the next one to the same host may resume. */
struct tls_session {
	SSL_SESSION *session; /* NULL: free */
	uint64_t age;
	enum tls_auth auth;                  /* how the peer was authenticated then */
	uint8_t print[TLS_DANE_PRINT_BYTES]; /* of the TLSA records that it was expected by */
	char host[TLS_HOST_BYTES_MAX + 1];
};

struct tls_context {
	SSL_CTX *ssl;
	BIO_METHOD *wire_method;
	bool client;
	bool verify;
	uint64_t sessions_age;
	struct tls_session *sessions; /* TLS_SESSIONS_MAX; a client's */
};

struct tls {
	SSL *ssl;
	struct tls_context *context;
	struct tls_wire *wire;
	struct err failure;
	bool no_memory;             /* the wire could not take bytes */
	bool verify;                /* the peer is to be authenticated */
	bool dane;                  /* by TLSA records */
	enum tls_auth resumed_auth; /* of the session that was offered */
	uint8_t print[TLS_DANE_PRINT_BYTES];
	char host[TLS_HOST_BYTES_MAX + 1];
	char text[TLS_TEXT_BYTES];
};

static struct err tls_context_open(struct tls_context **result, bool client);
static struct err tls_context_ask_client(SSL_CTX *ssl, const char *ca_file, struct text *why);
static void tls_context_take_old(SSL_CTX *ssl, enum tls_oldest oldest);
static struct err tls_context_refuse(
        struct tls_context *context, struct err err, struct tls_context **result);
static struct err tls_expect(struct tls *tls, const struct tls_peer *peer);
static struct err tls_expect_host(struct tls *tls);
static int tls_on_session(SSL *ssl, SSL_SESSION *session);
static void tls_resume(struct tls *tls);
static int tls_on_verify(int good, X509_STORE_CTX *store);
static enum tls_status tls_status(struct tls *tls, int result);
static BIO_METHOD *tls_wire_method(void);

/* Contexts */

static struct err tls_context_open(struct tls_context **result, bool client)
{
	struct tls_context *context = OPENSSL_zalloc(sizeof *context);

	if (context == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	*result = context;
	context->client = client;
	context->wire_method = tls_wire_method();
	context->ssl = SSL_CTX_new(client ? TLS_client_method() : TLS_server_method());
	if (client)
		context->sessions = OPENSSL_zalloc(TLS_SESSIONS_MAX * sizeof *context->sessions);
	if (context->wire_method == NULL || context->ssl == NULL ||
	        (client && context->sessions == NULL) ||
	        (client && !tls_dane_prepare(context->ssl)))
		return err_make(ERR_NO_MEMORY, 0);
	check(SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) == 1);
	/* What was deciphered may be a password: its own copy of it is wiped once it was read. */
	SSL_CTX_set_options(context->ssl,
	        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_mode(context->ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return err_ok();
}

struct err tls_context_server(
        struct tls_context **result, const struct tls_server_settings *settings, struct text *why)
{
	const struct tls_identity identity = { settings->certificate_file, settings->key_file,
		settings->keys };
	struct tls_context *context = NULL;
	struct err err = tls_context_open(&context, false);

	if (!failed(err) && !tls_identity_use(context->ssl, &identity, why))
		err = err_make(ERR_TLS, 0);
	if (!failed(err) && settings->asks_certificate)
		err = tls_context_ask_client(context->ssl, settings->client_ca_file, why);
	if (failed(err))
		return tls_context_refuse(context, err, result);
	/* Thousands of idle clients: buffers of 16 KiB are held only while in use. */
	SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF); /* tickets serve */
	check(SSL_CTX_set_dh_auto(context->ssl, 1) == 1);
	check(SSL_CTX_set_cipher_list(context->ssl, TLS_CIPHERS) == 1);
	tls_context_take_old(context->ssl, settings->oldest);
	/* In our order; but who has no instructions for AES begins with ChaCha20, and gets that. */
	SSL_CTX_set_options(
	        context->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	if (settings->lacks_tickets) {
		SSL_CTX_set_options(context->ssl, SSL_OP_NO_TICKET); /* TLS 1.2 */
		check(SSL_CTX_set_num_tickets(context->ssl, 0) == 1);
	}
	*result = context;
	return err_ok();
}

/* Their signatures are by SHA-1, and at any higher level the library has no TLS 1.1. */
static void tls_context_take_old(SSL_CTX *ssl, enum tls_oldest oldest)
{
	static const int versions[] = {
		[TLS_OLDEST_1_2] = TLS1_2_VERSION,
		[TLS_OLDEST_1_1] = TLS1_1_VERSION,
		[TLS_OLDEST_1_0] = TLS1_VERSION,
	};

	if (oldest == TLS_OLDEST_GOOD)
		return;
	check(oldest < sizeof versions / sizeof versions[0]);
	SSL_CTX_set_security_level(ssl, 0);
	check(SSL_CTX_set_min_proto_version(ssl, versions[oldest]) == 1);
	check(SSL_CTX_set_cipher_list(ssl, TLS_CIPHERS_OLD) == 1);
}

struct err tls_context_client(
        struct tls_context **result, const struct tls_client_settings *settings, struct text *why)
{
	const struct tls_identity identity = { settings->certificate_file, settings->key_file,
		settings->keys };
	struct tls_context *context = NULL;
	struct err err = tls_context_open(&context, true);

	if (!failed(err) && settings->certificate_file != NULL &&
	        !tls_identity_use(context->ssl, &identity, why))
		err = err_make(ERR_TLS, 0);
	if (failed(err))
		return tls_context_refuse(context, err, result);
	context->verify = settings->verify;
	ERR_clear_error();
	X509_STORE *store = tls_roots_store(settings->roots, settings->ca_file);
	if (store == NULL) {
		text_format(why, "certificates of %s can't be used: ",
		        settings->ca_file == NULL ? "the system" : settings->ca_file);
		tls_error_put(why);
		return tls_context_refuse(context, err_make(ERR_TLS, 0), result);
	}
	SSL_CTX_set_cert_store(context->ssl, store); /* takes it */
	SSL_CTX_set_verify(
	        context->ssl, settings->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, tls_on_verify);
	SSL_CTX_set_session_cache_mode(
	        context->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context->ssl, tls_on_session);
	*result = context;
	return err_ok();
}

/* What is wrong with the certificate is not ours to refuse here: tls_on_verify() lets it pass. */
static struct err tls_context_ask_client(SSL_CTX *ssl, const char *ca_file, struct text *why)
{
	/* A resumed session brings the certificate of its first handshake; OpenSSL wants to know
	 * that both are of one kind. */
	static const unsigned char kind[] = "asks";

	ERR_clear_error();
	if (SSL_CTX_load_verify_file(ssl, ca_file) != 1) {
		text_format(why, "certificates of %s can't be used: ", ca_file);
		tls_error_put(why);
		return err_make(ERR_TLS, 0);
	}
	check(SSL_CTX_set_session_id_context(ssl, kind, sizeof kind - 1) == 1);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, tls_on_verify);
	return err_ok();
}

static struct err tls_context_refuse(
        struct tls_context *context, struct err err, struct tls_context **result)
{
	tls_context_destroy(context);
	*result = NULL;
	return err;
}

void tls_context_destroy(struct tls_context *context)
{
	if (context == NULL)
		return;
	for (size_t i = 0; context->sessions != NULL && i < TLS_SESSIONS_MAX; i++)
		SSL_SESSION_free(context->sessions[i].session);
	OPENSSL_free(context->sessions);
	SSL_CTX_free(context->ssl);
	BIO_meth_free(context->wire_method);
	OPENSSL_free(context);
}

/* Connections */

struct err tls_create(struct tls **result, struct tls_context *context, struct tls_wire *wire,
        const struct tls_peer *peer)
{
	struct err err = err_make(ERR_NO_MEMORY, 0);
	struct tls *tls = OPENSSL_zalloc(sizeof *tls);
	BIO *bio = BIO_new(context->wire_method);

	check(context->client == (peer != NULL));
	if (tls == NULL || bio == NULL)
		goto fail;
	tls->context = context;
	tls->wire = wire;
	tls->ssl = SSL_new(context->ssl);
	if (tls->ssl == NULL)
		goto fail;
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	bio = NULL;
	SSL_set_app_data(tls->ssl, tls);
	if (context->client) {
		SSL_set_connect_state(tls->ssl);
		err = tls_expect(tls, peer);
		if (failed(err))
			goto fail;
		tls_resume(tls);
	} else {
		SSL_set_accept_state(tls->ssl);
	}
	*result = tls;
	return err_ok();
fail:
	BIO_free(bio);
	tls_destroy(tls);
	return err;
}

static struct err tls_expect(struct tls *tls, const struct tls_peer *peer)
{
	struct view host = peer->host;

	if (host.bytes > 0 && host.data[host.bytes - 1] == '.')
		host.bytes--;
	check(host.bytes <= TLS_HOST_BYTES_MAX);
	memcpy(tls->host, host.data, host.bytes);
	tls->dane = peer->tlsa_count > 0;
	tls->verify = tls->dane || tls->context->verify;
	tls_dane_print(peer, tls->print);
	if (!tls->dane)
		return tls_expect_host(tls);
	SSL_set_verify(tls->ssl, SSL_VERIFY_PEER, tls_on_verify);
	struct err err = tls_dane_expect(tls->ssl, tls->host, peer);
	if (err.code != ERR_TLS)
		return err;
	/* Nothing is sent then: tls_handshake() tells. */
	struct text text = TEXT_ON(tls->text);
	text_format(&text, "none of the TLSA records of %s can be used", tls->host);
	(void)text_string(&text);
	tls->failure = err;
	return err_ok();
}

/* Verification asks for this name or address, and nothing else passes. */
static struct err tls_expect_host(struct tls *tls)
{
	X509_VERIFY_PARAM *expected = SSL_get0_param(tls->ssl);

	check(tls->host[0] != '\0');
	if (X509_VERIFY_PARAM_set1_ip_asc(expected, tls->host) == 1)
		return err_ok();
	ERR_clear_error();
	SSL_set_hostflags(tls->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (SSL_set1_host(tls->ssl, tls->host) != 1 ||
	        SSL_set_tlsext_host_name(tls->ssl, tls->host) != 1)
		return err_make(ERR_NO_MEMORY, 0);
	return err_ok();
}

/* The library found a new session: keep it in the place of the oldest. */
static int tls_on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *tls = SSL_get_app_data(ssl);
	struct tls_context *context = tls->context;
	struct tls_session *place = &context->sessions[0];

	if (!SSL_SESSION_is_resumable(session) || (tls->verify && tls_auth(tls) == TLS_AUTH_NONE))
		return 0;
	for (size_t i = 0; i < TLS_SESSIONS_MAX; i++) {
		struct tls_session *candidate = &context->sessions[i];
		if (candidate->age < place->age)
			place = candidate;
	}
	SSL_SESSION_free(place->session);
	place->session = session;
	place->age = ++context->sessions_age;
	place->auth = tls_auth(tls);
	memcpy(place->print, tls->print, sizeof place->print);
	memcpy(place->host, tls->host, sizeof place->host);
	return 1; /* its reference is ours */
}

/* Offers the youngest session with this host. One of TLS 1.3 serves once (RFC 8446, C.4). Where
 * the host's TLSA records have changed it must show again that it matches them. */
static void tls_resume(struct tls *tls)
{
	struct tls_context *context = tls->context;
	struct tls_session *found = NULL;

	for (size_t i = 0; i < TLS_SESSIONS_MAX; i++) {
		struct tls_session *candidate = &context->sessions[i];
		if (candidate->session != NULL && strcmp(candidate->host, tls->host) == 0 &&
		        memcmp(candidate->print, tls->print, sizeof tls->print) == 0 &&
		        (found == NULL || candidate->age > found->age))
			found = candidate;
	}
	if (found == NULL)
		return;
	SSL_set_session(tls->ssl, found->session);
	tls->resumed_auth = found->auth;
	if (SSL_SESSION_get_protocol_version(found->session) >= TLS1_3_VERSION) {
		SSL_SESSION_free(MOVE(found->session));
		found->age = 0;
	}
}

void tls_destroy(struct tls *tls)
{
	if (tls == NULL)
		return;
	/* Else the library takes the session of a connection that was cut for a bad one. */
	if (tls->ssl != NULL && !failed(tls->failure))
		SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(tls->ssl);
	OPENSSL_free(tls);
}

enum tls_status tls_handshake(struct tls *tls)
{
	if (failed(tls->failure))
		return TLS_FAILED;
	ERR_clear_error();
	return tls_status(tls, SSL_do_handshake(tls->ssl));
}

enum tls_status tls_read(struct tls *tls, struct span into, size_t *bytes)
{
	*bytes = 0;
	ERR_clear_error();
	return tls_status(tls, SSL_read_ex(tls->ssl, into.data, into.bytes, bytes));
}

enum tls_status tls_write(struct tls *tls, struct view bytes)
{
	size_t written = 0;

	check(bytes.bytes > 0);
	ERR_clear_error();
	enum tls_status status =
	        tls_status(tls, SSL_write_ex(tls->ssl, bytes.data, bytes.bytes, &written));
	check(status != TLS_DONE || written == bytes.bytes);
	return status;
}

void tls_close(struct tls *tls)
{
	ERR_clear_error();
	if (!failed(tls->failure) && SSL_is_init_finished(tls->ssl))
		SSL_shutdown(tls->ssl);
}

static enum tls_status tls_status(struct tls *tls, int result)
{
	struct text text = TEXT_ON(tls->text);

	if (result == 1)
		return TLS_DONE;
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANTS;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	default:
		break;
	}
	if (failed(tls->failure)) /* a certificate was refused and explained */
		return TLS_FAILED;
	if (tls->no_memory) {
		tls->failure = err_make(ERR_NO_MEMORY, 0);
		text_put(&text, VIEW("no memory for encrypted bytes"));
	} else {
		tls->failure = err_make(ERR_TLS, ERR_GET_REASON(ERR_peek_error()));
		tls_error_put(&text);
	}
	(void)text_string(&text);
	return TLS_FAILED;
}

struct err tls_failure(const struct tls *tls)
{
	return tls->failure;
}

const char *tls_failure_text(const struct tls *tls)
{
	return tls->text;
}

enum tls_trouble tls_trouble(const struct tls *tls)
{
	if (tls->failure.code != ERR_TLS)
		return TLS_TROUBLE_OTHER;
	switch (tls->failure.detail) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
		return TLS_TROUBLE_VERSION;
	case SSL_R_NO_SHARED_CIPHER:
		return TLS_TROUBLE_CIPHERS;
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_WRONG_VERSION_NUMBER:
		return TLS_TROUBLE_PLAIN;
	default:
		return TLS_TROUBLE_OTHER;
	}
}

bool tls_is_old(const struct tls *tls)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);

	return SSL_version(tls->ssl) < TLS1_2_VERSION || cipher == NULL ||
	       SSL_CIPHER_is_aead(cipher) != 1 || SSL_CIPHER_get_kx_nid(cipher) == NID_kx_rsa;
}

const char *tls_library(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

const char *tls_version(const struct tls *tls)
{
	return SSL_get_version(tls->ssl);
}

const char *tls_cipher(const struct tls *tls)
{
	return SSL_get_cipher_name(tls->ssl);
}

bool tls_resumed(const struct tls *tls)
{
	return SSL_session_reused(tls->ssl) == 1;
}

enum tls_auth tls_auth(const struct tls *tls)
{
	if (SSL_get0_peer_certificate(tls->ssl) == NULL ||
	        SSL_get_verify_result(tls->ssl) != X509_V_OK)
		return TLS_AUTH_NONE;
	if (tls->context->client && tls_resumed(tls))
		return tls->resumed_auth;
	return tls->dane ? tls_dane_auth(tls->ssl) : TLS_AUTH_PKIX;
}

const char *tls_auth_word(enum tls_auth auth)
{
	static const char *const words[] = {
#define X(name, word) [TLS_AUTH_##name] = word,
		TLS_AUTHS(X)
#undef X
	};

	check(auth < TLS_AUTH_COUNT);
	return words[auth];
}

void tls_describe_peer(const struct tls *tls, struct text *text)
{
	X509 *certificate = SSL_get0_peer_certificate(tls->ssl);

	if (certificate != NULL)
		tls_certificate_describe(text, certificate);
}

bool tls_peer_name(const struct tls *tls, size_t index, struct text *name)
{
	X509 *certificate = SSL_get0_peer_certificate(tls->ssl);

	return certificate != NULL && tls_certificate_name(name, certificate, index);
}

/* Certificates */

static int tls_on_verify(int good, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *tls = SSL_get_app_data(ssl);
	int error = X509_STORE_CTX_get_error(store);

	if (good == 1 || !tls->verify)
		return 1;
	if (!failed(tls->failure)) {
		struct text text = TEXT_ON(tls->text);
		tls->failure = err_make(ERR_TLS, error);
		tls_certificate_explain(
		        &text, tls->host, tls->dane, error, X509_STORE_CTX_get_current_cert(store));
		(void)text_string(&text);
	}
	return 0;
}

/* The wire, as OpenSSL sees it */

static int tls_wire_read(BIO *bio, char *into, size_t bytes, size_t *taken)
{
	struct tls *tls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	*taken = tls->wire->read(tls->wire, (struct span){ into, bytes });
	if (*taken > 0)
		return 1;
	BIO_set_retry_read(bio);
	return 0;
}

static int tls_wire_write(BIO *bio, const char *data, size_t bytes, size_t *taken)
{
	struct tls *tls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (!tls->wire->write(tls->wire, view_from(data, bytes))) {
		tls->no_memory = true;
		return 0;
	}
	*taken = bytes;
	return 1;
}

static long tls_wire_control(BIO *bio, int command, long number, void *argument)
{
	(void)bio;
	(void)number;
	(void)argument;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *tls_wire_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_TYPE_START, "wire");

	if (method == NULL)
		return NULL;
	check(BIO_meth_set_read_ex(method, tls_wire_read) == 1);
	check(BIO_meth_set_write_ex(method, tls_wire_write) == 1);
	check(BIO_meth_set_ctrl(method, tls_wire_control) == 1);
	return method;
}
