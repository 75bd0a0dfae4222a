#include "tests/sim/tls_sim.h"

#include "engine/io/tls.h"
#include "queue/base/check.h"

#include <stdlib.h>

#define RECORD_HEAD 3 /* kind, length in two bytes */
#define RECORD_MASK 0x5a
#define NAME_BYTES  64 /* of a certificate; in a world they are few and short */

/* No byte of a protocol in plain text looks like these. */
enum record_kind {
	RECORD_CLIENT_HELLO = 0xf1,
	RECORD_SERVER_HELLO,
	RECORD_FINISHED,
	RECORD_DATA,
	RECORD_CLOSE,
	RECORD_ALERT,
};

struct tls_sim sim_tls;

struct tls_context {
	bool server;
	bool verify;
	bool asks_certificate;
	char name[NAME_BYTES]; /* in our certificate; "" for none */
};

struct tls {
	const struct tls_context *context;
	struct tls_wire *wire;
	bool hello_sent;
	bool secured;
	bool closed;
	bool verified;
	struct err failure;
	const char *failure_text;
	char peer_name[NAME_BYTES];
	char input[RECORD_HEAD + TLS_RECORD_BYTES];
	size_t input_bytes;
	size_t given; /* of the data record in front */
};

static void context_name(struct tls_context *context, struct view file);
static enum tls_status tls_fail(struct tls *tls, const char *text);
static void tls_client_named(struct tls *tls);

/* Contexts */

static struct err context_new(struct tls_context **result, bool server, bool verify)
{
	struct tls_context *context = calloc(1, sizeof *context);

	check(context != NULL);
	context->server = server;
	context->verify = verify;
	*result = context;
	return err_ok();
}

struct err tls_context_server(
        struct tls_context **result, const struct tls_server_settings *settings, struct text *why)
{
	(void)why;
	const struct err err = context_new(result, true, false);
	(*result)->asks_certificate = settings->asks_certificate;
	return err;
}

struct err tls_context_client(
        struct tls_context **result, const struct tls_client_settings *settings, struct text *why)
{
	(void)why;
	const struct err err = context_new(result, false, settings->verify);
	if (settings->certificate_file != NULL)
		context_name(*result, view_of(settings->certificate_file));
	return err;
}

/* No file is read: what it is called is the name it is for, "/keys/relay.contoso.com.pem". */
static void context_name(struct tls_context *context, struct view file)
{
	struct text name = TEXT_ON(context->name);

	for (size_t at = view_find(file, '/'); at < file.bytes; at = view_find(file, '/'))
		file = view_skip(file, at + 1);
	if (view_ends_fold(file, VIEW(".pem")))
		file.bytes -= strlen(".pem");
	text_put(&name, file);
	(void)text_string(&name);
	check(!name.overflow);
}

void tls_context_destroy(struct tls_context *context)
{
	free(context);
}

struct err tls_create(struct tls **result, struct tls_context *context, struct tls_wire *wire,
        const struct tls_peer *peer)
{
	struct tls *tls = calloc(1, sizeof *tls);

	check(tls != NULL);
	check(context->server == (peer == NULL));
	tls->context = context;
	tls->wire = wire;
	tls->failure_text = "";
	*result = tls;
	return err_ok();
}

void tls_destroy(struct tls *tls)
{
	free(tls);
}

/* Records */

static bool record_send(struct tls *tls, enum record_kind kind, struct view bytes)
{
	char record[RECORD_HEAD + TLS_RECORD_BYTES];

	check(bytes.bytes <= TLS_RECORD_BYTES);
	record[0] = (char)kind;
	record[1] = (char)(bytes.bytes >> 8);
	record[2] = (char)bytes.bytes;
	for (size_t i = 0; i < bytes.bytes; i++)
		record[RECORD_HEAD + i] = (char)(bytes.data[i] ^ RECORD_MASK);
	return tls->wire->write(tls->wire, view_from(record, RECORD_HEAD + bytes.bytes));
}

