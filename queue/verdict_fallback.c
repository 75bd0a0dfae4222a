/*
 * What no row of verdict_rules_*.c knows: the enhanced code's registered meaning (RFC 3463 and
 * those that IANA added since), then the basic code at its stage (RFC 5321).
 *
 * Here the class decides the nature: 4 heals by itself, 5 does not; where code and enhanced code
 * are at odds, the code's.
 */
#include "queue/verdict_rules.h"

#define RECIPIENT_ADVICE                                                                           \
	"The server does not take mail for this address. The sender has to check it, or the "      \
	"recipient's administrator has to look why."
#define SENDER_ADVICE                                                                              \
	"The server does not accept the sender's address. Correct the address that the device or " \
	"program sends with, or the DNS of its domain."
#define FULL_ADVICE "The recipient's mailbox is full. The recipient has to make room."
#define SIZE_ADVICE "The message is too large for the server. Send it smaller, or as a link."
#define SYSTEM_ADVICE                                                                              \
	"The server has trouble of its own. Nothing to do: Sluice tries again over another "       \
	"connection."
#define NETWORK_ADVICE                                                                             \
	"The server could not reach the next one on the way. Sluice tries again; if it stays, "    \
	"the recipient's domain or server has to be looked at."
#define LOOP_ADVICE                                                                                \
	"The message went round in a circle. Look at forwarding rules and connectors on both "     \
	"sides, and that this relay does not deliver to itself."
#define EXPIRED_ADVICE                                                                             \
	"The server kept the message as long as it keeps one and could not deliver it. Check the " \
	"address and send again later."
#define PROTOCOL_ADVICE                                                                            \
	"The server did not accept a command at this point of the conversation. Sluice starts a "  \
	"new connection; if it comes back, report the conversation."
#define CONTENT_ADVICE                                                                             \
	"The server can't take the message's content as it is. The program that made it has to "   \
	"be corrected."
#define POLICY_ADVICE                                                                              \
	"A security rule refused the message. Read the reason in the reply; the administrator of " \
	"the organization that refused it has to change the rule, or the message has to change."
#define SIGN_IN_ADVICE                                                                             \
	"The server did not accept the sign-in. Check the identity's user, secret and mechanism."
#define AUTH_POLICY_ADVICE                                                                         \
	"The message did not pass the checks of SPF, DKIM or DMARC. Correct those records of the " \
	"sender's domain, then send again."
#define UNKNOWN_DEFER_ADVICE                                                                       \
	"The server refused for now and gave a reason that Sluice does not know: read the reply. " \
	"Sluice tries again."
#define UNKNOWN_BOUNCE_ADVICE                                                                      \
	"The server refused for good and gave a reason that Sluice does not know: read the reply."

/* Class 4 and class 5 of one meaning. */
#define TRANSIENTLY(s, low, high, cause, scope, outcome, wait, advice)                             \
	RULE(ANY_STAGE, 0, STATUSES(4, s, low, high), NULL, cause, scope, TRANSIENT, outcome,      \
	        wait, advice)
#define PERMANENTLY(s, low, high, cause, scope, outcome, advice)                                   \
	RULE(ANY_STAGE, 0, STATUSES(5, s, low, high), NULL, cause, scope, PERMANENT, outcome,      \
	        NO_WAIT, advice)
#define SPLIT_ADVICE                                                                               \
	"The server takes fewer recipients in one message. Nothing to do: Sluice splits it."
#define RECIPIENT_OK_ADVICE "Recipient accepted. Go on."
#define ACCEPTED_ADVICE     "Accepted. Go on."

