/*
 * A stamp is when a message of the load was first sent (or was due), written into its Message-ID,
 * so that the mock, on the same clock, knows how long it was on its way:
 *
 *	<RUN.NUMBER.STAMP@load.example>
 *
 * Thread:  any.
 * Owns:    nothing.
 */
#ifndef SLUICE_STAMP_H
#define SLUICE_STAMP_H

#include "queue/base/bytes.h"
#include "queue/base/clock.h"
#include "queue/base/errors.h"

#define STAMP_DIGITS 19 /* nanoseconds of the machine's monotonic clock */
#define STAMP_ZERO   "0000000000000000000"
#define STAMP_END    "@load.example>"

/* `number` in as many digits, no NUL. */
void stamp_digits(char *at, uint64_t number, unsigned digits);
/* Of a Message-ID. False: it has none. */
MUST_CHECK bool stamp_read(struct view message_id, struct mono *sent);

#endif
