/*
 * The admin port: HTTP for monitoring, apart from mail (settings: `admin`). libmicrohttpd serves
 * it, from one thread of its own that asks none of the engine's: a scrape waits for nobody, and a
 * thread that hangs still shows.
 *
 *	admin_open    listens, and reads what the confined process can't; before engine_confine()
 *	admin_start   answers, from now on
 *
 * Every page but /healthz and /readyz wants the token, where one is set. What is kept of it is a
 * hash, and hashes are compared in constant time.
 *
 * Thread:  the main one; answers are made by its own.
 * Owns:    socket and thread, until admin_close(), which comes before the engine's end.
 * Never:   reads a request's body; keeps a connection that is silent for ADMIN_TIMEOUT_S.
 * Fails:   admin_open() in words.
 */
#ifndef SLUICE_ADMIN_H
#define SLUICE_ADMIN_H

#include "engine/survey.h"

#define ADMIN_CONNECTIONS_MAX 16 /* monitoring, and a look besides; more wait in the backlog */
#define ADMIN_TIMEOUT_S       10
#define ADMIN_TOKEN_MAX       1024

struct admin;

struct admin_settings {
	const struct config *config;
	void (*survey)(void *owner, struct survey *survey);
	void *owner;
};

/* *result is NULL, and all is well, where no admin port is configured. */
MUST_CHECK struct err admin_open(
        struct admin **result, const struct admin_settings *settings, struct text *why);
/* NULL is fine, here and below. */
MUST_CHECK struct err admin_start(struct admin *admin);
void admin_close(struct admin *admin);

#endif
