/*
 * A lease says, for one token, whether the one at hand is good, when another is fetched, and how
 * long we wait after a failure. It holds no token and does nothing: who fetches asks it.
 *
 * A token is renewed `margin` and a random part more ahead of its end, as long as somebody uses
 * it, and handed out until two thirds of the margin are left. One that a server refused is
 * replaced once, and again at the earliest a minute later. After a failure nothing is asked of
 * the endpoint for a time that doubles, whoever asks us.
 *
 * Thread:  its owner's. Pure: time and chance are handed in.
 */
#ifndef SLUICE_TOKEN_LEASE_H
#define SLUICE_TOKEN_LEASE_H

#include "queue/base/clock.h"
#include "queue/base/random.h"

#define TOKEN_LEASE_FORCED_NS     (60 * NS_PER_S) /* between two that were refused */
#define TOKEN_LEASE_FIRST_NS      (5 * NS_PER_S)  /* after a fault that heals */
#define TOKEN_LEASE_MOST_NS       (300 * NS_PER_S)
#define TOKEN_LEASE_STUCK_NS      (60 * NS_PER_S) /* after one that a person must mend */
#define TOKEN_LEASE_STUCK_MOST_NS (3600 * NS_PER_S)
#define TOKEN_LEASE_NAMED_MOST_NS (86400 * NS_PER_S) /* of a Retry-After */
#define TOKEN_LEASE_AGAIN_NS      (1 * NS_PER_S)     /* an operator's "again" counts then */
#define TOKEN_LEASE_ALIVE_NS      (86400 * NS_PER_S) /* an unused refresh token is used then */

enum token_advice {
	TOKEN_GOOD,  /* the token at hand will do */
	TOKEN_FETCH, /* another is to be fetched, and the answer waits for it */
	TOKEN_WAIT,  /* one is being fetched: the answer waits for it */
	TOKEN_FAIL,  /* the last attempt failed, and it is too early for another */
};

struct token_lease {
	int64_t margin_ns;
	bool rotates; /* a refresh token, which dies when it is not used */
	bool held;    /* there is a token, good or not */
	bool used;    /* since it was fetched */
	bool lapsed;  /* it was not: it is left to its end */
	bool fetching;
	uint64_t serial; /* of the token: grows with each */
	struct mono good_until;
	struct mono renew_at;  /* MONO_NEVER: not by itself */
	struct mono forced_at; /* when one was last fetched because the other was refused */
	bool forced;           /* that has happened */
	uint32_t failures;     /* in a row */
	struct mono failed_at;
	struct mono not_before; /* after failures */
	bool named;             /* by a Retry-After: nobody hurries it */
};

void token_lease_init(struct token_lease *lease, int64_t margin_ns, bool rotates);
/* Somebody wants the token; `refused` is the serial of one that a server refused (0: none). */
enum token_advice token_lease_ask(
        struct token_lease *lease, struct mono now, uint64_t refused, bool again);
/* When token_lease_renew() is to be asked; MONO_NEVER: not yet. */
struct mono token_lease_due(const struct token_lease *lease);
/* Whether one is to be fetched now, though nobody waits for it. */
bool token_lease_renew(struct token_lease *lease, struct mono now);
/* A fetch begins: token_lease_got() or token_lease_failed() follows. */
void token_lease_begin(struct token_lease *lease);
/* `wanted`: somebody waited for it. */
void token_lease_got(struct token_lease *lease, struct mono now, int64_t lifetime_s, bool wanted,
        struct random *random);
/* `stuck`: only a person can mend it. `named_s`: the endpoint said how long to wait; 0: it did
 * not. Gives how long nothing is asked. */
int64_t token_lease_failed(struct token_lease *lease, struct mono now, bool stuck, int64_t named_s,
        struct random *random);

#endif
