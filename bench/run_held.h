/*
 * Mail that is held: Sluice takes it, and its server is away (no mock listens where the route
 * leads to), as on a day when the service can't be reached. What is handed in waits on disk and
 * nothing is tried but, every second or two, a connection. To release it the mock is started.
 *
 * Thread:  the run's.
 * Owns:    nothing beyond a run; the stand is the caller's.
 * Fails:   false, and a sentence in `why`.
 */
#ifndef SLUICE_RUN_HELD_H
#define SLUICE_RUN_HELD_H

#include "bench/run.h"

#define RUN_HELD_SETTLE_NS (500 * NS_PER_MS) /* for buffers to go back, letters to be read */

/* How held mail went out. */
struct run_drain {
	double per_s;         /* from the first delivery to the last */
	double seconds;       /* between those */
	double cpu_us;        /* of the engine, a message */
	uint64_t distinct;    /* messages */
	uint64_t connections; /* that the mock was given */
	uint64_t resumed;     /* of them, TLS that was resumed */
	uint64_t sent_twice;  /* messages */
	uint64_t lost;        /* messages */
	uint64_t most_bytes;  /* the engine's memory */
};

/* The folder and Sluice, ready, and no mock. On failure nothing is left. */
MUST_CHECK bool run_held_open(
        struct stand *stand, const struct run_settings *settings, struct text *why);
/* Hands `messages` in under the name `run` (load.h). */
MUST_CHECK bool run_held_fill(struct stand *stand, const struct run_settings *settings,
        const char *run, uint64_t messages, struct load_account *account, struct text *why);
/* Starts the mock, and waits until it has `messages` or no more come. What the engine used goes to
 * `figures`, or NULL. */
MUST_CHECK bool run_held_release(struct stand *stand, const struct run_settings *settings,
        uint64_t messages, struct figures *figures, struct run_drain *drain, struct text *why);
/* sent_twice and lost. */
void run_held_add_end(struct figures *figures, const struct run_drain *drain);
/* Ends the mock: from here on mail is held. */
void run_held_again(struct stand *stand);

#endif
