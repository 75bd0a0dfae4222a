/*
 * What the log says about client connections and the mail they bring.
 *
 * Thread:  the shard's.
 */
#ifndef SLUICE_INBOUND_LOG_H
#define SLUICE_INBOUND_LOG_H

#include "engine/inbound.h"
#include "engine/log.h"
#include "engine/passwords.h"

void inbound_log_connected(const struct inbound *inbound);
/* A proxy did not say, or not rightly, whom it speaks for. */
void inbound_log_proxy_refused(const struct inbound *inbound, const char *reason);
void inbound_log_secured(const struct inbound *inbound);
/* The handshake failed, for this reason. */
void inbound_log_tls_refused(const struct inbound *inbound, const char *reason);
/* An old device was let in by name: what was `used`, and what it `said`, if that matters. */
void inbound_log_old_device(const struct inbound *inbound, const char *used, struct view said);
/* A line that is no SMTP at all. */
void inbound_log_foreign(const struct inbound *inbound, struct view line);
/* `discarded`: bytes that came ahead of the handshake, and were thrown away. */
void inbound_log_injection(const struct inbound *inbound, size_t discarded);
void inbound_log_signed_in(const struct inbound *inbound, struct view user);
/* Of all connections of the shard, a bounded number a minute. */
void inbound_log_signin_refused(const struct inbound *inbound, const struct password_check *check);
/* Somebody who may not relay begins a transaction. */
void inbound_log_stranger(const struct inbound *inbound, struct view sender);
/* In a rehearsal, `stand_in` gets what was meant for the recipient. */
void inbound_log_redirected(
        const struct inbound *inbound, struct view recipient, struct view stand_in);
/* A sender that is no address, `said` with MAIL, was replaced. */
void inbound_log_sender_replaced(
        const struct inbound *inbound, struct view said, struct view sender);
/* The last command was refused with this reply. */
void inbound_log_reply(const struct inbound *inbound, enum log_level level, const char *reply);
/* A message was refused after its data, or could not be put. */
void inbound_log_refused(const struct inbound *inbound, const struct message *message,
        const struct inbound_content *content, enum inbound_reply_name reply);
/* A report was heard: what it says, the spooler logs. */
void inbound_log_heard(const struct inbound *inbound);
/* The message's claim is that of another: of a copy of it, or not. */
void inbound_log_known(const struct inbound *inbound, const char *event);
/* The message is on stable storage; `told`: the client hears of it. */
void inbound_log_accepted(const struct inbound *inbound, const struct message *message,
        const struct inbound_content *content, bool told);
void inbound_log_closed(const struct inbound *inbound, const char *reason);

#endif
