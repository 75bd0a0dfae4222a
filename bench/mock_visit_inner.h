/*
 * What a visit's two files share: mock_visit.c has a connection from its first step to its last,
 * mock_visit_end.c the end of a message's data, where most refusals come.
 *
 * Thread:  the mock's.
 */
#ifndef SLUICE_MOCK_VISIT_INNER_H
#define SLUICE_MOCK_VISIT_INNER_H

#include "bench/mock_visit.h"

const struct mock_interface_facts *mock_visit_facts(const struct mock_visit *visit);
/* Counts a refusal; gives it. */
enum mock_saying mock_visit_say(struct mock_visit *visit, enum mock_saying saying);
/* An error that may bar the mailbox. */
void mock_visit_strike(struct mock_visit *visit, enum mock_strike strike, struct mono now);

#endif
