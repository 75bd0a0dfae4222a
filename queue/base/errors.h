/*
 * What went wrong in the machine: a code of ours, and the number that the system gave.
 *
 * The peer saying no is not an error (see queue/verdict.h), and a bug is not one either
 * (see queue/base/check.h). A function that can fail returns struct err and is MUST_CHECK.
 *
 * Thread:  any; values only.
 */
#ifndef SLUICE_ERRORS_H
#define SLUICE_ERRORS_H

#include <stdbool.h>

/* name, text for people */
#define ERRORS(X)                                                                                  \
	X(OK, "no error")                                                                          \
	X(SYSTEM, "the system refused")          /* detail: errno */                               \
	X(NO_MEMORY, "out of memory")            /* a budget or the machine's */                   \
	X(NO_SPACE, "no space left on the disk") /* transient: new mail gets 452 */                \
	X(BROKEN, "the spool is broken")         /* sticky: a failed sync (I7); detail: errno */   \
	X(SPOOL, "the spool's database refused") /* detail: LMDB's number */                       \
	X(FORMAT, "not in the expected format")  /* of a record, file or reply */                  \
	X(AGAIN, "has to be done again")         /* nothing happened; the way is clear */          \
	X(NOT_FOUND, "not found")                                                                  \
	X(EXISTS, "already there")                                                                 \
	X(CLOSED, "the peer closed the connection")                                                \
	X(TIMEOUT, "timed out")                                                                    \
	X(CANCELLED, "cancelled")                                                                  \
	X(TLS, "TLS failed")                 /* detail: OpenSSL's number, X509_V_ERR_* or 0 */     \
	X(UNSUPPORTED, "not supported here") /* a kernel or library lacks it */                    \
	X(LIMIT, "a limit was reached")

enum err_code {
#define X(name, text) ERR_##name,
	ERRORS(X)
#undef X
	        ERR_COUNT
};

struct err {
	enum err_code code;
	int detail; /* errno, LMDB's or OpenSSL's number; 0 where there is none */
};

#define MUST_CHECK __attribute__((warn_unused_result))

static inline bool failed(struct err err)
{
	return err.code != ERR_OK;
}

static inline struct err err_ok(void)
{
	return (struct err){ ERR_OK, 0 };
}

static inline struct err err_make(enum err_code code, int detail)
{
	return (struct err){ code, detail };
}

/* The code's sentence; constant memory. */
const char *err_text(enum err_code code);

#endif
