/*
 * The interfaces of Exchange Online that a mock can play, and how they differ (reference.md 1.1).
 *
 * Thread:  any; constants.
 */
#ifndef SLUICE_MOCK_INTERFACE_H
#define SLUICE_MOCK_INTERFACE_H

#include "bench/mock_host.h"

enum mock_interface {
	MOCK_DIRECT,     /* the tenant's MX host: to its own recipients, no sign-in */
	MOCK_CONNECTOR,  /* the same host, for whom an inbound connector knows: to anyone */
	MOCK_SUBMISSION, /* client submission: to anyone, signed in as a mailbox */
	MOCK_HVE,        /* High Volume Email: to the tenant's recipients, signed in */
	MOCK_INTERFACE_COUNT
};

struct mock_interface_facts {
	const char *word;
	enum mock_host_kind host;
	bool signs_in;           /* STARTTLS and sign-in are demanded before MAIL */
	bool limits_mailboxes;   /* in flight, messages a minute, recipients a day */
	bool external;           /* takes external recipients, and counts them */
	uint64_t recipients_max; /* of a message; 0: no more than the tenant's setting */
	uint64_t size_max;       /* as SIZE says */
};

const struct mock_interface_facts *mock_interface_facts(enum mock_interface interface);
/* "mx" is an old word for direct. False: no such interface. */
bool mock_interface_from_word(struct view word, enum mock_interface *interface);

#endif
