/*
 * Rehearsals: mail that goes through all of the relay, and whose timeline is kept, but of which
 * nothing is sent; or which goes to a few recipients alone; or all of it to one address. So an
 * application is tried out, or a configuration, without anybody getting mail.
 *
 * Who is sent nothing is decided once, when the message is accepted, and lies on disk with it
 * (queue/job.h): a change of settings lets nothing out. That all goes to one address is decided at
 * RCPT, so the envelope never names anybody else.
 *
 * Thread:  any; pure functions of the configuration.
 * Never:   lets out who is not meant because the two disagree: what was not turned to the one
 *          address at RCPT, where a rehearsal says so, is sent to nobody.
 */
#ifndef SLUICE_REHEARSAL_H
#define SLUICE_REHEARSAL_H

#include "engine/config.h"
#include "queue/message.h"

/* Entries' conditions as a book of rules, into config->rehearsalbook; two rules each. */
void rehearsal_make(struct config *config);

/* The entry that the message is under; NULL: it goes out in earnest. Its header is there. */
const struct config_rehearsal *rehearsal_find(
        const struct config *config, const struct message *message, uint8_t stream);
/* Whether its mail is sent to this recipient. */
bool rehearsal_lets_out(const struct config *config, const struct config_rehearsal *rehearsal,
        struct view recipient);
/* Who stands in for every recipient of a message whose header isn't there yet; empty: nobody. */
struct view rehearsal_stand_in(const struct config *config, const struct message *message);

#endif
