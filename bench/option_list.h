/*
 * Several values of an option, as a sweep takes them: "1,5,20".
 *
 * Thread:  any; values only.
 * Owns:    nothing; the text is lent by argv.
 */
#ifndef SLUICE_OPTION_LIST_H
#define SLUICE_OPTION_LIST_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

#define OPTION_VALUE_MAX 64

struct option_list {
	const char *name; /* the option's */
	const char *values;
};

size_t option_list_count(const struct option_list *list);
/* The value at `index`; false: it is longer than OPTION_VALUE_MAX - 1. */
MUST_CHECK bool option_list_at(
        const struct option_list *list, size_t index, char value[OPTION_VALUE_MAX]);

#endif
