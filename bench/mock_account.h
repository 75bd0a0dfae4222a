/*
 * The mock's account of what it was given: distinct messages by Message-ID, duplicates, rates,
 * what each identity did. `sluice-mock` prints it as JSON at its end.
 *
 * Thread:  the mock's.
 * Owns:    a table that grows with the distinct ids; duplicates are kept by name up to
 *          MOCK_DUPLICATES_KEPT and counted beyond.
 */
#ifndef SLUICE_MOCK_ACCOUNT_H
#define SLUICE_MOCK_ACCOUNT_H

#include "bench/histogram.h"
#include "queue/base/bytes.h"
#include "queue/base/clock.h"
#include "queue/base/errors.h"

#include <stdio.h>

#define MOCK_DUPLICATES_KEPT 10000
#define MOCK_IDENTITIES_MAX  4096
#define MOCK_NAME_MAX        256

struct mock_tenant;

struct mock_identity {
	char name[MOCK_NAME_MAX];
	uint64_t signins;
	uint64_t messages;
	uint64_t recipients;
	uint64_t refused;   /* messages, by whatever rule or limit */
	uint32_t in_flight; /* from the end of data to its reply */
	uint32_t in_flight_max;
	struct mono minute; /* when its present minute began */
	uint64_t minute_messages;
	uint64_t minute_messages_max;
};

struct mock_account {
	uint64_t connections;
	uint64_t tls_connections;
	uint64_t tls_resumed;      /* of them: no certificate was shown again */
	uint64_t messages;         /* answered 250 to, or dropped after they were taken */
	uint32_t connections_open; /* up to QUIT, or the end if that comes first */
	uint32_t connections_open_max;
	uint64_t recipients;
	uint64_t bytes;
	uint64_t without_id; /* messages that have no Message-ID */
	uint64_t duplicates; /* messages whose id was there before */
	uint64_t refused;    /* replies that were refusals by a rule or a limit */
	uint64_t drops_before;
	uint64_t drops_after;
	uint64_t closed; /* behind a 421 */
	uint64_t lies;   /* of the rules */
	struct mono first;
	struct mono last;
	struct histogram latency; /* of messages with a stamp (stamp.h), the first time they came */
	/* open addressing; 0 is empty */
	uint64_t *ids; /* hashes */
	size_t ids_size;
	size_t ids_count;
	char **duplicate_ids;
	size_t duplicate_ids_count;
	struct mock_identity *identities; /* MOCK_IDENTITIES_MAX */
	size_t identity_count;
};

MUST_CHECK struct err mock_account_init(struct mock_account *account);
void mock_account_finish(struct mock_account *account);

/* A connection came; it is open until its mock_account_left(). */
void mock_account_joined(struct mock_account *account);
void mock_account_left(struct mock_account *account);
/* The identity by name, made where it is new; beyond the maximum all share the last. */
struct mock_identity *mock_account_identity(struct mock_account *account, struct view name);
/* A message was taken. `id`: its Message-ID, empty where it has none. */
void mock_account_take(struct mock_account *account, struct mock_identity *identity, struct view id,
        uint64_t recipients, uint64_t bytes, struct mono now);
/* One JSON object, the tenant's account in it where there is one (or NULL). False: writing
 * failed. */
MUST_CHECK bool mock_account_write(
        const struct mock_account *account, const struct mock_tenant *tenant, FILE *file);

#endif
