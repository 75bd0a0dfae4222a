/*
 * Private keys that another process holds (tls_key.h): what handshakes here sign with goes to it
 * through a door. The library sees a provider of its own beside the one for everything else; a key
 * of it has the certificate's public part and a number, and can't be exported.
 *
 * Thread:  made and destroyed by start-up's; the door is asked by any that shakes hands, several at
 *          once, and may block it for a short while.
 * Owns:    nothing of the settings: door and paths outlive it.
 * Never:   opens a key's file. Sends a signature on that the key's certificate does not confirm.
 * Fails:   a door that gives no answer, or a wrong one, fails that handshake alone;
 *          tls_failure_text() says it.
 */
#ifndef SLUICE_TLS_KEYS_H
#define SLUICE_TLS_KEYS_H

#include "engine/io/tls_key.h"

/* The way to the holder. */
struct tls_keys_door {
	/* False: there was no answer. */
	bool (*ask)(struct tls_keys_door *door, const struct tls_key_request *request,
	        struct tls_key_answer *answer);
};

struct tls_keys_settings {
	struct tls_keys_door *door;
	const char *const *paths; /* a key's number is its index here */
	size_t count;             /* 65,536 at most */
};

struct tls_keys;

MUST_CHECK struct err tls_keys_create(
        struct tls_keys **result, const struct tls_keys_settings *settings);
/* Contexts that were made with it are gone by then. NULL is fine. */
void tls_keys_destroy(struct tls_keys *keys);
/* The key of key_file, as settings spell it, with the public part of its certificate; gives it.
 * NULL: `why` says what is wrong with it. */
struct evp_pkey_st *tls_keys_key(const struct tls_keys *keys, const char *key_file,
        struct evp_pkey_st *public, struct text *why);

#endif
