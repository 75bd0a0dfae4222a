/*
 * An inbound is one client's connection: SMTP as a server speaks it (RFC 5321), from the
 * greeting to the last reply.
 *
 * Its state is a row of a table: which function takes the next step, and how long the client may
 * be silent. A step uses what has come and says what is due; it runs again until input, room,
 * memory or an answer is missing. So a train of commands in one packet becomes one packet of
 * replies, in order; what comes behind a message before that is answered: inbound_ahead.h.
 *
 * Thread:  its shard's.
 * Owns:    its stream; from MAIL on a message and, within the data, a content (from the
 *          shard's pool), until both go to the spooler or are dropped.
 * Never:   says 250 before the commit (I1); keeps a recipient of a client that may not
 *          relay (I9); uses input that came before TLS; is freed while the spooler or the
 *          passwords thread has something of it (I5).
 * Fails:   by closing: every way to the end leads through CLOSING or LOST to inbound_release().
 */
#ifndef SLUICE_INBOUND_H
#define SLUICE_INBOUND_H

#include "engine/doors.h"
#include "engine/inbound_reply.h"
#include "engine/io/stream.h"
#include "engine/letters.h"
#include "engine/naming.h"
#include "engine/wire/proxy.h"
#include "queue/message.h"

struct ingest;
struct inbound_content;
struct inbound_signin;

#define INBOUND_NAME_MAX     255  /* of a hello name or a user; message.h keeps as much */
#define INBOUND_REPLY_ROOM   1024 /* of output that must be free before a step is taken */
#define INBOUND_CHUNKS_MAX   4    /* of memory that one step may need */
#define INBOUND_HANDSHAKE_NS (60 * NS_PER_S)
/* A proxy sends its header at once, in one segment: the protocol's text asks for 3 s at least, so
 * that one that was lost can be sent again. */
#define INBOUND_PROXY_NS (5 * NS_PER_S)
/* How long a session waits for memory before it gives up what it holds. Below the two minutes
 * that RFC 5321 4.5.3.2 gives us for a 354, and the three for a block of data. */
#define INBOUND_HUNGER_NS (30 * NS_PER_S)

/* What ends a state when nothing happens. */
enum inbound_deadline {
	INBOUND_DEADLINE_NONE,      /* somebody of ours will answer */
	INBOUND_DEADLINE_IDLE,      /* limits.idle since the client was last heard; 421 */
	INBOUND_DEADLINE_HANDSHAKE, /* INBOUND_HANDSHAKE_NS */
	INBOUND_DEADLINE_PROXY,     /* INBOUND_PROXY_NS */
	INBOUND_DEADLINE_HUNGER,    /* INBOUND_HUNGER_NS; 452 */
	INBOUND_DEADLINE_OWN,       /* whoever entered the state has set the timer */
};

/* name, step (NULL: waits), deadline, what is true in it */
#define INBOUND_STATES(X)                                                                          \
	X(UNUSED, NULL, NONE, "in the pool")                                                       \
	X(PROXY, inbound_proxy_step, PROXY, "a proxy is to say who the client is")                 \
	X(HANDSHAKE, NULL, HANDSHAKE, "TLS is being set up")                                       \
	X(FRESH, inbound_command_step, IDLE, "greeted; no EHLO or HELO yet, or anew after TLS")    \
	X(READY, inbound_command_step, IDLE, "no transaction")                                     \
	X(MAIL, inbound_command_step, IDLE, "has a sender, no recipient yet")                      \
	X(RCPT, inbound_command_step, IDLE, "has a sender and recipients")                         \
	X(DATA, inbound_content_step_data, IDLE, "354 was said: content until its end")            \
	X(CHUNK, inbound_content_step_chunk, IDLE, "within the bytes of a BDAT")                   \
	X(CHUNKS, inbound_command_step, IDLE, "between two BDATs of a message")                    \
	X(FINISH, inbound_content_step_finish, IDLE, "the content is whole: to be sealed and put") \
	X(PUTTING, inbound_ahead_step, NONE, "the spooler has the message")                        \
	X(ANSWER, inbound_content_step_answer, IDLE, "the put is answered, the client not yet")    \
	X(UPGRADE, inbound_upgrade_step, IDLE, "220 was said to STARTTLS")                         \
	X(SIGNIN, inbound_signin_step, IDLE, "334 was said to AUTH")                               \
	X(CHECKING, NULL, NONE, "the password is being checked")                                   \
	X(PENALTY, NULL, OWN, "it was wrong: the reply waits")                                     \
	X(HUNGRY, NULL, HUNGER, "in the shard's list of those who wait for memory or an id")       \
	X(CLOSING, NULL, NONE, "nothing more is read; the stream is ending")                       \
	X(LOST, NULL, NONE, "the connection ended, an answer of ours is still to come")

enum inbound_state {
#define X(name, step, deadline, text) INBOUND_##name,
	INBOUND_STATES(X)
#undef X
	        INBOUND_STATE_COUNT
};

/* What a step says. */
enum inbound_progress {
	INBOUND_ON,      /* take the next one */
	INBOUND_WAITS,   /* for more input, or for an answer */
	INBOUND_STARVES, /* for memory or an id: nothing was done, it is to be taken again */
};

