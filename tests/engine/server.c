#include "tests/engine/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_PATIENCE_MS 8000
#define SERVER_QUIET_MS    60

__attribute__((format(printf, 2, 3))) static bool server_complain(
        struct server *server, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (server->complaint[0] == '\0')
		(void)vsnprintf(server->complaint, sizeof server->complaint, format, arguments);
	va_end(arguments);
	return false;
}

static bool server_readable(struct server *server, int fd, int milliseconds)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	if (server->ssl != NULL && fd == server->fd && SSL_pending(server->ssl) > 0)
		return true;
	return poll(&poll_fd, 1, milliseconds) > 0;
}

/* 0: the client closed or reset the connection. */
static size_t server_receive(struct server *server)
{
	char *into = server->input + server->input_bytes;
	const size_t room = sizeof server->input - server->input_bytes;
	ssize_t bytes;

	if (!server_readable(server, server->fd, SERVER_PATIENCE_MS)) {
		server_complain(server, "nothing came");
		return 0;
	}
	if (server->ssl != NULL)
		bytes = SSL_read(server->ssl, into, (int)room);
	else
		bytes = recv(server->fd, into, room, 0);
	if (bytes <= 0)
		return 0;
	if (server->heard_bytes + (size_t)bytes < SERVER_HEARD_MAX) {
		memcpy(server->heard + server->heard_bytes, into, (size_t)bytes);
		server->heard_bytes += (size_t)bytes;
	}
	server->input_bytes += (size_t)bytes;
	return (size_t)bytes;
}

static void server_drop(struct server *server, size_t bytes)
{
	server->input_bytes -= bytes;
	memmove(server->input, server->input + bytes, server->input_bytes);
}

static bool server_take(struct server *server, size_t bytes)
{
	while (bytes > 0) {
		if (server->input_bytes == 0 && server_receive(server) == 0)
			return server_complain(server, "the chunk ended early");
		const size_t now = bytes < server->input_bytes ? bytes : server->input_bytes;
		server_drop(server, now);
		bytes -= now;
	}
	return true;
}

static bool server_expect(struct server *server, const char *prefix)
{
	char *end;
	unsigned long chunk = 0;

	for (;;) {
		server->input[server->input_bytes] = '\0';
		end = strstr(server->input, "\r\n");
		if (end != NULL)
			break;
		if (server_receive(server) == 0)
			return server_complain(
			        server, "expected \"%s\", but the client went", prefix);
	}
	*end = '\0';
	if (strncmp(server->input, prefix, strlen(prefix)) != 0)
		return server_complain(
		        server, "expected \"%s\", got \"%s\"", prefix, server->input);
	const bool is_chunk = sscanf(server->input, "BDAT %lu", &chunk) == 1;
	server_drop(server, (size_t)(end - server->input) + 2);
	return !is_chunk || server_take(server, chunk);
}

static bool server_take_data(struct server *server)
{
	size_t looked = 0;

	for (;;) {
		server->input[server->input_bytes] = '\0';
		if (strncmp(server->input, ".\r\n", 3) == 0) {
			server_drop(server, 3);
			return true;
		}
		char *end = strstr(server->input + looked, "\r\n.\r\n");
		if (end != NULL) {
			server_drop(server, (size_t)(end - server->input) + 5);
			return true;
		}
		if (server->input_bytes > sizeof server->input / 2) {
			server_drop(server, server->input_bytes - 8);
			looked = 0;
		}
		if (server_receive(server) == 0)
			return server_complain(server, "the data did not end");
	}
}

static bool server_say(struct server *server, const char *text)
{
	char line[4096];
	size_t bytes = 0;

	for (const char *c = text; *c != '\0'; c++) {
		if (c[0] == '\\' && c[1] == 'n') {
			line[bytes++] = '\r';
			line[bytes++] = '\n';
			c++;
		} else {
			line[bytes++] = *c;
		}
	}
	line[bytes++] = '\r';
	line[bytes++] = '\n';
	if (server->ssl != NULL)
		return SSL_write(server->ssl, line, (int)bytes) > 0;
	return send(server->fd, line, bytes, MSG_NOSIGNAL) == (ssize_t)bytes;
}

