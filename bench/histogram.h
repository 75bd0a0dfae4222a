/*
 * A histogram of durations: counts in buckets that are at most 3 % wide, from a nanosecond to
 * years, in memory of a fixed size.
 *
 * Thread:  the owner's. Owns nothing.
 * Fails:   never; a negative duration counts as zero.
 */
#ifndef SLUICE_HISTOGRAM_H
#define SLUICE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_STEPS_BITS 5 /* buckets of a power of two: 32 */
#define HISTOGRAM_BUCKETS    ((65 - HISTOGRAM_STEPS_BITS) << HISTOGRAM_STEPS_BITS)

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t count;
	int64_t most_ns;
};

void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, int64_t ns);
/* The same duration `count` times. */
void histogram_add_many(struct histogram *histogram, int64_t ns, uint64_t count);
/* Adds all of `other`. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);
/* Takes away all of `earlier`, what this one was before. The most is known to a bucket then. */
void histogram_take_away(struct histogram *histogram, const struct histogram *earlier);
/* The largest duration of a bucket. */
int64_t histogram_bucket_most(size_t bucket);
/* The duration that `share` (0..1) of all stay within; 0 when there are none. */
int64_t histogram_at(const struct histogram *histogram, double share);

#endif
