/*
 * What the mock Exchange Online does out of the ordinary: refusals by stage and probability,
 * and sudden disconnects, as the command line told it.
 *
 *	stage=eod,reply=432 4.3.2 Concurrent connections limit exceeded.,probability=0.01
 *	stage=rcpt,match=nobody@,reply=550 5.4.1 Recipient address rejected: Access denied
 *	stage=eod,drop=after,probability=0.001,limit=5
 *
 * Thread:  the mock's. Owns its rules. The same generator and traffic give the same answers.
 */
#ifndef SLUICE_MOCK_SCRIPT_H
#define SLUICE_MOCK_SCRIPT_H

#include "queue/base/bytes.h"
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

struct mock_rule {
	enum stage stage;
	enum mock_drop drop;
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
