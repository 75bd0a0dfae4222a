/*
 * The simulator's disk under queue/store.h: what was committed, what a commit in progress has
 * written, and what goes wrong.
 *
 * What a crash leaves is what was committed: of a commit that it interrupts, all or nothing.
 *
 * Thread:  the simulator's one.
 * Owns:    all rows ever written, until disk_reset().
 */
#ifndef SLUICE_SIM_DISK_H
#define SLUICE_SIM_DISK_H

#include "queue/base/random.h"
#include "queue/store.h"

#define DISK_ROWS_MAX      16384   /* of one table */
#define DISK_ROWS_CALM_MAX 2000000 /* where nothing goes wrong */

/* Immutable; states share it. */
struct disk_row {
	struct view key;
	struct span value;
	struct disk_row *before; /* made before it; NULL where rows that go are freed */
};

struct disk_table {
	struct disk_row **rows; /* in the order of their keys */
	size_t count;
	size_t room;
	struct disk_row **memory; /* rows begin somewhere in it, so that the first ones go fast */
};

struct disk_state {
	struct disk_table tables[TABLE_COUNT];
};

/* Faults, each with its probability at every call that it may strike. */
struct disk_weather {
	double full;    /* commit: no space while pages are written */
	double grow;    /* put: the map has to grow */
	double broken;  /* commit: a failed sync; what the disk holds is drawn */
	double crash;   /* commit: the machine stops in it; what the disk holds is drawn */
	uint64_t pages; /* of the file system; UINT64_MAX: any number */
};

/* Bugs that are planted here, for the oracle to find. */
enum disk_plant {
	DISK_SOUND,
	DISK_ANSWERS_EARLY, /* a commit is answered, and done with the next one */
	DISK_FORGETS,       /* a commit is not synced: a crash undoes the last ones */
	DISK_DROPS_JOBS,    /* a job that is written again (deferred) is removed instead */
	DISK_DROPS_TRACE,   /* blocks of the trace are not written, now and then */
};

struct disk {
	struct random random;
	struct disk_weather weather;
	/* Nothing ever goes wrong, and nothing is undone: batches change `current` as they go, and
	 * rows that go are freed. For long days. */
	bool calm;
	enum disk_plant plant;
	struct disk_state durable; /* what a crash leaves */
	struct disk_state current; /* what readers see: the same, but for planted bugs */
	struct store *user;        /* who has it open; NULL: nobody */
	struct disk_row *last_row; /* that was made */
	uint64_t commits;
	uint64_t commits_failed;
	uint64_t breaks;
	/* After every commit that is durable, or claims to be; before it is answered. */
	void (*committed)(void *owner, const struct disk_state *state);
	/* The machine stops, now: does not return. */
	void (*crash)(void *owner);
	void *owner;
};

extern struct disk sim_disk;

void disk_reset(uint64_t seed);
/* Whoever had it open is no more. */
void disk_power_off(void);
/* The row with this key; NULL: none. */
const struct disk_row *disk_find(
        const struct disk_state *state, enum store_table table, struct view key);
/* The index of the first row at or behind the key. */
size_t disk_seek(const struct disk_table *table, struct view key);
uint64_t disk_pages(const struct disk_state *state);

#endif
