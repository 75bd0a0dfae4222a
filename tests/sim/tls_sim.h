/*
 * The simulator's TLS: records that hide nothing but can be told from plain text, and a
 * handshake of three flights, so that whoever speaks too early or too late is found out.
 *
 *	client hello (the host asked for) -> server hello (genuine or not) -> finished
 *
 * Thread:  the simulator's one.
 */
#ifndef SLUICE_SIM_TLS_H
#define SLUICE_SIM_TLS_H

#include "queue/base/bytes.h"

struct tls_sim {
	bool forged;         /* servers show certificates that can't be verified */
	bool verifies_never; /* a planted bug: clients take them all the same */
	uint64_t refused;    /* handshakes that clients gave up for it */
	/* Before it is encrypted, what anybody sends; `session` tells them apart. */
	void (*writes)(void *owner, const void *session, struct view bytes);
	/* A client took a certificate that it was told to verify, and that was forged. */
	void (*deceived)(void *owner);
	void *owner;
};

extern struct tls_sim sim_tls;

#endif
