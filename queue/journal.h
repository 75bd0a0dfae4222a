/*
 * The journal: a file of groups (queue/journal_group.h), one behind the other, each on stable
 * storage before the next is written. What its owner has to keep at once goes here, in one write
 * and one sync; what it keeps for good goes to its tables now and then, and the journal begins at
 * its start again.
 *
 * The owner keeps a number and a salt with what is in its tables: the first group that is not in
 * them has that number and that salt. All others in the file are of an earlier time.
 *
 * The file is filled with zeros ahead of what is written, so that in the long run a sync writes
 * nothing but the group. Where the file system can, groups go from our memory to the disk without
 * the kernel's cache in between: a copy less, and the disk gets them in one piece.
 *
 * Thread:  the spooler's alone; blocks on the disk.
 * Owns:    the file.
 * Fails:   ERR_NO_SPACE: the disk is full, nothing has happened. ERR_BROKEN: a write or
 *          sync failed, and nobody knows what the disk holds (I7), or it can't be read; detail:
 *          errno. ERR_FORMAT, of reading: a group is damaged that others follow, so it was whole
 *          once, or larger than there is room for.
 */
#ifndef SLUICE_JOURNAL_H
#define SLUICE_JOURNAL_H

#include "queue/journal_group.h"

#define JOURNAL_STEP_BYTES (UINT64_C(1) << 20) /* the file grows by so much */

struct journal {
	int fd;        /* -1: there is none */
	int sync_fd;   /* what is written to it is on stable storage */
	int direct_fd; /* likewise, past the kernel's cache; -1: the file system can't */
	uint64_t bytes_max;
	uint64_t file_bytes; /* have been written, with zeros at least */
	uint64_t at;         /* where the next group goes */
	uint64_t number;     /* that it gets */
	uint64_t first;      /* that the one at the start has */
	uint64_t end;        /* that of the first that is not there; 0: not known yet */
	char salt[JOURNAL_SALT_BYTES];
};

/* The file `journal` in the folder, made where it is missing; keeps what is in it. */
MUST_CHECK struct err journal_open(struct journal *journal, int folder_fd, uint64_t bytes_max);
void journal_close(struct journal *journal);
/* Begins at the start, with this number and salt: what is in the file is of no use any more, or is
 * read next. */
void journal_restart(struct journal *journal, uint64_t number, const char salt[JOURNAL_SALT_BYTES]);
/* Back to the start, to read it all once more: what was appended or read, no more and no less. */
void journal_rewind(struct journal *journal);
static inline bool journal_is_empty(const struct journal *journal)
{
	return journal->at == 0;
}
/* Appends the group, and waits until it is on stable storage. ERR_LIMIT: there is no room for it
 * in the journal; nothing has happened. */
MUST_CHECK struct err journal_append(struct journal *journal, struct journal_group *group);
/* Reads the next group into `room`, which has place for the largest; the changes behind its head,
 * lent. Appending goes on behind it. ERR_NOT_FOUND: that was the last. */
MUST_CHECK struct err journal_read(struct journal *journal, struct span room, struct view *changes);

#endif
