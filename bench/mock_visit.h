/*
 * A visit is one connection as the tenant sees it: who it is, what it may do, and what it is
 * told. Each step of the protocol asks here; the answer is a saying, MOCK_SAYS_NOTHING where the
 * step is fine. What was refused is counted here.
 *
 * Thread:  the mock's.
 * Owns:    nothing; its mailbox and tenant outlive it.
 * Never:   moves bytes: mock_session does that.
 */
#ifndef SLUICE_MOCK_VISIT_H
#define SLUICE_MOCK_VISIT_H

#include "bench/mock_tenant.h"
#include "engine/wire/command.h"

#define MOCK_VISIT_DOMAINS_MAX 1000 /* of recipients in one message */
/* A reply that would be delayed longer for want of a message in the minute is a refusal: clients
 * wait ten minutes after the data (RFC 5321 4.5.3.2.6). */
#define MOCK_VISIT_DELAY_S_MAX 480.0

struct mock_visit_domain {
	uint64_t hash;
	uint64_t recipients;
};

/* Addresses, one a line; those that there is no room for are left out. */
struct mock_visit_list {
	size_t bytes;
	char data[MOCK_BOUNCE_RECIPIENTS_BYTES];
};

struct mock_visit {
	struct mock_tenant *tenant;
	enum mock_interface interface;
	struct endpoint peer;
	struct mock_host front;
	struct mono began;
	struct mono heard;            /* when something last happened on the connection */
	struct mock_mailbox *mailbox; /* NULL: nobody signed in */
	/* whose mail it is, where nobody signs in */
	bool by_certificate;
	bool by_address;
	bool certificate_accepted; /* it bears a name in an accepted domain */

	/* the transaction */
	bool open;        /* MAIL was accepted */
	bool slot;        /* it takes up one of its mailbox's */
	bool over;        /* it found none */
	bool weighed;     /* its source was asked for room */
	bool source_busy; /* and had none */
	bool struck_many; /* too many recipients were counted as an error */
	bool sender_accepted;
	char sender[ADDRESS_BYTES_MAX + 1]; /* "": the null sender */
	uint64_t recipients;
	uint64_t external;
	int64_t delay_ns; /* until there is room in the minute */
	struct mock_visit_domain domains[MOCK_VISIT_DOMAINS_MAX];
	size_t domain_count;
	struct mock_visit_list inside; /* recipients of the tenant */
	struct mock_visit_list outside;
	char recipient[ADDRESS_BYTES_MAX + 1]; /* the latest */
	struct mock_letter letter;
};

void mock_visit_open(struct mock_visit *visit, struct mock_tenant *tenant,
        enum mock_interface interface, const struct endpoint *peer, struct mono now);
enum mock_saying mock_visit_connect(struct mock_visit *visit, struct mono now);
/* A name in the client's certificate, which is verified. */
void mock_visit_certified(struct mock_visit *visit, struct view name);
enum mock_saying mock_visit_signin(struct mock_visit *visit, enum signin_mechanism mechanism,
        struct view user, struct view secret, struct mono now);
enum mock_saying mock_visit_mail(
        struct mock_visit *visit, const struct command_mail *mail, struct mono now);
enum mock_saying mock_visit_rcpt(
        struct mock_visit *visit, const struct address *recipient, struct mono now);
/* The recipient got its 250. */
void mock_visit_rcpt_take(
        struct mock_visit *visit, const struct address *recipient, struct mono now);
/* The end of the data was read: the message is in flight. */
enum mock_saying mock_visit_end(struct mock_visit *visit, struct mono now);
/* It is answered 250. Gives whether its reply, when it goes out, gives a slot back. */
bool mock_visit_take(struct mock_visit *visit, struct mono now, struct wall wall);
/* Its reply went out, or never will. `slot` as above. */
void mock_visit_answered(struct mock_visit *visit, bool slot);
/* The transaction is over, or was given up; also before the visit ends. */
void mock_visit_reset(struct mock_visit *visit);

/* Something came, or went out. */
void mock_visit_hear(struct mock_visit *visit, struct mono now);
/* MOCK_SAYS_IDLE or MOCK_SAYS_SESSION_OVER where it is time. */
enum mock_saying mock_visit_clock(struct mock_visit *visit, struct mono now);
/* When to ask again. */
struct mono mock_visit_wanted(const struct mock_visit *visit);

/* The machine that answers for a message. */
void mock_visit_put_host(const struct mock_visit *visit, struct text *text);
/* The words of a refusal, without a line end, and how late they come. */
void mock_visit_put(struct mock_visit *visit, struct text *text, enum mock_saying saying,
        struct mono now, struct wall wall);
int64_t mock_visit_delay_ns(const struct mock_visit *visit, enum mock_saying saying);

#endif
