/*
 * A tenant is what the mock knows of an organization in Exchange Online: its mailboxes and their
 * limits, its domains and connectors, what it forbids, when the service is busy or out of order.
 * Several mocks may play interfaces of one tenant.
 *
 * All times in its settings are the service's; `speed` shortens them all. What changes with time
 * (limits, reports that are due) is brought up to date by mock_tenant_advance().
 *
 * Thread:  one loop's: that of its mocks.
 * Owns:    what was added to it; copies all strings.
 * Fails:   out of memory stops the process: it measures, and has nothing to lose.
 */
#ifndef SLUICE_MOCK_TENANT_H
#define SLUICE_MOCK_TENANT_H

#include "bench/mock_bounce.h"
#include "bench/mock_interface.h"
#include "bench/mock_mailbox.h"
#include "bench/mock_sources.h"
#include "queue/verdict.h"

#define MOCK_NETWORKS_MAX     8    /* of a connector */
#define MOCK_BOUNCES_KEPT     1000 /* in the account; their number is counted beyond */
#define MOCK_CERTIFICATE_MAX  256
#define MOCK_LICENCES_DEFAULT 1

/* Where a message in flight begins, in what `connections` counts. */
enum mock_counts { MOCK_COUNTS_DATA, MOCK_COUNTS_MAIL };
/* What becomes of a message beyond messages_per_minute: reports differ. */
enum mock_rate { MOCK_RATE_REFUSES, MOCK_RATE_DELAYS };
/* How a refusal that may come late reaches its sender. */
enum mock_refusal { MOCK_REFUSAL_LATE, MOCK_REFUSAL_SESSION };
/* Sign-in with a password. */
enum mock_basic { MOCK_BASIC_ON, MOCK_BASIC_DISABLED, MOCK_BASIC_RETIRED };
/* Where a bar shows. */
enum mock_bar { MOCK_BAR_EOD, MOCK_BAR_AUTH };

struct mock_tenant_settings {
	double speed; /* 60: a minute takes a second */
	enum mock_counts counts;
	enum mock_rate rate;
	enum mock_refusal external_refusal;
	enum mock_refusal banned_refusal;
	enum mock_basic basic_auth;
	bool blocked; /* 5.7.705 for everything */
	bool reject_direct_send;
	uint64_t licences;
	uint64_t external_per_day; /* 0: as licences have it; or MOCK_NONE */
	uint64_t onmicrosoft_per_day;
	uint64_t recipients_message; /* most of one message */
	uint64_t recipients_domain;  /* most of one domain in one message, on the MX path */
	double tarpit_s;             /* how late refusals come */
	double idle_s;               /* until a silent connection is closed; 0: never */
	double session_s;            /* until any connection is closed; 0: never */
	double report_s;             /* from a 250 to the report of a late refusal */
	double fault_proxy;          /* probability at AUTH and MAIL, where clients sign in */
	double fault_attribution;    /* at RCPT, on the MX path */
	double fault_replication;    /* at the end of data */
	enum mock_bar bar;           /* what repeated errors lead to: */
	uint64_t strikes;            /* so many of one kind; 0: never */
	double strikes_s;            /* within that time */
	double bar_s;                /* bar the mailbox for so long */
	double source_minute;        /* messages a minute of an address; 0: any number */
	double source_burst;         /* and at once */
	const char *ndr_folder;      /* NULL: reports are not written, but counted */
	uint64_t seed;
};

/* As the service is, as far as known; what is not known harms nobody. */
#define MOCK_TENANT_SETTINGS_DEFAULT                                                               \
	{                                                                                          \
		.speed = 1, .licences = MOCK_LICENCES_DEFAULT, .onmicrosoft_per_day = 100,         \
		.recipients_message = 1000, .recipients_domain = 200, .tarpit_s = 5,               \
		.idle_s = 300, .session_s = 1200, .report_s = 5, .strikes = 10, .strikes_s = 600,  \
		.bar_s = 86400, .source_burst = 10                                                 \
	}

/* The service is busy for a while: a message (or connection, or sign-in) is refused with this
 * probability; with `in_flight`, in proportion to the tenant's load up to there. */
struct mock_spell {
	double from_s;
	double to_s;
	double probability;
	uint64_t in_flight; /* 0: whatever the load */
	enum stage stage;   /* connect, auth, mail, rcpt or eod */
};

/* A limit changes. */
struct mock_change {
	double at_s;
	struct mock_mailbox *mailbox; /* NULL: all */
	enum mock_limit limit;
	bool is_factor; /* of what the limit was at first */
	double factor;
	uint64_t value;
};

struct mock_network {
	uint8_t address[16];
	unsigned bits;
};

struct mock_connector {
	char certificate[MOCK_CERTIFICATE_MAX]; /* a name in it; "": it goes by addresses */
	struct mock_network networks[MOCK_NETWORKS_MAX];
	size_t network_count;
};

struct mock_strings {
	char **at;
	size_t count;
};

struct mock_tenant {
	struct mock_tenant_settings settings;
	char *ndr_folder;
	struct mono began; /* what the settings' times count from; MONO_NEVER: not yet */
	struct random random;
	struct mock_periods periods;

