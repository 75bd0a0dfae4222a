/*
 * An outbound session: one connection to a server, from the first byte to QUIT, and the train of
 * transactions on it.
 *
 * It connects, meets the route's TLS policy, signs in, and then takes messages as long as its
 * pipeline has room. What the server says about them goes to the judge, message by message; what
 * is left when the session ends goes back without blame, or is in doubt. Where an address is of no
 * use another one of the target is tried; a session that can't be made at all is told to the judge.
 * Upwards there is but a list of those that have news: one wants
 * the secret to sign in with, or is gone.
 *
 * Thread:  the delivery shard's.
 * Owns:    its stream, its train and the jobs in it (JOB_SENDING).
 * Never:   sends a message or a credential before the TLS policy is met (I8); waits without a
 *          deadline (I5); is freed before its stream is gone.
 */
#ifndef SLUICE_OUTBOUND_H
#define SLUICE_OUTBOUND_H

#include "engine/keeper.h"
#include "engine/target.h"
#include "engine/transaction.h"

#define OUTBOUND_REPLY_BYTES 2048           /* kept of a reply: Microsoft's pass 1.5 KB */
#define OUTBOUND_DATA_DEPTH  2              /* messages in flight where DATA asks for 354 */
#define OUTBOUND_QUIT_NS     (5 * NS_PER_S) /* for the reply to QUIT */
#define OUTBOUND_GOODBYE_NS  (5 * NS_PER_S) /* for what comes behind a 421 */
#define OUTBOUND_TEXT_BYTES  200            /* why a session was lost, in words */
/* A session that stood idle for longer and is ended by the server was not wanted: that is none of
 * its faults. Servers give five minutes (reference.md, 3.4). */
#define OUTBOUND_YOUNG_NS (60 * NS_PER_S)

enum outbound_news {
	OUTBOUND_WANTS_SECRET = 1,
	OUTBOUND_READY = 2, /* takes messages */
	OUTBOUND_GONE = 4,  /* the memory may be reused */
};

struct outbound {
	struct carrier carrier;
	struct stream stream;
	struct target *target;
	const struct config_identity *identity; /* NULL: no sign-in */
	struct shard *shard;
	struct list *news;
	struct list *stream_news;
	struct link news_link;
	struct link idle_link; /* of its lane's list: ready, and without a message */
	struct timer timer;
	struct loop_task work; /* for memory, or a long body to be looked at */
	uint64_t id;           /* c= in the log */
	struct mono opened;    /* the connection */
	struct mono ready;     /* since when it takes messages */
	struct mono since;     /* its first address was tried */
	uint8_t step;          /* enum outbound_step, up to READY; then QUIT or CLOSING */
	uint8_t pending;       /* enum outbound_news not yet read */
	bool retiring;         /* takes no more messages */
	bool goodbye;          /* 421: the server ends it */
	bool connected;        /* TCP's handshake succeeded */
	bool secured;          /* TLS is up, and the route's policy met */
	bool dane;             /* TLSA records are to authenticate the server, or have done so */
	bool elsewhere;        /* the address was of no use, and another one is to be tried */
	bool opening;          /* the one above's: counted among those on their way */
	uint8_t text_bytes;
	uint8_t tries;                 /* addresses so far */
	struct endpoint address;       /* the one in use */
	char host[RDATA_NAME_MAX + 1]; /* and whose it is */
	uint64_t messages;             /* answered */
	uint64_t begun;                /* stream_begun_total() when it was lost */
	struct verdict verdict;        /* of the 421 */
	/* the train: a ring of target->route->pipeline */
	struct transaction *train;
	uint32_t train_first;
	uint32_t train_count;
	uint32_t train_sent;     /* of them, those wholly queued */
	uint32_t train_answered; /* of them, those wholly answered */
	/* sign-in; the chunk holds the secret and the line that goes out, and is wiped */
	uint32_t refusals; /* of the lane when it began */
	const char *hint;  /* what may be behind a refusal; NULL: nothing */
	struct signin_client signin;
	struct chunk *signin_chunk;
	uint64_t signin_until; /* the stream reads of the chunk until it has written so much */
	struct reply_reader reader;
	char reply_memory[OUTBOUND_REPLY_BYTES];
	char text[OUTBOUND_TEXT_BYTES];
};

/* Of zeroed memory; `train` has target->route->pipeline elements. Starts to connect: the target
 * has an address. */
void outbound_open(struct outbound *outbound, struct target *target,
        const struct config_identity *identity, struct judge *judge, struct lane *lane,
        struct transaction *train, uint64_t id, struct list *news, struct list *stream_news);
/* stream_next_news() gave this stream; what: enum stream_news. */
void outbound_on_news(struct outbound *outbound, unsigned what);
/* The next session with news and what it is (enum outbound_news); NULL: none. */
struct outbound *outbound_next_news(struct list *news, unsigned *what);
/* It waits for a secret; OUTBOUND_WANTS_SECRET follows. */
void outbound_want_secret(struct outbound *outbound);
/* How a session that wants a secret will sign in. */
enum signin_mechanism outbound_mechanism(const struct outbound *outbound);
/* The answer to OUTBOUND_WANTS_SECRET, of its mechanism, copied; or why there is none. */
void outbound_sign_in(struct outbound *outbound, const struct keeper_ask *ask);
/* How many more messages it takes now. */
uint32_t outbound_room(const struct outbound *outbound);
/* Takes job (JOB_SENDING), and what it counts in; there is room. */
void outbound_give(struct outbound *outbound, struct job *job, const struct admission *admission);
/* Takes no more; ends when the replies in flight are there. */
void outbound_retire(struct outbound *outbound);
/* Ends now; what is in flight is in doubt. */
void outbound_abort(struct outbound *outbound);

#endif
