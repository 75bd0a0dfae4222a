/*
 * What every shard has: a loop, memory at hand, its part of the star, its counters and log.
 *
 * Thread:  the shard's own; embedded as the first field of struct ingest and struct delivery.
 * Owns:    loop and shelf. Lends the rest, which outlives the threads (engine/engine.c).
 */
#ifndef SLUICE_SHARD_H
#define SLUICE_SHARD_H

#include "engine/config.h"
#include "engine/counters.h"
#include "engine/io/loop.h"
#include "engine/letters.h"
#include "engine/log.h"
#include "queue/base/depot.h"
#include "queue/base/random.h"

/* Bounds of one turn, so that none starves the others: what is left waits for the next turn. */
#define LETTERS_PER_TURN     256
#define COMPLETIONS_PER_TURN 512

struct shard {
	const struct config *config;
	unsigned index; /* among the shards of its kind */
	struct loop loop;
	struct shelf shelf;
	struct random random;
	struct counters *counters;
	struct log *log;
	struct post spooler;
	bool draining; /* a LETTER_DRAIN came: no new work */
	bool drained;  /* DRAINED was said */
};

#endif
