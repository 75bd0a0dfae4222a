/*
 * A machine is one life of `sluice serve` in the simulator: the real shards, spooler and keeper,
 * wired as engine/engine.c wires them, but turned by one thread. Passwords alone are checked by
 * another (checker.h), where anybody signs in.
 *
 * Thread:  the simulator's one.
 * Owns:    everything of that life. After a crash it is left as it lies: its sockets are closed
 *          and its memory is never used again (a seed is a process of its own).
 */
#ifndef SLUICE_SIM_MACHINE_H
#define SLUICE_SIM_MACHINE_H

#include "engine/config.h"
#include "engine/delivery.h"
#include "engine/ingest.h"
#include "engine/keeper.h"
#include "engine/logger.h"
#include "engine/pair.h"
#include "engine/request.h"
#include "engine/spooler.h"
#include "tests/sim/checker.h"

#define MACHINE_SHARDS_MAX  2
#define MACHINE_THREADS_MAX (2 * MACHINE_SHARDS_MAX + 3)

struct machine;

struct machine_thread {
	struct machine *machine;
	struct loop *loop;
	void (*turn)(struct machine_thread *thread);
	void *what;
};

struct machine {
	const struct config *config;
	struct logger *logger; /* NULL: silent */
	struct depot *depot;
	struct doors *doors;
	struct keeper keeper;
	struct checker checker;
	bool has_checker;
	struct spooler *spooler;
	struct counters counters;
	struct ingest ingests[MACHINE_SHARDS_MAX];
	struct pair ingest_pairs[MACHINE_SHARDS_MAX];
	struct delivery deliveries[MACHINE_SHARDS_MAX];
	struct pair delivery_pairs[MACHINE_SHARDS_MAX];
	size_t ingest_count;
	size_t delivery_count;
	struct machine_thread threads[MACHINE_THREADS_MAX];
	size_t thread_count;
	struct mailbox requests; /* of an operator */
	struct request *request;
	bool asked;
	struct mono release_at; /* when he comes next */
};

/* Boots on the disk as it is. */
struct machine *machine_boot(const struct config *config, bool verbose, uint64_t seed);
/* The power is cut: nothing of it turns again. */
void machine_crash(struct machine *machine);
/* Whether the thread of one of its ingest shards, or else its delivery shards, has this. */
bool machine_delivers(const struct machine_thread *thread);
bool machine_owns(const struct machine *machine, const struct io *io, bool ingest);
/* Messages of all its delivery shards. */
uint64_t machine_in_flight(const struct machine *machine);
/* An operator comes now and then, and releases what is held in doubt. True: now. */
bool machine_release(struct machine *machine);
/* Asks the shards to finish; machine_is_drained() follows. */
void machine_drain(struct machine *machine);
bool machine_is_drained(const struct machine *machine);
/* Ends connections; machine_is_over() follows. */
void machine_abort(struct machine *machine);
bool machine_is_over(const struct machine *machine);
/* Undoes all of it, so that every pool and the depot see whether something is missing (I6). */
void machine_finish(struct machine *machine);

#endif