static const struct verdict_rule status_rows[] = {
	/* X.1: addresses. 1 mailbox, 2 system, 3 syntax, 4 ambiguous, 6 moved, 10 null MX. */
	TRANSIENTLY(1, 7, 9, INVALID_ADDRESS, MESSAGE, RETRY_OTHER_SESSION, 600, SENDER_ADVICE),
	TRANSIENTLY(
	        1, 0, 999, RECIPIENT_UNKNOWN, RECIPIENT, BACKOFF_RECIPIENT, 600, RECIPIENT_ADVICE),
	PERMANENTLY(1, 2, 3, INVALID_ADDRESS, RECIPIENT, BOUNCE_RECIPIENT, RECIPIENT_ADVICE),
	PERMANENTLY(1, 7, 7, INVALID_ADDRESS, MESSAGE, BOUNCE_MESSAGE, SENDER_ADVICE),
	PERMANENTLY(1, 8, 8, SENDER_BLOCKED, IDENTITY, PAUSE_IDENTITY,
	        "The server blocks this sender. On Exchange Online an administrator lifts that at "
	        "https://security.microsoft.com/restrictedentities once the account is secure."),
	PERMANENTLY(1, 0, 999, RECIPIENT_UNKNOWN, RECIPIENT, BOUNCE_RECIPIENT, RECIPIENT_ADVICE),
	/* X.2: mailboxes. 1 disabled, 2 full, 3 message too long, 4 list expansion. */
	TRANSIENTLY(
	        2, 2, 2, RECIPIENT_MAILBOX_FULL, RECIPIENT, BACKOFF_RECIPIENT, 3600, FULL_ADVICE),
	TRANSIENTLY(2, 0, 999, SERVER_BUSY, RECIPIENT, BACKOFF_RECIPIENT, 300, RECIPIENT_ADVICE),
	PERMANENTLY(2, 2, 2, RECIPIENT_MAILBOX_FULL, RECIPIENT, BOUNCE_RECIPIENT, FULL_ADVICE),
	PERMANENTLY(2, 3, 3, MESSAGE_TOO_LARGE, RECIPIENT, BOUNCE_RECIPIENT, SIZE_ADVICE),
	PERMANENTLY(2, 0, 999, RECIPIENT_UNKNOWN, RECIPIENT, BOUNCE_RECIPIENT, RECIPIENT_ADVICE),
	/* X.3: the system. 1 full, 2 not accepting, 3 not capable, 4 too big, 5 set up wrongly. */
	TRANSIENTLY(3, 4, 4, MESSAGE_TOO_LARGE, MESSAGE, RETRY_OTHER_SESSION, 600, SIZE_ADVICE),
	TRANSIENTLY(3, 0, 999, SERVER_BUSY, CONNECTION, RETRY_OTHER_SESSION, 30, SYSTEM_ADVICE),
	PERMANENTLY(3, 4, 4, MESSAGE_TOO_LARGE, MESSAGE, BOUNCE_MESSAGE, SIZE_ADVICE),
	RULE(AT(RCPT), 0, STATUSES(5, 3, 0, 999), NULL, POLICY_REJECTED, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, UNKNOWN_BOUNCE_ADVICE),
	PERMANENTLY(3, 0, 999, POLICY_REJECTED, MESSAGE, BOUNCE_MESSAGE, UNKNOWN_BOUNCE_ADVICE),
	/* X.4: network and routing. 1 no answer, 2 bad connection, 3 directory, 4 no route,
	 * 5 congestion, 6 loop, 7 expired. */
	TRANSIENTLY(
	        4, 1, 2, CONNECTION_DROPPED, CONNECTION, RETRY_OTHER_SESSION, 30, NETWORK_ADVICE),
	TRANSIENTLY(4, 3, 4, SERVER_BUSY, CONNECTION, RETRY_OTHER_SESSION, 30, NETWORK_ADVICE),
	TRANSIENTLY(4, 6, 6, MAIL_LOOP, MESSAGE, RETRY_OTHER_SESSION, 600, LOOP_ADVICE),
	TRANSIENTLY(4, 7, 7, QUEUE_EXPIRED, MESSAGE, RETRY_OTHER_SESSION, 600, EXPIRED_ADVICE),
	TRANSIENTLY(4, 0, 999, SERVER_BUSY, CONNECTION, RETRY_OTHER_SESSION, 30, NETWORK_ADVICE),
	PERMANENTLY(4, 6, 6, MAIL_LOOP, MESSAGE, BOUNCE_MESSAGE, LOOP_ADVICE),
	PERMANENTLY(4, 0, 999, REMOTE_UNREACHABLE, RECIPIENT, BOUNCE_RECIPIENT, NETWORK_ADVICE),
	/* X.5: the protocol. 3 too many recipients; else command, syntax, arguments, version. */
	TRANSIENTLY(5, 3, 3, TOO_MANY_RECIPIENTS, MESSAGE, SPLIT_RECIPIENTS, 0, SPLIT_ADVICE),
	TRANSIENTLY(5, 0, 999, SERVER_BUSY, CONNECTION, RETRY_OTHER_SESSION, 30, SYSTEM_ADVICE),
	PERMANENTLY(5, 3, 3, TOO_MANY_RECIPIENTS, MESSAGE, SPLIT_RECIPIENTS, SPLIT_ADVICE),
	PERMANENTLY(5, 1, 999, PROTOCOL_ERROR, CONNECTION, RECONNECT, PROTOCOL_ADVICE),
	/* X.6: content. 7 to 10 are SMTPUTF8's. */
	TRANSIENTLY(6, 0, 999, BAD_CONTENT, MESSAGE, RETRY_OTHER_SESSION, 600, CONTENT_ADVICE),
	PERMANENTLY(6, 0, 999, BAD_CONTENT, MESSAGE, BOUNCE_MESSAGE, CONTENT_ADVICE),
	/* X.7: security and policy. 2 list, 3 to 7 cryptography, 8 to 14 signing in, 15 and 16
	 * priority, 17 to 19 RRVS, 20 to 26 and 29 checks of the sender, 27 null MX, 28 flood,
	 * 30 REQUIRETLS. */
	TRANSIENTLY(7, 8, 9, AUTH_TEMPORARY, IDENTITY, RETRY_OTHER_SESSION, 60, SIGN_IN_ADVICE),
	TRANSIENTLY(7, 12, 14, AUTH_TEMPORARY, IDENTITY, RETRY_OTHER_SESSION, 60, SIGN_IN_ADVICE),
	TRANSIENTLY(7, 10, 11, TLS_REQUIRED, ROUTE, FAIL_CONFIG, NO_WAIT, SIGN_IN_ADVICE),
	TRANSIENTLY(7, 20, 27, AUTH_POLICY, MESSAGE, FAIL_CONFIG, 3600, AUTH_POLICY_ADVICE),
	TRANSIENTLY(
	        7, 28, 28, IP_RATE_LIMITED, SOURCE_IP, BACKOFF_ROUTE, 1800, UNKNOWN_DEFER_ADVICE),
	TRANSIENTLY(7, 29, 29, AUTH_POLICY, MESSAGE, FAIL_CONFIG, 3600, AUTH_POLICY_ADVICE),
	RULE(AT(STARTTLS), 0, STATUSES(4, 7, 0, 999), NULL, TLS_SERVER_ERROR, CONNECTION, TRANSIENT,
	        RETRY_OTHER_SESSION, 30, SYSTEM_ADVICE),
	RULE(AT(AUTH), 0, STATUSES(4, 7, 0, 999), NULL, AUTH_TEMPORARY, IDENTITY, TRANSIENT,
	        RETRY_OTHER_SESSION, 60, SIGN_IN_ADVICE),
	RULE(AT(RCPT), 0, STATUSES(4, 7, 0, 999), NULL, SERVER_BUSY, RECIPIENT, TRANSIENT,
	        BACKOFF_RECIPIENT, 300, UNKNOWN_DEFER_ADVICE),
	TRANSIENTLY(
	        7, 0, 999, SERVER_BUSY, CONNECTION, RETRY_OTHER_SESSION, 60, UNKNOWN_DEFER_ADVICE),
	RULE(AT(AUTH), 0, STATUSES(5, 7, 0, 3), NULL, AUTH_FAILED, IDENTITY, PERMANENT,
	        PAUSE_IDENTITY, 300, SIGN_IN_ADVICE),
	RULE(AT(RCPT), 0, STATUSES(5, 7, 0, 2), NULL, POLICY_REJECTED, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, POLICY_ADVICE),
	RULE(AT(CONNECT) | AT(EHLO), 0, STATUSES(5, 7, 0, 2), NULL, IP_BLOCKED, SOURCE_IP,
	        PERMANENT, PAUSE_ROUTE, 3600,
	        "The server refuses this relay before any mail. Find out from the reply why; most "
	        "often its public address is on a block list."),
	PERMANENTLY(7, 2, 2, RECIPIENT_RESTRICTED, RECIPIENT, BOUNCE_RECIPIENT, RECIPIENT_ADVICE),
	PERMANENTLY(7, 4, 4, AUTH_MECHANISM, CONNECTION, FAIL_CONFIG, SIGN_IN_ADVICE),
	PERMANENTLY(7, 5, 7, BAD_CONTENT, MESSAGE, BOUNCE_MESSAGE, CONTENT_ADVICE),
	RULE(AT(AUTH) | AT(MAIL), 0, STATUSES(5, 7, 8, 8), NULL, AUTH_FAILED, IDENTITY, PERMANENT,
	        PAUSE_IDENTITY, 300, SIGN_IN_ADVICE),
	RULE(AT(AUTH), 0, STATUSES(5, 7, 9, 9), NULL, CONDITIONAL_ACCESS, IDENTITY, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, SIGN_IN_ADVICE),
	PERMANENTLY(7, 10, 11, TLS_REQUIRED, ROUTE, FAIL_CONFIG,
	        "The server takes this only over TLS. Set `tls` on the route."),
	PERMANENTLY(7, 14, 14, RELAY_DENIED, ROUTE, FAIL_CONFIG,
	        "The server has no trust in this relay for such mail. Make a connector for it."),
	PERMANENTLY(7, 17, 19, RECIPIENT_UNKNOWN, RECIPIENT, BOUNCE_RECIPIENT, RECIPIENT_ADVICE),
	PERMANENTLY(7, 20, 24, AUTH_POLICY, MESSAGE, BOUNCE_MESSAGE, AUTH_POLICY_ADVICE),
	PERMANENTLY(7, 26, 26, AUTH_POLICY, MESSAGE, BOUNCE_MESSAGE, AUTH_POLICY_ADVICE),
	PERMANENTLY(7, 27, 27, INVALID_ADDRESS, MESSAGE, BOUNCE_MESSAGE, SENDER_ADVICE),
	PERMANENTLY(7, 28, 28, IP_BLOCKED, SOURCE_IP, PAUSE_ROUTE,
	        "The server takes this relay's mail for a flood. Find its source, then ask the "
	        "server's administrator."),
	PERMANENTLY(7, 29, 29, AUTH_POLICY, MESSAGE, BOUNCE_MESSAGE, AUTH_POLICY_ADVICE),
	PERMANENTLY(7, 30, 30, TLS_REQUIRED, MESSAGE, BOUNCE_MESSAGE,
	        "The message asks for TLS all the way (REQUIRETLS), and the next server lacks it."),
	RULE(AT(RCPT), 0, STATUSES(5, 7, 100, 999), NULL, POLICY_REJECTED, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, POLICY_ADVICE),
	PERMANENTLY(7, 0, 999, POLICY_REJECTED, MESSAGE, BOUNCE_MESSAGE, POLICY_ADVICE),
	/* X.0, and subjects that nobody registered, say nothing: the basic code must do. */
};

