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
#include "queue/base/check.h"
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
	uint64_t connection_next; /* shard_connection_id() */
	bool draining;            /* a LETTER_DRAIN came: no new work */
	bool drained;             /* DRAINED was said */
};

/* Connections have ids for the log: never used before, on whatever shard, after whatever restart.
 * They are the time of the start and a count, in steps that part inbound from outbound and shard
 * from shard: 2^18 connections a second and shard are counted before the next second's begin. */
#define SHARD_START_BITS 25
#define SHARD_ID_STEP    128

static inline void shard_name_connections(struct shard *shard, bool outbound)
{
	const uint64_t start_s = (uint64_t)loop_wall(&shard->loop).ms / 1000;

	check(shard->index < SHARD_ID_STEP / 2);
	shard->connection_next =
	        (start_s << SHARD_START_BITS) + (uint64_t)shard->index * 2 + outbound;
}

static inline uint64_t shard_connection_id(struct shard *shard)
{
	const uint64_t id = shard->connection_next;

	shard->connection_next += SHARD_ID_STEP;
	return id;
}

#endif
