/*
 * A visit of the doctor's: one session with a route's server, as one identity or none.
 *
 * Thread:  a command's main one.
 */
#ifndef SLUICE_DOCTOR_VISIT_H
#define SLUICE_DOCTOR_VISIT_H

#include "engine/ops/doctor.h"
#include "engine/ops/talk.h"

#define DOCTOR_TRIES_MAX 5 /* addresses, as a session of the relay's tries */

struct doctor_visit {
	const struct doctor *doctor;
	const struct config_route *route;
	const struct config_identity *identity; /* NULL: no sign-in */
	const struct hosts *hosts;
	const struct host *host;     /* where it is */
	struct tls_context *context; /* NULL: the route has no TLS */
	uint32_t address;            /* the first to try: those before it led nowhere */
	bool secured;
	bool sent; /* the message, once a visit */
	struct capabilities offers;
	struct talk talk;
};

/* False: none answers. */
bool doctor_visit_connect(struct doctor_visit *visit);
/* All steps, until one is wrong. */
void doctor_visit_run(struct doctor_visit *visit);

#endif
