/*
 * A stand is what a run measures on: a folder of its own on a real disk, certificates of its own
 * authority, the mock Exchange Online and Sluice as processes of their own on private ports.
 *
 * Thread:  the run's.
 * Owns:    the folder and both processes; stand_close() ends and removes them.
 * Fails:   with a sentence in `why`; the programs' own last words go to stderr.
 */
#ifndef SLUICE_STAND_H
#define SLUICE_STAND_H

#include "bench/child.h"
#include "bench/load.h"

#define STAND_PATH_MAX 512
#define STAND_READY_NS (30 * NS_PER_S) /* for a program to accept connections */
#define STAND_USER     "load@contoso.com"
#define STAND_ADDRESS  "127.0.0.1"
#define STAND_SPEED    60   /* of a tenant's time */
#define STAND_WORK_MS  "17" /* that its service takes for a message: a second of its time */

struct stand_settings {
	const char *programs; /* the folder that has sluice and sluice-mock */
	const char *sluice;   /* another that has sluice; NULL: the same */
	const char *place;    /* where the stand's folder is made */
	bool open;            /* the mock demands neither TLS nor sign-in, as an MX host */
	unsigned sessions;    /* out */
	unsigned pipeline;
	unsigned ingest_threads; /* 0: Sluice's default */
	unsigned delivery_threads;
	unsigned identities;           /* more than one: accounts without limits, so many */
	unsigned messages_per_session; /* out; 0: any number */
	bool lacks_tickets;            /* the mock's TLS sessions can't be resumed */
	bool remembers;                /* sent_memory is on */
	unsigned connections;          /* in, at most */
	unsigned delay_ms;             /* of the mock's replies */
	/* Of a tenant whose minute takes a second, each with the service's limits, and told to
	 * Sluice as such; 0: one account without limits. */
	unsigned mailboxes;
};

struct stand {
	struct stand_settings settings;
	char folder[STAND_PATH_MAX];
	char config[STAND_PATH_MAX + 32];
	char mock_output[STAND_PATH_MAX + 32];
	char sluice_output[STAND_PATH_MAX + 32];
	char authority[STAND_PATH_MAX + 32];
	uint16_t mock_port;
	uint16_t sluice_port;
	struct child mock;
	struct child sluice;
};

/* The mock's account, as far as runs need it. */
struct stand_account {
	uint64_t messages;
	uint64_t distinct;
	uint64_t duplicates;
	uint64_t refused;
	uint64_t connections;
	uint64_t tls_resumed; /* of them */
	uint64_t tried;       /* with a tenant: every MAIL, */
	uint64_t throttled;   /* those refused for the sake of a mailbox's limits, */
	uint64_t over;        /* and those beyond a limit */
	struct mono first;    /* delivery */
	struct mono last;
	struct histogram latency; /* from the client's sending to the mock's having it */
	char **duplicate_ids;
	size_t duplicate_id_count;
};

/* Makes the folder and what lies in it; starts nothing. */
MUST_CHECK struct err stand_open(
        struct stand *stand, const struct stand_settings *settings, struct text *why);
/* Ends what runs, removes the folder. */
void stand_close(struct stand *stand);
/* Starts the mock, and waits until it listens. */
MUST_CHECK struct err stand_start_mock(struct stand *stand, struct text *why);
/* Starts Sluice. */
MUST_CHECK struct err stand_start_sluice(struct stand *stand, struct text *why);
/* Waits until Sluice accepts connections. */
MUST_CHECK struct err stand_await_sluice(struct stand *stand, struct text *why);
/* Where load goes: to Sluice, or straight to the mock. */
struct endpoint stand_sluice(const struct stand *stand);
struct endpoint stand_mock(const struct stand *stand);
/* Asks the mock for its account as it is now. False: it didn't come. */
MUST_CHECK bool stand_ask_account(const struct stand *stand, struct stand_account *account);
void stand_account_finish(struct stand_account *account);
/* Messages not yet settled, as `sluice queue count` tells. False: it can't be asked. */
MUST_CHECK bool stand_queue_count(const struct stand *stand, uint64_t *count);
/* What the folder lies on: "ext4", "tmpfs", ... */
void stand_file_system(const struct stand *stand, struct text *text);

#endif
