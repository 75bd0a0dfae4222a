/*
 * What the mock Exchange Online does out of the ordinary: refusals by stage and probability,
 * and sudden disconnects, as the command line told it.
 *
 *	stage=eod,reply=432 4.3.2 Concurrent connections limit exceeded.,probability=0.01
 *	stage=rcpt,match=nobody@,reply=550 5.4.1 Recipient address rejected: Access denied
 *	stage=eod,drop=after,probability=0.001,limit=5
 *	stage=rcpt,lie=extra,reply=250 2.1.5 Recipient OK
 *
 * A 421 ends the connection behind it, as Exchange Online does.
 *
 * Thread:  the mock's. Owns its rules. The same generator and traffic give the same answers.
 */
#ifndef SLUICE_MOCK_SCRIPT_H
#define SLUICE_MOCK_SCRIPT_H

#include "queue/base/bytes.h"
#include "queue/base/clock.h"
#include "queue/base/errors.h"
#include "queue/base/random.h"
#include "queue/verdict.h"

#define MOCK_RULES_MAX     64
#define MOCK_RULE_TEXT_MAX 1024

enum mock_drop {
	MOCK_DROP_NONE,
	MOCK_DROP_BEFORE, /* the connection ends instead of the reply */
	MOCK_DROP_AFTER,  /* the message is taken, and its reply lost with the connection */
};

/* How it leaves the protocol: name, word, whether it needs a reply=, what it does */
#define MOCK_LIES(X)                                                                               \
	X(NONE, "none", true, "the reply stands for the real one")                                 \
	X(GARBAGE, "garbage", true, "the same, and need be no reply")                              \
	X(OPEN, "open", true, "the same, and 421 does not end the connection")                     \
	X(EARLY, "early", true, "the reply comes before the real one")                             \
	X(EXTRA, "extra", true, "the reply comes behind the real one")                             \
	X(DRIP, "drip", false, "the real one comes in bytes, MOCK_DRIP_NS apart")

enum mock_lie {
#define X(name, ...) MOCK_LIE_##name,
	MOCK_LIES(X)
#undef X
	        MOCK_LIE_COUNT
};

#define MOCK_DRIP_NS    (200 * NS_PER_MS)
#define MOCK_DRIP_BYTES 16 /* of a reply that drip; the rest follows at once */

struct mock_rule {
	enum stage stage;
	enum mock_drop drop;
	enum mock_lie lie;
	double probability;
	uint64_t limit;                 /* times it may strike; UINT64_MAX: any number */
	uint64_t count;                 /* times it has */
	char match[MOCK_RULE_TEXT_MAX]; /* in the command's arguments; "": any */
	char reply[MOCK_RULE_TEXT_MAX]; /* "": none, it is a drop */
};

struct mock_script {
	struct mock_rule rules[MOCK_RULES_MAX];
	size_t count;
};

/* False: `why` says what is wrong with the rule. */
MUST_CHECK bool mock_script_add(struct mock_script *script, struct view rule, struct text *why);
/* The rule that strikes now, counted; NULL: none. */
const struct mock_rule *mock_script_roll(
        struct mock_script *script, struct random *random, enum stage stage, struct view arguments);

#endif
