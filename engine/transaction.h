/*
 * A transaction: one message on its way over one session, with as many of its job's open
 * recipients as one transaction takes.
 *
 * Its rows are the steps from RSET to END. Two cursors walk them: `sent` is the row that is
 * written next, `owed` the one whose reply comes next, so that a train of transactions is in
 * flight at once and each reply finds what it answers.
 *
 * RSET goes first where a transaction may still be open at the server: behind a BDAT that was not
 * answered yet, or was refused (RFC 3030 4.2 leaves the state open then; Postfix keeps MAIL's, so
 * the next MAIL would be refused as nested and its recipients join the wrong message).
 *
 * Where the route can't carry a null sender, MAIL says notices_from instead, and the message says
 * `Auto-Submitted: auto-replied` (RFC 3834), so that nothing answers it.
 *
 * A message that leaves its author open is from the carrier's: MAIL says so, and From.
 *
 * Thread:  the delivery shard's.
 * Owns:    its job, between transaction_begin() and the judge. The stream borrows the body until
 *          its last byte was written, so the job stays until then even where the reply came early.
 * Never:   sends a body before the server allowed it (354), nor a recipient that needs what the
 *          server does not offer.
 */
#ifndef SLUICE_TRANSACTION_H
#define SLUICE_TRANSACTION_H

#include "engine/body.h"
#include "engine/judge.h"
#include "engine/outbound_step.h"
#include "engine/portions.h"
#include "engine/wire/capabilities.h"

/* What carries transactions: a session that is ready for them. */
struct carrier {
	struct stream *stream;
	struct judge *judge;
	struct lane *lane;
	struct capabilities offers;
	uint64_t connection;  /* c= in the log */
	struct view server;   /* its name, for what is noted about recipients */
	struct view notices;  /* who stands in for the null sender here; empty: nobody has to */
	struct view author;   /* who is the author of what leaves that open; empty: whom it says */
	uint64_t size_max;    /* 0: any */
	uint32_t rcpt_max;    /* recipients of a transaction */
	bool by_domain;       /* they are of one domain: the first's */
	uint32_t replies_due; /* commands that were written and not answered */
	bool dirty;           /* a transaction may be open at the server */
	bool elsewhere;       /* a reply blamed this front end: another address may do */
	bool useful;          /* it took a message */
	bool refused;         /* it refused something for good, which gets on as well */
};

/* What a message was admitted by, all or none: it counts in each. */
struct admission {
	struct throttle_ticket throttle;
	const struct portions_shares *shares; /* lent for the call */
	uint64_t tries;                       /* gates that it tries; see engine/gates.h */
	uint32_t probe;                       /* and a recipient's gate; GATES_NONE */
};

struct transaction {
	struct job *job;
	uint8_t sent;  /* enum outbound_step: RSET .. BODY, or TRANSACTION_OVER */
	uint8_t owed;  /* RSET .. END, or TRANSACTION_OVER */
	bool reset;    /* RSET goes first; set before the first transaction_write() */
	bool begun;    /* MAIL was written */
	bool prepared; /* it is known how the body goes out */
	bool scanning; /* it is being looked at: can it be turned into 7 bits? */
	bool bdat;     /* by BDAT LAST; else by DATA */
	bool allowed;  /* 354 came */
	bool refused;  /* RSET or MAIL was, so nothing that follows counts */
	bool spared;   /* no recipient was accepted, so no body was announced */
	bool denied;   /* the server refused it as a whole: at MAIL, DATA or the end */
	uint16_t most; /* recipients to ask for */
	uint16_t asked;
	uint16_t heard; /* of them, those answered */
	uint16_t accepted;
	uint16_t rcpt_sent; /* of job_owed(): the next to be written */
	uint16_t rcpt_owed; /* the next to be answered */
	uint64_t end_at;    /* stream_queued_total() behind its last byte, once sent is over */
	struct message_cursor to_send; /* for the addresses of rcpt_sent.. */
	struct message_cursor to_hear; /* of rcpt_owed.. */
	struct view domain;            /* of all recipients; empty: any will do */
	struct view prefix;            /* a header line that goes before the body; empty: none */
	struct view author;            /* who takes the author's place in it; empty: nobody */
	struct body body;
	struct judgement judgement;
	struct throttle_ticket ticket; /* what it counts in */
	struct portions_shares shares; /* and of quotas */
	uint32_t external_most; /* recipients to ask for; TRANSACTION_ANY: they don't count */
	uint32_t external;      /* of those asked for */
	uint64_t tries;         /* gates */
	uint32_t probe;         /* a recipient's gate that it tries; GATES_NONE */
	bool taken;             /* the server took it */
	uint32_t epoch;         /* of its lane, when it began */
	uint32_t gates;         /* gates_epoch() then */
	struct mono began;
};

#define TRANSACTION_OVER STEP_QUIT /* the row behind the last */
#define TRANSACTION_ANY  UINT32_MAX

enum transaction_wrote {
	TRANSACTION_WROTE, /* all of it is queued */
	TRANSACTION_WAITS, /* for a reply */
	TRANSACTION_FULL,  /* the stream has no room */
	TRANSACTION_WORKS, /* more of it can be done in the next turn */
};

enum transaction_heard {
	TRANSACTION_STAY,
	TRANSACTION_RETIRE, /* the session is to take no more */
	TRANSACTION_BROKEN, /* nothing was asked that this could answer: out of step */
};

/* Takes job (JOB_SENDING) and its admission, which says how many recipients it may ask for. Judges
 * at once what this carrier can't carry. False: nothing is left to be sent; only transaction_end()
 * may follow. */
bool transaction_begin(struct transaction *transaction, struct carrier *carrier, struct job *job,
        const struct admission *admission);
/* Queues what can be queued now. */
enum transaction_wrote transaction_write(
        struct transaction *transaction, struct carrier *carrier, struct shelf *shelf);
/* The oldest transaction that is not answered hears a reply. */
enum transaction_heard transaction_hear(
        struct transaction *transaction, struct carrier *carrier, const struct reply *reply);
/* All was sent, written to the socket, and answered. */
bool transaction_is_over(const struct transaction *transaction, const struct stream *stream);
/* Judges it. Gives the job away. */
void transaction_end(struct transaction *transaction, struct carrier *carrier, struct shelf *shelf);

/* How a session was lost, as its open transactions see it. */
struct transaction_loss {
	uint64_t begun; /* stream_begun_total() then: the server may have what was queued before */
	bool first;     /* the oldest open one: it may be the cause, so that is counted */
	struct view text;
};
/* The same where its session was lost: in doubt, or as if it had not been tried. */
void transaction_lose(struct transaction *transaction, struct carrier *carrier, struct shelf *shelf,
        const struct transaction_loss *loss);

static inline bool transaction_is_sent(const struct transaction *transaction)
{
	return transaction->sent == TRANSACTION_OVER;
}

static inline bool transaction_is_answered(const struct transaction *transaction)
{
	return transaction->owed == TRANSACTION_OVER;
}

#endif
