/*
 * An outage: whether a route is out for reasons of its own, so that the route that it falls back on
 * is to take its mail.
 *
 * It is out once it has refused mail for a reason that lies in the route (the tenant does not know
 * us, our address is barred), until it takes some again; and once no session could be made, or
 * none was of use, for as long as its settings say, until something is answered. What it says of
 * messages, recipients, mailboxes and limits is no outage.
 *
 * Thread:  its shard's own. Never: reads a clock.
 */
#ifndef SLUICE_OUTAGE_H
#define SLUICE_OUTAGE_H

#include "queue/base/clock.h"

#include <stdbool.h>

struct outage {
	struct mono since; /* it has not been reached since then; MONO_NEVER: it was */
	bool refused;      /* it refused mail for a reason of its own, and has taken none since */
	bool told;         /* its owner's note: people were told of it */
};

void outage_init(struct outage *outage);
/* No session could be made, or one was lost before it was of use. */
void outage_fail(struct outage *outage, struct mono now);
/* It refused mail for a reason of its own. */
void outage_refuse(struct outage *outage);
/* It answered something about a message: it can be reached. */
void outage_answer(struct outage *outage);
/* It took a message. True: it was out as far as people were told. */
bool outage_end(struct outage *outage);
/* `after_ns`: how long it must have been unreachable. */
bool outage_is_on(const struct outage *outage, struct mono now, int64_t after_ns);

#endif
