/*
 * A client signs in: AUTH and its lines, the check in the passwords thread, the reply.
 *
 * Thread:  the shard's; the passwords thread reads the check while the state is CHECKING.
 * Owns:    itself, with the decoded credentials, which are wiped with it.
 */
#ifndef SLUICE_INBOUND_SIGNIN_H
#define SLUICE_INBOUND_SIGNIN_H

#include "engine/inbound.h"
#include "engine/passwords.h"
#include "engine/wire/signin.h"

struct inbound_signin {
	struct inbound *inbound;
	struct signin_server server;
	struct password_check check;
	char memory[SIGNIN_MEMORY_BYTES];
};

/* The AUTH command, where it is offered. */
void inbound_signin_begin(struct inbound *inbound, const struct command_auth *auth);
/* A line of the exchange. */
enum inbound_progress inbound_signin_step(struct inbound *inbound);
/* The check is answered. */
void inbound_signin_judge(struct inbound *inbound);
/* The penalty is over. */
void inbound_signin_refuse(struct inbound *inbound);
/* Of a line that may hold a secret, and was read. */
void inbound_signin_wipe(struct view line);
/* None is fine. Not while it is being checked. */
void inbound_signin_drop(struct inbound *inbound);

#endif
