/*
 * The letters between the spooler and everyone else: the star around it (DESIGN.md, Threads).
 *
 * Every pair of a shard and the spooler has two mailboxes, one a direction (struct post).
 * Whoever sends a letter that wants an answer has reserved room for that answer first, so a
 * mailbox never overflows: the size of each is the most that can be under way, a sum that
 * engine/engine.c writes down once.
 *
 * Owns: a letter carries what it points to; the sender lets go of it (MOVE) when it sends.
 */
#ifndef SLUICE_LETTERS_H
#define SLUICE_LETTERS_H

#include "engine/io/mailbox.h"
#include "engine/ways.h"

struct message;
struct job;
struct request;
struct note;
struct spool_claim;
struct trace_origin;
struct incident_sheet;
struct portion_sheet;
struct gate_sheet;
struct gate_news;
struct late_sheet;
struct ndr;

/* name, word in logs; above each: direction and what it says */
#define LETTERS(X)                                                                                 \
	/* ingest -> spooler: make this message durable; answered by PUT_DONE */                   \
	X(PUT, "put")                                                                              \
	/* ingest -> spooler: a block of message ids, please; answered by IDS */                   \
	X(IDS_WANTED, "ids_wanted")                                                                \
	/* delivery -> spooler: this job's outcomes; the job and its credit go back */             \
	X(SETTLE, "settle")                                                                        \
	/* delivery -> spooler: keep this note; answered by NOTED */                               \
	X(NOTE, "note")                                                                            \
	/* delivery -> spooler: what an incident has come to; answered by INCIDENT, read */        \
	X(INCIDENT, "incident")                                                                    \
	/* delivery -> spooler: of a portion of a limit; answered by PORTION, which lends more */  \
	X(PORTION, "portion")                                                                      \
	/* delivery -> spooler: of a gate; answered by GATE, read */                               \
	X(GATE, "gate")                                                                            \
	/* spooler -> delivery: how a gate stands; answered by GATE_NEWS, read */                  \
	X(GATE_NEWS, "gate_news")                                                                  \
	/* control -> spooler: an operator's request; request_answer() when it is done */          \
	X(REQUEST, "request")                                                                      \
	/* spooler -> ingest: committed, or why not */                                             \
	X(PUT_DONE, "put_done")                                                                    \
	/* spooler -> ingest: ids ticket .. ticket + count - 1 are the shard's, durably */         \
	X(IDS, "ids")                                                                              \
	/* spooler -> ingest: the spool became full (result) or has room again */                  \
	X(PRESSURE, "pressure")                                                                    \
	/* spooler -> delivery: try this job now */                                                \
	X(JOB, "job")                                                                              \
	/* spooler -> delivery: the note is on stable storage, or never will be */                 \
	X(NOTED, "noted")                                                                          \
	/* spooler -> delivery: an operator said retry: end the pauses that failures made */       \
	X(RESUME, "resume")                                                                        \
	/* spooler -> delivery: a report by mail of what was sent; answered by LATE, heard */      \
	X(LATE, "late")                                                                            \
	/* spooler -> delivery: give job number `count` of message `ticket` back, if not begun */  \
	X(RECALL, "recall")                                                                        \
	/* spooler -> a shard: take no new work, finish what is under way, then say DRAINED */     \
	X(DRAIN, "drain")                                                                          \
	/* a shard -> spooler: nothing is under way here any more */                               \
	X(DRAINED, "drained")

enum letter_kind {
#define X(name, text) LETTER_##name,
	LETTERS(X)
#undef X
	        LETTER_KIND_COUNT
};

/* What became of a put; each has its reply in engine/inbound. */
enum put_result {
	PUT_COMMITTED, /* on stable storage (I1) */
	PUT_FULL,      /* no space: 452 4.3.1 */
	PUT_FAILED,    /* the spool is broken or closing: 451 4.3.0 */
	PUT_KNOWN,     /* its claim is that of a message on stable storage, claim->id: 250 (I1) */
	PUT_CLASH,     /* its claim is that of another message, claim->id: 550 5.6.0 */
};

struct letter {
	enum letter_kind kind;
	enum put_result result;
	union {
		struct message *message;       /* PUT: takes one hold. PUT_DONE: none comes back */
		struct job *job;               /* JOB, SETTLE */
		struct request *request;       /* REQUEST */
		struct note *note;             /* NOTE, NOTED: lent */
		struct incident_sheet *sheet;  /* INCIDENT: lent */
		struct portion_sheet *portion; /* PORTION: lent */
		struct gate_sheet *gate;       /* GATE: lent */
		struct gate_news *news;        /* GATE_NEWS: lent */
		struct late_sheet *late;       /* LATE: lent */
	};
	uint64_t ticket;  /* PUT, PUT_DONE: the session that waits; IDS: the first id */
	uint64_t count;   /* IDS: how many */
	struct ways ways; /* PUT: owned with the message */
	/* PUT: a report to be heard, lent until it is answered, and no message; NULL: none */
	const struct ndr *report;
	/* PUT: lent until it is answered, which writes the answer's id into it; NULL: none */
	struct spool_claim *claim;
	/* PUT: for the trace, lent until it is answered; NULL: nobody keeps one */
	const struct trace_origin *origin;
};

/* One end of a pair of mailboxes. */
struct post {
	struct mailbox *out;
	struct mailbox *in;
};

#endif
