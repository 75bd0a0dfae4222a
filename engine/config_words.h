/*
 * The words that a setting may take, and what an interface's name brings with it (its preset).
 *
 * Thread:  none; tables only. Part of the schema: see config_schema.h.
 */
#ifndef SLUICE_CONFIG_WORDS_H
#define SLUICE_CONFIG_WORDS_H

/* clang-format off */
/* X(INTERFACE, KEY of CONFIG_ROUTE, DEFAULT): Microsoft's published figures. Mailbox limits come
 * with submission alone; signing in on another interface brings none. An MX takes 200 recipients
 * of one domain and no two tenants' at once; how many messages it takes on a session is not
 * published, and 50 to 100 are what senders live well with. */
#define CONFIG_PRESETS(X) \
	X(SUBMISSION, host, "smtp.office365.com") \
	X(SUBMISSION, port, "587") \
	X(SUBMISSION, connections, "3") \
	X(SUBMISSION, messages_per_minute, "30") \
	X(SUBMISSION, recipients_per_day, "10000") \
	X(SUBMISSION, recipients_per_message, "1000") \
	X(SUBMISSION, message, "150MiB") \
	X(DIRECT, recipients_per_message, "200") \
	X(DIRECT, group_by_domain, "true") \
	X(DIRECT, messages_per_session, "100") \
	X(DIRECT, message, "150MiB") \
	X(CONNECTOR, recipients_per_message, "200") \
	X(CONNECTOR, group_by_domain, "true") \
	X(CONNECTOR, messages_per_session, "100") \
	X(CONNECTOR, message, "150MiB") \
	X(HVE, host, "smtp.hve.mx.microsoft") \
	X(HVE, port, "587") \
	X(HVE, recipients_per_message, "50") \
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

#define CONFIG_DANES(X) \
	X(AUTO, "auto", "where there are any, TLS is required and they authenticate the server") \
	X(OFF, "off", "nothing: they are not looked up") \
	X(REQUIRED, "required", "without any, nothing is sent")

#define CONFIG_AUTHS(X) \
	X(PASSWORD, "password", "LOGIN or PLAIN, what the server offers") \
	X(LOGIN, "login", "AUTH LOGIN with the password") \
	X(PLAIN, "plain", "AUTH PLAIN with the password") \
	X(XOAUTH2, "xoauth2", "AUTH XOAUTH2 with the token")

#define CONFIG_BARE_LFS(X) \
	X(REFUSE, "refuse", "the message is refused") \
	X(REPAIR, "repair", "it becomes CRLF, and never an end of data")

#define CONFIG_OLDEST_TLSS(X) \
	X(1_0, "1.0", "of 1999") \
	X(1_1, "1.1", "of 2006") \
	X(1_2, "1.2", "of 2008: the version that everybody has to have, with older ciphers")

#define CONFIG_CLAIM_BYS(X) \
	X(KEY, "key", "by its header field X-Sluice-Key, which is not sent on") \
	X(MESSAGE_ID, "message_id", "by that field; without it by Message-ID and envelope") \
	X(OFF, "off", "not at all, and the field is sent on")

#define CONFIG_IN_DOUBTS(X) \
	X(RESEND, "resend", "it is sent again, with the same Message-ID: it may come twice") \
	X(HOLD, "hold", "it is held, and an operator decides: it may not come at all")

#define CONFIG_LEARNS(X) \
	X(DOWN, "down", "limits are lowered by refusals, and raised again to what is set") \
	X(UP, "up", "messages a minute are raised beyond, as long as the server takes them")

/* X(NAME, word in the file, login host, resource that tokens of an app are for, that of a person,
 * client submission's host, High Volume Email's; NULL: not offered, or not published) */
#define CONFIG_CLOUDS(X) \
	X(WORLDWIDE, "worldwide", "login.microsoftonline.com", "https://outlook.office365.com", \
	  "https://outlook.office.com", "smtp.office365.com", "smtp.hve.mx.microsoft") \
	X(GCC_HIGH, "gcc_high", "login.microsoftonline.us", "https://outlook.office365.us", \
	  "https://outlook.office365.us", "smtp.office365.us", NULL) \
	X(DOD, "dod", "login.microsoftonline.us", "https://outlook-dod.office365.us", \
	  "https://outlook-dod.office365.us", "outlook-dod.office365.us", NULL) \
	X(CHINA, "china", "login.partner.microsoftonline.cn", "https://partner.outlook.cn", \
	  "https://partner.outlook.cn", "smtp.partner.outlook.cn", NULL)

#define CONFIG_FLOWS(X) \
	X(CLIENT_CREDENTIALS, "client_credentials", "the app signs in by itself") \
	X(REFRESH_TOKEN, "refresh_token", "a person has consented once") \
	X(COMMAND, "command", "a program prints the token") \
	X(FILE, "file", "somebody else keeps a token in the identity's secret_file")

#define CONFIG_POLICIES(X) \
	X(AS_IS, "as_is", "senders pass as they are") \
	X(REWRITE, "rewrite", "sender and From become address") \
	X(MAP, "map", "they become what the map says of the sender, else address if there is one") \
	X(REFUSE, "refuse", "the sender is refused")
/* clang-format on */

/* 0 is "unset" in each; after a load none is unset, but in_doubt of a stream. */
enum claim_by {
	CLAIM_BY_UNSET,
#define X(name, ...) CLAIM_BY_##name,
	CONFIG_CLAIM_BYS(X)
#undef X
};

enum route_in_doubt {
	IN_DOUBT_UNSET,
#define X(name, ...) IN_DOUBT_##name,
	CONFIG_IN_DOUBTS(X)
#undef X
};

#endif
