/*
 * The book of incidents: those that are open, and those that were closed last.
 *
 * What it says must survive a restart: each place has a number, under which its owner keeps it,
 * and the book says which are to be kept anew. Where it is full, the one that was closed longest
 * ago is forgotten; full of open ones, it takes no more, and counts what it did not take.
 *
 * Thread:  the owner's.
 * Never:   allocates; reads a clock.
 */
#ifndef SLUICE_INCIDENT_BOOK_H
#define SLUICE_INCIDENT_BOOK_H

#include "queue/incident.h"

/* More than one reads at once: a tenant that is barred is one, and so is a route; a mailbox and a
 * pair are one each. All of them are one page of an answer. */
#define INCIDENTS_MAX 256

#define INCIDENT_BOOK_NAME_BYTES 24 /* of the note that keeps a place */

struct incident_book {
	struct incident at[INCIDENTS_MAX];
	bool used[INCIDENTS_MAX];
	bool dirty[INCIDENTS_MAX]; /* not kept as it is */
	size_t dirty_count;
	uint64_t missed; /* news of incidents that found no place */
};

/* It is there, or there again. Gives its place; INCIDENTS_MAX: there is none. *opened: it was not
 * open before. */
size_t incident_book_raise(struct incident_book *book, const struct incident *news, bool *opened);
/* It is over. Gives its place; INCIDENTS_MAX: it was not open. */
size_t incident_book_close(
        struct incident_book *book, const struct incident *news, struct wall when);
/* What a place is kept under; in `into`. */
struct view incident_book_name(size_t place, char into[INCIDENT_BOOK_NAME_BYTES]);
/* As it was kept. */
void incident_book_restore(
        struct incident_book *book, size_t place, const struct incident *incident);
/* A place that is to be kept, which is kept from now on. False: none is. */
bool incident_book_next_dirty(struct incident_book *book, size_t *place);
/* It could not be kept. */
void incident_book_soil(struct incident_book *book, size_t place);

#endif
