/*
 * A note is a small record that a shard wants on stable storage under a name, in place of the one
 * before: what its limits have used up, what it has learned. It goes to the spooler by letter,
 * into the next commit, and comes back when that is done.
 *
 * Thread:  its shard's; between LETTER_NOTE and LETTER_NOTED the spooler's.
 * Owns:    nothing; of a fixed size, from its shard's pool.
 */
#ifndef SLUICE_NOTE_H
#define SLUICE_NOTE_H

#include "queue/base/list.h"
#include "queue/spool.h"
#include "queue/throttle.h"

/* A shard has so many under way at most: its mailboxes have room for that. */
#define NOTES_PER_SHARD 64

struct note {
	struct link link; /* the spooler's: of those that wait for room in a batch */
	uint16_t shard;   /* likewise: whose it is */
	void *owner;      /* the shard's own: what it is about */
	bool kept;        /* the answer: it is on stable storage; false: the spool is broken */
	size_t name_bytes;
	size_t record_bytes;
	char name[SPOOL_NOTE_NAME_MAX];
	char record[THROTTLE_RECORD_MAX];
};

static inline struct view note_name(const struct note *note)
{
	return view_from(note->name, note->name_bytes);
}

static inline struct view note_record(const struct note *note)
{
	return view_from(note->record, note->record_bytes);
}

#endif
