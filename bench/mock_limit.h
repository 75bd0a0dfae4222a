/*
 * The limits that a tenant's mock keeps, by name: the words are those of Sluice's configuration.
 *
 * Thread:  any; constants.
 */
#ifndef SLUICE_MOCK_LIMIT_H
#define SLUICE_MOCK_LIMIT_H

#include "bench/mock_window.h"
#include "queue/base/bytes.h"

#define MOCK_NONE MOCK_WINDOW_UNLIMITED

/* name, word, default (reference.md 3.1, 3.2) */
#define MOCK_LIMITS(X)                                                                             \
	X(CONNECTIONS, "connections", 3)           /* messages in flight on a mailbox */           \
	X(MESSAGES, "messages_per_minute", 30)     /* of a mailbox */                              \
	X(RECIPIENTS, "recipients_per_day", 10000) /* of a mailbox */                              \
	X(EXTERNAL, "external_recipients_per_day", MOCK_NONE) /* of the tenant */                  \
	X(ONMICROSOFT, "onmicrosoft_recipients_per_day", 100) /* of them, from such senders */

enum mock_limit {
#define X(name, word, value) MOCK_LIMIT_##name,
	MOCK_LIMITS(X)
#undef X
	        MOCK_LIMIT_COUNT
};

#define MOCK_LIMITS_MAILBOX MOCK_LIMIT_EXTERNAL /* those before it are a mailbox's */

const char *mock_limit_word(enum mock_limit limit);
uint64_t mock_limit_default(enum mock_limit limit);
/* False: no such limit. */
bool mock_limit_from_word(struct view word, enum mock_limit *limit);

#endif
