/*
 * A program that prints a token: run without a shell, bounded in time and output.
 *
 * It gets nothing on its standard input. What it says on standard error goes nowhere, since it
 * may be a secret, unless a person is there to read it.
 *
 * Thread:  a helper's.
 * Owns:    the process and its descendants in its process group, from begin until it is done or
 *          cancelled: then none is left.
 * Never:   waits: token_command_work() looks.
 * Fails:   by its `why`.
 */
#ifndef SLUICE_TOKEN_COMMAND_H
#define SLUICE_TOKEN_COMMAND_H

#include "queue/base/bytes.h"
#include "queue/base/clock.h"

#include <sys/types.h>

#define TOKEN_COMMAND_WHY_BYTES 256

struct token_command {
	const char *const *words; /* path and arguments, NULL behind them */
	bool loud;                /* its standard error is ours */
	struct mono deadline;
	struct span into;
	/* the answer */
	bool done;
	bool fine; /* it ended well, and its output is whole */
	size_t bytes;
	char why[TOKEN_COMMAND_WHY_BYTES];
	/* its own */
	pid_t process; /* 0: none */
	int output;    /* the pipe; -1: none */
};

/* May be done at once. */
void token_command_begin(struct token_command *command);
void token_command_work(struct token_command *command, struct mono now);
/* Ends it, if it runs. */
void token_command_cancel(struct token_command *command);

#endif
