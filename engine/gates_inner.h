/*
 * What the files of the gates share: gates.c (tenants and our address), gates_recipients.c.
 *
 * Thread:  the delivery shard's. For these files alone.
 */
#ifndef SLUICE_GATES_INNER_H
#define SLUICE_GATES_INNER_H

#include "engine/gates.h"

/* What there is to tell of it, to be filled in. */
struct gate_sheet *gates_want(struct gates *gates, struct gates_entry *entry);
/* Its probe is over. */
void gates_answer(struct gates *gates, struct gates_entry *entry, bool taken);
/* News come, before they are taken in. */
void gates_hear_recipient(
        struct gates *gates, struct gates_entry *entry, const struct gate_news *news);

#endif
