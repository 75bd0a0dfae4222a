/*
 * SMTP commands of a client: which may come when is a table, and each has one function.
 *
 * Thread:  the shard's.
 */
#ifndef SLUICE_INBOUND_COMMAND_H
#define SLUICE_INBOUND_COMMAND_H

#include "engine/inbound.h"

/* The next command, in the states FRESH, READY, MAIL, RCPT and CHUNKS. */
enum inbound_progress inbound_command_step(struct inbound *inbound);
/* Is signing in offered on this connection as it is now? */
bool inbound_command_offers_auth(const struct inbound *inbound);

#endif
