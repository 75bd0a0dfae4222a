/*
 * A group of changes as the journal keeps it: what one batch did to the store's tables, one change
 * behind the other, under a head that says which group of which journal it is and proves that
 * all of it is there.
 *
 * The head has a salt that is drawn anew whenever the journal begins at its start again, after
 * everything in it was written. So what lies there of an earlier time, bodies of mail that somebody
 * else has written among it, can't pass for a group. The check is for writes that a crash cut
 * short, not against an enemy.
 *
 * Thread:  the spooler's alone.
 * Owns:    its memory, of a fixed size; what doesn't fit makes it `large`, and it is to be kept
 *          some other way.
 * Lends:   keys and values that are read: of the memory that is read.
 */
#ifndef SLUICE_JOURNAL_GROUP_H
#define SLUICE_JOURNAL_GROUP_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

/* A group begins where a page does, so that writing one never rewrites what another has. */
#define JOURNAL_PAGE_BYTES 4096
#define JOURNAL_SALT_BYTES 16
#define JOURNAL_HEAD_BYTES 48 /* mark, bytes, number, salt, check; 8 are left */

static inline size_t journal_whole_pages(size_t bytes)
{
	return (bytes + JOURNAL_PAGE_BYTES - 1) / JOURNAL_PAGE_BYTES * JOURNAL_PAGE_BYTES;
}

enum journal_act {
	JOURNAL_PUT = 1,
	JOURNAL_DELETE,
	JOURNAL_DELETE_ALL, /* rows whose key starts so */
};

struct journal_change {
	enum journal_act act;
	uint8_t table;
	struct view key;
	struct view value; /* of a put */
};

struct journal_group {
	struct span room; /* head and changes */
	size_t bytes;     /* used, the head included */
	bool large;       /* something did not fit */
};

/* Room for groups of so many bytes. */
MUST_CHECK struct err journal_group_init(struct journal_group *group, size_t bytes_max);
void journal_group_finish(struct journal_group *group);
void journal_group_clear(struct journal_group *group);
static inline bool journal_group_is_empty(const struct journal_group *group)
{
	return group->bytes == JOURNAL_HEAD_BYTES && !group->large;
}
void journal_group_add(struct journal_group *group, const struct journal_change *change);
/* A put whose value is filled in by the caller before anything else is added. NULL data: it is
 * large. */
struct span journal_group_add_room(
        struct journal_group *group, uint8_t table, struct view key, size_t bytes);
/* Writes the head. Gives what is to be written: whole pages. */
struct view journal_group_seal(
        struct journal_group *group, uint64_t number, const char salt[JOURNAL_SALT_BYTES]);

/* What a page that was read begins with. */
struct journal_head {
	uint64_t number;
	char salt[JOURNAL_SALT_BYTES];
	size_t bytes; /* of the whole group, head included, without what fills its last page */
};
/* False: it is none. */
bool journal_head_read(struct view page, struct journal_head *head);
/* Whether all of it is there; `group` has head->bytes. */
bool journal_head_holds(struct view group);
/* The next change behind the head; start with `rest` as what is behind it. False: the end, or
 * (rest not empty then) it can't be read. */
bool journal_change_next(struct view *rest, struct journal_change *change);

#endif