static bool server_secure(struct server *server, bool wanted)
{
	server->ssl = SSL_new(server->context);
	if (server->ssl == NULL)
		return server_complain(server, "no TLS");
	(void)SSL_set_fd(server->ssl, server->fd);
	bool secured = SSL_accept(server->ssl) == 1;
	/* TLS 1.3: the client's refusal comes after our side is done. */
	if (secured && !wanted) {
		char byte;
		secured = SSL_read(server->ssl, &byte, 1) > 0;
	}
	if (secured != wanted)
		return server_complain(server, "TLS %s", secured ? "succeeded" : "failed");
	return true;
}

static bool server_step(struct server *server, const char *step)
{
	if (strncmp(step, "> ", 2) == 0)
		return server_say(server, step + 2);
	if (strncmp(step, "< ", 2) == 0)
		return server_expect(server, step + 2);
	if (strcmp(step, ".") == 0)
		return server_take_data(server);
	if (strcmp(step, "quiet") == 0) {
		if (server->input_bytes > 0 || server_readable(server, server->fd, SERVER_QUIET_MS))
			return server_complain(server, "it was not quiet");
		return true;
	}
	if (strcmp(step, "tls") == 0)
		return server_secure(server, true);
	if (strcmp(step, "tls!") == 0)
		return server_secure(server, false);
	if (strcmp(step, "end") == 0) {
		if (server->input_bytes > 0 || server_receive(server) > 0)
			return server_complain(server, "expected the end, got \"%.*s\"",
			        (int)server->input_bytes, server->input);
		return true;
	}
	if (strcmp(step, "reset") == 0) {
		const struct linger linger = { .l_onoff = 1, .l_linger = 0 };
		(void)setsockopt(server->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
		return true;
	}
	if (strcmp(step, "close") == 0)
		return true;
	return server_complain(server, "no such step: %s", step);
}

static void server_play(struct server *server, const char *script)
{
	char step[4096];

	server->input_bytes = 0;
	while (*script != '\0') {
		const size_t bytes = strcspn(script, "\n");
		memcpy(step, script, bytes);
		step[bytes] = '\0';
		script += bytes + (script[bytes] == '\n');
		if (!server_step(server, step)) {
			server_complain(server, "at \"%s\"", step);
			break;
		}
	}
	if (server->ssl != NULL) {
		SSL_free(server->ssl);
		server->ssl = NULL;
	}
	(void)close(server->fd);
}

static void *server_run(void *argument)
{
	struct server *server = argument;

	for (size_t i = 0; server->scripts[i] != NULL && server->complaint[0] == '\0'; i++) {
		if (!server_readable(server, server->listener, SERVER_PATIENCE_MS)) {
			server_complain(server, "connection %zu did not come", i);
			break;
		}
		server->fd = accept(server->listener, NULL, NULL);
		server_play(server, server->scripts[i]);
	}
	return NULL;
}

void server_listen(struct server *server)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t bytes = sizeof at;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*server = (struct server){ .heard = calloc(1, SERVER_HEARD_MAX) };
	server->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (server->heard == NULL || bind(server->listener, (void *)&at, sizeof at) != 0 ||
	        listen(server->listener, 16) != 0 ||
	        getsockname(server->listener, (void *)&at, &bytes) != 0)
		abort();
	server->port = ntohs(at.sin_port);
}

void server_start(struct server *server, const char *const *scripts)
{
	server->scripts = scripts;
	if (server->certificate != NULL) {
		server->context = SSL_CTX_new(TLS_server_method());
		if (SSL_CTX_use_certificate_chain_file(server->context, server->certificate) != 1 ||
		        SSL_CTX_use_PrivateKey_file(
		                server->context, server->key, SSL_FILETYPE_PEM) != 1)
			abort();
	}
	if (pthread_create(&server->thread, NULL, server_run, server) != 0)
		abort();
	server->started = true;
}

void server_stop(struct server *server)
{
	if (server->started && pthread_join(server->thread, NULL) != 0)
		abort();
	server->started = false;
}

void server_finish(struct server *server)
{
	server_stop(server);
	(void)close(server->listener);
	SSL_CTX_free(server->context);
	free(server->heard);
}
