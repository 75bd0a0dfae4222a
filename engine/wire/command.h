/*
 * SMTP commands as a server reads them: a line becomes a verb and arguments, and the arguments
 * of MAIL, RCPT, BDAT, AUTH, EHLO and HELO become structs. What is wrong comes as a fault, and
 * each fault has its reply in one table.
 *
 * Strict, but for what real devices send: any case, spaces around the colon and at the end, an
 * address without its angle brackets, a source route (dropped, as RFC 5321 says).
 *
 * Thread:  any; pure. Every view lends from the line.
 * Never:   gives a view with a control character in it: what parses is safe in a log, a header
 *          and a command.
 */
#ifndef SLUICE_COMMAND_H
#define SLUICE_COMMAND_H

#include "queue/address.h"
#include "queue/message.h"
#include "engine/wire/signin.h"

/* Longest command line without its CRLF: RFC 5321's 512, and the room that SIZE, SMTPUTF8, AUTH
 * and DSN ask for. */
#define COMMAND_LINE_MAX  2048
#define COMMAND_HELLO_MAX 255

/* name, may have arguments */
#define COMMAND_VERBS(X)                                                                           \
	X(EHLO, true)                                                                              \
	X(HELO, true)                                                                              \
	X(MAIL, true)                                                                              \
	X(RCPT, true)                                                                              \
	X(DATA, false)                                                                             \
	X(BDAT, true)                                                                              \
	X(RSET, false)                                                                             \
	X(NOOP, true)                                                                              \
	X(QUIT, false)                                                                             \
	X(VRFY, true)                                                                              \
	X(EXPN, true)                                                                              \
	X(HELP, true)                                                                              \
	X(STARTTLS, false)                                                                         \
	X(AUTH, true)

enum command_verb {
	COMMAND_UNKNOWN,
#define X(name, arguments) COMMAND_##name,
	COMMAND_VERBS(X)
#undef X
	        COMMAND_VERB_COUNT
};

/* fault, code, enhanced code, text */
#define COMMAND_FAULTS(X)                                                                          \
	X(NONE, 250, "2.0.0", "OK")                                                                \
	X(NOT_KNOWN, 500, "5.5.2", "Command not recognized")                                       \
	X(CONTROL, 500, "5.5.2", "Control characters are not allowed in commands")                 \
	X(UNWANTED, 501, "5.5.4", "This command takes no arguments")                               \
	X(HELLO, 501, "5.5.4", "Say your name: EHLO or HELO, and a host name")                     \
	X(MAIL_SYNTAX, 501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]")                   \
	X(RCPT_SYNTAX, 501, "5.5.4", "Syntax: RCPT TO:<address> [parameters]")                     \
	X(SENDER, 501, "5.1.7", "Bad sender address syntax")                                       \
	X(SENDER_DOMAIN, 501, "5.1.7", "The sender address needs a domain")                        \
	X(SENDER_LONG, 501, "5.1.7", "The sender address is too long")                             \
	X(RECIPIENT, 553, "5.1.3", "Bad recipient address syntax")                                 \
	X(RECIPIENT_DOMAIN, 553, "5.1.3", "The recipient address needs a domain")                  \
	X(RECIPIENT_LONG, 553, "5.1.3", "The recipient address is too long")                       \
	X(UTF8, 553, "5.6.7", "A non-ASCII address needs SMTPUTF8")                                \
	X(PARAMETER, 501, "5.5.4", "Bad parameter syntax")                                         \
	X(PARAMETER_UNKNOWN, 555, "5.5.4", "Parameter not recognized")                             \
	X(PARAMETER_REPEATED, 501, "5.5.4", "A parameter was given twice")                         \
	X(SIZE, 501, "5.5.4", "Bad SIZE: a number of bytes is wanted")                             \
	X(BODY, 501, "5.5.4", "Bad BODY: 7BIT or 8BITMIME is wanted")                              \
	X(BINARYMIME, 501, "5.5.4", "BODY=BINARYMIME is not offered here")                         \
	X(RET, 501, "5.5.4", "Bad RET: FULL or HDRS is wanted")                                    \
	X(ENVID, 501, "5.5.4", "Bad ENVID: up to 100 characters of xtext are wanted")              \
	X(AUTH_PARAMETER, 501, "5.5.4", "Bad AUTH parameter: <> or an address in xtext is wanted") \
	X(NOTIFY, 501, "5.5.4", "Bad NOTIFY: NEVER, or a list of SUCCESS, FAILURE, DELAY")         \
	X(ORCPT, 501, "5.5.4", "Bad ORCPT: type;xtext is wanted")                                  \
	X(BDAT_SYNTAX, 501, "5.5.4", "Syntax: BDAT size [LAST]")                                   \
	X(AUTH_SYNTAX, 501, "5.5.4", "Syntax: AUTH mechanism [initial response]")                  \
	X(MECHANISM, 504, "5.5.4", "Mechanism not recognized")

