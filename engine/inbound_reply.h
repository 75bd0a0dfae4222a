/*
 * What an inbound says: every reply once, and how replies are said.
 *
 * Thread:  the shard's.
 * Never:   says anything that a client wrote, but its own address.
 */
#ifndef SLUICE_INBOUND_REPLY_H
#define SLUICE_INBOUND_REPLY_H

#include "engine/wire/command.h"

#include <stdint.h>

struct inbound;

/* name, code, enhanced code, text. 5xx count as errors of the client. */
#define INBOUND_REPLIES(X)                                                                         \
	X(OK, "250", "2.0.0 ", "OK")                                                               \
	X(SENDER, "250", "2.1.0 ", "Sender OK")                                                    \
	X(RECIPIENT, "250", "2.1.5 ", "Recipient OK")                                              \
	X(HEARD, "250", "2.0.0 ", "Report heard")                                                  \
	X(START, "354", "", "End data with <CR><LF>.<CR><LF>")                                     \
	X(MAYBE, "252", "2.1.5 ", "Cannot verify, but will take mail for it and try to deliver")   \
	X(HELP, "214", "2.0.0 ",                                                                   \
	        "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS AUTH QUIT")                 \
	X(BYE, "221", "2.0.0 ", "Goodbye")                                                         \
	X(TLS_READY, "220", "2.0.0 ", "Ready to start TLS")                                        \
	X(SIGNED_IN, "235", "2.7.0 ", "Authentication successful")                                 \
	/* sequence */                                                                             \
	X(HELLO_FIRST, "503", "5.5.1 ", "Say EHLO or HELO first")                                  \
	X(MAIL_FIRST, "503", "5.5.1 ", "Say MAIL first")                                           \
	X(RCPT_FIRST, "503", "5.5.1 ", "No valid recipients")                                      \
	X(NESTED, "503", "5.5.1 ", "A transaction is in progress: finish it, or say RSET")         \
	X(MIXED, "503", "5.5.1 ", "DATA and BDAT can't be mixed")                                  \
	X(LATE_RCPT, "503", "5.5.1 ", "The message has begun: too late for recipients")            \
	/* lines */                                                                                \
	X(LINE_LONG, "500", "5.5.2 ", "Line too long")                                             \
	X(CHUNK_SYNTAX, "501", "5.5.4 ", "Syntax: BDAT size [LAST]")                               \
	X(LINE_BARE, "500", "5.5.2 ", "Commands end with <CR><LF>, not with a bare line feed")     \
	X(NO_EXPN, "502", "5.5.1 ", "EXPN is not offered")                                         \
	/* TLS and sign-in */                                                                      \
	X(NO_TLS, "502", "5.5.1 ", "STARTTLS is not offered")                                      \
	X(TLS_TWICE, "503", "5.5.1 ", "TLS is active already")                                     \
	X(NO_AUTH, "502", "5.5.1 ", "AUTH is not offered")                                         \
	X(AUTH_NEEDS_TLS, "538", "5.7.11 ", "Encryption is required: say STARTTLS first")          \
	X(AUTH_TWICE, "503", "5.5.1 ", "You are signed in already")                                \
	X(AUTH_CANCELLED, "501", "5.7.0 ", "Authentication cancelled")                             \
	X(AUTH_BAD, "501", "5.5.2 ", "Bad authentication exchange")                                \
	X(AUTH_LONG, "500", "5.5.6 ", "Authentication exchange line is too long")                  \
	X(AUTH_WRONG, "535", "5.7.8 ", "Authentication credentials invalid")                       \
	X(AUTH_BUSY, "454", "4.7.0 ", "Too many sign-ins at once, try again later")                \
	X(AUTH_BARRED, "454", "4.7.0 ", "Too many failed sign-ins of late, try again later")       \
	/* limits and policy */                                                                    \
	X(RELAY, "550", "5.7.1 ",                                                                  \
	        "Relaying denied: your address may not relay, and you are not "                    \
	        "signed in")                                                                       \
	X(NOT_ALLOWED, "550", "5.7.1 ",                                                            \
	        "Sender refused: this relay does not let you send in that name")                   \
	X(NO_ROUTE, "550", "5.4.4 ",                                                               \
	        "No route takes mail to this recipient: it is not in a domain of ours")            \
	X(NO_ROUTES, "550", "5.4.4 ", "No route takes this message to any of its recipients")      \
	X(RECIPIENTS, "452", "4.5.3 ", "Too many recipients")                                      \
	X(SIZE, "552", "5.3.4 ", "Message is larger than the limit")                               \
	X(BARE, "550", "5.6.0 ", "Message holds a bare <CR> or <LF>: lines end with <CR><LF>")     \
	X(KEY, "550", "5.6.0 ",                                                                    \
	        "X-Sluice-Key is to be there once, with 1 to 128 printable characters")            \
	X(EXPIRE, "550", "5.6.0 ",                                                                 \
	        "X-Sluice-Expire is to be there once: 1s to 30d, as 90s, 10m, 2h or 1d")           \
	X(CLASH, "550", "5.6.0 ", "X-Sluice-Key or Message-ID was used for another message")       \
	X(LOOP, "554", "5.4.6 ", "Too many hops: this message goes round in a loop")               \
	X(FULL, "452", "4.3.1 ", "Insufficient storage, try again later")                          \
	X(MEMORY, "452", "4.3.1 ", "Insufficient memory, try again later")                         \
	X(FAILED, "451", "4.3.0 ", "The queue has failed, try again later")                        \
	/* goodbyes of ours */                                                                     \
	X(BUSY, "421", "4.3.2 ", "Too many connections, try again later")                          \
	X(CLIENT_BUSY, "421", "4.3.2 ", "Too many connections from your address, try again later") \
	X(STOPPING, "421", "4.3.2 ", "Service shutting down")                                      \
	X(IDLE, "421", "4.4.2 ", "Timed out waiting for you")                                      \
	X(SLOW, "421", "4.4.2 ", "The transaction took too long")                                  \
	X(FOREIGN, "421", "4.7.0 ", "This is SMTP, and you speak another protocol")                \
	X(ERRORS, "421", "4.7.0 ", "Too many errors")                                              \
	X(GUESSES, "421", "4.7.0 ", "Too many failed sign-ins")

