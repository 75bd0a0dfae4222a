/*
 * How long things took, as a Prometheus histogram counts them: one writer, any reader.
 *
 * Thread:  latency_add(): the thread that owns it; latency_sum_add(): any. As with counters, with
 *          one writer a relaxed load and store do.
 * Units:   nanoseconds.
 */
#ifndef SLUICE_LATENCY_H
#define SLUICE_LATENCY_H

#include "queue/base/clock.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* most of a bucket: nanoseconds, and as Prometheus's label. A commit takes milliseconds, a server
 * seconds, a message that is deferred hours. */
#define LATENCY_BUCKETS(X)                                                                         \
	X(NS_PER_MS, "0.001")                                                                      \
	X(2500000, "0.0025")                                                                       \
	X(5 * NS_PER_MS, "0.005")                                                                  \
	X(10 * NS_PER_MS, "0.01")                                                                  \
	X(25 * NS_PER_MS, "0.025")                                                                 \
	X(50 * NS_PER_MS, "0.05")                                                                  \
	X(100 * NS_PER_MS, "0.1")                                                                  \
	X(250 * NS_PER_MS, "0.25")                                                                 \
	X(500 * NS_PER_MS, "0.5")                                                                  \
	X(NS_PER_S, "1")                                                                           \
	X(5 * NS_PER_S, "5")                                                                       \
	X(15 * NS_PER_S, "15")                                                                     \
	X(60 * NS_PER_S, "60")                                                                     \
	X(300 * NS_PER_S, "300")                                                                   \
	X(1800 * NS_PER_S, "1800")                                                                 \
	X(7200 * NS_PER_S, "7200")                                                                 \
	X(86400 * NS_PER_S, "86400")

enum {
#define X(ns, label) +1
	LATENCY_BUCKET_COUNT = LATENCY_BUCKETS(X)
#undef X
};

struct latency {
	_Atomic uint64_t buckets[LATENCY_BUCKET_COUNT]; /* each its own, not those below */
	_Atomic uint64_t longer;
	_Atomic uint64_t sum_ns;
};

/* The sum, plain. */
struct latency_sum {
	uint64_t buckets[LATENCY_BUCKET_COUNT];
	uint64_t longer;
	uint64_t sum_ns;
};

/* A negative duration is none: a clock was set back. */
void latency_add(struct latency *latency, int64_t ns);
void latency_sum_add(struct latency_sum *sum, const struct latency *latency);
/* As the `le` label says the index-th bucket. */
const char *latency_label(size_t index);

#endif