enum command_fault {
#define X(name, code, enhanced, text) COMMAND_FAULT_##name,
	COMMAND_FAULTS(X)
#undef X
	        COMMAND_FAULT_COUNT
};

struct command_answer {
	int code;
	const char *enhanced;
	const char *text;
};

struct command {
	enum command_verb verb;
	struct view arguments; /* trimmed */
};

enum command_body {
	COMMAND_BODY_ABSENT,
	COMMAND_BODY_7BIT,
	COMMAND_BODY_8BITMIME,
};

struct command_mail {
	struct address sender; /* all empty where is_null */
	bool is_null;          /* <> */
	bool has_size;
	bool smtputf8;
	bool has_auth;
	uint64_t size; /* UINT64_MAX for any number beyond it */
	enum command_body body;
	unsigned ret;      /* 0: absent, MESSAGE_RET_FULL or MESSAGE_RET_HEADERS */
	struct view envid; /* xtext as written; empty: absent */
	struct view auth;  /* xtext as written, or "<>" */
};

struct command_rcpt {
	struct address recipient; /* ADDRESS_LOCAL_ONLY: Postmaster, with no domain */
	unsigned notify;          /* NOTIFY_* of queue/message.h; 0: absent */
	struct view orcpt;        /* type;xtext as written; empty: absent */
};

struct command_bdat {
	uint64_t bytes;
	bool last;
};

struct command_auth {
	enum signin_mechanism mechanism;
	bool has_initial;
	struct view initial; /* base64, or "=" for an empty one */
};

const struct command_answer *command_answer(enum command_fault fault);
/* The verb as written in capitals; "unknown" for COMMAND_UNKNOWN. */
const char *command_verb_name(enum command_verb verb);

/* `line` without its end. command->verb is set even where the fault is UNWANTED or CONTROL. */
enum command_fault command_parse(struct view line, struct command *command);
/* Whether who says this line speaks another protocol: a browser that was told to POST SMTP commands
 * to us, or a client that sends a message though its DATA was refused. What follows are no
 * commands, whatever it looks like. */
bool command_is_foreign(struct view line);
/* Whether TLS begins here, instead of a line; it has no lines. */
bool command_is_tls(struct view input);
enum command_fault command_mail_parse(struct view arguments, struct command_mail *mail);
/* smtputf8: as the transaction's MAIL said. */
enum command_fault command_rcpt_parse(
        struct view arguments, bool smtputf8, struct command_rcpt *rcpt);
enum command_fault command_bdat_parse(struct view arguments, struct command_bdat *bdat);
/* Whether at least the size can be read, which it then sets. */
bool command_bdat_has_size(struct view arguments, struct command_bdat *bdat);
enum command_fault command_auth_parse(struct view arguments, struct command_auth *auth);
/* The name a client gives itself: any printable text without spaces, for devices send odd ones. */
enum command_fault command_hello_parse(struct view arguments, struct view *name);

#endif
