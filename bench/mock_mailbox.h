/*
 * A mailbox of a tenant: who may sign in as it, whose names it may use, its three limits, what
 * it did, and whether it is barred.
 *
 * Thread:  the mock's.
 * Owns:    its strings and meters.
 */
#ifndef SLUICE_MOCK_MAILBOX_H
#define SLUICE_MOCK_MAILBOX_H

#include "bench/mock_limit.h"
#include "bench/mock_meter.h"
#include "bench/mock_saying.h"

#define MOCK_MAILBOX_NAME_MAX 256

/* What a sender may do wrong again and again, until the mailbox is barred from submitting:
 * 5.2.251 to 5.2.255, in that order. */
enum mock_strike {
	MOCK_STRIKE_FULL,
	MOCK_STRIKE_SEND_AS,
	MOCK_STRIKE_LICENCE,
	MOCK_STRIKE_MANY,
	MOCK_STRIKE_INVALID,
	MOCK_STRIKE_COUNT
};

/* Why all of its messages are refused; the words are those of the tenant's file. */
#define MOCK_MAILBOX_STATES(X)                                                                     \
	X(FINE, "fine")                                                                            \
	X(DISABLED, "disabled")       /* at AUTH: SmtpClientAuthentication is off */               \
	X(FULL, "full")               /* Sent Items fill it */                                     \
	X(LOGON_FAILS, "logon_fails") /* FullAccess is missing, or has not spread yet */           \
	X(SUSPENDED, "suspended")     /* for spam */

enum mock_mailbox_state {
#define X(name, word) MOCK_MAILBOX_##name,
	MOCK_MAILBOX_STATES(X)
#undef X
};

/* How long the periods of its limits are: a minute and a day, unless time is sped up. */
struct mock_periods {
	int64_t minute_ns;
	int64_t day_ns;
	int64_t strikes_ns; /* within which strikes add up to a bar */
};

struct mock_mailbox {
	char name[MOCK_MAILBOX_NAME_MAX];
	char *password; /* NULL: none is right */
	char *token;    /* NULL: the password serves as one */
	struct mono token_until;
	char **send_as; /* addresses, "@domain" for all of one, "*" for any */
	size_t send_as_count;
	enum mock_mailbox_state state;
	struct mock_host host; /* the server on which it lies */

	/* limits */
	uint64_t connections; /* in force */
	uint64_t connections_first;
	uint64_t connections_over; /* messages beyond the limit then in force */
	bool counts_mail;          /* in flight is from MAIL on, not from the end of data */
	uint32_t slots;            /* messages that take up one now */
	struct mock_meter messages;
	struct mock_meter recipients;

	/* strikes */
	struct mock_window strikes[MOCK_STRIKE_COUNT];
	enum mock_saying barred; /* MOCK_SAYS_NOTHING: it is not */
	struct mono barred_until;

	/* account */
	uint64_t signins;
	uint64_t tried;
	uint64_t accepted;
	uint64_t recipients_accepted;
	uint64_t late; /* of the accepted, refused later by mail */
	uint64_t bars;
	uint32_t in_flight; /* from the end of data to its reply */
	uint32_t in_flight_max;
	uint32_t open; /* from MAIL to the last reply */
	uint32_t open_max;
	uint64_t refused[MOCK_SAYING_COUNT];
};

/* Copies the strings. `password` or `token` may be empty views: none. */
void mock_mailbox_init(struct mock_mailbox *mailbox, struct view name, struct view password,
        struct view token, const struct mock_periods *periods);
void mock_mailbox_finish(struct mock_mailbox *mailbox);

/* In place of the one it had; good until then. */
void mock_mailbox_set_token(struct mock_mailbox *mailbox, struct view token, struct mono until);
bool mock_mailbox_token_expired(const struct mock_mailbox *mailbox, struct mono now);
void mock_mailbox_allow(struct mock_mailbox *mailbox, struct view sender);
/* May it send in that name? */
bool mock_mailbox_may_send_as(const struct mock_mailbox *mailbox, struct view sender);
/* What it is at first; then what it is from now on. */
void mock_mailbox_first_limit(struct mock_mailbox *mailbox, enum mock_limit limit, uint64_t value);
void mock_mailbox_set_limit(struct mock_mailbox *mailbox, enum mock_limit limit, uint64_t value);
/* `factor` of what the limit was at first. */
void mock_mailbox_scale_limit(struct mock_mailbox *mailbox, enum mock_limit limit, double factor);
/* One more such strike; at `budget` of them within their period it is barred until `until`. */
void mock_mailbox_strike(struct mock_mailbox *mailbox, enum mock_strike strike, struct mono now,
        uint64_t budget, struct mono until);
/* The same at once, and of itself: 5.2.251 to 255. */
void mock_mailbox_set_bar(struct mock_mailbox *mailbox, enum mock_strike strike, struct mono until);
/* MOCK_SAYS_BARRED_*, or MOCK_SAYS_NOTHING. */
enum mock_saying mock_mailbox_bar(struct mock_mailbox *mailbox, struct mono now);

/* MAIL was accepted; then the end of data came; then the reply went out, or all was given up. */
void mock_mailbox_opened(struct mock_mailbox *mailbox);
void mock_mailbox_entered(struct mock_mailbox *mailbox);
void mock_mailbox_left(struct mock_mailbox *mailbox);
void mock_mailbox_gave_up(struct mock_mailbox *mailbox);
/* A place among the messages in flight; false: all are taken. */
bool mock_mailbox_take_slot(struct mock_mailbox *mailbox);
void mock_mailbox_give_slot(struct mock_mailbox *mailbox);

/* `value`, scaled; MOCK_NONE stays what it is. */
uint64_t mock_mailbox_scaled(uint64_t value, double factor);

#endif
