/*
 * A day is a long, calm simulation of throttled sending: a pool of mailboxes with limits, a tenant
 * that has the same ones and busy spells, and bursts of mail that have to wait for them. Nothing
 * crashes; what is measured is how much of the limits is used, what is refused, and how long
 * mail waits.
 *
 * Thread:  the simulator's one; a process runs one day.
 */
#ifndef SLUICE_SIM_DAY_H
#define SLUICE_SIM_DAY_H

#include "queue/base/bytes.h"

#define DAY_MAILBOXES_MAX 10000
#define DAY_MESSAGES_MAX  400000

struct day_settings {
	uint64_t seed;
	unsigned mailboxes;
	unsigned messages;
	unsigned bursts;       /* in which ordinary mail comes, evenly over the hours */
	double burst_s;        /* that it takes their senders to hand one over */
	double hours;          /* within which it comes */
	double stop_hours;     /* when the day ends, delivered or not; 0: once all is delivered */
	double urgent;         /* the share of mail that is urgent, and comes at any time */
	double work_s;         /* that the service takes for a message */
	int64_t latency_ns;    /* of the network; 0: as usual */
	unsigned connections;  /* of a mailbox; 0: as the service has it. With it: any number of
	                        * recipients a day, and as many a minute for each connection as the
	                        * service has it for a mailbox */
	unsigned cost_from;    /* deliveries after which the shards' CPU time counts; 0: never */
	bool spells;           /* the service is busy now and then */
	double halve_at_s;     /* the service halves its messages a minute; 0: never */
	double lift_at_s;      /* and gives them back */
	double source_minute;  /* no mailboxes, but Direct Send: the service takes so many messages
	                        * a minute from our address, which nobody knows; 0: mailboxes */
	unsigned oracle_turns; /* between two looks at the limits */
	const char *secret;    /* a file with a secret in it */
	bool verbose;
};

struct day_result {
	bool failed;
	char failure[256];
	double simulated_s;
	double waiting_s;  /* while ordinary mail waited */
	double used_least; /* of a mailbox's limits, while mail waited: 1 is all up to the stop */
	double used_mean;
	double throttled;    /* refusals for the sake of limits, of all attempts */
	double refused;      /* all of them */
	double urgent_p99_s; /* from the handing over to the delivery */
	double urgent_most_s;
	uint64_t accepted;
	uint64_t delivered;
	uint64_t turns;
	uint64_t over;     /* times that a limit was exceeded, by the service's count */
	double cost_us;    /* CPU time of the delivery shards, a message: the one figure that is not
	                 * simulated. The kernel's part of their work is (tests/sim), and counts */
	double cost_turns; /* of theirs, a message */
	/* With halve_at_s: from a minute after it. */
	double halved_throttled; /* of the attempts */
	double halved_used;      /* of the new limit, from five minutes after it */
	double lifted_used;      /* of the old one, in the last quarter after it was lifted */
	double source_used;      /* with source_minute: of what it takes in all that time */
};

void day_run(const struct day_settings *settings, struct day_result *result);

#endif
