/*
 * Sign-in exchanges (RFC 4954): the server's side of PLAIN, LOGIN and XOAUTH2, and the client's.
 *
 * Neither side knows whether the credentials are right, nor whether the channel is safe enough
 * to use them: the callers do (I8).
 *
 * Thread:  the owner's. Owns nothing: decoded credentials lie in the caller's memory, and the
 *          caller wipes it (and every line written or read here) when the exchange is over.
 * Never:   accepts a NUL or another control character within a user or password.
 */
#ifndef SLUICE_SIGNIN_H
#define SLUICE_SIGNIN_H

#include "queue/base/bytes.h"

/* name, as written in EHLO and AUTH */
#define SIGNIN_MECHANISMS(X)                                                                       \
	X(PLAIN, "PLAIN")     /* RFC 4616 */                                                       \
	X(LOGIN, "LOGIN")     /* draft-murchison-sasl-login */                                     \
	X(XOAUTH2, "XOAUTH2") /* Microsoft's and Google's: a bearer token */

enum signin_mechanism {
	SIGNIN_NONE, /* no mechanism, or one that we don't know */
#define X(name, text) SIGNIN_##name,
	SIGNIN_MECHANISMS(X)
#undef X
	        SIGNIN_MECHANISM_COUNT
};

#define SIGNIN_BIT(mechanism) (1u << (mechanism)) /* for sets of mechanisms */
#define SIGNIN_LINE_MAX       12288               /* base64 of one step (RFC 4954 4) */
#define SIGNIN_MEMORY_BYTES   1024                /* enough for any user with a password */

enum signin_mechanism signin_mechanism_of(struct view name);
const char *signin_mechanism_name(enum signin_mechanism mechanism);

struct signin_server {
	enum signin_mechanism mechanism;
	unsigned step;
	struct text memory;
	struct view challenge; /* SIGNIN_CHALLENGE: goes behind "334 "; constant */
	struct view authzid;   /* SIGNIN_DONE: PLAIN's "act as", often empty; lent from memory */
	struct view user;
	struct view password; /* XOAUTH2: the token */
};

enum signin_news {
	SIGNIN_CHALLENGE, /* send 334 and the challenge, feed the line that comes */
	SIGNIN_DONE,      /* user and password are known; judge them */
	SIGNIN_CANCELLED, /* the client sent "*": 501 5.7.0 */
	SIGNIN_BAD,       /* not base64, not the mechanism's form, or too long: 501 5.5.2 */
};

/* `initial` as in the AUTH command: "=" is an empty one; where has_initial is false there is
 * none. memory of SIGNIN_MEMORY_BYTES, or of SIGNIN_LINE_MAX for XOAUTH2. */
enum signin_news signin_server_start(struct signin_server *server, enum signin_mechanism mechanism,
        struct span memory, bool has_initial, struct view initial);
enum signin_news signin_server_feed(struct signin_server *server, struct view line);

struct signin_client {
	enum signin_mechanism mechanism;
	unsigned step;
	bool initial;     /* the first response goes with the AUTH command */
	struct view user; /* lent by the caller until the exchange is over */
	/* So is what signs in, as signin_put_argument() wrote it. It is sent once: the line that
	 * does so may lie over it. */
	struct view argument;
};

enum signin_client_news {
	SIGNIN_SEND,    /* the line was written: send it */
	SIGNIN_PASSED,  /* 235: we are signed in */
	SIGNIN_REFUSED, /* 4xx or 5xx: the reply goes to the verdict */
	SIGNIN_BROKEN,  /* a reply that has no place here, or no room in `line` */
};

/* What the secret comes to, a password or XOAUTH2's access token, in base64 as it is sent: of LOGIN
 * the second response, of others the only one. */
void signin_put_argument(struct text *argument, enum signin_mechanism mechanism, struct view user,
        struct view secret);
/* Writes the AUTH line, CRLF included; false where `line` has no room for it. */
bool signin_client_start(struct signin_client *client, enum signin_mechanism mechanism,
        struct view user, struct view argument, bool initial, struct text *line);
/* The reply's code leads on. XOAUTH2's 334 after the token carries the reason for a refusal
 * (base64 of JSON): the caller keeps it; an empty line asks for the 535 that follows. */
enum signin_client_news signin_client_feed(
        struct signin_client *client, int code, struct text *line);

#endif
