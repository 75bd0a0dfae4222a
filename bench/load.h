/*
 * The load: a number of SMTP sessions that hand over a number of messages, as fast as they are
 * answered or at a given rate, and keep account of every answer.
 *
 * All messages are alike but for their Message-ID, which holds the run's name, the message's
 * number and when it was first sent; the body is made once and lent. A session lost is opened
 * again, and what it had in flight is sent again under the same Message-ID, so that a server's
 * account of distinct ids tells what was lost: nothing, if it is the number of messages. A message
 * whose last byte may have gone out before the loss is in doubt: the server may have taken it, we
 * can't know.
 *
 * Thread:  one loop's, as the mock (mock.h): loop_begin, completions, timers, load_work(),
 *          loop_end.
 * Owns:    its sessions and account; not the loop, nor the TLS context, nor the ledger.
 * Fails:   load_failure() says why: the server lacks what was asked for, or broke the protocol.
 */
#ifndef SLUICE_LOAD_H
#define SLUICE_LOAD_H

#include "bench/histogram.h"
#include "bench/stamp.h"
#include "engine/io/stream.h"

#include <stdio.h>

#define LOAD_SESSIONS_MAX   60000
#define LOAD_WINDOW_MAX     32
#define LOAD_RECIPIENTS_MAX 30
#define LOAD_BYTES_MIN      512
#define LOAD_OPENING_MAX    64 /* connections being made at once */
#define LOAD_RUN_MAX        24
#define LOAD_TEMPLATE_MAX   4096
#define LOAD_ID_BYTES_MAX   96
#define LOAD_NUMBER_DIGITS  10
/* of a Message-ID: run, number, and stamp (stamp.h) */
#define LOAD_ID_FORMAT "<%s.%010llu.%019lld" STAMP_END

struct progress;

struct load_settings {
	struct endpoint target;
	struct tls_context *tls; /* NULL: plain; else STARTTLS */
	struct view tls_host;    /* the name asked for */
	const char *run;   /* LOAD_RUN_MAX bytes at most; no two runs at one server share one */
	uint64_t messages; /* 0: connections alone, which stay open */
	size_t bytes;      /* of a message, Message-ID included */
	unsigned sessions;
	unsigned window;     /* messages in flight on a session; 1: every reply is waited for */
	unsigned recipients; /* of a message */
	bool chunking;       /* BDAT; else DATA, which has two in flight at most */
	double rate_per_s;   /* 0: as fast as answers come; else latency counts from the moment
	                      * at which a message was to be sent */
	struct progress *progress; /* is told how far it is; or NULL */
	FILE *ledger;              /* a line for each 250: Message-ID, the reply's text; or NULL */
};

#define LOAD_SETTINGS                                                                              \
	((struct load_settings){                                                                   \
	        .run = "load",                                                                     \
	        .messages = 20000,                                                                 \
	        .bytes = 10240,                                                                    \
	        .sessions = 20,                                                                    \
	        .window = 1,                                                                       \
	        .recipients = 1,                                                                   \
	})

/* What became of a message so far: bits of load->fates. */
enum load_fate {
	LOAD_TAKEN = 1,   /* its 250 came */
	LOAD_REFUSED = 2, /* for good */
	LOAD_DOUBTED = 4, /* was in doubt once, and sent again */
};

struct load_account {
	uint64_t taken;
	uint64_t refused;  /* for good: 5xx */
	uint64_t deferred; /* 4xx, and sent again */
	uint64_t doubted;  /* messages that were in doubt once or more often */
	uint64_t connections;
	uint64_t losses;          /* connections that ended under us */
	struct mono first;        /* MAIL */
	struct mono last;         /* the last 250 */
	struct histogram latency; /* from sending (or when it was due) to the 250 */
};

struct load_session;

struct load {
	struct loop *loop;
	struct load_settings settings;
	struct load_account account;
	struct load_session *sessions;
	struct list news;
	struct list closed; /* sessions that wait to be opened */
	struct list hungry; /* sessions with room, that found nothing to send */
	unsigned opening;
	unsigned ready;     /* sessions past their greeting */
	unsigned live;      /* sessions with a stream */
	struct timer timer; /* the next message's time, at a rate */
	uint64_t next;      /* number of the first message never sent */
	uint64_t *again;    /* numbers to be sent again */
	size_t again_count; /* of them */
	unsigned char *fates;
	struct mono *stamps; /* of every message sent: when it was first, or was due */
	char envelope
	        [LOAD_TEMPLATE_MAX]; /* MAIL and RCPT, and BDAT and the header where chunking */
	size_t envelope_bytes;
	char header[LOAD_TEMPLATE_MAX]; /* what comes after a 354, before the body */
	size_t header_bytes;
	size_t number_at; /* where number and stamp stand, in the header */
	char *body;
	size_t body_bytes;
	char failure[256];
	bool stopping;
};

MUST_CHECK struct err load_init(
        struct load *load, struct loop *loop, const struct load_settings *settings);
/* After load_is_idle(). */
void load_finish(struct load *load);
/* What came in is answered, what may be sent is sent; once a turn. */
void load_work(struct load *load);
/* Every message has its end; or it failed. */
bool load_is_done(const struct load *load);
/* Ends all connections; load_is_idle() follows. */
void load_stop(struct load *load);
bool load_is_idle(const struct load *load);
/* NULL: it goes on. */
const char *load_failure(const struct load *load);
/* Is it an id of this run? Then its number. */
bool load_number_of(const struct load *load, struct view message_id, uint64_t *number);
/* The fates of message `number`: bits of enum load_fate. */
unsigned load_fate(const struct load *load, uint64_t number);

#endif
