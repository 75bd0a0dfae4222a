/*
 * A lookup is the way from a route's name to its hosts: which questions DNS is asked, in which
 * order, and what the answers mean together.
 *
 * With a domain: MX, then both families of addresses of each host; with a host, those at once. A
 * null MX (RFC 7505) takes no mail; a domain without MX is its own host (RFC 5321 5.1). Where MX
 * (if it was asked for) and addresses are signed, TLSA records are asked for, of the name that
 * a CNAME leads to first (RFC 7672 2.2.2). A host whose TLSA records can't be had is left out,
 * since a forger would hide them: it is never used with less.
 *
 * Answers that fail validation count as none. `lenient` makes them count as unsigned ones: for
 * routes where nothing hangs on DNS, because the host was named and its certificate is checked,
 * or because the settings want no DNSSEC (company resolvers that can't carry it are common).
 *
 * Thread:  any; it asks nobody by itself. Who drives it asks, one after the other or all at once,
 *          what lookup_next() gives, and brings the answers back.
 * Never:   keeps more than HOSTS_* of anything; asks more than LOOKUP_QUESTIONS.
 * Fails:   by no address in `hosts`; then `why` says what stood in the way first.
 */
#ifndef SLUICE_LOOKUP_H
#define SLUICE_LOOKUP_H

#include "engine/config.h"
#include "engine/hosts.h"

#define LOOKUP_WHY_BYTES 256
#define LOOKUP_TTL_MOST  UINT32_MAX

/* What is asked of a host: name, number of the type in DNS, word. */
#define LOOKUP_TYPES(X)                                                                            \
	X(IPV6, 28, "address")                                                                     \
	X(IPV4, 1, "address")                                                                      \
	X(CNAME, 5, "CNAME")                                                                       \
	X(TLSA, 52, "TLSA records")                                                                \
	X(MX, 15, "MX") /* of the domain alone */

enum lookup_type {
#define X(name, number, word) LOOKUP_##name,
	LOOKUP_TYPES(X)
#undef X
	        LOOKUP_TYPE_COUNT
};

#define LOOKUP_OF_HOST   LOOKUP_MX /* the types before it */
#define LOOKUP_FAMILIES  LOOKUP_CNAME
#define LOOKUP_QUESTIONS (HOSTS_MAX * LOOKUP_OF_HOST + 1)

enum lookup_state {
	LOOKUP_UNASKED, /* it is not needed, or not yet */
	LOOKUP_WANTED,  /* lookup_next() is to give it */
	LOOKUP_ASKED,   /* its answer is to come */
};

/* The longest: "_65535._tcp." and a host's name. Such a name may be too long for DNS. */
#define LOOKUP_NAME_BYTES (RDATA_NAME_MAX + 16)

struct lookup_answer {
	const char *failure; /* nobody could answer, in words; NULL: somebody did */
	bool no_name;        /* there is no such name */
	bool secure;         /* signed and validated, also that there is nothing */
	const char *bogus;   /* validation failed, in words; NULL: it did not */
	const char *alias;   /* the name that a CNAME leads to; NULL: there is none */
	uint32_t ttl_s;
	const struct view *data;
	size_t count;
};

/* A host that is being looked at. */
struct lookup_host {
	char name[RDATA_NAME_MAX + 1];
	char alias[RDATA_NAME_MAX + 1]; /* where a CNAME leads; "": nowhere else */
	char why[LOOKUP_WHY_BYTES];     /* why it is left out; "": it is not */
	uint16_t preference;
	bool at_alias;  /* TLSA records are asked for there, not at the name */
	bool is_signed; /* so are all of its addresses that came */
	uint8_t dane;   /* enum host_dane */
	uint8_t found_count[LOOKUP_FAMILIES];
	uint8_t tlsa_count;
	struct endpoint found[LOOKUP_FAMILIES][HOSTS_HOST_ADDRESSES_MAX];
	struct view tlsa[HOSTS_TLSA_MAX]; /* in tlsa_bytes */
};

struct lookup {
	/* the question */
	const char *name; /* of a host; of a domain with `mx` */
	bool mx;
	bool lenient;
	uint16_t port;
	enum route_dane dane;
	/* the answer, once lookup_is_over() */
	struct hosts hosts;
	uint32_t ttl_s;
	bool secure;                /* so was the MX answer, or the addresses of the one host */
	bool final;                 /* a failure that asking again will not mend soon */
	bool distrusted;            /* a signature was bad, or missing where there must be one */
	char why[LOOKUP_WHY_BYTES]; /* hosts.address_count is 0 */
	/* underway */
	struct lookup_host seen[HOSTS_MAX];
	uint32_t seen_count;
	uint8_t states[LOOKUP_QUESTIONS]; /* enum lookup_state */
	uint32_t open;                    /* of them, wanted and asked */
	uint32_t tlsa_used;
	uint8_t tlsa_bytes[HOSTS_TLSA_BYTES];
};

/* Sets the question: where the route leads. */
void lookup_ask_for(struct lookup *lookup, const struct config_route *settings);
/* The question is set; nothing else needs to be. */
void lookup_begin(struct lookup *lookup);
/* The next question to ask, now asked: its number, name and DNS type. False: none now. */
bool lookup_next(struct lookup *lookup, size_t *question, char name[LOOKUP_NAME_BYTES], int *type);
/* The answer to an asked question. */
void lookup_hear(struct lookup *lookup, size_t question, const struct lookup_answer *answer);
/* Answers what is still open with a failure. */
void lookup_give_up(struct lookup *lookup, const char *failure);
/* Nothing is open any more. The first call that says so fills in the answer. */
bool lookup_is_over(struct lookup *lookup);

#endif
