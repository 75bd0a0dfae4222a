/*
 * Reads the fields of JSON objects by tables: key, kind, bounds and where the value goes. Keeps
 * the place it is at, for complaints like `mailboxes[2].connections: ...`.
 *
 * Thread:  the program's, at start.
 * Fails:   once, by false; the first complaint is kept.
 */
#ifndef SLUICE_MOCK_TENANT_READER_H
#define SLUICE_MOCK_TENANT_READER_H

#include "queue/base/bytes.h"

struct json_t; /* jansson's */

#define MOCK_READER_PLACE_BYTES 256
#define MOCK_READER_WORDS_MAX   8

enum mock_reader_kind {
	MOCK_READ_NUMBER, /* double */
	MOCK_READ_COUNT,  /* uint64_t */
	MOCK_READ_LIMIT,  /* uint64_t, or "none" for MOCK_NONE */
	MOCK_READ_SWITCH, /* bool */
	MOCK_READ_WORD,   /* an enum: the word's place among `words` */
	MOCK_READ_STRING, /* const char *, lent by the JSON value */
	MOCK_READ_OTHER,  /* the caller reads it */
};

struct mock_reader_field {
	const char *key;
	enum mock_reader_kind kind;
	size_t offset;
	double least; /* of numbers; a string may be empty if it is 0 */
	double most;  /* of numbers; of a string's bytes */
	const char *words[MOCK_READER_WORDS_MAX];
};

struct mock_reader {
	struct text *why;
	char place[MOCK_READER_PLACE_BYTES];
	size_t place_bytes;
};

void mock_reader_init(struct mock_reader *reader, struct text *why);
/* Every key of `object` must be one of the fields'; those given are stored in `into`. */
bool mock_reader_fields(struct mock_reader *reader, struct json_t *object,
        const struct mock_reader_field *fields, size_t count, void *into);
/* Complains of the place where the reader is; gives false. */
__attribute__((format(printf, 2, 3))) bool mock_reader_refuse(
        struct mock_reader *reader, const char *format, ...);

/* Goes into a member or an item; mock_reader_leave() goes back to where it was. */
size_t mock_reader_enter(struct mock_reader *reader, const char *key);
size_t mock_reader_enter_item(struct mock_reader *reader, size_t index);
void mock_reader_leave(struct mock_reader *reader, size_t back);

/* Each item of the array by one call, which may refuse; absent (NULL) is as good as empty. */
bool mock_reader_each(struct mock_reader *reader, struct json_t *array, const char *key,
        bool (*read)(struct mock_reader *reader, struct json_t *item, void *owner), void *owner);
/* A string of 1 to `most` bytes. */
bool mock_reader_string(
        struct mock_reader *reader, const struct json_t *value, size_t most, struct view *result);

#endif
