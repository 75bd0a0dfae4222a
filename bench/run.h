/*
 * The runs of sluice-bench: each sets up what it measures, measures once, adds its figures, and
 * takes everything down again.
 *
 * Thread:  the program's main one.
 * Owns:    nothing beyond a run.
 * Fails:   false, and a sentence in `why`.
 */
#ifndef SLUICE_RUN_H
#define SLUICE_RUN_H

#include "bench/churn.h"
#include "bench/commits.h"
#include "bench/figures.h"
#include "bench/load.h"
#include "bench/pump.h"
#include "bench/stand.h"
#include "bench/usage.h"

#define RUN_DELIVERY_PATIENCE (30 * NS_PER_S) /* without a delivery, after the load is in */
#define RUN_LOOK_NS           (20 * NS_PER_MS)
#define RUN_PART_GROUP        8 /* messages in a commit, about as throughput's have */

struct run_settings {
	struct stand_settings stand;
	struct load_settings load;
	struct churn_settings churn;
	unsigned hour_s;    /* how long the hour takes: an hour of the tenant's time, or less */
	const char *ledger; /* of `load`: a file's path, or NULL */
	unsigned lanes;     /* of `lanes`: the most */
	bool uncounted;     /* system calls are not counted */
	const volatile sig_atomic_t *interrupted;
};

/* End to end: load, Sluice, mock. */
MUST_CHECK bool run_throughput(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* Load straight into the mock: what load, mock and machine can do at all. */
MUST_CHECK bool run_limit(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* Open loop: the acknowledgement's latency at a given rate, or at half of what can be had. */
MUST_CHECK bool run_latency(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* One client that waits for each 250, against a bare commit of the same bytes. */
MUST_CHECK bool run_ack(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* A server that answers after stand.delay_ms. */
MUST_CHECK bool run_rtt(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* Accepting alone: the route's server is away (run_held.h). */
MUST_CHECK bool run_ingest(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* Delivering alone: `churn.backlog` messages wait for the server, then it comes. */
MUST_CHECK bool run_drain(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* load.messages wait: memory, restarts, and how they go out, against none that wait. */
MUST_CHECK bool run_backlog(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* A message's cost by the number of lanes. */
MUST_CHECK bool run_lanes(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* Sessions out: what one costs, with TLS resumed and without. */
MUST_CHECK bool run_handshake(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* An hour at the limits of a pool of mailboxes, at STAND_SPEED times the speed. */
MUST_CHECK bool run_hour(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* What an idle connection costs Sluice in memory: load.sessions of them. */
MUST_CHECK bool run_idle(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* The spool alone (churn.h). */
MUST_CHECK bool run_churn(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* Load alone, at load.target. */
MUST_CHECK bool run_load(
        const struct run_settings *settings, struct figures *figures, struct text *why);
/* The demo: throughput with a kill -9 midway, told in words on stdout. */
MUST_CHECK bool run_demo(
        const struct run_settings *settings, struct figures *figures, struct text *why);

/* Common to the runs. */

/* The folder, the mock and Sluice, ready. On failure nothing is left. */
MUST_CHECK bool run_open(
        struct stand *stand, const struct run_settings *settings, struct text *why);
/* Waits until the mock has `messages` distinct ones, or no more come. False: the mock can't be
 * asked, or we were interrupted. */
MUST_CHECK bool run_await_delivery(const struct stand *stand, const struct run_settings *settings,
        uint64_t messages, struct stand_account *account, struct text *why);
/* Hands a load in at Sluice, whatever its target says. False also if any of it is refused. */
MUST_CHECK bool run_hand_in(const struct run_settings *settings, const struct stand *stand,
        const struct load_settings *load, struct load_account *account, struct text *why);
/* Commits messages of load.bytes, or what of them a commit has room for (commits.h). */
MUST_CHECK bool run_commits(const struct run_settings *settings, const struct stand *stand,
        unsigned group, enum commits_way way, int64_t within_ns, struct commits_result *result,
        struct text *why);
/* Acknowledgement's latency and rate. */
void run_add_load(struct figures *figures, const struct load_account *account);

#endif
