/*
 * A host is one of the service's machines, as its names stand in banners and behind replies.
 *
 * Thread:  any; values only. The same generator gives the same names.
 */
#ifndef SLUICE_MOCK_HOST_H
#define SLUICE_MOCK_HOST_H

#include "queue/base/bytes.h"
#include "queue/base/clock.h"
#include "queue/base/random.h"

#define MOCK_HOST_MACHINE_BYTES 24 /* "DU6PEPF0000B61C" and its like */

enum mock_host_kind {
	MOCK_HOST_FRONT, /* client submission's front end, a proxy */
	MOCK_HOST_EDGE,  /* what an MX record leads to */
	MOCK_HOST_BACK,  /* a mailbox server */
	MOCK_HOST_KIND_COUNT
};

struct mock_host {
	enum mock_host_kind kind;
	char machine[MOCK_HOST_MACHINE_BYTES];
	char place[MOCK_HOST_MACHINE_BYTES];
	bool loud;        /* some regions write their names in capitals */
	uint64_t session; /* "08DE2A6028D26C22": what the service numbers a connection by */
};

void mock_host_pick(struct mock_host *host, enum mock_host_kind kind, struct random *random);
/* As a client finds it in the banner: "SY5P282CA0097.outlook.office365.com". */
void mock_host_put_public(struct text *text, const struct mock_host *host);
/* As the machine calls itself: "AM0PR02CA0134.eurprd02.prod.outlook.com". */
void mock_host_put(struct text *text, const struct mock_host *host);
/* "[AM0PR02CA0134.eurprd02.prod.outlook.com 2026-11-25T10:11:12.123Z 08DE7A509B86EADD]" */
void mock_host_put_stamp(struct text *text, const struct mock_host *host, struct wall now);

#endif
