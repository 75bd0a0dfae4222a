#include "queue/outage.h"

#include "queue/base/check.h"

void outage_init(struct outage *outage)
{
	*outage = (struct outage){ .since = MONO_NEVER };
}

void outage_fail(struct outage *outage, struct mono now)
{
	if (outage->since.ns == MONO_NEVER.ns)
		outage->since = now;
}

void outage_refuse(struct outage *outage)
{
	outage->refused = true;
}

void outage_answer(struct outage *outage)
{
	outage->since = MONO_NEVER;
}

bool outage_end(struct outage *outage)
{
	const bool told = outage->told;

	outage_init(outage);
	return told;
}

bool outage_is_on(const struct outage *outage, struct mono now, int64_t after_ns)
{
	check(after_ns >= 0);
	if (outage->refused)
		return true;
	return outage->since.ns != MONO_NEVER.ns && now.ns - outage->since.ns >= after_ns;
}
