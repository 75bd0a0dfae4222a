/*
 * The words that a setting may take, and what an interface's name brings with it (its preset).
 *
 * Thread:  none; tables only. Part of the schema: see config_schema.h.
 */
#ifndef SLUICE_CONFIG_WORDS_H
#define SLUICE_CONFIG_WORDS_H

/* clang-format off */
/* X(INTERFACE, KEY of CONFIG_ROUTE, DEFAULT): Microsoft's published figures. Mailbox limits come
 * with submission alone; signing in on another interface brings none. */
#define CONFIG_PRESETS(X) \
	X(SUBMISSION, host, "smtp.office365.com") \
	X(SUBMISSION, port, "587") \
	X(SUBMISSION, connections, "3") \
	X(SUBMISSION, messages_per_minute, "30") \
	X(SUBMISSION, recipients_per_day, "10000") \
	X(SUBMISSION, recipients_per_message, "1000") \
	X(HVE, host, "smtp.hve.mx.microsoft") \
	X(HVE, port, "587") \
	X(HVE, message, "10MB")

/* X(NAME, word in the file, what it is, TLS mode by preset) */
#define CONFIG_INTERFACES(X) \
	X(SUBMISSION, "submission", "client submission, signed in as a mailbox", REQUIRED) \
	X(DIRECT, "direct", "direct send to the tenant's MX, its own recipients only", OPTIONAL) \
	X(CONNECTOR, "connector", "relay through an inbound connector", OPTIONAL) \
	X(HVE, "hve", "High Volume Email, internal recipients only", REQUIRED)

#define CONFIG_TLS_MODES(X) \
	X(REQUIRED, "required", "STARTTLS, or nothing is sent") \
	X(OPTIONAL, "optional", "STARTTLS where offered; a failed check still sends nothing") \
	X(IMPLICIT, "implicit", "TLS from the first byte") \
	X(NONE, "none", "no TLS")

#define CONFIG_AUTHS(X) \
	X(PASSWORD, "password", "LOGIN or PLAIN, what the server offers") \
	X(LOGIN, "login", "AUTH LOGIN with the password") \
	X(PLAIN, "plain", "AUTH PLAIN with the password") \
	X(XOAUTH2, "xoauth2", "AUTH XOAUTH2 with the token")

#define CONFIG_BARE_LFS(X) \
	X(REFUSE, "refuse", "the message is refused") \
	X(REPAIR, "repair", "it becomes CRLF, and never an end of data")

#define CONFIG_LEARNS(X) \
	X(DOWN, "down", "limits are lowered by refusals, and raised again to what is set") \
	X(UP, "up", "messages a minute are raised beyond, as long as the server takes them")
/* clang-format on */

#endif
