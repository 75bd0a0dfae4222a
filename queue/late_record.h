/*
 * What is kept of a late refusal: which recipient of a message that a server had taken was refused
 * after all, and in what words. A note of the spool (queue/spool.h) for each recipient, named so
 * that those of a message lie together, the oldest messages first.
 *
 * Thread:  any; values.
 * Owns:    its texts.
 */
#ifndef SLUICE_LATE_RECORD_H
#define SLUICE_LATE_RECORD_H

#include "queue/base/bytes.h"
#include "queue/base/clock.h"
#include "queue/base/errors.h"

#define LATE_RECORD_ROUTE_MAX   64
#define LATE_RECORD_ADDRESS_MAX 320
#define LATE_RECORD_REPLY_MAX   512
#define LATE_RECORD_MAX                                                                            \
	(1 + 2 * 8 + 4 + 4 * 2 + LATE_RECORD_ROUTE_MAX + 2 * LATE_RECORD_ADDRESS_MAX +             \
	        LATE_RECORD_REPLY_MAX)
#define LATE_RECORD_NAME_MAX 32

struct late_record {
	struct wall sent;  /* when it was taken */
	struct wall heard; /* when the last report came */
	uint32_t times;    /* that reports said so; it stops at its most */
	char route[LATE_RECORD_ROUTE_MAX + 1];
	char sender[LATE_RECORD_ADDRESS_MAX + 1];
	char recipient[LATE_RECORD_ADDRESS_MAX + 1];
	char reply[LATE_RECORD_REPLY_MAX + 1];
};

/* The start of all names, and of those of a message. */
void late_record_prefix(struct text *name);
void late_record_name_message(struct text *name, uint64_t id);
void late_record_name(struct text *name, uint64_t id, struct view recipient);
/* Gives the bytes written; `into` has LATE_RECORD_MAX. */
size_t late_record_encode(const struct late_record *late, struct span into);
MUST_CHECK struct err late_record_decode(struct late_record *late, struct view record);

#endif
