/*
 * The meter reads what delivery sessions write before it is encrypted, and checks that no mailbox
 * has more MAILs in any half-open window than its limit allows (I4), whatever crashed meanwhile;
 * and that all of them together, on all routes and shards, have no more recipients outside the
 * tenant's domains that the server took, nor more MAILs, nor more messages in flight at once.
 *
 * Thread:  the simulator's one.
 */
#ifndef SLUICE_SIM_METER_H
#define SLUICE_SIM_METER_H

#include "tests/sim/oracle.h"

#define METER_MAILBOXES    3
#define METER_MAILS_MAX    4096
#define METER_SESSIONS_MAX 256
#define METER_ALL_MAX      (METER_MAILBOXES * METER_MAILS_MAX)
#define METER_EXTERNAL_MAX (ORACLE_MESSAGES * ORACLE_RECIPIENTS * 4)

struct meter {
	struct oracle *oracle;
	uint64_t limit; /* 0: none */
	int64_t period_ns;
	struct mono mails[METER_MAILBOXES][METER_MAILS_MAX];
	size_t counts[METER_MAILBOXES];
	/* who is signed in where */
	const void *sessions[METER_SESSIONS_MAX];
	uint8_t mailboxes[METER_SESSIONS_MAX];
	size_t session_count;
	/* the tenant's external recipients */
	uint64_t quota; /* 0: none */
	int64_t quota_period_ns;
	bool part_internal; /* x.far.test is the tenant's own */
	struct meter_recipient {
		struct mono written; /* its last RCPT */
		uint32_t unanswered; /* so often, since the server took it last */
		uint32_t delivered;
	} recipients[ORACLE_MESSAGES][ORACLE_RECIPIENTS];
	int64_t external[METER_EXTERNAL_MAX]; /* when they were written, in order */
	size_t external_count;
	/* all that the tenant sends */
	uint64_t total; /* MAILs within quota_period_ns; 0: any number */
	uint64_t cap;   /* in flight at once; 0: any number */
	struct mono all_mails[METER_ALL_MAX];
	size_t all_count;
};

void meter_init(struct meter *meter, struct oracle *oracle, uint64_t limit, int64_t period_ns);
/* The mailbox's name; constant memory. */
const char *meter_mailbox(unsigned mailbox);
/* In half of the worlds the tenant may send to so many external recipients in all, and in half of
 * these so many messages: puts that into the configuration; `more`: twice what the meter allows. */
void meter_put_quota(struct meter *meter, struct text *text, uint64_t seed, bool more);
/* The server has turned: looks at what it took. */
void meter_look(struct meter *meter);
/* So many messages are in flight now, over all shards. */
void meter_see_in_flight(struct meter *meter, uint64_t in_flight);
/* A session writes this now. */
void meter_see(struct meter *meter, const void *session, struct view bytes);

#endif
