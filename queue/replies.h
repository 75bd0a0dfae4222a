/*
 * The last words about a job's recipients: each different reply once, within a bound, so that
 * two thousand recipients refused alike cost one text.
 *
 * Thread:  its job's holder.
 * Owns:    chunks beyond the first REPLIES_INLINE bytes.
 * Never:   fails: when room or memory is short a text is cut, or left out, or the whole note is.
 */
#ifndef SLUICE_REPLIES_H
#define SLUICE_REPLIES_H

#include "queue/base/rope.h"

#define REPLIES_INLINE     256
#define REPLIES_CHUNKS_MAX 8
#define REPLY_TEXT_MAX     500 /* lines joined by \n; what is longer is cut */
#define REPLY_SERVER_MAX   255

/* A server's reply, or our own words (code 0). */
struct reply_note {
	uint16_t code;      /* 550; 0: no server said this (no route, lost session, expired) */
	uint16_t status[3]; /* enhanced, {5, 7, 708}; {0} when there was none */
	uint16_t advice;    /* the verdict's row, for the sentence to people */
	uint8_t stage;      /* enum stage of queue/verdict.h */
	struct view server; /* who said it; empty: we did */
	struct view text;   /* without code and status */
};

struct replies {
	struct rope chunks;
	uint16_t inline_bytes; /* used */
	uint16_t chunk_count;
	_Alignas(4) char first[REPLIES_INLINE];
};

/* Gives what the note is found by; 0: there was no room at all. */
uint16_t replies_note(struct replies *replies, struct shelf *shelf, const struct reply_note *note);
/* Of a ref that replies_note() gave. Lends. */
struct reply_note replies_get(const struct replies *replies, uint16_t ref);
void replies_free(struct replies *replies, struct shelf *shelf);

/* Marks, for writing each note once: 0 after replies_unmark(). */
void replies_unmark(struct replies *replies);
uint16_t *replies_mark(struct replies *replies, uint16_t ref);

#endif
