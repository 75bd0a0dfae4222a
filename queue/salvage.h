/*
 * Salvage finds mail in a spool's files without its tables, by the seals of its rows
 * (queue/seal.h): data.mdb is read from end to end, then the journal. What the tables still say,
 * read by somebody who may die of it (tables_walk()), tells which of the jobs found are still owed:
 * pages that are free hold rows of mail long settled.
 *
 * Thread:  its caller's; blocks on the disk. Nothing is written.
 * Owns:    a list of the rows: some 50 bytes for each. Lends nothing.
 * Fails:   ERR_NO_MEMORY. A page that can't be read is as one that is damaged, and counted.
 */
#ifndef SLUICE_SALVAGE_H
#define SLUICE_SALVAGE_H

#include "queue/job.h"
#include "queue/journal_group.h"
#include "queue/seal.h"

struct salvage;

/* The descriptors are lent until the end; -1: there is no such file. */
MUST_CHECK struct err salvage_create(struct salvage **result, int data_fd, int journal_fd);
/* NULL is fine. */
void salvage_destroy(struct salvage *salvage);

/* Before salvage_read(). */

void salvage_set_secret(struct salvage *salvage, struct seal_secret secret);

/* What the tables say, if anybody can read them. */

/* The salt of the journal that goes on from them: one with another is in them already. */
void salvage_expect_journal(struct salvage *salvage, const char salt[JOURNAL_SALT_BYTES]);
/* They have this job. */
MUST_CHECK struct err salvage_expect_job(struct salvage *salvage, uint64_t id, uint16_t number);
/* Those were all. Without this, whatever is found may be owed. */
void salvage_expect_no_more(struct salvage *salvage);

/* Reads both files. */
MUST_CHECK struct err salvage_read(struct salvage *salvage);
uint64_t salvage_unreadable_bytes(const struct salvage *salvage);
/* A group of the journal is damaged: what came or went with it alone is not known. */
bool salvage_journal_is_damaged(const struct salvage *salvage);

enum salvage_surety {
	SALVAGE_OWED,     /* the tables say so, or the journal */
	SALVAGE_PERHAPS,  /* it was found, and may have been settled */
	SALVAGE_JOB_LOST, /* the tables have a job that was not found: whom it owes is not known */
};

struct salvage_found {
	uint64_t id;
	enum salvage_surety surety; /* of its surest job */
	size_t job_count;           /* found, and not known to be settled; of them */
	size_t perhaps_count;       /* not surely owed */
	size_t lost_count;          /* that the tables have, and nobody finds */
	size_t at;                  /* private */
	size_t count;
};

/* The next message that is owed, or may be, by rising ids; start with a zeroed one. False: that was
 * the last. */
bool salvage_next(const struct salvage *salvage, struct salvage_found *found);
/* The message, whole and sealed. ERR_FORMAT: it is not whole, and `what` says what is missing.
 * ERR_NO_MEMORY: the budget is short. */
MUST_CHECK struct err salvage_load(const struct salvage *salvage, const struct salvage_found *found,
        struct shelf *shelf, struct message **message, struct text *what);
/* Its job number `index` of job_count, into a zeroed one that has no message; job->route is the
 * spool's durable number. ERR_FORMAT: it can't be read. */
MUST_CHECK struct err salvage_load_job(const struct salvage *salvage,
        const struct salvage_found *found, size_t index, struct shelf *shelf, struct job *job);
/* The route of that durable number, as queues are named: ROUTE or ROUTE/STREAM. NULL: its row was
 * not found. */
const char *salvage_route_name(const struct salvage *salvage, uint16_t route_id);

#endif
