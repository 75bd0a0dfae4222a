/*
 * Listening sockets that whoever started us hands over (sd_listen_fds(3): LISTEN_FDS, LISTEN_PID):
 * systemd's socket units, or another supervisor's. They stay open while we are restarted, and
 * clients wait in them meanwhile.
 *
 * Thread:  start-up's.
 * Owns:    the sockets, until handed_close().
 * Fails:   with a sentence where what was handed over is no listening TCP socket, or is too much.
 */
#ifndef SLUICE_HANDED_H
#define SLUICE_HANDED_H

#include "engine/io/endpoint.h"
#include "queue/base/errors.h"

/* As many as a configuration has listeners, and more than anybody writes. */
#define HANDED_MAX 256

struct handed {
	struct endpoint at[HANDED_MAX];
	int sockets[HANDED_MAX];
	bool taken[HANDED_MAX];
	size_t count;
};

/* Once: what tells of them is taken out of the environment. */
MUST_CHECK struct err handed_open(struct handed *handed, struct text *why);
void handed_close(struct handed *handed);
/* The one that listens there, lent; -1: none. */
int handed_find(struct handed *handed, const struct endpoint *at);
/* Another descriptor of it, for one thread. */
MUST_CHECK struct err handed_share(int socket, int *result);

#endif
