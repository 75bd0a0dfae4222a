/*
 * The words of a verdict: stages, causes, scopes, permanences, outcomes and fates, each a table
 * that makes the enum and its text. The texts are those of replies.tsv and `sluice explain`, and
 * stand in logs and metrics: they don't change.
 *
 * Thread:  any.
 * Lends:   strings of constant memory.
 */
#ifndef SLUICE_VERDICT_WORDS_H
#define SLUICE_VERDICT_WORDS_H

#include "queue/base/bytes.h"
#include "queue/verdict_causes.h"

#include <stdbool.h>

/* What the reply answers: name, word. EOD is the reply after the final dot or BDAT LAST. */
#define STAGES(X)                                                                                  \
	X(CONNECT, "connect")                                                                      \
	X(EHLO, "ehlo")                                                                            \
	X(STARTTLS, "starttls")                                                                    \
	X(AUTH, "auth")                                                                            \
	X(MAIL, "mail")                                                                            \
	X(RCPT, "rcpt")                                                                            \
	X(DATA, "data")                                                                            \
	X(EOD, "eod")                                                                              \
	X(QUIT, "quit")                                                                            \
	X(ANY, "any") /* not known, or none of these (RSET, NOOP) */

/* The narrowest thing that the reply blames. Source address: this relay's own. */
#define SCOPES(X)                                                                                  \
	X(CONNECTION, "connection")                                                                \
	X(MESSAGE, "message")                                                                      \
	X(RECIPIENT, "recipient")                                                                  \
	X(IDENTITY, "identity")                                                                    \
	X(TENANT, "tenant")                                                                        \
	X(ROUTE, "route")                                                                          \
	X(SOURCE_IP, "source_ip")

/* NONE: success. TRANSIENT heals by itself. PERMANENT needs a person or another message. */
#define PERMANENCES(X)                                                                             \
	X(NONE, "none")                                                                            \
	X(TRANSIENT, "transient")                                                                  \
	X(PERMANENT, "permanent")

/* What becomes of the recipients that the reply answers for: of RCPT that one, of DATA and EOD
 * all accepted ones of the transaction, of MAIL all of them. FATE_OPEN: nothing yet, go on. */
#define FATES(X)                                                                                   \
	X(OPEN, "open")                                                                            \
	X(DELIVERED, "delivered")                                                                  \
	X(DEFERRED, "deferred")                                                                    \
	X(BOUNCED, "bounced")

/*
 * name, word, fate, wait in seconds where neither reply nor row gives one, counts: whether the
 * failed try counts as one of the job's attempts. A throttled message is not a failed one.
 *
 * PROCEED               Success; after EOD the recipients are delivered.
 * RECONNECT             The session is over and no one is to blame.
 * RETRY_OTHER_SESSION   This front end is at fault; another session, if possible another address.
 * BACKOFF_*             Slow down that gate; the messages keep their place.
 * PAUSE_*               Stop using it, raise the alarm, probe seldom.
 * BOUNCE_RECIPIENT      That address is over. BOUNCE_MESSAGE: every recipient of the message is.
 * SPLIT_RECIPIENTS      Again with fewer at a time; a lone recipient refused so is bounced.
 * REFRESH_TOKEN         A fresh token and one more try, then as PAUSE_IDENTITY.
 * REAUTH                Sign in again on a new session, once, then as PAUSE_IDENTITY.
 * FAIL_CONFIG           Hold the queue of the scope and tell the operator; bounce nothing yet.
 */
#define OUTCOMES(X)                                                                                \
	X(PROCEED, "proceed", OPEN, 0, false)                                                      \
	X(RECONNECT, "reconnect", DEFERRED, 1, true)                                               \
	X(RETRY_OTHER_SESSION, "retry_other_session", DEFERRED, 10, true)                          \
	X(BACKOFF_IDENTITY, "backoff_identity", DEFERRED, 30, false)                               \
	X(BACKOFF_TENANT, "backoff_tenant", DEFERRED, 300, false)                                  \
	X(BACKOFF_ROUTE, "backoff_route", DEFERRED, 60, false)                                     \
	X(BACKOFF_RECIPIENT, "backoff_recipient", DEFERRED, 300, true)                             \
	X(PAUSE_IDENTITY, "pause_identity", DEFERRED, 3600, false)                                 \
	X(PAUSE_ROUTE, "pause_route", DEFERRED, 3600, false)                                       \
	X(PAUSE_TENANT, "pause_tenant", DEFERRED, 3600, false)                                     \
	X(BOUNCE_RECIPIENT, "bounce_recipient", BOUNCED, 0, true)                                  \
	X(BOUNCE_MESSAGE, "bounce_message", BOUNCED, 0, true)                                      \
	X(SPLIT_RECIPIENTS, "split_recipients", DEFERRED, 0, false)                                \
	X(REFRESH_TOKEN, "refresh_token", DEFERRED, 5, false)                                      \
	X(REAUTH, "reauth", DEFERRED, 5, false)                                                    \
	X(FAIL_CONFIG, "fail_config", DEFERRED, 3600, false)

enum stage {
#define X(name, word) STAGE_##name,
	STAGES(X)
#undef X
	        STAGE_COUNT
};

enum scope {
#define X(name, word) SCOPE_##name,
	SCOPES(X)
#undef X
	        SCOPE_COUNT
};

enum permanence {
#define X(name, word) PERMANENCE_##name,
	PERMANENCES(X)
#undef X
	        PERMANENCE_COUNT
};

enum fate {
#define X(name, word) FATE_##name,
	FATES(X)
#undef X
	        FATE_COUNT
};

enum outcome {
#define X(name, word, fate, wait_s, counts) OUTCOME_##name,
	OUTCOMES(X)
#undef X
	        OUTCOME_COUNT
};

const char *stage_word(enum stage stage);
bool stage_from_word(struct view word, enum stage *result);
const char *cause_word(enum cause cause);
const char *scope_word(enum scope scope);
const char *permanence_word(enum permanence permanence);
const char *fate_word(enum fate fate);
const char *outcome_word(enum outcome outcome);

#endif