struct inbound {
	struct stream stream;
	struct ingest *ingest;
	const struct door *door;
	const struct door_device *device; /* of the door's old ones; NULL: none of them */
	struct link session_link;         /* in the shard's sessions */
	struct link hungry_link;          /* in its hungry, where the state is HUNGRY */
	struct list aheads;               /* messages set aside until they are answered */
	struct timer timer;
	struct endpoint client; /* the peer, or for whom a proxy of ours speaks */
	uint64_t id;            /* of the connection, for the log */
	struct mono opened;
	struct mono transaction_until;
	struct mono silent_since; /* when the last whole command had come, or bytes of the data */
	struct message *message;  /* being built; or a hold, until the put is answered;
	                                  * NULL in MAIL: of somebody who may not relay */
	struct inbound_content *content; /* from DATA or the first BDAT on */
	struct inbound_signin *signin;   /* from AUTH to its end */
	struct naming naming;            /* within a transaction: in whose name it goes out */
	struct proxy proxy;              /* PROXY */
	uint64_t chunk_left;             /* CHUNK: bytes to come */
	struct view arguments;           /* of the command being run, for the log; else empty */
	uint32_t messages;               /* taken on this connection */
	uint32_t put;                    /* the last one's number */
	uint16_t errors;                 /* since the last of them */
	uint16_t delays;                 /* likewise: 4xx replies that were logged */
	uint16_t signin_failures;
	uint8_t state;       /* enum inbound_state */
	uint8_t verb;        /* enum command_verb: the last command's */
	uint8_t after;       /* HUNGRY: the state to go on in; CHUNK without content: likewise */
	uint8_t chunk_reply; /* CHUNK without content: enum inbound_reply_name for its end */
	uint8_t put_result;  /* ANSWER: enum put_result */
	bool chunk_last;
	bool reports;     /* within a transaction: to the ndr_address, and nobody else */
	bool senderless;  /* within a transaction: MAIL said <> */
	bool famished;    /* waited for memory in vain: the next step is to refuse */
	bool cramped;     /* a step waits for room in the output */
	bool skipping;    /* in a command line that is too long */
	bool input_ended; /* the client sends no more; what has come is still answered */
	bool gone;        /* LOST: the stream's memory is ours again */
	bool awaited;     /* LOST: an answer about the transaction is still to come */
	bool answering;   /* what is said is the answer to a message set aside */
	bool stuck;       /* such an answer waits for memory */
	bool counted;     /* by the doorman */
	bool secured;
	bool esmtp; /* EHLO, not HELO */
	bool signed_in;
	bool may_relay;      /* by its address; or signed_in */
	uint8_t device_uses; /* what is in the log of it: bits by enum device_use */
	uint8_t hello_bytes;
	uint8_t user_bytes;
	char hello[INBOUND_NAME_MAX];
	char user[INBOUND_NAME_MAX];
};
_Static_assert(sizeof(struct inbound) <= 1536, "an idle connection is to stay below 4 KiB");

/* Takes fd: greets the client, or turns it away where the doorman says so; or waits for its proxy
 * to say who it is. */
void inbound_open(struct inbound *inbound, struct ingest *ingest, const struct door *door, int fd);
void inbound_on_news(struct inbound *inbound, unsigned news);
/* The spooler has answered the put of this number. */
void inbound_put_done(struct inbound *inbound, uint32_t put, enum put_result result);
/* The passwords thread has answered. */
void inbound_checked(struct inbound *inbound);
/* There may be memory again. False: it still waits. */
bool inbound_feed(struct inbound *inbound);
/* The shard drains: says goodbye unless a transaction is in progress. */
void inbound_drain(struct inbound *inbound);
/* The time for that is over: says goodbye within a transaction too, unless it is being put. */
void inbound_drain_now(struct inbound *inbound);
/* Ends the connection now. */
void inbound_abort(struct inbound *inbound);

/* Between two transactions. */
static inline bool inbound_is_idle(const struct inbound *inbound)
{
	return inbound->state == INBOUND_FRESH || inbound->state == INBOUND_READY;
}

static inline struct view inbound_hello(const struct inbound *inbound)
{
	return view_from(inbound->hello, inbound->hello_bytes);
}

static inline struct view inbound_user(const struct inbound *inbound)
{
	return view_from(inbound->user, inbound->user_bytes);
}

/* For inbound's other files. */

/* The one way to change the state. */
void inbound_enter(struct inbound *inbound, enum inbound_state state);
/* It is known who the client is: greets it, or turns it away. */
void inbound_welcome(struct inbound *inbound);
/* The connection is of no use any more: ends it now. */
void inbound_lose(struct inbound *inbound, const char *reason);
/* Enters READY, or FRESH where nobody has said EHLO; the message and its content are dropped. */
void inbound_end_transaction(struct inbound *inbound);
/* Says goodbye with this reply, and closes when it is sent. */
void inbound_close(struct inbound *inbound, enum inbound_reply_name reply);
/* A line of at most `bytes_max` bytes without its end. It lies in the stream, with its end
 * *line_bytes long; the caller consumes it. */
enum inbound_line {
	INBOUND_LINE,
	INBOUND_LINE_BARE, /* it ends with a bare LF, and this door refuses that */
	INBOUND_LINE_LONG, /* too long; it was consumed */
	INBOUND_LINE_NONE, /* it hasn't come yet; the connection is closed if it never will */
};
enum inbound_line inbound_line(
        struct inbound *inbound, size_t bytes_max, struct view *line, size_t *line_bytes);
/* The client sends no more, and what came is answered: closes without a word. */
void inbound_leave(struct inbound *inbound);
/* Is there memory for a step? If not: INBOUND_STARVES, unless it is famished already. */
bool inbound_is_fed(struct inbound *inbound);

#endif
