/*
 * A seal goes before a row's value on the disk and makes the row stand alone: it says of which
 * table and key the row is and which of its versions, and proves that all of it is there. So a row
 * whose pages a disk has spoilt is known for that when it is read, and one whose own pages are
 * whole is found without the tables that led to it (queue/salvage.h).
 *
 * The check has a key that each spool draws for itself: a mail can't have in its body what looks
 * like a row. It is a hash for speed, not a signature; who reads the spool's files can make one.
 *
 * Thread:  any; values only.
 * Lends:   views into the bytes that are read.
 */
#ifndef SLUICE_SEAL_H
#define SLUICE_SEAL_H

#include "queue/base/bytes.h"

#define SEAL_HEAD_BYTES   28 /* mark, version, table, bytes of key and value, serial, check */
#define SEAL_MARK_BYTES   4
#define SEAL_KEY_MAX      511                  /* LMDB's own */
#define SEAL_VALUE_MAX    (UINT32_C(64) << 20) /* more than the store ever gets in one row */
#define SEAL_SECRET_BYTES 8

struct seal_secret {
	uint64_t number;
};

struct seal {
	uint8_t table;
	uint64_t serial; /* versions of a row have rising ones */
	struct view key;
	struct view value;
};

/* Of the whole: head, key, value. */
static inline size_t seal_bytes(size_t key_bytes, size_t value_bytes)
{
	return SEAL_HEAD_BYTES + key_bytes + value_bytes;
}

/* Writes all but the value and the check; gives the value's place, to be filled. `room` has
 * seal_bytes(). */
struct span seal_begin(struct span room, uint8_t table, struct view key, uint64_t serial);
/* The value is there. */
void seal_end(struct span room, size_t key_bytes, struct seal_secret secret);
/* Reads what lies at the start of `bytes`, where more may follow. False: it is no row of this
 * spool, or not all of it. */
bool seal_read(struct view bytes, struct seal_secret secret, struct seal *seal);
/* The place of the next mark in `bytes`, or bytes.bytes. */
size_t seal_find(struct view bytes);

#endif
