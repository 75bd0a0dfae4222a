/*
 * Base64 (RFC 4648 4), as sign-ins and MIME bodies need it: strict, small, no tables on disk.
 *
 * Thread:  any; pure. Of secrets that pass through, three bytes at a time stand on the stack.
 */
#ifndef SLUICE_BASE64_H
#define SLUICE_BASE64_H

#include "queue/base/bytes.h"

#define BASE64_ENCODED_BYTES(bytes) (((bytes) + 2) / 3 * 4)
#define BASE64_DECODED_BYTES(bytes) ((bytes) / 4 * 3) /* at most */

/* Encodes in steps; up to two bytes wait for the third. */
struct base64_writer {
	unsigned char held[2];
	uint8_t held_count;
};

void base64_write(struct base64_writer *writer, struct text *text, struct view bytes);
/* What is held, padded; the writer is as new, and holds nothing any more. */
void base64_finish(struct base64_writer *writer, struct text *text);
void base64_encode(struct text *text, struct view bytes);
/* The digit's value, or -1. */
int base64_value(char c);
/* False, and text as it was, where it is not canonical base64: padding is required, bits
 * behind the end are zero, no white space; or where text has no room. */
bool base64_decode(struct text *text, struct view encoded);
/* As JSON Web Tokens have it (RFC 7515 2): '-' and '_' for '+' and '/', no padding. */
void base64_url_encode(struct text *text, struct view bytes);
bool base64_url_decode(struct text *text, struct view encoded);

#endif