	struct mock_mailbox **mailboxes;
	size_t mailbox_count;
	size_t *index; /* by name: open addressing; 0 is empty, else place + 1 */
	size_t index_size;
	struct mock_strings domains; /* accepted */
	struct mock_strings banned;
	struct mock_strings unknown; /* recipients that don't exist */
	struct mock_connector *connectors;
	size_t connector_count;
	struct mock_spell *spells;
	size_t spell_count;
	struct mock_change *changes; /* by time */
	size_t change_count;
	size_t change_next;
	struct mock_sources sources;
	struct mock_meter external;
	struct mock_meter onmicrosoft; /* of those, what senders there sent to */

	/* account, of all interfaces */
	uint32_t in_flight;
	uint32_t in_flight_max;
	uint64_t tried;
	uint64_t accepted;
	uint64_t recipients_accepted;
	uint64_t refused[MOCK_SAYING_COUNT];
	struct mock_bounce *bounces; /* MOCK_BOUNCES_KEPT */
	size_t bounce_count;
	size_t bounce_next; /* the first whose report is not written */
	uint64_t late;
	uint64_t reports_failed;
};

void mock_tenant_create(struct mock_tenant **result, const struct mock_tenant_settings *settings);
/* NULL is fine. Its mocks are gone by then. */
void mock_tenant_destroy(struct mock_tenant *tenant);

/* For those who build one; once it has started only mock_tenant_set_*() are of use. */

/* The mailbox, whose fields may be set; NULL: the name is taken. */
struct mock_mailbox *mock_tenant_add_mailbox(
        struct mock_tenant *tenant, struct view name, struct view password, struct view token);
void mock_tenant_add_domain(struct mock_tenant *tenant, struct view domain);
/* An address whose mail is refused with 5.1.8. */
void mock_tenant_ban(struct mock_tenant *tenant, struct view sender);
/* A recipient that is refused as not there. */
void mock_tenant_add_unknown(struct mock_tenant *tenant, struct view recipient);
void mock_tenant_add_connector(struct mock_tenant *tenant, const struct mock_connector *connector);
void mock_tenant_add_spell(struct mock_tenant *tenant, const struct mock_spell *spell);
void mock_tenant_add_change(struct mock_tenant *tenant, const struct mock_change *change);

/* Its times count from here; again: nothing happens. */
void mock_tenant_start(struct mock_tenant *tenant, struct mono now);
/* Changes limits that are to change by now, and writes reports that are due. */
void mock_tenant_advance(struct mock_tenant *tenant, struct mono now);
/* When mock_tenant_advance() will have something to do; MONO_NEVER: nothing that is known. */
struct mono mock_tenant_wanted(const struct mock_tenant *tenant);

/* NULL: no such mailbox. */
struct mock_mailbox *mock_tenant_mailbox(const struct mock_tenant *tenant, struct view name);
/* Of one mailbox, or of all (NULL); MOCK_LIMIT_EXTERNAL and
 * ONMICROSOFT are the tenant's own. At any time. */
void mock_tenant_set_limit(struct mock_tenant *tenant, struct mock_mailbox *mailbox,
        enum mock_limit limit, uint64_t value);
/* The same, to `factor` of what it was at first. */
void mock_tenant_scale_limit(struct mock_tenant *tenant, struct mock_mailbox *mailbox,
        enum mock_limit limit, double factor);

/* For those who play an interface of it. */

int64_t mock_tenant_ns(const struct mock_tenant *tenant, double seconds);
/* Of an address or a domain: accepted, so internal? */
bool mock_tenant_accepts(const struct mock_tenant *tenant, struct view domain);
/* The limit that mail from this sender to so many external recipients would pass now;
 * MOCK_LIMIT_COUNT: none. What it tries, and takes, counts. */
enum mock_limit mock_tenant_external_full(
        struct mock_tenant *tenant, struct view sender, struct mono now, uint64_t count);
void mock_tenant_external_try(
        struct mock_tenant *tenant, struct view sender, struct mono now, uint64_t count);
void mock_tenant_external_take(
        struct mock_tenant *tenant, struct view sender, struct mono now, uint64_t count);
bool mock_tenant_bans(const struct mock_tenant *tenant, struct view sender);
bool mock_tenant_lacks(const struct mock_tenant *tenant, struct view recipient);
/* Is the name, of a client's certificate, one that a connector goes by? */
bool mock_tenant_knows_certificate(const struct mock_tenant *tenant, struct view name);
bool mock_tenant_knows_address(const struct mock_tenant *tenant, const struct endpoint *address);
/* Is the service too busy, at this stage and by lot? */
bool mock_tenant_is_busy(struct mock_tenant *tenant, enum stage stage, struct mono now);
/* True with that probability. */
bool mock_tenant_roll(struct mock_tenant *tenant, double probability);
/* A message was accepted, and is refused now. Takes the bounce, whose report follows. */
void mock_tenant_bounce(struct mock_tenant *tenant, struct mock_bounce *bounce, struct mono now);
/* How often a limit was passed by what was tried, of all limits: an oracle wants 0. */
uint64_t mock_tenant_over(const struct mock_tenant *tenant);
/* 500 x licences^0.7 + 9,500, rounded (reference.md 3.2). */
uint64_t mock_tenant_external_limit(uint64_t licences);

#endif
