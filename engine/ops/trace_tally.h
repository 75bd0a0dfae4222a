/*
 * What is known of messages whose rows are seen from the newest back: how many recipients have
 * which end, and how the jobs stand that still owe some. By id, as many as there are.
 *
 * Thread:  a command's.
 * Owns:    its table.
 * Lends:   a tally: until the next one is made or taken.
 */
#ifndef SLUICE_TRACE_TALLY_H
#define SLUICE_TRACE_TALLY_H

#include "engine/ops/trace_find.h"

/* The last of them stands for all that have higher numbers. */
#define TRACE_TALLY_JOBS 64

struct trace_tally {
	uint64_t id;
	uint64_t block; /* that its last row seen is in */
	uint32_t delivered;
	uint32_t bounced;
	uint32_t removed;
	uint32_t rehearsed;
	uint64_t seen;     /* jobs, as bits: their newest settle */
	uint64_t held;     /* of them, as it left them */
	uint64_t deferred; /* likewise */
	bool to;           /* a recipient is one that is wanted */
	bool used;
};

struct trace_tallies {
	struct trace_tally *at; /* open addressing */
	size_t room;            /* a power of two, or 0 */
	size_t count;
};

/* NULL: it is not there. */
struct trace_tally *trace_tally_find(const struct trace_tallies *tallies, uint64_t id);
/* Made where it is missing. NULL: no memory. */
struct trace_tally *trace_tally_of(struct trace_tallies *tallies, uint64_t id);
/* Out of the table. False: it was not there, nothing was set. */
bool trace_tally_take(struct trace_tallies *tallies, uint64_t id, struct trace_tally *tally);
void trace_tallies_free(struct trace_tallies *tallies);
/* Of a settle that is older than those added before. */
void trace_tally_add(struct trace_tally *tally, const struct trace_settle *settle);
/* accept NULL: it is forgotten, and so how many recipients there were. */
enum trace_status trace_tally_status(
        const struct trace_tally *tally, const struct trace_accept *accept);

#endif
