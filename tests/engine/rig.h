/*
 * A delivery shard in small, for tests: a real shard on real sockets, a spooler that is the test,
 * and a server that plays scripts.
 *
 * Thread:  the test's; the shard turns in it.
 */
#ifndef SLUICE_TESTS_RIG_H
#define SLUICE_TESTS_RIG_H

#include "engine/config_report.h"
#include "engine/delivery.h"
#include "tests/engine/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define RIG_JOBS_MAX    64
#define RIG_GATES_MAX   64 /* with two shards' recipients */
#define RIG_NEWS_MAX    16
#define RIG_PATIENCE_NS (10 * NS_PER_S) /* a slow machine is no failure */

struct rig {
	struct server server;
	struct config *config;
	struct depot *depot;
	struct shelf shelf; /* the test's */
	struct counters counters;
	struct doorbell doorbell;
	struct mailbox letters;
	struct mailbox settles;
	struct delivery delivery;
	struct timer tick; /* so that a turn never waits for long */
	uint64_t ids;
	struct job *settled[RIG_JOBS_MAX];
	size_t settled_count;
	size_t notes;             /* that the shard wanted kept; each was */
	struct incident incident; /* that the shard told of last */
	size_t incidents_told;
	size_t incidents_over;
	uint64_t quota; /* what is left of a tenant's, for the shard to be lent */
	uint64_t totals[QUOTA_PLAN_OF_ROUTE]; /* and of a route's own limits, by the plan's row */
	size_t portions_asked;                /* sheets that wanted some */
	size_t exhausted;                     /* that said that a quota is used up */
	uint64_t portions_spent;
	uint64_t portions_back;
	struct gate gates[RIG_GATES_MAX];
	char recipients[RIG_GATES_MAX][GATE_RECIPIENT_BYTES];
	struct gate_news news[RIG_NEWS_MAX];
	size_t news_count;
	size_t roots_parsed; /* files of authorities, for all of the routes */
	bool drained;
};

struct rig_mail {
	const char *from;
	const char *to; /* several: by spaces */
	const char *body;
	const char *author; /* a part of the body that is its open author; NULL: it has none */
	unsigned flags;
	unsigned notify;
	const char *orcpt;
	const char *envid;
	int64_t age_ms;
	uint8_t stream;
};

struct config *rig_config(const char *text);
/* `route` are further keys of the one route, whose server is the rig's: "pipeline: 4". */
void rig_init_with(struct rig *rig, const char *top, const char *route, struct resolver *resolver,
        struct keeper *keeper);
/* The rig's server listens already, so that its port can stand in the settings. */
struct rig *rig_create(void);
/* All of it, with these scripts. */
struct rig *rig_begin(const char *top, const char *route, const char *const *scripts);
void rig_send(struct rig *rig, enum letter_kind kind, struct job *job);
struct job *rig_job(struct rig *rig, const struct rig_mail *mail);
void rig_mail(struct rig *rig, const struct rig_mail *mail);
/* A plain message from a@ to b@. */
void rig_post(struct rig *rig, const char *body);
/* Of lanes of a test's own: the one route's line. */
extern const struct schedule_reach rig_reach;
/* A throttle without limits, for lanes of a test's own. */
void rig_no_limits(struct throttle *throttle);
/* How rig->gates[index] stands. */
void rig_tell_gate(struct rig *rig, uint32_t index, bool yours);
void rig_turn(struct rig *rig);
void rig_wait(struct rig *rig, size_t settled);
/* What was deferred for all its recipients is lent again, as the spooler does in its time; it is
 * no settled one any more. */
void rig_again(struct rig *rig, size_t settled);
void rig_turn_for(struct rig *rig, int64_t ns);
void rig_assert_outcomes(struct rig *rig, size_t settled, const char *wanted);
/* "550 5.1.1 text" of the last word about a recipient. */
const char *rig_reply(struct rig *rig, size_t settled, size_t recipient);
/* Drains; what the server heard may be looked at then. */
void rig_stop(struct rig *rig);
void rig_destroy(struct rig *rig);

#endif
