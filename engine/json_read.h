/*
 * Reads a JSON object or array that somebody else wrote, member by member, where it lies: for
 * answers that hold secrets, since nothing is copied but what the caller asks for.
 *
 *	struct json_reader reader = json_read_object(body);
 *	while (json_read_next(&reader, &key, &value)) ...
 *	if (reader.bad) ...
 *
 * Values within values are passed over as a whole: brackets are counted, nothing else is checked.
 *
 * Thread:  any; pure.
 * Never:   allocates, or reads beyond the text.
 */
#ifndef SLUICE_JSON_READ_H
#define SLUICE_JSON_READ_H

#include "queue/base/bytes.h"

#define JSON_READ_DEPTH_MAX 32 /* of values within values; beyond it the text is bad */

struct json_reader {
	struct view rest;
	char end;   /* the bracket that closes it */
	bool begun; /* a member was read: a comma comes before the next */
	bool bad;   /* what was read is no JSON */
};

/* The text is one object, or one array, and white space around it. */
struct json_reader json_read_object(struct view text);
struct json_reader json_read_array(struct view text);
/* The next member: its name as it is written (an array's have none), and its value as it is
 * written. False: that was all, or it is bad. */
bool json_read_next(struct json_reader *reader, struct view *key, struct view *value);

/* A value that is a text, its escapes resolved. False, and `into` as it was: it is none, or there
 * is no room. */
bool json_read_text(struct view value, struct text *into);
/* A whole number, also one in quotes. */
bool json_read_u64(struct view value, uint64_t *result);

#endif
