/*
 * A job: one message on one route, and what is still owed to each of its recipients there.
 *
 * The spooler makes it, or reads it back from the spool, lends it to a delivery shard, and gets
 * it back to settle. Each recipient still owed has an outcome of the current attempt and
 * the last reply about it; replies are kept once each and within a bound.
 *
 * Thread:  its holder's: spooler or delivery shard, never both; it moves by letter.
 * Owns:    one hold of its message; chunks for more than JOB_OWED_INLINE recipients and for
 *          replies that don't fit inline (none where all goes well).
 * Never:   loses an outcome: when memory is short a reply's text is cut or left out instead.
 */
#ifndef SLUICE_JOB_H
#define SLUICE_JOB_H

#include "queue/base/list.h"
#include "queue/message.h"
#include "queue/replies.h"

#define JOB_OWED_INLINE  4
#define JOB_RESTARTS_MAX 3 /* what its record has room for */
#define JOB_RECORD_MAX   (size_t)(64 + MESSAGE_RECIPIENTS_MAX * 8 + 9 * CHUNK_DATA_BYTES)

/* name, what is true in it, and where the job is */
#define JOB_STATES(X)                                                                              \
	X(FREE, "nowhere: in the spooler's pool")                                                  \
	X(PUTTING, "in the spooler's batch; on disk after its commit")                             \
	X(READY, "lent to a shard, in its schedule: starts when its lane allows")                  \
	X(SENDING, "lent to a shard, in a session's train")                                        \
	X(SETTLING, "judged: in a settle letter or the spooler's batch")

enum job_state {
#define X(name, text) JOB_##name,
	JOB_STATES(X)
#undef X
	        JOB_STATE_COUNT
};

/* name, word for people, whether that is the recipient's end */
#define OWED_OUTCOMES(X)                                                                           \
	X(PENDING, "pending", false)    /* not decided in this attempt */                          \
	X(DEFERRED, "deferred", false)  /* to be tried again */                                    \
	X(DELIVERED, "delivered", true) /* the server took it */                                   \
	X(BOUNCED, "bounced", true)     /* refused, or given up; a report is due */                \
	X(REMOVED, "removed", true)     /* an operator removed it; no report */                    \
	X(MOVED, "moved", true)         /* another job of the message owes it an end now */        \
	X(REHEARSED, "rehearsed", true) /* it would have gone out; nothing was sent, no report */

enum owed_outcome {
#define X(name, word, end) OWED_##name,
	OWED_OUTCOMES(X)
#undef X
	        OWED_OUTCOME_COUNT
};

enum owed_flag {
	OWED_IN_DOUBT = 1 << 0,   /* a session was lost after the last byte: it may have arrived */
	OWED_DELAY_TOLD = 1 << 1, /* the sender has had a report of the delay */
	OWED_RELAYED = 1 << 2,    /* delivered to a server that reports no further (no DSN) */
	OWED_EXPIRED = 1 << 3,    /* bounced for its age: whatever was said last is not why */
};

/* Where a recipient stands in the transaction at hand: the delivery shard's own notes. */
enum owed_mark {
	OWED_UNASKED,  /* its RCPT was not written */
	OWED_ASKED,    /* written, not answered */
	OWED_ACCEPTED, /* the answer to the data will be its own */
	OWED_ANSWERED, /* refused, or held back */
};

/* One recipient that the job still owes an end. */
struct owed {
	uint16_t index;  /* of the recipient in its message */
	uint16_t reply;  /* private: what replies_note() gave; 0: none */
	uint8_t outcome; /* enum owed_outcome */
	uint8_t flags;   /* enum owed_flag */
	uint8_t notify;  /* enum message_notify: a copy, so settling needs no envelope */
	uint8_t mark;    /* enum owed_mark; means nothing outside a transaction */
};
_Static_assert(sizeof(struct owed) == 8, "2,000 of them fit into one chunk");
_Static_assert(MESSAGE_RECIPIENTS_MAX * sizeof(struct owed) <= CHUNK_DATA_BYTES, "one chunk");