/* The class of the basic code, by stage; the last row of each class fits every stage. */
static const struct verdict_rule code_rows[] = {
	/* Success. Whose it is: what the command was about. */
	RULE(ANY_STAGE, 235, ANY_STATUS, NULL, OK, IDENTITY, NONE, PROCEED, NO_WAIT,
	        "Signed in. Go on."),
	RULE(AT(MAIL) | AT(DATA) | AT(EOD), 2, ANY_STATUS, NULL, OK, MESSAGE, NONE, PROCEED,
	        NO_WAIT, ACCEPTED_ADVICE),
	RULE(AT(RCPT), 2, ANY_STATUS, NULL, OK, RECIPIENT, NONE, PROCEED, NO_WAIT,
	        RECIPIENT_OK_ADVICE),
	RULE(ANY_STAGE, 2, STATUS(2, 1, 0), NULL, OK, MESSAGE, NONE, PROCEED, NO_WAIT,
	        ACCEPTED_ADVICE),
	RULE(ANY_STAGE, 2, STATUS(2, 1, 5), NULL, OK, RECIPIENT, NONE, PROCEED, NO_WAIT,
	        RECIPIENT_OK_ADVICE),
	RULE(ANY_STAGE, 2, STATUS(2, 6, 0), NULL, OK, MESSAGE, NONE, PROCEED, NO_WAIT,
	        ACCEPTED_ADVICE),
	/* It repeats the Message-ID, or says so. */
	RULE(ANY_STAGE, 250, STATUS(2, 0, 0), "<ok *@|queued|message accepted", OK, MESSAGE, NONE,
	        PROCEED, NO_WAIT, ACCEPTED_ADVICE),
	RULE(ANY_STAGE, 2, ANY_STATUS, NULL, OK, CONNECTION, NONE, PROCEED, NO_WAIT,
	        "Fine. Go on."),
	RULE(ANY_STAGE, 354, ANY_STATUS, NULL, OK, MESSAGE, NONE, PROCEED, NO_WAIT,
	        "The server waits for the message. Go on."),
	RULE(ANY_STAGE, 3, ANY_STATUS, NULL, OK, CONNECTION, NONE, PROCEED, NO_WAIT,
	        "The server waits for the next part. Go on."),

	/* For now. */
	RULE(AT(STARTTLS), 4, ANY_STATUS, NULL, TLS_SERVER_ERROR, CONNECTION, TRANSIENT,
	        RETRY_OTHER_SESSION, 30,
	        "The server can't do TLS at the moment. Nothing to do: Sluice tries another."),
	RULE(ANY_STAGE, 421, ANY_STATUS, NULL, SERVER_BUSY, CONNECTION, TRANSIENT,
	        RETRY_OTHER_SESSION, 30, SYSTEM_ADVICE),
	RULE(AT(AUTH), 4, ANY_STATUS, NULL, AUTH_TEMPORARY, IDENTITY, TRANSIENT,
	        RETRY_OTHER_SESSION, 30,
	        "The server could not check the sign-in just now. Nothing to do: Sluice tries "
	        "again."),
	RULE(AT(RCPT), 45, ANY_STATUS, NULL, SERVER_BUSY, RECIPIENT, TRANSIENT, BACKOFF_RECIPIENT,
	        300, UNKNOWN_DEFER_ADVICE),
	RULE(AT(QUIT), 4, ANY_STATUS, NULL, SERVER_BUSY, CONNECTION, TRANSIENT, RECONNECT, 1,
	        SYSTEM_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, NULL, SERVER_BUSY, CONNECTION, TRANSIENT,
	        RETRY_OTHER_SESSION, 60, UNKNOWN_DEFER_ADVICE),

	/* For good. */
	RULE(AT(AUTH), 504, ANY_STATUS, NULL, AUTH_MECHANISM, CONNECTION, PERMANENT, FAIL_CONFIG,
	        NO_WAIT, SIGN_IN_ADVICE),
	RULE(AT(EHLO), 5, ANY_STATUS, NULL, INVALID_HELO, SOURCE_IP, PERMANENT, FAIL_CONFIG,
	        NO_WAIT,
	        "The server refuses the name that this relay greets with, or this relay. Set a "
	        "full host name that resolves."),
	RULE(AT(MAIL), 501, ANY_STATUS, NULL, INVALID_ADDRESS, MESSAGE, PERMANENT, BOUNCE_MESSAGE,
	        NO_WAIT, SENDER_ADVICE),
	RULE(AT(RCPT), 501, ANY_STATUS, NULL, INVALID_ADDRESS, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, RECIPIENT_ADVICE),
	RULE(ANY_STAGE, 50, ANY_STATUS, NULL, PROTOCOL_ERROR, CONNECTION, PERMANENT, RECONNECT,
	        NO_WAIT, PROTOCOL_ADVICE),
	RULE(ANY_STAGE, 555, ANY_STATUS, NULL, PROTOCOL_ERROR, CONNECTION, PERMANENT, RECONNECT,
	        NO_WAIT, PROTOCOL_ADVICE),
	RULE(AT(CONNECT), 5, ANY_STATUS, NULL, IP_BLOCKED, SOURCE_IP, PERMANENT, PAUSE_ROUTE, 3600,
	        "The server refuses this relay before any mail. Find out from the reply why; most "
	        "often its public address is on a block list, or the host takes no mail at all."),
	RULE(AT(STARTTLS), 5, ANY_STATUS, NULL, TLS_SERVER_ERROR, CONNECTION, TRANSIENT,
	        RETRY_OTHER_SESSION, 30,
	        "The server does not start TLS. Sluice tries another; if none does, check host and "
	        "port of the route."),
	RULE(ANY_STAGE, 530, ANY_STATUS, NULL, NOT_AUTHENTICATED, IDENTITY, PERMANENT, REAUTH, 5,
	        "The server wants a sign-in before mail. Check the route's identities and host."),
	RULE(ANY_STAGE, 53, ANY_STATUS, NULL, AUTH_FAILED, IDENTITY, PERMANENT, PAUSE_IDENTITY, 300,
	        SIGN_IN_ADVICE),
	RULE(AT(AUTH), 5, ANY_STATUS, NULL, AUTH_FAILED, IDENTITY, PERMANENT, PAUSE_IDENTITY, 300,
	        SIGN_IN_ADVICE),
	RULE(ANY_STAGE, 521, ANY_STATUS, NULL, RELAY_DENIED, ROUTE, PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "This host takes no mail at all (RFC 7504). Correct the route's host."),
	RULE(ANY_STAGE, 556, ANY_STATUS, NULL, RECIPIENT_UNKNOWN, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT,
	        "The recipient's domain takes no mail at all (RFC 7505)."),
	RULE(AT(RCPT), 552, ANY_STATUS, NULL, RECIPIENT_MAILBOX_FULL, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, FULL_ADVICE),
	RULE(ANY_STAGE, 552, ANY_STATUS, NULL, MESSAGE_TOO_LARGE, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, SIZE_ADVICE),
	RULE(AT(MAIL), 553, ANY_STATUS, NULL, INVALID_ADDRESS, MESSAGE, PERMANENT, BOUNCE_MESSAGE,
	        NO_WAIT, SENDER_ADVICE),
	RULE(ANY_STAGE, 553, ANY_STATUS, NULL, INVALID_ADDRESS, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, RECIPIENT_ADVICE),
	RULE(AT(RCPT), 554, ANY_STATUS, NULL, POLICY_REJECTED, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, RECIPIENT_ADVICE),
	RULE(AT(RCPT), 5, ANY_STATUS, NULL, RECIPIENT_UNKNOWN, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, RECIPIENT_ADVICE),
	RULE(AT(QUIT), 5, ANY_STATUS, NULL, PROTOCOL_ERROR, CONNECTION, PERMANENT, RECONNECT,
	        NO_WAIT, PROTOCOL_ADVICE),
	RULE(ANY_STAGE, 551, ANY_STATUS, NULL, RECIPIENT_UNKNOWN, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, RECIPIENT_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, NULL, POLICY_REJECTED, MESSAGE, PERMANENT, BOUNCE_MESSAGE,
	        NO_WAIT, UNKNOWN_BOUNCE_ADVICE),

	/* Not a reply. */
	RULE(ANY_STAGE, 0, ANY_STATUS, NULL, PROTOCOL_ERROR, CONNECTION, TRANSIENT, RECONNECT, 30,
	        "This is no SMTP reply. Whatever answers on that host and port is no mail server; "
	        "check the route's host and port, and what stands between."),
};

const struct verdict_rules verdict_rules_by_status = RULES(status_rows);
const struct verdict_rules verdict_rules_by_code = RULES(code_rows);
