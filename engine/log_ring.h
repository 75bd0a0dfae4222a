/*
 * The ring between a thread's log and the logger: records of one writer for one reader.
 *
 * A record lies in one piece: where the ring's end is too near for the longest line, a record
 * that says "skip" fills it. Field values are kept as they came; the reader formats them.
 *
 * Thread:  head: the writer. tail: the logger. Both: the rest, constant once open.
 * Owns:    its memory, from log_ring_open() to log_ring_close().
 */
#ifndef SLUICE_LOG_RING_H
#define SLUICE_LOG_RING_H

#include "engine/log.h"
#include "queue/base/clock.h"

#include <stdatomic.h>

#define LOG_RING_BYTES (1 << 20) /* some thousand lines; touched only as far as it fills */

enum log_kind { LOG_FIELD_TEXT, LOG_FIELD_NUMBER, LOG_FIELD_SIGNED, LOG_FIELD_SECONDS };

struct log_record {
	uint32_t bytes; /* with this head; a multiple of 8 */
	uint8_t level;
	bool skip; /* only fills the ring's end: just these first 8 bytes are there */
	uint16_t fields_count;
	struct wall when;
	struct mono order; /* what lines of several rings are sorted by */
	uint64_t message_id;
	uint64_t connection_id;
	const char *event;
};

/* Each behind the last, unaligned: read with memcpy. */
struct log_field {
	const char *key;
	uint32_t kind;
	uint32_t bytes; /* of the value that follows */
};

/* What wakes the logger; one for all rings. */
struct log_bell {
	_Atomic uint32_t sleeping; /* a futex; 1: the logger waits or is about to */
};

struct log {
	char *memory;
	struct log_bell *bell;
	enum log_level level;
	bool building; /* between log_begin() and log_end() */
	_Alignas(64) _Atomic uint64_t head;
	_Atomic uint64_t dropped;
	_Alignas(64) _Atomic uint64_t tail;
};

MUST_CHECK struct err log_ring_open(struct log *log, struct log_bell *bell, enum log_level level);
void log_ring_close(struct log *log);
/* The oldest record before `head`, or NULL; lends until log_ring_next(). */
const struct log_record *log_ring_first(struct log *log, uint64_t head);
void log_ring_next(struct log *log, const struct log_record *record);
/* Up to where records are there now. */
uint64_t log_ring_head(const struct log *log);
/* Lines lost since the last call. */
uint64_t log_ring_take_dropped(struct log *log);

#endif
