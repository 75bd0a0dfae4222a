/*
 * What of io_uring this kernel has, and which kernel has the rest.
 *
 * Thread:  any; values only.
 */
#ifndef SLUICE_IO_FEATURES_H
#define SLUICE_IO_FEATURES_H

#include "queue/base/bytes.h"

/* name, first kernel that has it */
#define IO_FEATURES(X)                                                                             \
	X(restrictions, "5.10")     /* else a ring takes more operations than ours */              \
	X(timed_wait, "5.11")       /* needed */                                                   \
	X(msg_ring, "5.18")         /* else threads wake each other by an event descriptor */      \
	X(buffer_rings, "5.19")     /* needed */                                                   \
	X(multishot_accept, "5.19") /* else every connection is asked for */                       \
	X(multishot_recv, "6.0")    /* else every receive is asked for */                          \
	X(single_issuer, "6.0")     /* else it costs a little more */                              \
	X(defer_taskrun, "6.1")     /* likewise */

enum io_feature {
#define X(name, version) IO_HAS_##name,
	IO_FEATURES(X)
#undef X
	        IO_FEATURE_COUNT
};

struct io_features {
	bool has[IO_FEATURE_COUNT];
};

/* "msg_ring=yes defer_taskrun=no(6.1)" */
void io_features_describe(const struct io_features *features, struct text *text);

#endif
