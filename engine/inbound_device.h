/*
 * Old devices: what a listener's old_devices let a client do that others may not, and that it did.
 *
 * Thread:  the shard's.
 * Never:   lets in anybody who is not in the networks of a profile; logs one use of a connection
 *          twice.
 */
#ifndef SLUICE_INBOUND_DEVICE_H
#define SLUICE_INBOUND_DEVICE_H

#include "engine/inbound.h"

/* name, its setting, and word in the log */
#define DEVICE_USES(X)                                                                             \
	X(TLS, "tls")                     /* a version or cipher that is not taken of others */    \
	X(PLAIN_AUTH, "auth_without_tls") /* signed in, or tried to */                             \
	X(BARE_LF, "bare_lf")             /* a line that ended so was taken */                     \
	X(GRAMMAR, "tolerant")            /* a command was mended */

enum device_use {
#define X(name, word) DEVICE_USE_##name,
	DEVICE_USES(X)
#undef X
	        DEVICE_USE_COUNT
};

/* The context that its handshake takes; the door has TLS. */
struct tls_context *inbound_device_tls(const struct inbound *inbound);
/* Without TLS, by the profile or by the listener. */
bool inbound_device_may_auth_plainly(const struct inbound *inbound);
/* A bare CR or LF, likewise. */
bool inbound_device_repairs(const struct inbound *inbound);
bool inbound_device_is_tolerant(const struct inbound *inbound);
/* It did; nothing where the listener lets everybody. `said`: the line, or empty. */
void inbound_device_use(struct inbound *inbound, enum device_use use, struct view said);

#endif
