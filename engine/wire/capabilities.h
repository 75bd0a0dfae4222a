/*
 * What a server offers: the lines of its EHLO reply.
 *
 * Thread:  any; values only.
 * Never:   fails: what it doesn't know or can't read it leaves out.
 */
#ifndef SLUICE_CAPABILITIES_H
#define SLUICE_CAPABILITIES_H

#include "engine/wire/signin.h"

/* field, keyword: what is offered or not, and no more */
#define CAPABILITIES_FLAGS(X)                                                                      \
	X(pipelining, "PIPELINING")                                                                \
	X(chunking, "CHUNKING")                                                                    \
	X(dsn, "DSN")                                                                              \
	X(eightbitmime, "8BITMIME")                                                                \
	X(smtputf8, "SMTPUTF8")                                                                    \
	X(starttls, "STARTTLS")                                                                    \
	X(binarymime, "BINARYMIME")                                                                \
	X(enhancedstatuscodes, "ENHANCEDSTATUSCODES")

struct capabilities {
#define X(field, keyword) bool field;
	CAPABILITIES_FLAGS(X)
#undef X
	bool size;           /* SIZE is offered */
	uint64_t size_max;   /* 0: offered without a number, or not at all */
	unsigned mechanisms; /* of SIGNIN_BIT() */
	uint64_t mail_max;   /* LIMITS MAILMAX (RFC 9422): messages a session; 0: not said */
	uint64_t rcpt_max;   /* RCPTMAX: recipients a message; 0: not said */
	uint64_t domain_max; /* RCPTDOMAINMAX: recipient domains a message; 0: not said */
};

/* One line behind the greeting, without its code: adds what it offers. */
void capabilities_read(struct view line, struct capabilities *capabilities);
/* `whole` as struct reply has it; its first line, the greeting, is not read. After HELO there is
 * nothing to parse: a zeroed struct is right. */
void capabilities_parse(struct view whole, struct capabilities *capabilities);

#endif
