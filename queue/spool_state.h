/*
 * What the files of the real spool share: spool_lmdb.c (opening, batches), spool_feed_lmdb.c
 * (lending), spool_look_lmdb.c (loading, walking), spool_verify_lmdb.c. Nobody else includes this.
 *
 * Thread:  the spooler's alone.
 */
#ifndef SLUICE_SPOOL_STATE_H
#define SLUICE_SPOOL_STATE_H

#include "queue/base/map.h"
#include "queue/row_key.h"
#include "queue/spool.h"
#include "queue/spool_trace.h"
#include "queue/store.h"

/* Damaged jobs beyond these are passed over too, but may be named again. */
#define SPOOL_DAMAGED_MAX 1024

struct spool_route {
	char name[2 * SPOOL_ROUTE_NAME_MAX + 2]; /* ROUTE, or ROUTE/STREAM */
	uint16_t id;                             /* durable: in records and due keys */
	struct due_key resume;                   /* every due row before it is lent */
};

struct spool {
	struct store *store;
	struct map lent; /* (id, number) of each job lent, or damaged and passed over */
	size_t damaged_count;
	size_t lent_max;
	int64_t ahead_ms;            /* what is due further ahead is due now; 0: nothing is */
	struct spool_place *settled; /* lent jobs that the open batch settles; lent_max of them */
	size_t settled_count;
	uint64_t put_bytes; /* of the open batch */
	bool batch_open;
	size_t route_count;   /* queues, of which there are these first: */
	size_t routes_named;  /* routes of the settings, */
	size_t streams_named; /* times streams */
	struct spool_route routes[SPOOL_ROUTES_MAX];
	uint16_t route_index[SPOOL_ROUTES_MAX]; /* by id */
	char record[JOB_RECORD_MAX];            /* a job on its way to disk */
	struct spool_trace trace;
};

/* At most, in rows of any size. */
static inline uint64_t spool_body_pages(uint64_t body_bytes)
{
	return (body_bytes + STORE_PAGE_BYTES - 1) / STORE_PAGE_BYTES;
}

static inline struct map_key spool_lent_key(uint64_t id, uint16_t number)
{
	return (struct map_key){ id, number };
}

/* A row is there, be it damaged: its key counts. */
static inline bool spool_found(struct err err)
{
	return !failed(err) || err.code == ERR_FORMAT;
}

/* A due row came to be, or became free again: the next search must not start behind it. */
void spool_rewind(struct spool *spool, const struct due_key *due);
/* False: no record names such a route. */
bool spool_find_route(const struct spool *spool, uint16_t id, uint16_t *index);

#endif
