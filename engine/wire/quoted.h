/*
 * Quoted-printable (RFC 2045 6.7): text in 7 bits that people can still read.
 *
 * Fed by bytes of a line in pieces; the caller says where lines end. What is written can pass
 * any relay: lines of at most 76 bytes, no white space at their end.
 *
 * Thread:  the owner's; a value without memory of its own.
 */
#ifndef SLUICE_QUOTED_H
#define SLUICE_QUOTED_H

#include "queue/base/bytes.h"

/* Most bytes written for `bytes` of input: three each, a soft break every 75, and two more for
 * what was held and the line's end. */
#define QUOTED_BYTES(bytes) ((bytes)*3 + (bytes) / 25 * 3 + 16)

struct quoted {
	unsigned column;
	char held; /* a space or tab that is encoded if the line ends behind it; else 0 */
};

/* Bytes of a line, without its end. */
void quoted_write(struct quoted *quoted, struct text *text, struct view bytes);
/* What is held back is written: no more bytes come on this line. The caller ends it. */
void quoted_end_line(struct quoted *quoted, struct text *text);

#endif
