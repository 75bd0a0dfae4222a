/*
 * Sources are the addresses that connect without a sign-in, each with a bucket of messages that
 * fills up slowly: an address that is new, or suddenly busy, is told to come back later.
 *
 * Thread:  the mock's.
 * Never:   grows: a stranger takes the place of the address not heard of for the longest time.
 */
#ifndef SLUICE_MOCK_SOURCES_H
#define SLUICE_MOCK_SOURCES_H

#include "engine/io/endpoint.h"
#include "queue/base/clock.h"

#define MOCK_SOURCES_MAX 64

struct mock_source {
	struct endpoint address;
	struct mono seen;
	double messages; /* that it may send now */
	bool used;
};

struct mock_sources {
	double per_ns; /* of refilling; 0: everybody is admitted */
	double burst;
	struct mock_source at[MOCK_SOURCES_MAX];
};

void mock_sources_init(struct mock_sources *sources, double per_ns, double burst);
/* One message more from there; false: not now. */
bool mock_sources_admit(
        struct mock_sources *sources, const struct endpoint *address, struct mono now);

#endif
