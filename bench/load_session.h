/*
 * One session of the load: the client's side of SMTP.
 *
 * It sends messages while its window has room and counts replies off: MAIL, RCPT..., DATA where
 * it is used, the message. Whatever a reply says, the next belongs to the next step.
 *
 * Thread:  the load's loop's.
 * Owns:    its stream. load.c gives it messages and hears what became of them.
 */
#ifndef SLUICE_LOAD_SESSION_H
#define SLUICE_LOAD_SESSION_H

#include "bench/load.h"
#include "engine/wire/reply.h"

#define LOAD_REPLY_BYTES 1024
#define LOAD_OPEN_AGAIN  (20 * NS_PER_MS)  /* after a connection was lost or refused */
#define LOAD_DEFER_PAUSE (100 * NS_PER_MS) /* after a 4xx */

enum load_step {
	LOAD_CLOSED,  /* in load->closed, or its timer runs */
	LOAD_CONNECT, /* connecting, then waiting for the banner */
	LOAD_EHLO,
	LOAD_STARTTLS,
	LOAD_SECURE,   /* shaking hands */
	LOAD_EHLO_TLS, /* EHLO once more */
	LOAD_OPEN,     /* messages go out */
	LOAD_ENDING,   /* the stream is closing; its end is awaited */
};

/* A message that was begun. */
struct load_flight {
	uint64_t number;
	struct mono since;
	uint64_t
	        ends_at; /* stream_queued_total() behind its last byte; UINT64_MAX: not yet there */
	int code;        /* the worst reply so far */
};

struct load_session {
	struct stream stream;
	struct load *load;
	struct link link; /* in load->closed or load->hungry */
	struct timer timer;
	enum load_step step;
	struct reply_reader replies;
	char reply_text[LOAD_REPLY_BYTES];
	struct load_flight flights[LOAD_WINDOW_MAX];
	unsigned flight_first;
	unsigned flight_count;
	unsigned answered;    /* replies that the first flight has had */
	bool paused;          /* after a 4xx */
	bool lockstep;        /* no PIPELINING there; then the window is 1 */
	size_t envelope_sent; /* of load->envelope, in lockstep */
};

void load_session_init(struct load_session *session, struct load *load);
/* From LOAD_CLOSED. */
void load_session_open(struct load_session *session);
/* Says QUIT, does not wait for the answer. */
void load_session_end(struct load_session *session);
/* The stream has news. */
void load_session_work(struct load_session *session, unsigned what);
/* Sends what may be sent. */
void load_session_fill(struct load_session *session);

/* load.c's side of it. */

/* A message to send now. False: none; the session is hungry then. */
bool load_take(struct load *load, uint64_t *number, struct mono *since);
/* What became of a message; `code` 0: its session was lost, after its last byte if doubted. */
void load_answered(
        struct load *load, const struct load_flight *flight, int code, struct view reply);
void load_lost(struct load *load, const struct load_flight *flight, bool doubted);
/* It can't go on: the load fails. */
__attribute__((format(printf, 2, 3))) void load_fail(struct load *load, const char *format, ...);

#endif
