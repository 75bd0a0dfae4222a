/*
 * Every string up to a length over CR, LF, dot and a letter: all there is to line ends.
 *
 * Thread:  the test's.
 */
#ifndef SLUICE_TESTS_EVERY_STRING_H
#define SLUICE_TESTS_EVERY_STRING_H

#include "queue/base/bytes.h"

#define EVERY_STRING_MAX   8
#define EVERY_STRING_COUNT 87380 /* 4 + 16 + ... + 4^8 */

struct every_string {
	size_t bytes;
	unsigned number; /* of this length, in base 4 */
	char data[EVERY_STRING_MAX];
};

/* Start with all zero; false after the last one. */
static inline bool every_string_next(struct every_string *at, struct view *string)
{
	if (at->bytes == 0 || at->number == (1u << (2 * at->bytes))) {
		if (at->bytes == EVERY_STRING_MAX)
			return false;
		at->bytes++;
		at->number = 0;
	}
	for (size_t i = 0; i < at->bytes; i++)
		at->data[i] = "\r\n.a"[at->number >> (2 * i) & 3];
	at->number++;
	*string = view_from(at->data, at->bytes);
	return true;
}

#endif
