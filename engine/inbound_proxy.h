/*
 * A connection from one of the listener's proxies begins with a PROXY header (engine/wire/proxy):
 * the step that reads it, before anything is said or TLS begins.
 *
 * Thread:  the shard's.
 * Never:   lets a client in before its header is whole and right; reads one from anybody else.
 * Fails:   by ending the connection, with a line in the log that says why.
 */
#ifndef SLUICE_INBOUND_PROXY_H
#define SLUICE_INBOUND_PROXY_H

#include "engine/inbound.h"

/* Whether the peer is one of the listener's proxies. */
bool inbound_proxy_is_due(const struct inbound *inbound);
/* Enters PROXY. */
void inbound_proxy_begin(struct inbound *inbound);
enum inbound_progress inbound_proxy_step(struct inbound *inbound);
/* The header did not come in time. */
void inbound_proxy_expire(struct inbound *inbound);

#endif
