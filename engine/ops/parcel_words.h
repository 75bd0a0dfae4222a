/*
 * The words of a parcel's JSON, for who writes it and who reads it: one fact, one table.
 */
#ifndef SLUICE_PARCEL_WORDS_H
#define SLUICE_PARCEL_WORDS_H

#include "queue/job.h"

#define PARCEL_VERSION 1

/* flag, word; in the order of enum message_flag */
#define PARCEL_FLAGS(X)                                                                            \
	X(MESSAGE_8BIT, "8bit")                                                                    \
	X(MESSAGE_8BITMIME, "8bitmime")                                                            \
	X(MESSAGE_SMTPUTF8, "smtputf8")                                                            \
	X(MESSAGE_RET_FULL, "ret_full")                                                            \
	X(MESSAGE_RET_HEADERS, "ret_hdrs")                                                         \
	X(MESSAGE_REPORT, "report")                                                                \
	X(MESSAGE_FROM_NOTICES, "from_notices")                                                    \
	X(MESSAGE_HEADER_8BIT, "header_8bit")

#define PARCEL_NOTIFY(X)                                                                           \
	X(NOTIFY_NEVER, "never")                                                                   \
	X(NOTIFY_SUCCESS, "success")                                                               \
	X(NOTIFY_FAILURE, "failure")                                                               \
	X(NOTIFY_DELAY, "delay")

#define PARCEL_OWED_FLAGS(X)                                                                       \
	X(OWED_IN_DOUBT, "in_doubt")                                                               \
	X(OWED_DELAY_TOLD, "delay_told")                                                           \
	X(OWED_RELAYED, "relayed")

/* field, key; AUTHOR, a place in the body, has a key of its own */
#define PARCEL_FIELDS(X)                                                                           \
	X(SENDER, "sender")                                                                        \
	X(ENVID, "envid")                                                                          \
	X(HELO, "helo")                                                                            \
	X(CLIENT, "client")                                                                        \
	X(USER, "user")                                                                            \
	X(LISTENER, "listener")                                                                    \
	X(PROTOCOL, "protocol")                                                                    \
	X(ORIGINAL, "original_sender")

struct parcel_word {
	unsigned flag;
	const char *word;
};

#define PARCEL_WORD(flag, word) { (flag), (word) },

static const struct parcel_word parcel_flags[] = { PARCEL_FLAGS(PARCEL_WORD){ 0 } };
static const struct parcel_word parcel_notify[] = { PARCEL_NOTIFY(PARCEL_WORD){ 0 } };
static const struct parcel_word parcel_owed[] = { PARCEL_OWED_FLAGS(PARCEL_WORD){ 0 } };

struct parcel_field {
	enum message_field field;
	const char *key;
};

#define PARCEL_FIELD(field, key) { MESSAGE_##field, (key) },

static const struct parcel_field parcel_fields[] = { PARCEL_FIELDS(PARCEL_FIELD) };

#endif
