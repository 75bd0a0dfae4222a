/*
 * A saying is what the service says in a situation: texts seen in the wild (replies.tsv), one of
 * which is drawn by lot, with the names, times and numbers of the moment put in.
 *
 * Thread:  any; pure but for the generator it is given.
 */
#ifndef SLUICE_MOCK_SAYING_H
#define SLUICE_MOCK_SAYING_H

#include "bench/mock_host.h"

#define MOCK_SAYING_BYTES_MAX 2000 /* the service's longest line (class SmtpResponse) */

/* name; its word in the account */
#define MOCK_SAYINGS(X)                                                                            \
	X(NOTHING, "nothing") /* no refusal */                                                     \
	X(BUSY_CONNECT, "busy_connect")                                                            \
	X(BUSY_AUTH, "busy_auth")                                                                  \
	X(BUSY_MAIL, "busy_mail")                                                                  \
	X(BUSY_RCPT, "busy_rcpt")                                                                  \
	X(BUSY_EOD, "busy_eod")                                                                    \
	X(FAULT_PROXY, "fault_proxy")                                                              \
	X(FAULT_ATTRIBUTION, "fault_attribution")                                                  \
	X(FAULT_REPLICATION, "fault_replication")                                                  \
	X(AUTH_FAILED, "auth_failed")                                                              \
	X(PASSWORD_WRONG, "password_wrong")                                                        \
	X(TOKEN_EXPIRED, "token_expired")                                                          \
	X(AUTH_DISABLED, "auth_disabled")                                                          \
	X(BASIC_DISABLED, "basic_disabled")                                                        \
	X(BASIC_RETIRED, "basic_retired")                                                          \
	X(TENANT_BLOCKED, "tenant_blocked")                                                        \
	X(DIRECT_REJECTED, "direct_send_rejected")                                                 \
	X(NOT_ACCEPTED, "not_accepted_domain")                                                     \
	X(RELAY_DENIED, "relay_denied")                                                            \
	X(ADDRESS_BUSY, "address_busy")                                                            \
	X(RECIPIENT_UNKNOWN, "recipient_unknown")                                                  \
	X(RECIPIENTS_MANY, "too_many_recipients")                                                  \
	X(CONCURRENT, "concurrent")                                                                \
	X(RATE, "rate")                                                                            \
	X(DAILY, "recipients_per_day")                                                             \
	X(SEND_AS, "send_as_denied")                                                               \
	X(BARRED_FULL, "barred_251")                                                               \
	X(BARRED_SEND_AS, "barred_252")                                                            \
	X(BARRED_LICENCE, "barred_253")                                                            \
	X(BARRED_MANY, "barred_254")                                                               \
	X(BARRED_INVALID, "barred_255")                                                            \
	X(MAILBOX_FULL, "mailbox_full")                                                            \
	X(LOGON_FAILED, "logon_failed")                                                            \
	X(SUSPENDED, "suspended")                                                                  \
	X(SENDER_BANNED, "sender_banned")                                                          \
	X(EXTERNAL_QUOTA, "external_recipients_per_day")                                           \
	X(ONMICROSOFT_QUOTA, "onmicrosoft_recipients_per_day")                                     \
	X(IDLE, "idle")                                                                            \
	X(SESSION_OVER, "session_over")

enum mock_saying {
#define X(name, word) MOCK_SAYS_##name,
	MOCK_SAYINGS(X)
#undef X
	        MOCK_SAYING_COUNT
};

/* What a text may have put in. Views may be empty where no text of the situation needs them. */
struct mock_words {
	const struct mock_host *front; /* {host}, {stamp} */
	const struct mock_host *back;  /* {backend}, {hostname} */
	struct wall now;
	struct view address;   /* {address}: the client's */
	struct view mailbox;   /* {mailbox} */
	struct view sender;    /* {sender} */
	struct view recipient; /* {recipient} */
	int64_t session_ns;    /* {duration} */
};

const char *mock_saying_word(enum mock_saying saying);
/* How many texts there are to choose from. */
size_t mock_saying_count(enum mock_saying saying);
/* One of them, without its line end. */
void mock_saying_put(struct text *text, enum mock_saying saying, const struct mock_words *words,
        struct random *random);

#endif
