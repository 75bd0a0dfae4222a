/*
 * The oracle knows what was promised to whom, and looks after each turn whether it is kept.
 *
 * Messages have numbers. Number N comes from s.N@sim.test, has the Message-ID <N@sim> and up to
 * ORACLE_RECIPIENTS recipients ok.N.K@far.test (the server takes them, sooner or later) or
 * bad.N.K@far.test (it never does), so that whatever the mock is given can be told apart; where
 * the world has two routes every second one is at x.far.test instead. A report to s.N@sim.test is
 * about number N.
 *
 * What it says:
 *   I1  a 250 went out before the message was on the disk
 *   I2  a recipient who was accepted has no end, or an end that is not his
 *   I4  more sessions than the route has
 *   I8  a command of the mail or sign-in went out in plain text, or to a forged certificate
 *   I9  somebody who may not relay got something queued
 *   trace  what happened is not in the trace, or not as it happened
 *   twice  a second copy, though nothing was in doubt, or the client sent it again under its key
 *   stuck  mail that nothing is in the way of does not leave
 *
 * Thread:  the simulator's one.
 */
#ifndef SLUICE_SIM_ORACLE_H
#define SLUICE_SIM_ORACLE_H

#include "bench/mock_session.h"
#include "queue/base/depot.h"
#include "tests/sim/disk.h"

#define ORACLE_MESSAGES   128
#define ORACLE_RECIPIENTS 3
#define ORACLE_MOCKS      2
#define ORACLE_LATE_NS    (1300 * NS_PER_S) /* what a stalled path held may come so late */

enum oracle_told {
	ORACLE_NOTHING, /* the data was never whole: it can't be sent */
	ORACLE_UNKNOWN, /* it was whole, and no answer came */
	ORACLE_REFUSED,
	ORACLE_ACCEPTED,
};

struct oracle_message {
	bool used;
	enum oracle_told told;
	uint8_t recipients; /* that RCPT accepted */
	bool bad[ORACLE_RECIPIENTS];
	bool claimed;  /* it may be sent again under its key */
	bool quiet;    /* null sender or NOTIFY=NEVER: no report is due */
	bool poison;   /* the server refuses its content for good */
	bool stranger; /* its client may not relay */
	uint64_t id;   /* of the message on the disk; 0: it never was there */
	struct mono committed;
	uint8_t envelope;                      /* recipients that the message on the disk has */
	bool ended[ORACLE_RECIPIENTS];         /* no job on the disk owes it an end any more */
	bool traced;                           /* the trace has its acceptance, */
	uint8_t traced_end[ORACLE_RECIPIENTS]; /* and this end; OWED_PENDING: none */
	uint32_t delivered[ORACLE_RECIPIENTS];
	uint32_t reports;
};

struct oracle {
	struct mock_observer observer;
	const struct mock *mocks[ORACLE_MOCKS]; /* in the order in which they were heard of */
	struct oracle_message messages[ORACLE_MESSAGES];
	size_t count;
	uint64_t durable[ORACLE_MESSAGES * 4]; /* ids that were ever on the disk */
	size_t durable_count;
	uint64_t trace_seen; /* blocks of the trace below this number */
	struct mono doubt;   /* when a session or a machine was lost last: copies may come twice */
	struct depot *depot;
	struct shelf shelf; /* for jobs that are read */
	bool failed;
	char failure[256]; /* "I1: ..." */
};

void oracle_init(struct oracle *oracle);
/* The first thing that is wrong counts. */
__attribute__((format(printf, 2, 3))) void oracle_fail(
        struct oracle *oracle, const char *format, ...);
/* A message's number, or -1: no more are wanted. */
int oracle_begin(struct oracle *oracle);
/* After each commit that is durable, or claims to be. */
void oracle_see_disk(struct oracle *oracle, const struct disk_state *state);
/* Between what came to the disk and what left it: what the trace says of both. */
void oracle_see_trace(struct oracle *oracle, const struct disk_state *state);
/* An end that a recipient has had in this commit is in the trace, and is that. */
void oracle_judge_trace(struct oracle *oracle, int number, int recipient);
/* A client hears that its message is queued. */
void oracle_see_queued(struct oracle *oracle, int number, struct view reply);
/* Something was lost that leaves a session's messages in doubt. */
void oracle_doubt(struct oracle *oracle);
/* Bytes that an ingest shard sends. */
void oracle_see_answer(struct oracle *oracle, struct view bytes);
/* The queue is empty, and everything had its time. */
void oracle_judge(struct oracle *oracle);

#endif
