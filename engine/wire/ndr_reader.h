/*
 * Reads a report about mail: multipart/report of delivery-status (RFC 3462, 3464, 6522), as
 * Exchange Online, Exchange and others write it; where that says nothing of a recipient, the words
 * for people of Exchange's ("Remote server returned '550 5.7.233 ...'").
 *
 * Fed with the message in pieces of any size, lines that end with CRLF or LF. Of a line counts the
 * beginning, NDR_LINE_MAX bytes; of the message NDR_BYTES_MAX; of parts within parts four levels.
 *
 * Thread:  the owner's; a value without memory of its own.
 * Lends:   nothing: what was read is in the struct ndr, right after ndr_reader_finish().
 * Never:   fails; what is no report says so (ndr->report).
 */
#ifndef SLUICE_NDR_READER_H
#define SLUICE_NDR_READER_H

#include "engine/wire/header_walk.h"
#include "engine/wire/ndr.h"
#include "engine/wire/transfer.h"

#define NDR_LINE_MAX     2048
#define NDR_BYTES_MAX    (1 << 20) /* what counts comes before the mail that is returned */
#define NDR_LEVELS_MAX   4
#define NDR_BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

/* name, what is being read */
#define NDR_PARTS(X)                                                                               \
	X(HEADER, "the header of the message or of a part")                                        \
	X(SKIPPED, "what nobody looks at")                                                         \
	X(TEXT, "words for people")                                                                \
	X(STATUS, "the fields of a delivery-status")                                               \
	X(RETURNED, "the header of the mail that the report is about")

enum ndr_part {
#define X(name, text) NDR_PART_##name,
	NDR_PARTS(X)
#undef X
};

struct ndr_boundary {
	char bytes[NDR_BOUNDARY_MAX];
	size_t count;
};

struct ndr_reader {
	struct ndr *ndr;
	size_t left; /* of NDR_BYTES_MAX */
	bool begun;  /* a line was read */
	enum ndr_part part;
	enum ndr_part next; /* HEADER: what its part will be */
	bool top;           /* HEADER: of the message itself */
	bool pushed;        /* HEADER: it has named a boundary */
	bool fields_over;   /* STATUS, RETURNED: no field is read before the next blank line */
	enum header_encoding encoding;
	struct transfer transfer;
	struct header_walk walk;
	struct ndr_recipient *recipient; /* STATUS: of this group; NULL: none yet */
	bool group_full;                 /* STATUS: of a recipient that found no room */
	struct ndr_boundary boundaries[NDR_LEVELS_MAX];
	size_t levels;
	char raw[NDR_LINE_MAX]; /* the line as it came */
	size_t raw_bytes;
	char line[NDR_LINE_MAX]; /* and decoded */
	size_t line_bytes;
	/* Words for people: the address that was named last, and a reply that goes on. */
	char address[NDR_ADDRESS_MAX + 1];
	char quote[NDR_REPLY_MAX];
	size_t quote_bytes;
	bool quoting;
	struct ndr words; /* what they say, for where the status part says nothing */
};

void ndr_reader_init(struct ndr_reader *reader, struct ndr *ndr);
void ndr_reader_feed(struct ndr_reader *reader, struct view bytes);
void ndr_reader_finish(struct ndr_reader *reader);

/* For the reader's other files. */

/* A field of a delivery-status; a blank line between two groups. */
void ndr_reader_status_field(struct ndr_reader *reader, struct view name, struct view value);
void ndr_reader_status_blank(struct ndr_reader *reader);
/* A line of the words for people; their end. */
void ndr_reader_text_line(struct ndr_reader *reader, struct view line);
void ndr_reader_text_end(struct ndr_reader *reader);

#endif
