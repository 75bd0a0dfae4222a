/*
 * What was sent: a row of a message that a server took, kept for a while, so that a refusal that
 * comes late, as mail (engine/wire/ndr.h), finds what it is about.
 *
 * Rows of an hour lie together, so that the spool forgets them from the front, and writes few
 * pages however many rows there are; a search looks into each hour.
 *
 * Thread:  whoever holds it. A value.
 */
#ifndef SLUICE_SPOOL_SENT_H
#define SLUICE_SPOOL_SENT_H

#include "queue/base/bytes.h"
#include "queue/base/clock.h"
#include "queue/base/errors.h"

#define SPOOL_SENT_KEY_BYTES      16
#define SPOOL_SENT_ROUTE_MAX      64
#define SPOOL_SENT_WHO_MAX        320
#define SPOOL_SENT_RECIPIENTS_MAX 32  /* kept; of more it is only known how many */
#define SPOOL_SENT_FORGOTTEN      512 /* by a batch at most: they lie side by side */

struct spool;

struct spool_sent {
	char key[SPOOL_SENT_KEY_BYTES]; /* a hash of the Message-ID */
	uint64_t id;
	uint16_t number; /* of the job */
	struct wall when;
	char route[SPOOL_SENT_ROUTE_MAX + 1];
	char identity[SPOOL_SENT_WHO_MAX + 1]; /* empty: nobody signed in */
	char sender[SPOOL_SENT_WHO_MAX + 1];
	uint32_t recipient_count;
	uint32_t recipients[SPOOL_SENT_RECIPIENTS_MAX]; /* spool_sent_print() of each */
};

/* Where a search stands; begin with zeros. */
struct spool_sent_place {
	uint32_t hour;
	bool begun;
	uint64_t id;
	uint16_t number;
	uint32_t ms; /* within the hour */
};

/* An address as a row keeps it; ASCII case ignored. */
uint32_t spool_sent_print(struct view address);
bool spool_sent_has(const struct spool_sent *sent, struct view address);

/* Into the open batch. Without room on the disk it does nothing. */
MUST_CHECK struct err spool_keep_sent(struct spool *spool, const struct spool_sent *sent);
/* Whether rows from before `since` wait to be forgotten, by the hour; *early: so many for being
 * more than count_max. Between batches. */
bool spool_sent_is_due(struct spool *spool, struct wall since, uint64_t count_max, uint64_t *early);
/* Forgets those, and of others the `early` ones of the first hours; SPOOL_SENT_FORGOTTEN at
 * most. */
MUST_CHECK struct err spool_forget_sent(
        struct spool *spool, struct wall since, uint64_t early, uint64_t *forgotten);
/* The next row with sent->key, in the order of hours. Between batches. ERR_NOT_FOUND: no more. */
MUST_CHECK struct err spool_find_sent(
        struct spool *spool, struct spool_sent_place *place, struct spool_sent *sent);

#endif
