/*
 * What salvage's files share: salvage.c (the list of rows, and mail out of it), salvage_scan.c
 * (files to rows). Nobody else includes this.
 *
 * Thread:  its caller's.
 */
#ifndef SLUICE_SALVAGE_INNER_H
#define SLUICE_SALVAGE_INNER_H

#include "queue/salvage.h"
#include "queue/spool.h"
#include "queue/store.h"

#define SALVAGE_NAME_ROOM (2 * SPOOL_ROUTE_NAME_MAX + 2)

/* A row that was found, or a job that the tables or the journal tell of. */
struct salvage_row {
	uint64_t id;
	uint64_t serial;
	uint64_t at; /* in its file; of the news of a deletion too */
	uint32_t bytes;
	uint32_t number; /* of the part, the row or the job */
	uint8_t table;   /* enum store_table */
	bool in_journal;
	bool gone;    /* not a row, but the news that it was deleted */
	bool in_list; /* not a row, but the tables' word that there is one */
};

struct salvage {
	int data_fd;
	int journal_fd;
	struct seal_secret secret;
	struct salvage_row *rows; /* after reading: by id, table, number, and the latest first */
	size_t count;
	size_t room;
	char (*routes)[SALVAGE_NAME_ROOM]; /* by durable number; SPOOL_ROUTES_MAX of them */
	char salt[JOURNAL_SALT_BYTES];
	bool salt_known;
	bool salt_known_here; /* from the journal's own start */
	bool all_known;       /* the tables have told of all their jobs */
	bool journal_damaged;
	uint64_t unreadable_bytes;
};

MUST_CHECK struct err salvage_add(struct salvage *salvage, const struct salvage_row *row);
MUST_CHECK struct err salvage_scan_data(struct salvage *salvage);
MUST_CHECK struct err salvage_scan_journal(struct salvage *salvage);
/* Reads as much as can be had; what can't is zeros, and counted. Gives the bytes: fewer at the end
 * of the file alone. */
size_t salvage_pread(struct salvage *salvage, int fd, struct span room, uint64_t at);

#endif
