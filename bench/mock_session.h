/*
 * One connection to the mock: the server's side of SMTP, as Exchange Online answers.
 *
 * Thread:  the mock's loop's.
 * Owns:    its stream, and a chunk for replies that wait for their time.
 */
#ifndef SLUICE_MOCK_SESSION_H
#define SLUICE_MOCK_SESSION_H

#include "bench/mock.h"
#include "bench/mock_visit.h"
#include "engine/wire/eod.h"
#include "engine/wire/header.h"

#define MOCK_REPLIES_MAX     256  /* that wait for their time; then reading stops */
#define MOCK_REPLY_BYTES_MAX 2048 /* the longest that we make, and a rule's text */
#define MOCK_RECIPIENTS_MAX  1000

enum mock_state {
	MOCK_COMMAND, /* a command line is next */
	MOCK_SIGNIN,  /* a line of the sign-in exchange */
	MOCK_DATA,    /* the data up to its end */
	MOCK_BDAT,    /* `chunk_left` bytes */
	MOCK_OVER,    /* QUIT, or a drop: nothing is read any more */
};

/* A reply that waits; its text lies in the session's chunk, in order. */
struct mock_reply {
	struct mono due;
	uint16_t bytes;
	uint8_t ends; /* enum mock_end */
};

/* What happens when the reply goes out. */
enum mock_end {
	MOCK_END_NONE,
	MOCK_END_MESSAGE, /* the identity has one less in flight */
	MOCK_END_TAKEN,   /* the same, and its mailbox has a place free */
	MOCK_END_CLOSE,
	MOCK_END_ABORT, /* instead of the reply, whose text is empty */
	MOCK_END_STARTTLS,
};

struct mock_session {
	struct stream stream;
	struct link link; /* in mock->live */
	struct mock *mock;
	struct mock_identity *identity; /* "" until somebody signs in */
	struct mock_visit *visit;       /* NULL: there is no tenant */
	struct timer timer;             /* the first waiting reply's */
	struct timer clock_timer;       /* the visit's: it is idle, or takes too long */
	struct chunk *waiting;
	size_t waiting_start; /* of the first reply's text in it */
	struct mock_reply replies[MOCK_REPLIES_MAX];
	size_t reply_first;
	size_t reply_count;
	enum mock_state state;
	const struct mock_rule *lie; /* about the next reply; NULL: none */
	struct signin_server signin;
	struct chunk *signin_memory;
	bool secure;
	bool signed_in;
	bool left; /* not counted as open any more */
	/* the transaction */
	bool has_mail;
	bool null_sender;
	bool chunking; /* a BDAT was taken */
	bool chunk_last;
	bool chunk_skip; /* its transaction was refused: swallow and answer 503 */
	uint64_t recipients;
	uint64_t chunk_left;
	uint64_t message_bytes;
	struct eod eod;
	struct header header;
};

void mock_session_open(struct mock *mock, int fd);
/* The stream has news. */
void mock_session_work(struct mock_session *session, unsigned what);

/* For the commands and messages. */

/* A line, CRLF added. */
__attribute__((format(printf, 3, 4))) void mock_session_reply(
        struct mock_session *session, enum mock_end end, const char *format, ...);
/* Whole lines; `extra_ns` later than other replies. */
void mock_session_queue(
        struct mock_session *session, enum mock_end end, int64_t extra_ns, struct view text);
/* True: a rule struck, and its reply (or none) stands for the real one. */
bool mock_session_struck(
        struct mock_session *session, enum stage stage, struct view arguments, enum mock_end end);
/* True unless it says nothing: the tenant refuses, in its words and as late as it does. */
bool mock_session_says(struct mock_session *session, enum mock_saying saying, enum mock_end end);
/* A message that came to its end, and is answered neither now nor later. */
void mock_session_lose(struct mock_session *session, bool slot);
/* The rule's reply instead of the real one. */
void mock_session_rule(
        struct mock_session *session, const struct mock_rule *rule, enum mock_end end);
/* The rule is a lie around the real reply, which comes next. True: so it was arranged. */
bool mock_session_lies(struct mock_session *session, const struct mock_rule *rule);
/* It counts as open no longer: QUIT came, or the end. */
void mock_session_leave(struct mock_session *session);
/* The connection ends here, behind the replies that are due before. */
void mock_session_drop(struct mock_session *session);
/* No transaction is in progress any more. */
void mock_session_reset(struct mock_session *session);

#endif
