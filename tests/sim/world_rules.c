#include "tests/sim/world_rules.h"

#include "queue/base/check.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static const char *const whims[] = {
	"stage=connect,reply=421 4.3.2 Service not available,probability=0.2",
	"stage=auth,reply=421 4.3.2 Service not active [SIM],probability=0.2",
	"stage=mail,reply=451 4.7.0 Temporary server error. Please try again later. PRX2,"
	"probability=0.1",
	"stage=mail,drop=before,probability=0.05",
	"stage=rcpt,reply=451 4.4.3 Temporary server error. Please try again later ATTR2,"
	"probability=0.1",
	"stage=rcpt,reply=450 4.2.1 Try later,probability=0.1",
	"stage=eod,reply=432 4.3.2 Concurrent connections limit exceeded.,probability=0.2",
	"stage=eod,reply=451 4.3.0 Temporary server error,probability=0.1",
	"stage=eod,drop=before,probability=0.1",
	"stage=eod,drop=after,probability=0.1",
};

static const char *const lies[] = {
	"stage=ehlo,lie=drip,probability=0.2",
	"stage=auth,lie=drip,probability=0.1",
	"stage=rcpt,lie=drip,probability=0.05",
	"stage=eod,lie=drip,probability=0.1",
	"stage=connect,lie=garbage,reply=hello there,probability=0.1",
	"stage=ehlo,lie=garbage,reply=9999 what,probability=0.1",
	"stage=mail,lie=garbage,reply=no reply at all,probability=0.05",
	"stage=rcpt,lie=garbage,reply=25,probability=0.05",
	"stage=eod,lie=garbage,reply=-,probability=0.05",
	"stage=mail,lie=open,reply=421 4.3.2 Service not active,probability=0.05",
	"stage=eod,lie=open,reply=421 4.3.2 Service not active,probability=0.05",
};

static void add(struct mock_script *script, const char *rule)
{
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	const bool added = mock_script_add(script, view_of(rule), &why);
	check(added);
}

void world_rules_set(struct mock_script *mock, struct mock_script *other,
        const struct world_rules *rules, struct random *random)
{
	mock->count = 0;
	add(mock, "stage=rcpt,match=<bad.,reply=550 5.1.1 User unknown");
	add(mock, "stage=eod,match=poison,reply=554 5.6.0 Corrupt message content");
	for (size_t i = 0; rules->trouble && i < COUNT_OF(whims); i++)
		if (random_below(random, 3) == 0)
			add(mock, whims[i]);
	for (size_t i = 0; rules->trouble && i < COUNT_OF(lies); i++)
		if ((rules->lies >> i & 1) != 0)
			add(mock, lies[i]);
	if (rules->trouble && rules->barring)
		add(mock, "stage=eod,probability=0.05,"
		          "reply=550 5.7.705 Access denied, tenant has exceeded threshold");
	*other = *mock;
	if (rules->trouble && rules->refusing)
		add(other, "stage=rcpt,probability=0.05,"
		           "reply=550 5.7.64 TenantAttribution; Relay Access Denied");
}