enum inbound_reply_name {
	INBOUND_REPLY_NONE,
#define X(name, code, enhanced, text) INBOUND_REPLY_##name,
	INBOUND_REPLIES(X)
#undef X
	        INBOUND_REPLY_COUNT
};

/* "550 5.7.1 Relaying denied": without its line end; constant memory. */
const char *inbound_reply_text(enum inbound_reply_name reply);
/* Says it, whatever it is. */
void inbound_reply_say(struct inbound *inbound, enum inbound_reply_name reply);
/* Says it, logs a 4xx or 5xx with the command it answers, and counts a 5xx as an error. Once there
 * have been too many of them the connection is closed: so this is to be the last thing done. */
void inbound_reply(struct inbound *inbound, enum inbound_reply_name reply);
/* The same where the log knows already. */
void inbound_reply_unlogged(struct inbound *inbound, enum inbound_reply_name reply);
/* What is wrong with a command; closes as above. */
void inbound_reply_fault(struct inbound *inbound, enum command_fault fault);

void inbound_reply_greeting(struct inbound *inbound);
/* To EHLO, with what is offered now. */
void inbound_reply_ehlo(struct inbound *inbound);
void inbound_reply_helo(struct inbound *inbound);
void inbound_reply_challenge(struct inbound *inbound, struct view challenge);
/* To a BDAT that is not the last. */
void inbound_reply_chunk(struct inbound *inbound, uint64_t bytes);
void inbound_reply_queued(struct inbound *inbound, uint64_t id);

#endif
