/*
 * Core dumps, as the kernel would make them of this process.
 *
 * Thread:  the test's. For tests alone.
 */
#ifndef SLUICE_TESTS_DUMPS_H
#define SLUICE_TESTS_DUMPS_H

#include "queue/base/check.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Whether the mapping that holds this address is left out of core dumps ("dd" of its flags). */
static inline bool dumps_leave_out(const void *address)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	char line[512];
	bool within = false;
	bool left_out = false;

	check(file != NULL);
	while (fgets(line, sizeof line, file) != NULL) {
		unsigned long from;
		unsigned long to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			within = (unsigned long)address >= from && (unsigned long)address < to;
		else if (within && strncmp(line, "VmFlags:", 8) == 0)
			left_out = strstr(line, " dd") != NULL;
	}
	check(fclose(file) == 0);
	return left_out;
}

#endif