static size_t record_bytes(const struct tls *tls)
{
	return (size_t)(unsigned char)tls->input[1] << 8 | (unsigned char)tls->input[2];
}

/* The record in front, whole; 0: it has not come yet. */
static unsigned record_wait(struct tls *tls)
{
	for (;;) {
		const size_t wanted = tls->input_bytes < RECORD_HEAD
		                              ? RECORD_HEAD
		                              : RECORD_HEAD + record_bytes(tls);
		check(wanted <= sizeof tls->input);
		if (tls->input_bytes >= RECORD_HEAD && tls->input_bytes == wanted)
			return (unsigned char)tls->input[0];
		const struct span room = { tls->input + tls->input_bytes,
			wanted - tls->input_bytes };
		const size_t bytes = tls->wire->read(tls->wire, room);
		if (bytes == 0)
			return 0;
		tls->input_bytes += bytes;
		const unsigned kind = (unsigned char)tls->input[0];
		if (kind < RECORD_CLIENT_HELLO || kind > RECORD_ALERT ||
		        (tls->input_bytes >= RECORD_HEAD && record_bytes(tls) > TLS_RECORD_BYTES)) {
			(void)tls_fail(tls, "that is no TLS record");
			return 0;
		}
	}
}

static void record_drop(struct tls *tls)
{
	tls->input_bytes = 0;
	tls->given = 0;
}

static enum tls_status tls_fail(struct tls *tls, const char *text)
{
	if (!failed(tls->failure)) {
		tls->failure = err_make(ERR_TLS, 0);
		tls->failure_text = text;
		(void)record_send(tls, RECORD_ALERT, VIEW(""));
	}
	return TLS_FAILED;
}

/* The handshake */

static enum tls_status tls_server_hello(struct tls *tls)
{
	const bool forged =
	        tls->input_bytes > RECORD_HEAD && tls->input[RECORD_HEAD] != RECORD_MASK;

	tls->verified = !forged;
	if (forged && tls->context->verify) {
		if (!sim_tls.verifies_never) {
			sim_tls.refused++;
			return tls_fail(tls, "the certificate can't be verified");
		}
		sim_tls.deceived(sim_tls.owner);
	}
	record_drop(tls);
	if (!record_send(tls, RECORD_FINISHED, view_of(tls->context->name)))
		return tls_fail(tls, "no memory");
	tls->secured = true;
	return TLS_DONE;
}

static enum tls_status tls_client_step(struct tls *tls)
{
	if (!tls->hello_sent) {
		tls->hello_sent = true;
		if (!record_send(tls, RECORD_CLIENT_HELLO, VIEW("host")))
			return tls_fail(tls, "no memory");
	}
	switch (record_wait(tls)) {
	case 0:
		return failed(tls->failure) ? TLS_FAILED : TLS_WANTS;
	case RECORD_SERVER_HELLO:
		return tls_server_hello(tls);
	default:
		return tls_fail(tls, "a record out of turn");
	}
}

static enum tls_status tls_server_step(struct tls *tls)
{
	for (;;) {
		const unsigned kind = record_wait(tls);

		if (kind == 0)
			return failed(tls->failure) ? TLS_FAILED : TLS_WANTS;
		if (kind == RECORD_CLIENT_HELLO && !tls->hello_sent) {
			record_drop(tls);
			tls->hello_sent = true;
			if (!record_send(tls, RECORD_SERVER_HELLO,
			            sim_tls.forged ? VIEW("\1") : VIEW("\0")))
				return tls_fail(tls, "no memory");
			continue;
		}
		if (kind != RECORD_FINISHED || !tls->hello_sent)
			return tls_fail(tls, "a record out of turn");
		tls_client_named(tls);
		record_drop(tls);
		tls->secured = true;
		return TLS_DONE;
	}
}

