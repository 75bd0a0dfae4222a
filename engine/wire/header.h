/*
 * Looks at a message as it passes: what its header says, and what its bytes are like.
 *
 * Fed with the body as it is stored (lines end with CRLF, dots unstuffed), in pieces of any
 * size; tells what a relay must know: loops (Received), what to add (Message-ID, Date), whether
 * 8BITMIME or SMTPUTF8 is needed on the way, and what MIME says at the top level.
 *
 * Thread:  the owner's; a value without memory of its own.
 * Never:   fails: a header that is none ends where the first such line stands.
 */
#ifndef SLUICE_HEADER_H
#define SLUICE_HEADER_H

#include "queue/base/bytes.h"

#include <stdint.h>

#define HEADER_NAME_MAX       32  /* longer names are none that we look for */
#define HEADER_VALUE_MAX      256 /* of a value is kept so much */
#define HEADER_MESSAGE_ID_MAX 256
#define HEADER_KEY_MAX        128
#define HEADER_EXPIRE_MAX     (30 * 86400) /* seconds, as queue/message.h has it */

/* Of Content-Type: as much as RFC 6152 conversion and logs need. */
enum header_type {
	HEADER_TYPE_ABSENT, /* text/plain, says RFC 2045 */
	HEADER_TYPE_TEXT,
	HEADER_TYPE_MULTIPART,
	HEADER_TYPE_MULTIPART_SIGNED, /* must not be changed, as the next one */
	HEADER_TYPE_MULTIPART_ENCRYPTED,
	HEADER_TYPE_MESSAGE,
	HEADER_TYPE_OTHER,
};

/* Of Content-Transfer-Encoding. */
enum header_encoding {
	HEADER_ENCODING_ABSENT, /* 7bit, says RFC 2045 */
	HEADER_ENCODING_7BIT,
	HEADER_ENCODING_8BIT,
	HEADER_ENCODING_BINARY,
	HEADER_ENCODING_QUOTED_PRINTABLE,
	HEADER_ENCODING_BASE64,
	HEADER_ENCODING_OTHER,
};

enum header_state {
	HEADER_AT_LINE,  /* before the first byte of a line */
	HEADER_IN_NAME,  /* in what may be a field's name */
	HEADER_AT_COLON, /* in spaces between a name and its colon, an old form */
	HEADER_IN_VALUE,
	HEADER_IN_BODY,
};

struct header {
	/* What was found; right at any time for the bytes fed so far, whole after
	 * header_finish(). */
	unsigned received_count;
	unsigned fields; /* how many; 0 at the end: the message has no header at all */
	bool has_message_id;
	bool has_date;
	/* Where the value belongs that the first empty field of that name lacks: bytes fed up to
	 * there; 0: none is empty. */
	uint64_t message_id_gap;
	uint64_t date_gap;
	bool has_from;
	bool has_mime_version;
	bool is_report;    /* a multipart/report, or an automatic reply: has no sender by right */
	bool ended;        /* the blank line, or a line that is no field, was read */
	bool blank_missed; /* the header ended with a line that is no field */
	bool header_8bit;  /* needs SMTPUTF8, or is broken */
	bool body_8bit;    /* needs 8BITMIME */
	bool has_nul;
	enum header_type type;
	enum header_encoding encoding;
	size_t longest_line; /* bytes without CRLF, header and body */
	char message_id[HEADER_MESSAGE_ID_MAX];
	size_t message_id_bytes; /* 0: none, or too long to keep */
	char key[HEADER_KEY_MAX];
	size_t key_bytes;      /* 0: it is no key: empty, too long, or not printable ASCII */
	unsigned key_count;    /* of fields X-Sluice-Key; the first one's value is kept */
	uint64_t key_from;     /* the first one's bytes are those fed from here */
	uint64_t key_to;       /* up to here */
	unsigned expire_count; /* of fields X-Sluice-Expire */
	uint32_t expire_s;     /* what the last one says; 0: it is no time */
	uint64_t body_at;      /* once ended: bytes fed up to the body */

	/* The machine's own. */
	enum header_state state;
	unsigned field; /* which of the fields we look for; 0: another */
	size_t line_bytes;
	size_t name_bytes;
	size_t value_bytes;
	bool value_cut;
	uint64_t fed;      /* of the header */
	uint64_t line_at;  /* bytes fed up to this line */
	uint64_t field_at; /* and up to the field that this one belongs to */
	uint64_t value_at; /* and up to its value */
	bool last_cr;
	char name[HEADER_NAME_MAX];
	char value[HEADER_VALUE_MAX];
};

void header_init(struct header *header);
void header_feed(struct header *header, struct view bytes);
/* The message is over: the last field is judged, even where no line end followed it. */
void header_finish(struct header *header);
/* What the values of Content-Type and Content-Transfer-Encoding say. */
enum header_type header_type_of(struct view value);
enum header_encoding header_encoding_of(struct view value);

#endif
