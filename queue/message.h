/*
 * A message: one mail, its envelope and its body, as it was accepted.
 *
 * It is built by one thread (message_create, message_set, message_add_recipient, appends to
 * ->body), sealed, and from then on nobody changes it; so any thread that holds it may read it
 * without a lock. It moves from ingest to spooler to delivery by pointer.
 *
 * The message lives in the first chunk of its own envelope. What follows it there is byte for
 * byte what the spool keeps: part 0 in the first chunk, and a part more for each chunk that a
 * long list of recipients needs. So a put is a plain copy, and a load gives the same message.
 *
 * Thread:  the builder's until message_seal(); then any, as a reader.
 * Owns:    its chunks. Holders are counted (the one reference count of the house); the last
 *          message_release() gives the chunks to the shelf of the thread that releases.
 * Fails:   when the memory budget is used up (false, NULL): stop reading, don't fail. Decoding
 *          bytes that are not a whole envelope is ERR_FORMAT, never a crash.
 */
#ifndef SLUICE_MESSAGE_H
#define SLUICE_MESSAGE_H

#include "queue/base/clock.h"
#include "queue/base/rope.h"

#include <assert.h>
#include <stdatomic.h>

#define MESSAGE_RECIPIENTS_MAX 2000
#define MESSAGE_ADDRESS_MAX    320 /* 64 + "@" + 255: more than RFC 5321's path of 256 */
#define MESSAGE_ORCPT_MAX      500 /* RFC 3461, 4.2 */
#define MESSAGE_BODY_MAX       (UINT64_C(256) << 20) /* one batch of the spool holds it */
#define MESSAGE_EXPIRE_MAX     (30 * 86400)          /* seconds; the longest of a stream, too */
#define MESSAGE_ID_TEXT        14                    /* 13 digits of base 32 and NUL */
#define MESSAGE_PLACE_BYTES    (4 + 2)               /* as a record has it */

/* name, most bytes, what it says. All of them together fit into the first chunk. */
#define MESSAGE_FIELDS(X)                                                                          \
	X(SENDER, MESSAGE_ADDRESS_MAX, "MAIL FROM without <>; empty is the null sender")           \
	X(ENVID, 100, "ENVID as given, in xtext (RFC 3461)")                                       \
	X(HELO, 255, "what the client called itself")                                              \
	X(CLIENT, 64, "the client's address, as text")                                             \
	X(USER, 255, "who signed in; empty: nobody")                                               \
	X(LISTENER, 64, "the listener's address, as configured")                                   \
	X(PROTOCOL, 16, "SMTP, ESMTP, ESMTPSA... as in Received's with")                           \
	X(ORIGINAL, MESSAGE_ADDRESS_MAX,                                                           \
	        "MAIL FROM as given, where SENDER is another; else empty")                         \
	X(AUTHOR, MESSAGE_PLACE_BYTES, "where in the body the author stands; see message_author()")

enum message_field {
#define X(name, bytes_max, text) MESSAGE_##name,
	MESSAGE_FIELDS(X)
#undef X
	        MESSAGE_FIELD_COUNT
};

enum message_flag {
	MESSAGE_8BIT = 1 << 0,         /* the content has bytes above 127 */
	MESSAGE_8BITMIME = 1 << 1,     /* BODY=8BITMIME was declared */
	MESSAGE_SMTPUTF8 = 1 << 2,     /* SMTPUTF8 was asked for */
	MESSAGE_RET_FULL = 1 << 3,     /* RET=FULL: return the content with a bounce */
	MESSAGE_RET_HEADERS = 1 << 4,  /* RET=HDRS: return the headers alone */
	MESSAGE_REPORT = 1 << 5,       /* made here: a bounce or another report; never bounced */
	MESSAGE_FROM_NOTICES = 1 << 6, /* a report that goes out from notices_from */
	MESSAGE_HEADER_8BIT = 1 << 7,  /* its header has, so that it can't go without SMTPUTF8 */
	MESSAGE_FLAGS_ALL = (1 << 8) - 1,
};

/* NOTIFY of RFC 3461; none of them: not given. */
enum message_notify {
	NOTIFY_NEVER = 1 << 0,
	NOTIFY_SUCCESS = 1 << 1,
	NOTIFY_FAILURE = 1 << 2,
	NOTIFY_DELAY = 1 << 3,
	NOTIFY_ALL = (1 << 4) - 1,
};

struct message {
	uint64_t id;          /* never reused; 0 until message_name() */
	struct wall received; /* when the envelope began */
	uint64_t body_bytes;  /* set by sealing; stands even where the body is not loaded */
	struct rope body;     /* the builder appends: CRLF lines, no dots stuffed */
	struct rope envelope; /* private: this struct, then the parts */
	struct view fields[MESSAGE_FIELD_COUNT];
	atomic_uint holders;
	uint32_t recipient_count;
	uint16_t flags; /* enum message_flag; the builder may set them until it seals */
	uint16_t part_count;
	uint32_t expire_s; /* its own time to live; 0: it has none. Set as flags are */
	bool sealed;
};

