/*
 * Makes the report that a settled job owes its sender: which recipients are to be told of, in
 * whose words, on which envelope. The text itself is queue/bounce's.
 *
 * Thread:  the spooler's.
 * Owns:    scratch memory for the longest list of recipients, from report_create() on.
 * Never:   makes a report about a report, or about mail with the null sender.
 */
#ifndef SLUICE_REPORT_H
#define SLUICE_REPORT_H

#include "queue/job.h"

struct report_maker;

struct report_settings {
	struct view reporter; /* our host name */
	size_t reserve;       /* of the memory budget: see shelf_take_above() */
};

MUST_CHECK struct err report_create(
        struct report_maker **result, const struct report_settings *settings);
/* NULL is fine. */
void report_destroy(struct report_maker *maker);

/* Whether the job's outcomes are such that its sender is to be told. */
bool report_is_owed(const struct job *job);
/* The report, sealed, held once. `mailbox`: notices_from of the route it will take, where that
 * can't carry a null sender; else empty. NULL: the memory budget is short, try again later. */
struct message *report_make(struct report_maker *maker, const struct job *job, uint64_t id,
        struct view mailbox, struct wall now, struct shelf *shelf);

#endif
