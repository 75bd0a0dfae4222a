/*
 * The meter reads what delivery sessions write before it is encrypted, and checks that no mailbox
 * has more MAILs in any half-open window than its limit allows (I4), whatever crashed meanwhile.
 *
 * Thread:  the simulator's one.
 */
#ifndef SLUICE_SIM_METER_H
#define SLUICE_SIM_METER_H

#include "tests/sim/oracle.h"

#define METER_MAILBOXES    3
#define METER_MAILS_MAX    4096
#define METER_SESSIONS_MAX 256

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
};

void meter_init(struct meter *meter, struct oracle *oracle, uint64_t limit, int64_t period_ns);
/* The mailbox's name; constant memory. */
const char *meter_mailbox(unsigned mailbox);
/* A session writes this now. */
void meter_see(struct meter *meter, const void *session, struct view bytes);

#endif
