/*
 * A mail server that plays a script, one per connection, for tests of outbound sessions: it says
 * what the script says, expects what the script expects, and keeps all that it was sent.
 *
 * Thread:  server_start(), server_stop(): the test's; between them the server has its own.
 * Fails:   by server->complaint: the test asserts that there is none.
 *
 * A script is a text of lines:
 *	> 250 OK        says this; "\n" within it are further lines
 *	< MAIL          expects a line that starts so; after BDAT it takes the chunk too
 *	.               takes a message up to CRLF.CRLF
 *	quiet           expects that nothing comes for a while
 *	tls             shakes hands; `tls!` expects that this fails
 *	end             expects that the client closes, and closes
 *	close, reset    ends the connection, politely or not
 */
#ifndef SLUICE_TESTS_SERVER_H
#define SLUICE_TESTS_SERVER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVER_HEARD_MAX    (1 << 20)
#define SERVER_COMPLAIN_MAX 512

struct server {
	const char *const *scripts; /* one a connection, NULL behind the last */
	const char *certificate;    /* PEM files, or NULL */
	const char *key;
	uint16_t port;
	int listener;
	pthread_t thread;
	bool started;
	/* of the connection at hand */
	int fd;
	SSL_CTX *context;
	SSL *ssl;
	char input[65536];
	size_t input_bytes;
	/* for the test, after server_stop() */
	char *heard; /* everything, of all connections; NUL at its end */
	size_t heard_bytes;
	char complaint[SERVER_COMPLAIN_MAX];
};

/* Listens; `scripts` and the files may be set until server_start(). */
void server_listen(struct server *server);
void server_start(struct server *server, const char *const *scripts);
/* Waits for the scripts' end. */
void server_stop(struct server *server);
void server_finish(struct server *server);

#endif
