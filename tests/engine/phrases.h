/*
 * What scripted servers say and expect, in phrases that tests put together (tests/engine/server.h
 * has the language).
 *
 * Thread:  none; macros only.
 */
#ifndef SLUICE_TESTS_PHRASES_H
#define SLUICE_TESTS_PHRASES_H

#define GREET    "> 220 mail.example ESMTP\n< EHLO relay.example\n"
#define SIZES    "PIPELINING\\n250-SIZE 100000\\n250-8BITMIME\\n250-DSN\\n"
#define ALL      SIZES "250-SMTPUTF8\\n250 CHUNKING\n"
#define OFFER    "> 250-mail.example hello\\n250-"
#define ONLY     "> 250-mail.example hello\\n250 "
#define HELLO    GREET OFFER ALL
#define MESSAGE  "< MAIL FROM:<a@contoso.com>\n< RCPT TO:<b@contoso.com>\n< BDAT\n"
#define ENVELOPE "> 250 2.1.0 ok\n> 250 2.1.5 ok\n"
#define TAKEN    ENVELOPE "> 250 2.0.0 taken\n"
#define RESET    "> 250 2.0.0 reset\n"
#define BYE      "< QUIT\n> 221 2.0.0 bye\nend\n"
#define PLAIN    "tls: {mode: none}"

/* The same up to EHLO over TLS. */
#define SECURE GREET ONLY "STARTTLS\n< STARTTLS\n> 220 2.0.0 go\ntls\n< EHLO relay.example\n"

#endif
