/*
 * The checker stands for the passwords helper (engine/passwords.h): it answers checks as that does,
 * and counts guesses as that does, but knows one user, and no hash.
 *
 * Thread:  the simulator's one.
 * Owns:    its loop and mailboxes, and the guesses.
 */
#ifndef SLUICE_SIM_CHECKER_H
#define SLUICE_SIM_CHECKER_H

#include "engine/passwords.h"

#define CHECKER_USER     "anna"
#define CHECKER_PASSWORD "secret"

struct checker {
	struct helper helper;
	struct guesses guesses;
	bool plant;     /* a bug, for the fuzzer to find: any password is right */
	uint64_t right; /* answers */
	uint64_t wrong;
	uint64_t unseen;
};

MUST_CHECK struct err checker_init(struct checker *checker, const struct config_limits *limits,
        struct depot *depot, struct text *why);
void checker_finish(struct checker *checker);
void checker_turn(struct helper *helper);

#endif
