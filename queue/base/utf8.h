/*
 * Is it ASCII, is it UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF)?
 *
 * Thread:  any; pure.
 */
#ifndef SLUICE_UTF8_H
#define SLUICE_UTF8_H

#include "queue/base/bytes.h"

/* Bytes of the well-formed sequence at the start of view (1 to 4), 0 where there is none. */
size_t utf8_sequence_bytes(struct view view);
/* What the well-formed sequence of these bytes, 1 to 4, stands for. */
uint32_t utf8_code_point(struct view sequence);
bool utf8_is_valid(struct view view);
/* No byte of 128 or above. */
bool utf8_is_ascii(struct view view);

#endif
