/*
 * The keys of the spool's tables: numbers, big-endian, so that rows sort by id, and due rows by
 * route and time.
 *
 * Thread:  any; values only. Never: allocates. Parsing gives false for what is no such key.
 */
#ifndef SLUICE_ROW_KEY_H
#define SLUICE_ROW_KEY_H

#include "queue/base/bytes.h"
#include "queue/base/clock.h"

#define ROW_KEY_ID_BYTES 8
#define ROW_KEY_MAX      20

struct row_key {
	char data[ROW_KEY_MAX];
	size_t bytes;
};

/* A row of the due index. */
struct due_key {
	uint16_t route_id;
	struct wall when;
	uint64_t id;
	uint16_t number;
};

static inline struct view row_key_view(const struct row_key *key)
{
	return view_from(key->data, key->bytes);
}

/* messages; and the prefix of all that belongs to a message */
struct row_key row_key_message(uint64_t id);
struct row_key row_key_part(uint64_t id, uint16_t part); /* envelopes */
struct row_key row_key_body(uint64_t id, uint32_t row);  /* bodies */
struct row_key row_key_job(uint64_t id, uint16_t number);
struct row_key row_key_due(struct due_key due);

bool row_key_parse_message(struct view key, uint64_t *id);
bool row_key_parse_part(struct view key, uint64_t *id, uint16_t *part);
bool row_key_parse_body(struct view key, uint64_t *id, uint32_t *row);
bool row_key_parse_job(struct view key, uint64_t *id, uint16_t *number);
bool row_key_parse_due(struct view key, struct due_key *due);

/* Within one route: < 0, 0, > 0 as a comes before, is, or comes after b. */
int due_key_compare(const struct due_key *a, const struct due_key *b);

#endif
