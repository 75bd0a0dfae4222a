/*
 * A bounce is a refusal that comes late: the message had its 250, and the sender gets a report by
 * mail, in the form that Exchange Online gives to its non-delivery reports (NDR).
 *
 * Thread:  the mock's.
 * Owns:    its texts.
 */
#ifndef SLUICE_MOCK_BOUNCE_H
#define SLUICE_MOCK_BOUNCE_H

#include "bench/mock_host.h"
#include "bench/mock_letter.h"
#include "queue/base/errors.h"

#include <stdio.h>

#define MOCK_BOUNCE_RECIPIENTS_BYTES 4096 /* of addresses named in a report; others are counted */

struct mock_bounce {
	uint64_t number;
	struct mono due; /* when the report is written */
	bool written;
	struct wall arrived;
	struct mock_host host; /* that made the report */
	char *sender;          /* who gets it */
	char *message_id;
	char *reply;      /* "550 5.7.233 ..." */
	char *recipients; /* one a line */
	char *header;     /* the message's own, cut to what a letter keeps */
};

/* Copies what it is given. `recipients`: one a line. */
void mock_bounce_init(struct mock_bounce *bounce, struct view sender, struct view reply,
        struct view recipients, const struct mock_letter *letter);
void mock_bounce_finish(struct mock_bounce *bounce);

/* The report as a message. False: writing failed. */
MUST_CHECK bool mock_bounce_write(const struct mock_bounce *bounce, FILE *file);
/* Into a file of its own, which is there at once and whole; `why` says what went wrong. */
MUST_CHECK bool mock_bounce_save(
        const struct mock_bounce *bounce, const char *folder, struct text *why);

#endif
