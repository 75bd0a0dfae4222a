/*
 * Whether a call stops the process, as check() does: it is made in a child of ours.
 *
 * Thread:  any, while no other runs.
 */
#ifndef SLUICE_TESTS_DEATH_H
#define SLUICE_TESTS_DEATH_H

#include "queue/base/check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool dies(void (*call)(void *), void *argument)
{
	int status = 0;
	pid_t child = fork();

	check(child >= 0);
	if (child == 0) {
		close(STDERR_FILENO);
		call(argument);
		_exit(0);
	}
	check(waitpid(child, &status, 0) == child);
	/* A sanitizer may turn the signal into an exit of its own. */
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

#endif