/* The client's certificate came with the end of its handshake. */
static void tls_client_named(struct tls *tls)
{
	const size_t bytes = record_bytes(tls);

	check(bytes < NAME_BYTES);
	if (!tls->context->asks_certificate || bytes == 0)
		return;
	for (size_t i = 0; i < bytes; i++)
		tls->peer_name[i] = (char)(tls->input[RECORD_HEAD + i] ^ RECORD_MASK);
	tls->verified = true;
}

enum tls_status tls_handshake(struct tls *tls)
{
	check(!tls->secured);
	if (failed(tls->failure))
		return TLS_FAILED;
	return tls->context->server ? tls_server_step(tls) : tls_client_step(tls);
}

/* Bytes */

enum tls_status tls_read(struct tls *tls, struct span into, size_t *bytes)
{
	*bytes = 0;
	check(tls->secured);
	if (failed(tls->failure))
		return TLS_FAILED;
	if (tls->closed)
		return TLS_CLOSED;
	for (;;) {
		switch (record_wait(tls)) {
		case 0:
			return failed(tls->failure) ? TLS_FAILED : TLS_WANTS;
		case RECORD_DATA:
			break;
		case RECORD_CLOSE:
			tls->closed = true;
			return TLS_CLOSED;
		default:
			return tls_fail(tls, "a record out of turn");
		}
		const size_t left = record_bytes(tls) - tls->given;
		*bytes = left < into.bytes ? left : into.bytes;
		for (size_t i = 0; i < *bytes; i++)
			into.data[i] =
			        (char)(tls->input[RECORD_HEAD + tls->given + i] ^ RECORD_MASK);
		tls->given += *bytes;
		if (tls->given == record_bytes(tls))
			record_drop(tls);
		if (*bytes > 0)
			return TLS_DONE;
	}
}

enum tls_status tls_write(struct tls *tls, struct view bytes)
{
	check(tls->secured);
	if (failed(tls->failure))
		return TLS_FAILED;
	if (sim_tls.writes != NULL)
		sim_tls.writes(sim_tls.owner, tls, bytes);
	while (bytes.bytes > 0) {
		const struct view record = view_first(bytes, TLS_RECORD_BYTES);
		if (!record_send(tls, RECORD_DATA, record))
			return tls_fail(tls, "no memory");
		bytes = view_skip(bytes, record.bytes);
	}
	return TLS_DONE;
}

void tls_close(struct tls *tls)
{
	if (!failed(tls->failure))
		(void)record_send(tls, RECORD_CLOSE, VIEW(""));
}

/* What happened */

struct err tls_failure(const struct tls *tls)
{
	return tls->failure;
}

const char *tls_failure_text(const struct tls *tls)
{
	return tls->failure_text;
}

const char *tls_version(const struct tls *tls)
{
	(void)tls;
	return "simulated";
}

enum tls_trouble tls_trouble(const struct tls *tls)
{
	(void)tls;
	return TLS_TROUBLE_OTHER;
}

bool tls_is_old(const struct tls *tls)
{
	(void)tls;
	return false;
}

const char *tls_cipher(const struct tls *tls)
{
	(void)tls;
	return "none";
}

bool tls_resumed(const struct tls *tls)
{
	(void)tls;
	return false;
}

enum tls_auth tls_auth(const struct tls *tls)
{
	return tls->verified ? TLS_AUTH_PKIX : TLS_AUTH_NONE;
}

const char *tls_auth_word(enum tls_auth auth)
{
	return auth == TLS_AUTH_NONE ? "none" : "pkix";
}

void tls_describe_peer(const struct tls *tls, struct text *text)
{
	(void)tls;
	(void)text;
}

bool tls_peer_name(const struct tls *tls, size_t index, struct text *name)
{
	if (index > 0 || tls->peer_name[0] == '\0')
		return false;
	text_put(name, view_of(tls->peer_name));
	return true;
}
