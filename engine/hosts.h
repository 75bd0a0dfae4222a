/*
 * The hosts that a name leads to, as DNS told: mail hosts from the best preference on, their
 * addresses, and the TLSA records that authenticate them.
 *
 * Everything is bounded, since whoever answers for a name says how much there is. What passes a
 * bound is left out; TLSA records are not, since without one of them a host could be taken for
 * another: hosts_add_tlsa() says no, and the host is not to be used.
 *
 * Thread:  any; a value, to be copied.
 */
#ifndef SLUICE_HOSTS_H
#define SLUICE_HOSTS_H

#include "engine/io/endpoint.h"
#include "engine/wire/rdata.h"
#include "queue/base/errors.h"
#include "queue/base/random.h"

/* Exchange Online gives a tenant one MX host with up to eight addresses of each family; who has
 * more hosts than sixteen has them for load, and those of the best preference carry it. */
#define HOSTS_MAX                16
#define HOSTS_HOST_ADDRESSES_MAX 8 /* of one family */
#define HOSTS_ADDRESSES_MAX      64
/* Two keys, each by its certificate and its authority, and the same again while one is replaced;
 * digests take 35 bytes, a whole certificate about 1.5 KB. */
#define HOSTS_TLSA_MAX   8 /* of one host */
#define HOSTS_TLSA_BYTES 8192

/* What signed TLSA records ask for. */
enum host_dane {
	HOST_DANE_NONE,    /* there are none: the route's own policy */
	HOST_DANE_TLS,     /* none that can be used: TLS, and for the rest the route's policy */
	HOST_DANE_RECORDS, /* TLS; they authenticate the host, and nothing else does */
};

struct host {
	char name[RDATA_NAME_MAX + 1]; /* as an MX record or the settings name it */
	char base[RDATA_NAME_MAX + 1]; /* HOST_DANE_RECORDS: the name that they belong to */
	uint16_t preference;           /* less is better */
	uint8_t dane;                  /* enum host_dane */
	uint8_t tlsa_count;
	uint16_t tlsa_first;
};

struct host_address {
	struct endpoint endpoint;
	uint8_t host; /* index in list */
};

struct host_tlsa {
	uint16_t offset;
	uint16_t bytes;
};

struct hosts {
	char domain[RDATA_NAME_MAX + 1]; /* whose MX they are; "": there is none, they were named */
	struct host list[HOSTS_MAX];
	uint32_t count;
	struct host_address addresses[HOSTS_ADDRESSES_MAX];
	uint32_t address_count;
	struct host_tlsa tlsa[HOSTS_MAX * HOSTS_TLSA_MAX];
	uint32_t tlsa_count;
	uint32_t tlsa_used;
	uint8_t tlsa_bytes[HOSTS_TLSA_BYTES];
};

/* One more at the end; NULL: there is no room. The name fits. */
struct host *hosts_add(struct hosts *hosts, struct view name, uint16_t preference);
/* To the host that was added last. False: there is no room. */
bool hosts_add_address(struct hosts *hosts, const struct endpoint *endpoint);
/* To the host that was added last; makes it HOST_DANE_RECORDS. False: there is no room. */
MUST_CHECK bool hosts_add_tlsa(struct hosts *hosts, struct view rdata);

/* The host of this name; NULL: there is none. */
const struct host *hosts_find(const struct hosts *hosts, const char *name);
/* Its TLSA records; lends. Gives how many. */
size_t hosts_tlsa(
        const struct hosts *hosts, const struct host *host, struct view records[HOSTS_TLSA_MAX]);
/* Puts hosts of equal preference in another order, and their addresses with them: so that load
 * spreads over them (RFC 5321 5.1). */
void hosts_shuffle(struct hosts *hosts, struct random *random);
/* The same hosts with the same policies, in any order of equal preference? */
bool hosts_same(const struct hosts *a, const struct hosts *b);

#endif
