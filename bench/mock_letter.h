/*
 * A letter is the head of a message in transit, as much as the mock needs to judge whose name it
 * bears and to send it back: the header's fields, up to a bound.
 *
 * Thread:  the mock's.
 * Lends:   views into itself, valid until the next letter begins.
 */
#ifndef SLUICE_MOCK_LETTER_H
#define SLUICE_MOCK_LETTER_H

#include "queue/base/bytes.h"

#define MOCK_LETTER_BYTES_MAX 8192

struct mock_letter {
	size_t bytes;
	char data[MOCK_LETTER_BYTES_MAX];
};

void mock_letter_begin(struct mock_letter *letter);
/* The message's next bytes, as they are stored: no dots stuffed. What is beyond the bound, or
 * behind the header, does no harm. */
void mock_letter_feed(struct mock_letter *letter, struct view piece);
/* The header, without the blank line behind it. */
struct view mock_letter_header(const struct mock_letter *letter);
/* The first field of that name, folds included, without spaces around; empty: there is none. */
struct view mock_letter_field(const struct mock_letter *letter, struct view name);
/* The address in From; empty: none that could be read. */
struct view mock_letter_from(const struct mock_letter *letter);

#endif
