/*
 * What the spooler's files share: settles and reports (spooler_settle.c), operators' requests
 * (spooler_request.c), and the turn that calls them (spooler.c).
 *
 * Thread:  the spooler's.
 */
#ifndef SLUICE_SPOOLER_INNER_H
#define SLUICE_SPOOLER_INNER_H

#include "engine/spooler.h"

/* Settles that waited for memory or ids for their report, once more. */
void spooler_settle_waiting(struct spooler *spooler);
void spooler_take_settles(struct spooler *spooler);
/* Into the batch, with the report it owes; or to wait for memory or ids to write that. */
void spooler_settle(struct spooler *spooler, struct job *job);
/* Jobs of routes that the configuration no longer has go over to the route they take today. */
void spooler_adopt(struct spooler *spooler);

/* Some steps of the operator's request that is being run, or of the next. */
void spooler_run_request(struct spooler *spooler);
/* An operator hears of a change once it is durable. */
void spooler_answer_request(struct spooler *spooler);

#endif