struct job {
	struct link link; /* of the list that `state` names */
	enum job_state state;
	uint16_t number;     /* among the jobs of its message */
	uint16_t route;      /* as in spool_route_name() */
	uint16_t shard;      /* where it is lent to */
	uint16_t lent_queue; /* whose credit it has there: its way may change before that is back */
	bool rests; /* the shard's word to the spooler: it can't send for the route until then */
	uint16_t divert;   /* the shard's word to the spooler: go on by this route; 0: none, 1: 0 */
	uint16_t identity; /* the shard's word to the spooler: of the route, that sent it last */
	uint64_t connection; /* likewise: the session that had it last; 0: none had */
	uint8_t act;         /* enum trace_act: what leads to its settle */
	uint16_t came_by;    /* the route that it had before that */
	uint16_t rule;       /* just put: the one that chose its route */
	uint8_t stream;      /* of the configuration's; 0: none of them */
	bool held;           /* by an operator: on disk, but not due */
	bool rehearsed;      /* nothing of it is ever sent: on disk, so that no change of settings
	                      * lets it out */
	bool nowhere;        /* just put, and no route takes it: its recipients bounce */
	bool mixed;          /* branched off, and its recipients part once more */
	uint64_t id;         /* its message's */
	struct message *message;
	uint32_t attempts;         /* that ended without an end for all */
	uint16_t restarts;         /* since the last of them: it was started again without blame */
	struct wall first_attempt; /* 0: none yet */
	struct wall last_attempt;
	struct wall next_attempt;

	/* The delivery shard's own, while the job is lent to it; 0 when it comes. */
	uint64_t place;   /* in the order of its schedule: kept when it is put back */
	uint32_t line;    /* of the schedule */
	uint16_t at_once; /* most recipients of a transaction; 0: as the route says */
	int32_t wait_s;   /* the longest that a recipient of it was told to wait */
	bool blamed;      /* a recipient was deferred by a failure of its own */

	/* Private: see job_owed() and job_reply(). */
	uint32_t owed_count;
	struct chunk *owed_chunk; /* NULL: they are inline */
	struct owed owed_inline[JOB_OWED_INLINE];
	struct replies replies;
};

/* Of a zeroed job: its message (held once more), place and route; nothing owed yet. */
void job_begin(struct job *job, struct message *message, uint16_t number, uint16_t route);
/* Recipients in rising order. False: the memory budget is used up, nothing changed. */
MUST_CHECK bool job_owe(
        struct job *job, struct shelf *shelf, size_t reserve, uint16_t index, uint8_t notify);
/* Every recipient of the message. */
MUST_CHECK bool job_owe_all(struct job *job, struct shelf *shelf, size_t reserve);
/* The recipients whose index in job_owed() `moves` marks go over to `branch`, a zeroed job: MOVED
 * here, pending there, with what was said of them. At least one, none that has its end, and one
 * that stays. False: the memory budget is used up, nothing changed. */
MUST_CHECK bool job_split(struct job *job, struct job *branch, const bool *moves,
        struct shelf *shelf, size_t reserve);
/* Gives back message and chunks; the job is zeroed, ready for its pool. */
void job_clear(struct job *job, struct shelf *shelf);

/* Changes the state; a bug (I3) if the one before may not lead there, or if it is linked. */
void job_enter(struct job *job, enum job_state state);

/* Lends the array of job->owed_count; flags may be written, outcomes by job_set_outcome(). */
struct owed *job_owed(struct job *job);
const struct owed *job_owed_const(const struct job *job);
/* For the owed[at]; reply NULL keeps what was noted before. */
void job_set_outcome(struct job *job, size_t at, enum owed_outcome outcome,
        const struct reply_note *reply, struct shelf *shelf);
/* False: nothing was noted. Lends. */
bool job_reply(const struct job *job, size_t at, struct reply_note *reply);
/* Whether the same was said of both, or nothing of either. */
bool job_says_same(const struct job *job, size_t a, size_t b);

struct job_tally {
	uint32_t of[OWED_OUTCOME_COUNT];
	uint32_t in_doubt;
};
struct job_tally job_tally(const struct job *job);
bool owed_is_ended(enum owed_outcome outcome);
const char *owed_word(enum owed_outcome outcome);

/* The record on disk: what is still owed (no ended recipient), and the replies about it.
 * The route is written as `route_id`, the spool's durable number for it. */

/* Gives the bytes written; `into` has JOB_RECORD_MAX. */
size_t job_encode(struct job *job, uint16_t route_id, struct span into);
/* Into a zeroed job without a message; outcomes are PENDING. ERR_FORMAT, ERR_NO_MEMORY: the
 * job is zeroed. */
MUST_CHECK struct err job_decode(struct job *job, struct shelf *shelf, size_t reserve,
        struct view record, uint16_t *route_id);
/* The few facts the spool needs of an old row. */
struct job_facts {
	struct wall next_attempt;
	uint16_t route_id;
	bool held;
};
MUST_CHECK struct err job_decode_facts(struct view record, struct job_facts *facts);

#endif
