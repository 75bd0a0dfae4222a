/*
 * Reads a header field by field, as it is stored: what a rule's `header` condition looks at.
 *
 * Fed with the body of a message in pieces of any size. A value is given without its folds, and of
 * a long one the first HEADER_WALK_VALUE_MAX bytes; a field whose name is longer than
 * HEADER_WALK_NAME_MAX is passed over. Encoded words stay as they are.
 *
 * Thread:  the owner's; a value without memory of its own.
 * Never:   fails: the header ends at the blank line, and where a line stands that is no field.
 */
#ifndef SLUICE_HEADER_WALK_H
#define SLUICE_HEADER_WALK_H

#include "queue/base/bytes.h"

#define HEADER_WALK_NAME_MAX  64
#define HEADER_WALK_VALUE_MAX 1024

enum header_walk_news {
	HEADER_WALK_FIELD, /* name and value are whole; more may follow */
	HEADER_WALK_MORE,  /* the piece is used up */
	HEADER_WALK_OVER,  /* the header has ended */
};

struct header_walk {
	char name[HEADER_WALK_NAME_MAX];
	char value[HEADER_WALK_VALUE_MAX];
	size_t name_bytes; /* HEADER_WALK_NAME_MAX + 1: too long */
	size_t value_bytes;
	uint8_t state; /* the machine's own */
};

void header_walk_init(struct header_walk *walk);
/* The next field; takes what it has read off `bytes`. Lends name and value until the next call. */
enum header_walk_news header_walk_next(
        struct header_walk *walk, struct view *bytes, struct view *name, struct view *value);
/* The message is over. True: there is one more field, where no blank line followed it. */
bool header_walk_finish(struct header_walk *walk, struct view *name, struct view *value);

#endif
