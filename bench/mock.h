/*
 * The mock Exchange Online: a server that speaks as the real interfaces do (reference.md, 1),
 * refuses what its script says, keeps limits by identity, and keeps account. With a tenant it
 * also refuses what the service would refuse that tenant, in the service's words.
 *
 * It stores nothing: a message is counted by its Message-ID and forgotten.
 *
 * Thread:  one loop's. The program (mock_main.c) and the simulator turn it alike:
 *          loop_begin, completions, timers, mock_work(), loop_end.
 * Owns:    its sessions, listening socket and account; not the loop, the TLS context or the
 *          tenant, which mocks on one loop may share.
 */
#ifndef SLUICE_MOCK_H
#define SLUICE_MOCK_H

#include "bench/mock_account.h"
#include "bench/mock_script.h"
#include "bench/mock_tenant.h"
#include "bench/mock_token.h"
#include "engine/io/stream.h"
#include "engine/wire/signin.h"
#include "queue/base/pool.h"

/* EHLO's lines behind SIZE, in the order in which Exchange Online gives them. */
#define MOCK_EXTENSIONS(X)                                                                         \
	X(PIPELINING, "PIPELINING")                                                                \
	X(DSN, "DSN")                                                                              \
	X(ENHANCED, "ENHANCEDSTATUSCODES")                                                         \
	X(STARTTLS, "STARTTLS")                                                                    \
	X(AUTH, "AUTH")                                                                            \
	X(8BITMIME, "8BITMIME")                                                                    \
	X(BINARYMIME, "BINARYMIME")                                                                \
	X(CHUNKING, "CHUNKING")                                                                    \
	X(SMTPUTF8, "SMTPUTF8")

enum mock_extension {
#define X(name, word) MOCK_##name,
	MOCK_EXTENSIONS(X)
#undef X
	        MOCK_EXTENSION_COUNT
};

#define MOCK_SESSIONS_MAX 4096      /* unless the settings say otherwise */
#define MOCK_SIZE_DEFAULT 157286400 /* as client submission advertises */
#define MOCK_HOST         "SY5P282CA0097.outlook.office365.com"
#define MOCK_BACKEND      "SYBP282MB2635.AUSP282.PROD.OUTLOOK.COM"

struct mock_session;

/* Is told what the mock takes: an oracle that knows what it must be. */
struct mock_observer {
	/* 250 to RCPT; the transaction's first where session->recipients is 0. */
	void (*recipient)(struct mock_observer *observer, const struct mock_session *session,
	        struct view arguments);
	/* The transaction's message was taken, whether or not its reply gets through. */
	void (*message)(
	        struct mock_observer *observer, const struct mock_session *session, struct view id);
};

struct mock_settings {
	enum mock_interface interface;
	struct mock_tenant *tenant; /* NULL: none; then hve is as submission, connector as direct */
	bool lacks[MOCK_EXTENSION_COUNT];
	unsigned mechanisms;          /* set of SIGNIN_BIT(); offered after TLS */
	struct tls_context *tls;      /* NULL: STARTTLS is not offered */
	uint64_t size_max;            /* 0: the interface's */
	size_t sessions_max;          /* 0: MOCK_SESSIONS_MAX */
	int64_t delay_ns;             /* every reply comes so much later */
	int64_t work_ns;              /* the reply to a message, so much more */
	double work_spread;           /* that is spread evenly, by so much of it to both sides */
	uint32_t connections_max;     /* messages in flight on an identity; 0: any */
	uint64_t messages_minute_max; /* of an identity; 0: any */
	const char *const *users;     /* "name:password or token"; none: anyone may sign in */
	size_t user_count;
	struct mock_token *tokens; /* tells which are good, for XOAUTH2; NULL: users do */
	uint64_t seed;
	struct mock_observer *observer; /* NULL: nobody */
};

struct mock {
	struct loop *loop;
	struct mock_settings settings;
	struct mock_script script;
	struct mock_account account;
	struct random random;
	struct pool sessions;
	struct pool visits; /* of sessions, where there is a tenant */
	struct list news;
	struct list live; /* sessions */
	struct io_op accept_op;
	struct timer accept_timer; /* starts accepting again after descriptors ran out */
	struct timer tenant_timer; /* its limits change, or a report is due */
	int fd;                    /* listening; -1: none */
	bool stopping;
};

MUST_CHECK struct err mock_init(
        struct mock *mock, struct loop *loop, const struct mock_settings *settings);
/* Port 0 takes any; `at` says which then. `shared`: several mocks listen on one port. */
MUST_CHECK struct err mock_listen(struct mock *mock, struct endpoint *at, bool shared);
/* What came in is answered; once a turn. */
void mock_work(struct mock *mock);
/* Stops accepting and ends all connections; mock_is_idle() follows. */
void mock_stop(struct mock *mock);
bool mock_is_idle(const struct mock *mock);
void mock_finish(struct mock *mock);

#endif