/* A part of the body. */
struct message_place {
	uint32_t offset;
	uint16_t bytes; /* 0: there is none */
};

struct message_recipient {
	struct view address; /* without <> */
	struct view orcpt;   /* "rfc822;user@example.org" in xtext, as given; empty: none */
	uint8_t notify;      /* enum message_notify */
};

/* Building. `reserve` is shelf_take_above()'s, here and below. */

/* One holder: the caller. NULL when the budget is used up. */
struct message *message_create(struct shelf *shelf, size_t reserve);
/* Its durable name, and when it came; before sealing. */
void message_name(struct message *message, uint64_t id, struct wall received);
/* Once a field, before the first recipient. False: longer than its maximum, nothing set. */
MUST_CHECK bool message_set(struct message *message, enum message_field field, struct view value);
/* Empties a field that was set, at any time before sealing. */
void message_clear(struct message *message, enum message_field field);
/* Leaves open who it is from: once, as a field. Its place must follow before sealing. */
void message_open_author(struct message *message);
/* Where the address in From stands; in the body's bounds when it is sealed, and not empty. */
void message_place_author(struct message *message, struct message_place place);
/* Address and orcpt within their maxima, fewer than MESSAGE_RECIPIENTS_MAX so far: the caller
 * has answered the client otherwise. False: the budget is used up, nothing added. */
MUST_CHECK bool message_add_recipient(struct message *message, struct shelf *shelf, size_t reserve,
        const struct message_recipient *recipient);
/* It is whole: it has an id and a recipient. Nobody changes it from here on. */
void message_seal(struct message *message);

/* Holding. */

struct message *message_hold(struct message *message);
/* Takes message (one hold of it); NULL is fine. */
void message_release(struct message *message, struct shelf *shelf);

/* Reading. Views are lent: they stand as long as the message is held. */

static inline struct view message_get(const struct message *message, enum message_field field)
{
	return message->fields[field];
}

static inline bool message_sender_is_null(const struct message *message)
{
	return message->fields[MESSAGE_SENDER].bytes == 0;
}

/* Whether it is from whom it leaves us by: what stands in the body, and SENDER, hold until then. */
static inline bool message_author_is_open(const struct message *message)
{
	return message->fields[MESSAGE_AUTHOR].bytes > 0;
}

/* Where the author's address stands; no bytes: it is not open. */
struct message_place message_author(const struct message *message);

/* Who is to hear of what becomes of it; empty: nobody. */
static inline struct view message_reports_to(const struct message *message)
{
	const struct view original = message->fields[MESSAGE_ORIGINAL];

	return original.bytes > 0 ? original : message->fields[MESSAGE_SENDER];
}

/* Recipients in the order of their index, from 0:
 * struct message_cursor at = message_recipients(message);
 * while (message_next_recipient(&at, &recipient)) ... */
struct message_cursor {
	const struct message *message;
	const struct chunk *chunk;
	size_t offset;
	uint32_t index; /* of the recipient that comes next */
};

struct message_cursor message_recipients(const struct message *message);
bool message_next_recipient(struct message_cursor *cursor, struct message_recipient *recipient);
/* Goes forward to `index`, at or after the cursor's, and reads it. False: there is none. */
bool message_seek_recipient(
        struct message_cursor *cursor, uint32_t index, struct message_recipient *recipient);

/* As the spool keeps it. */

/* Part 0 .. part_count - 1 of a sealed message, in order. */
struct rope_cursor message_parts(const struct message *message);
bool message_next_part(
        const struct message *message, struct rope_cursor *cursor, struct view *part);
/* Copies part 0 into a new message, unsealed and without its body; release it when a later step
 * fails. */
MUST_CHECK struct err message_load(struct message **result, struct shelf *shelf, size_t reserve,
        uint64_t id, struct view part);
/* Each further part in order. */
MUST_CHECK struct err message_load_part(
        struct message *message, struct shelf *shelf, size_t reserve, struct view part);
/* Everything is there: checks the whole envelope and seals. The body may be missing altogether
 * (a look at the envelope), but not in part. */
MUST_CHECK struct err message_load_end(struct message *message);

/* Ids as people see them: base 32 without I, L, O and U; gives a string in `text`. */
const char *message_id_format(uint64_t id, char text[MESSAGE_ID_TEXT]);
/* Small letters are fine. False: not an id. */
bool message_id_parse(struct view text, uint64_t *id);

#endif
