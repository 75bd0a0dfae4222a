/*
 * A body that gives away for good what its process may do: it runs in a child of ours.
 *
 * Thread:  any, while no other runs.
 */
#ifndef SLUICE_TESTS_CHILD_H
#define SLUICE_TESTS_CHILD_H

#include "queue/base/check.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the body: what holds; else its line is the child's last word. */
#define child_wants(condition)                                                                     \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			dprintf(STDERR_FILENO, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* Whether all that the body wants held. */
static inline bool child_is_fine(void (*body)(const void *), const void *argument)
{
	int status = 0;
	const pid_t child = fork();

	check(child >= 0);
	if (child == 0) {
		body(argument);
		_exit(0);
	}
	check(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#endif
