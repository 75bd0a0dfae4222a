/*
 * What a shard has done since the start, in numbers: one writer, any reader.
 *
 * Thread:  counters_add(), counters_set(): the shard that owns them; the reader sums all shards'.
 * Never:   locks, and never needs an atomic addition: with one writer a relaxed load and store
 *          do. A sum over shards is of about one moment, not of exactly one.
 */
#ifndef SLUICE_COUNTERS_H
#define SLUICE_COUNTERS_H

#include "engine/latency.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name, what it counts; a gauge is the difference of two */
#define COUNTERS(X)                                                                                \
	X(connections_opened, "client connections accepted")                                       \
	X(connections_closed, "client connections over")                                           \
	X(connections_refused, "client connections turned away with 421 at the limit")             \
	X(commands_refused, "commands of clients that got an error")                               \
	X(relays_refused, "recipients refused to clients that may not relay")                      \
	X(recipients_refused, "recipients refused to clients since no route takes mail to them")   \
	X(signins_accepted, "successful sign-ins of clients")                                      \
	X(signins_refused, "failed sign-ins of clients")                                           \
	X(signins_barred, "of them, those not looked at after too many failures")                  \
	X(messages_taken, "messages we answered 250 to")                                           \
	X(messages_known, "messages that came again under their key, and were not queued again")   \
	X(recipients_taken, "recipients of messages we answered 250 to")                           \
	X(bytes_taken, "bytes of messages we answered 250 to")                                     \
	X(messages_refused, "messages refused to clients after their data")                        \
	X(messages_full, "messages that got 452 since the spool or the disk was full")             \
	X(memory_short, "times reading stopped since the memory budget was used up")               \
	X(sessions_opened, "connections made to servers")                                          \
	X(sessions_closed, "connections to servers over")                                          \
	X(sessions_failed, "connections to servers that could not be made or used")                \
	X(tls_failed, "TLS handshakes with servers that failed")                                   \
	X(jobs_taken, "jobs that a delivery shard was given")                                      \
	X(jobs_delivered, "jobs whose every recipient was accepted")                               \
	X(jobs_deferred, "attempts after which a job waits for the next")                          \
	X(recipients_delivered, "recipients that servers accepted")                                \
	X(recipients_bounced, "recipients that were given up")                                     \
	X(recipients_rehearsed, "recipients that nothing was sent to, in rehearsals")              \
	X(jobs_diverted, "jobs handed to another route since theirs was out")                      \
	X(bytes_delivered, "bytes of messages that servers accepted")                              \
	X(refusals_late, "recipients that a report by mail said were refused after all")           \
	X(reports_disbelieved, "reports by mail that no message was found for, or that were none") \
	X(messages_in_doubt, "messages lost sight of after their last byte")                       \
	X(trace_rows_lost, "rows of the message trace that were left out for want of room")        \
	X(trace_blocks_shed, "blocks of it that were forgotten early, for mail had no room")       \
	X(commits, "transactions of the spool")                                                    \
	X(commits_failed, "transactions of the spool that failed")                                 \
	X(turns, "turns of the loop")                                                              \
	X(turns_slow, "turns that used more than 10 ms of CPU")

/* name, what took so long */
#define LATENCIES(X)                                                                               \
	X(commit, "commits of the spool, until what they have is on disk")                         \
	X(attempt, "messages on a session, from MAIL to the answer to their data")                 \
	X(delivery, "messages, from their arrival here until servers had taken all of them")

struct counters {
#define X(name, text) _Atomic uint64_t name;
	COUNTERS(X)
#undef X
#define X(name, text) struct latency name##_latency;
	LATENCIES(X)
#undef X
};

/* The sum, plain. */
struct counters_sum {
#define X(name, text) uint64_t name;
	COUNTERS(X)
#undef X
#define X(name, text) struct latency_sum name##_latency;
	LATENCIES(X)
#undef X
};

#define counters_add(counters, name, amount)                                                       \
	atomic_store_explicit(&(counters)->name,                                                   \
	        atomic_load_explicit(&(counters)->name, memory_order_relaxed) +                    \
	                (uint64_t)(amount),                                                        \
	        memory_order_relaxed)

#define counters_set(counters, name, amount)                                                       \
	atomic_store_explicit(&(counters)->name, (uint64_t)(amount), memory_order_relaxed)

/* Adds these to the sum. */
void counters_sum_add(struct counters_sum *sum, const struct counters *counters);

/* For export: the index-th counter's name, sentence and value; false past the last. */
struct counters_row {
	const char *name;
	const char *text;
	uint64_t value;
};
bool counters_sum_row(const struct counters_sum *sum, size_t index, struct counters_row *row);
/* Likewise of the latencies. */
struct latency_row {
	const char *name;
	const char *text;
	const struct latency_sum *sum;
};
bool counters_sum_latency(const struct counters_sum *sum, size_t index, struct latency_row *row);

#endif
