/*
 * The steps of an outbound session, one row each: its name, the stage that its reply is judged
 * by, and how long the server may take (RFC 5321 4.5.3.2).
 *
 * Up to READY the steps follow each other, one reply at a time. From then on the rows from RSET to
 * END are those of a message, and two cursors walk them: what was sent, and what was answered.
 *
 * Thread:  any; constants.
 */
#ifndef SLUICE_OUTBOUND_STEP_H
#define SLUICE_OUTBOUND_STEP_H

#include "engine/config.h"
#include "queue/verdict.h"

/* name, word, stage, key of config_timeouts, what is true in it */
#define OUTBOUND_STEPS(X)                                                                          \
	X(UNUSED, "unused", ANY, connect, "no connection; the memory is free")                     \
	X(CONNECT, "connect", CONNECT, connect, "TCP's handshake is under way")                    \
	X(TLS, "tls", STARTTLS, connect, "TLS' handshake is under way")                            \
	X(GREETING, "greeting", CONNECT, greeting, "220 is to come")                               \
	X(EHLO, "ehlo", EHLO, command, "EHLO was sent")                                            \
	X(HELO, "helo", EHLO, command, "EHLO was refused, HELO sent")                              \
	X(STARTTLS, "starttls", STARTTLS, command, "STARTTLS was sent")                            \
	X(SECRET, "secret", AUTH, command, "the keeper was asked for the secret")                  \
	X(AUTH, "auth", AUTH, command, "a step of the sign-in was sent")                           \
	X(READY, "ready", ANY, end, "takes messages")                                              \
	X(RSET, "rset", ANY, command, "clears what a message before may have left")                \
	X(MAIL, "mail", MAIL, command, "a message's sender")                                       \
	X(RCPT, "rcpt", RCPT, command, "its recipients, one after the other")                      \
	X(DATA, "data", DATA, data, "asks for 354; BDAT has no such step")                         \
	X(BODY, "body", EOD, block, "the message itself is on its way")                            \
	X(END, "end", EOD, end, "its end was sent: the reply decides")                             \
	X(QUIT, "quit", QUIT, connect, "QUIT was sent")                                            \
	X(CLOSING, "closing", ANY, connect, "the connection is being taken down")

enum outbound_step {
#define X(name, word, stage, timeout, text) STEP_##name,
	OUTBOUND_STEPS(X)
#undef X
	        STEP_COUNT
};

const char *outbound_step_word(enum outbound_step step);
enum stage outbound_step_stage(enum outbound_step step);
/* A timeout that cuts the last reply short is the one that makes duplicates: the server may have
 * taken the message. So END has RFC 5321's ten minutes, whatever the other steps have. */
int64_t outbound_step_wait_ns(enum outbound_step step, const struct config_timeouts *timeouts);

#endif
