/*
 * What the files of a transaction share: transaction.c (its beginning and end),
 * transaction_write.c and transaction_hear.c (its two cursors).
 *
 * Thread:  the delivery shard's. For these files alone.
 */
#ifndef SLUICE_TRANSACTION_INNER_H
#define SLUICE_TRANSACTION_INNER_H

#include "engine/transaction.h"

/* Our own refusal, of every recipient that was not asked for yet. */
void transaction_refuse(
        struct transaction *transaction, struct carrier *carrier, const char *reply);
/* No more of it will be written. */
void transaction_close(struct transaction *transaction, struct carrier *carrier);
/* In whose name it goes out: where the null sender can't go, a mailbox stands in for it, and for an
 * open author the carrier's (engine/routing.h). */
struct view transaction_sender(const struct message *message, const struct carrier *carrier);
/* How long the message is, as it is sent. */
uint64_t transaction_bytes(const struct transaction *transaction);
/* Whether the recipient's quota has room for it. */
bool transaction_may_ask(const struct transaction *transaction, const struct carrier *carrier,
        struct view recipient);
/* Goes past rows that have no reply. */
void transaction_pass(struct transaction *transaction);

#endif
