/*
 * Undoes a Content-Transfer-Encoding (RFC 2045 6) line by line: base64 and quoted-printable; any
 * other is as it stands.
 *
 * Lenient, as mail demands: what is no base64 is passed over, a broken escape stays as it is.
 *
 * Thread:  the owner's; a value without memory of its own.
 * Never:   fails; writes more than it reads, and a line's end.
 */
#ifndef SLUICE_TRANSFER_H
#define SLUICE_TRANSFER_H

#include "engine/wire/header.h"

struct transfer {
	enum header_encoding encoding;
	uint32_t bits; /* of base64, not written yet */
	uint8_t bit_count;
	bool over; /* of base64: its padding was read */
};

void transfer_init(struct transfer *transfer, enum header_encoding encoding);
/* A line without its end; what it says goes into text, with LF where a line ends. */
void transfer_line(struct transfer *transfer, struct view line, struct text *text);

#endif
