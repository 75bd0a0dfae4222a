/*
 * A world is one seed: a machine, a mock Exchange Online, clients, and what goes wrong among
 * them, turned in an order drawn from the seed.
 *
 * First comes trouble: connections break, disks fill and fail, machines crash, servers refuse.
 * Then all is well, and time goes on until the queue is empty. The oracle judges what came out.
 *
 * Thread:  the simulator's one; a process runs one world.
 */
#ifndef SLUICE_SIM_WORLD_H
#define SLUICE_SIM_WORLD_H

#include "engine/io/io.h"

/* Bugs planted on purpose: name, what the oracle must call it, what is done */
#define WORLD_PLANTS(X)                                                                            \
	X(NONE, "none", "", "nothing")                                                             \
	X(ANSWER_EARLY, "answer-before-commit", "I1", "a commit is answered before it is done")    \
	X(FORGET, "forget-commits", "I2", "the disk forgets its last commits in a crash")          \
	X(DROP_JOBS, "drop-deferred", "I2", "a job that is deferred is removed")                   \
	X(MORE_SESSIONS, "more-sessions", "I4", "the route's limit is not kept")                   \
	X(MORE_MAIL, "more-mail", "I4", "twice what a mailbox may send is configured")             \
	X(LEND_MORE, "lend-more", "I4", "twice what a tenant may send in all is configured")       \
	X(DROP_TRACE, "drop-trace", "trace", "the trace loses a block now and then")               \
	X(FORGET_KEYS, "forget-keys", "twice", "messages that come again are taken again")         \
	X(RELAY_ALL, "relay-for-all", "I9", "every client may relay")                              \
	X(TRUST_ALL, "trust-forged", "check", "clients take certificates that can't be verified")

enum world_plant {
#define X(name, word, invariant, text) WORLD_##name,
	WORLD_PLANTS(X)
#undef X
	        WORLD_PLANT_COUNT
};

struct world_result {
	bool failed;
	char failure[256]; /* "I1: ..." */
	uint64_t turns;
	uint64_t simulated_ms;
	uint32_t messages;
	uint32_t accepted;
	uint32_t crashes;
	uint32_t copies; /* that came twice, where something was in doubt */
	bool io_failed;  /* the operation of world_fail_io() was met */
};

/* The next world is small and calm, but for one operation of the relay's that fails: the nth of
 * this kind (tests/sim/network.h). */
void world_fail_io(enum io_kind kind, uint64_t nth);

/* `secret`: a file with a secret in it, for the route's identity. */
void world_run(uint64_t seed, enum world_plant plant, const char *secret, bool verbose,
        struct world_result *result);

#endif
