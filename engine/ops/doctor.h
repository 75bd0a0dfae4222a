/*
 * The doctor goes the way that a route's mail would go, step by step, with the relay's own DNS,
 * TLS, sign-in and reading of replies, and says of each what came of it: so that who has set up a
 * route knows what is wrong before mail waits for it. It sends nothing unless told to.
 *
 *	dns  connect  greeting  ehlo  starttls  tls  ehlo  token  sign_in  mail  rcpt  data
 *
 * Names and connections are a route's; all from the greeting on is done for each identity.
 *
 * Thread:  a command's main one.
 * Fails:   by what it reports.
 */
#ifndef SLUICE_DOCTOR_H
#define SLUICE_DOCTOR_H

#include "engine/ops/desk.h"
#include "engine/ops/doctor_report.h"

struct doctor {
	const struct config *config;
	struct desk *desk;
	struct doctor_report *report;
	const char *identity; /* this alone; NULL: each of the route's */
	const char *to;       /* RCPT is tried; NULL: not */
	const char *from;     /* MAIL's sender; NULL: those that are configured */
	bool send;            /* a message, to `to` */
};

void doctor_see_route(const struct doctor *doctor, const struct config_route *route);
/* What each listener would offer somebody at this address. */
void doctor_see_client(const struct doctor *doctor, const struct endpoint *client);

#endif
