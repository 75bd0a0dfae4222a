/*
 * TLS between a struct stream and its wire. A seam: tls_openssl.c is the real one,
 * tests/sim/tls_sim.c passes bytes through.
 *
 * A context is one side's settings (certificate, roots, policy), made at start. A struct tls is
 * one connection. It moves no bytes by itself: it calls its wire's read and write from within
 * tls_handshake(), tls_read(), tls_write() and tls_close(), never later.
 *
 * Thread:  a server context may be shared once made; a client context (its cache of sessions to
 *          resume) and every struct tls belong to one thread.
 * Owns:    keys (but for those of tls_keys.h) and certificates; not the wire.
 * Never:   blocks; opens a file after a context is made (OpenSSL may: tls_roots.h); calls a
 *          connection secured whose policy is unmet (I8).
 * Fails:   TLS_FAILED, then tls_failure() and tls_failure_text() say why, for good.
 */
#ifndef SLUICE_TLS_H
#define SLUICE_TLS_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

#define TLS_RECORD_BYTES   16384 /* plaintext in the largest record */
#define TLS_SESSIONS_MAX   64    /* sessions a client context keeps for resuming */
#define TLS_HOST_BYTES_MAX 255

struct tls_context;
struct tls_keys;
struct tls_roots;
struct tls;

/* The oldest that a server takes: today's, or for old devices a version, with every cipher. */
enum tls_oldest {
	TLS_OLDEST_GOOD, /* 1.2, with forward secrecy and authenticated encryption */
	TLS_OLDEST_1_2,
	TLS_OLDEST_1_1,
	TLS_OLDEST_1_0,
};

struct tls_server_settings {
	const char *certificate_file; /* PEM, with the chain */
	const char *key_file;
	/* Clients are asked for a certificate. The handshake goes on without one, and with one
	 * that can't be verified: tls_peer_name() and tls_auth() tell. */
	bool asks_certificate;
	const char *client_ca_file; /* PEM; whom their certificates must come from */
	bool lacks_tickets;         /* clients get nothing to resume by: for measuring */
	enum tls_oldest oldest;
	struct tls_keys *keys; /* whose holder has key_file; NULL: it is read here */
};

struct tls_client_settings {
	bool verify;                  /* chain, dates and host name; DANE does by itself */
	const char *ca_file;          /* PEM; NULL: the system's roots */
	struct tls_roots *roots;      /* whose files are parsed once; NULL: for this one alone */
	const char *certificate_file; /* our own, where a connector asks for one; or NULL */
	const char *key_file;
	struct tls_keys *keys; /* whose holder has key_file; NULL: it is read here */
};

/* Whom a client expects at the other end. */
struct tls_peer {
	struct view host;        /* asked for, and verified as the context's settings say */
	struct view alias;       /* with DANE-TA, another name that is right; or empty */
	const struct view *tlsa; /* RDATA that rdata_tlsa_is_usable() said yes to */
	size_t tlsa_count;       /* not 0: the records alone authenticate, whatever the settings */
};

/* How a peer was authenticated: name, word in logs. */
#define TLS_AUTHS(X)                                                                               \
	X(NONE, "none")       /* not at all */                                                     \
	X(PKIX, "pkix")       /* by an authority that we trust, and its name */                    \
	X(DANE_TA, "dane-ta") /* by an authority of a TLSA record, and its name */                 \
	X(DANE_EE, "dane-ee") /* by the certificate or key of a TLSA record */

enum tls_auth {
#define X(name, word) TLS_AUTH_##name,
	TLS_AUTHS(X)
#undef X
	        TLS_AUTH_COUNT
};

/* Where ciphertext comes from and goes to. */
struct tls_wire {
	/* Copies up to into.bytes received bytes; 0: none now. */
	size_t (*read)(struct tls_wire *wire, struct span into);
	/* Takes all of the bytes; false: no memory, and the connection fails. */
	bool (*write)(struct tls_wire *wire, struct view bytes);
};

enum tls_status {
	TLS_DONE,   /* secured; bytes were read or written */
	TLS_WANTS,  /* more ciphertext must come in first */
	TLS_CLOSED, /* the peer said that it sends no more */
	TLS_FAILED
};

/* On failure `why` names the file and what is wrong with it. */
MUST_CHECK struct err tls_context_server(
        struct tls_context **result, const struct tls_server_settings *settings, struct text *why);
MUST_CHECK struct err tls_context_client(
        struct tls_context **result, const struct tls_client_settings *settings, struct text *why);
/* Its connections are gone by then. NULL is fine. */
void tls_context_destroy(struct tls_context *context);

/* `peer`: whom a client expects, copied; NULL on the server's side. Uses wire for as long as it
 * lives. */
MUST_CHECK struct err tls_create(struct tls **result, struct tls_context *context,
        struct tls_wire *wire, const struct tls_peer *peer);
/* NULL is fine. */
void tls_destroy(struct tls *tls);

/* Call again after TLS_WANTS, when bytes have come. The first call on the client's side sends. */
enum tls_status tls_handshake(struct tls *tls);
/* Up to into.bytes of plaintext; *bytes > 0 with TLS_DONE. */
enum tls_status tls_read(struct tls *tls, struct span into, size_t *bytes);
/* All of the bytes, as one record where they fit. */
enum tls_status tls_write(struct tls *tls, struct view bytes);
/* Says that we send no more; failure is of no interest any more. */
void tls_close(struct tls *tls);

/* detail: X509_V_ERR_* where a certificate was refused. */
struct err tls_failure(const struct tls *tls);
/* "the certificate is for mail.example, not for smtp.example"; "" before a failure. Lends. */
const char *tls_failure_text(const struct tls *tls);
/* What was wrong with a client, as far as its owner can do something about it. */
enum tls_trouble {
	TLS_TROUBLE_OTHER,
	TLS_TROUBLE_VERSION, /* it has only older ones */
	TLS_TROUBLE_CIPHERS, /* we have none in common */
	TLS_TROUBLE_PLAIN,   /* what it sends is not TLS */
};
enum tls_trouble tls_trouble(const struct tls *tls);
/* Whether TLS_OLDEST_GOOD would not have taken it. */
bool tls_is_old(const struct tls *tls);
/* The library behind it and its version, for people; constant memory. */
const char *tls_library(void);
/* "TLSv1.3", "TLS_AES_256_GCM_SHA384". Constant memory. */
const char *tls_version(const struct tls *tls);
const char *tls_cipher(const struct tls *tls);
bool tls_resumed(const struct tls *tls);
/* How the peer was authenticated. Where the policy asks for it, never NONE once secured. */
enum tls_auth tls_auth(const struct tls *tls);
const char *tls_auth_word(enum tls_auth auth);
/* "subject=... issuer=... expires=2026-01-31" of the peer's certificate; nothing without one. */
void tls_describe_peer(const struct tls *tls, struct text *text);
/* A name in the peer's certificate: its DNS names by index, behind them its common name. False:
 * there is none of that index. */
bool tls_peer_name(const struct tls *tls, size_t index, struct text *name);

#endif
