/*
 * A body on its way out: the message's bytes handed to a stream, as they are (BDAT) or with dots
 * stuffed (DATA), or turned into 7 bits first for a server without 8BITMIME.
 *
 * Where the message leaves its author open, the address of whoever sends it takes the place of what
 * stands there (queue/message.h).
 *
 * Nothing is copied: the stream borrows the message's own chunks. What is converted lies in a
 * chunk that the stream borrows in turn, and that is filled anew once it was written.
 *
 * Thread:  the delivery shard's.
 * Owns:    the converting chunk; lends the message, which must outlive what was handed over.
 * Never:   does more in a call than the stream has room for, or BODY_SCAN_BYTES.
 */
#ifndef SLUICE_BODY_H
#define SLUICE_BODY_H

#include "engine/io/stream.h"
#include "engine/wire/mime_convert.h"
#include "engine/wire/stuff.h"
#include "queue/message.h"

#define BODY_SCAN_BYTES (256 * 1024) /* looked at in one call: some 0.2 ms */

/* Where a walk through the message is. */
struct body_walk {
	struct rope_cursor at;
	struct view rest;           /* of a chunk, not taken yet */
	uint64_t offset;            /* of `rest` in the message */
	struct view author;         /* what is still to be put in; empty: nothing (more) */
	struct message_place place; /* where */
};

struct body {
	const struct message *message;
	struct view author; /* empty: what stands in its place is right */
	struct body_walk walk;
	struct view piece;   /* of the message, not taken yet */
	struct view pending; /* not handed to the stream yet */
	struct stuff stuff;
	struct chunk *converter;  /* NULL: goes out as it is */
	struct view converted;    /* not stuffed yet; in the converter */
	uint64_t converted_until; /* the stream borrows the converter until it has written this */
	bool stuffed;             /* by DATA */
	bool last;                /* all of the message was taken */
	bool finished;            /* its end was written */
};

enum body_news {
	BODY_SENT,    /* all of it was handed over */
	BODY_BLOCKED, /* wait for STREAM_WRITTEN */
};

/* `author` is lent until the stream has written all; empty: what the message says. */
void body_begin(struct body *body, const struct message *message, struct view author, bool stuffed);
/* How many bytes the message has with this author. */
uint64_t body_bytes(const struct message *message, struct view author);
/* A header line of ours goes first, CRLF included; it outlives the body. */
void body_prepend(struct body *body, struct view line);
/* The body is to be converted: first it is looked at as a whole. False: no memory now. */
bool body_convert_begin(struct body *body, struct shelf *shelf);
/* Looks at the next bytes. True: all were looked at, and *answer says whether it can be done;
 * where it can't, or needn't, the converter is given back. */
bool body_convert_scan(struct body *body, struct shelf *shelf, enum mime_answer *answer);
enum body_news body_send(struct body *body, struct stream *stream);
/* Gives back the converter; the stream has written all, or is gone. */
void body_end(struct body *body, struct shelf *shelf);

#endif
