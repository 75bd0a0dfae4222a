/* The connection, its front end, TLS and the protocol itself: nobody's mail is at fault. */
#include "queue/verdict_rules.h"

#define PROXY_ADVICE                                                                               \
	"A front-end server of Exchange Online could not reach the mailbox server behind it. "     \
	"Nothing to do: Sluice tries again over another connection. If one account gets this for " \
	"hours, open a support case with Microsoft and quote the reply."
#define ATTRIBUTION_ADVICE                                                                         \
	"Exchange Online could not look up whose mail this is. The lookup heals by itself, and "   \
	"Sluice tries again over another connection. If it lasts for hours, look at the service "  \
	"health page of the Microsoft 365 admin centre."
#define BUSY_ADVICE                                                                                \
	"The server that answered takes no mail at the moment. Nothing to do: Sluice tries again " \
	"over another connection."
#define REPLICATION_ADVICE                                                                         \
	"Exchange Online could not keep a second copy of the message and so did not take it. "     \
	"Nothing to do: Sluice sends it again over another connection."
#define REMOTE_ADVICE                                                                              \
	"Exchange Online took mail for this recipient before and could not hand it to the "        \
	"recipient's own server. The recipient's administrator has to look at that server (is it " \
	"up, does port 25 answer, are DNS and certificate right); then send again."
#define PROTOCOL_ADVICE                                                                            \
	"The server did not accept a command at this point of the conversation. Sluice starts a "  \
	"new connection; if it comes back, report it with the log lines around it."
#define TLS_REQUIRED_ADVICE                                                                        \
	"The server takes this mail only over TLS and the session had none that it accepts. Set "  \
	"`tls` on the route (`verify: true`), and check that nothing between here and Exchange "   \
	"Online strips STARTTLS."
#define TLS_SERVER_ADVICE                                                                          \
	"The server that answered can't do TLS at the moment. Nothing to do: Sluice tries "        \
	"another."
#define SESSION_ADVICE                                                                             \
	"The connection lived as long as the server lets one live. Nothing to do: Sluice goes on " \
	"over a new one."
#define GREETING_ADVICE                                                                            \
	"The server refuses the name that this relay greets with. Give this machine a full "       \
	"host name that resolves, best one whose address is this relay's public address."

static const struct verdict_rule rows[] = {
	/* EXO's own outbound side: seen in reports, named before "STARTTLS is required" below. */
	RULE(ANY_STAGE, 4, STATUSES(4, 4, 310, 399), NULL, REMOTE_UNREACHABLE, RECIPIENT, TRANSIENT,
	        BOUNCE_RECIPIENT, NO_WAIT, REMOTE_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(0, 4, 310, 399), NULL, REMOTE_UNREACHABLE, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, REMOTE_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(5, 5, 350, 399), NULL, REMOTE_UNREACHABLE, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, REMOTE_ADVICE),
	RULE(ANY_STAGE, 4, STATUSES(0, 7, 320, 329), NULL, REMOTE_UNREACHABLE, RECIPIENT, TRANSIENT,
	        BOUNCE_RECIPIENT, NO_WAIT, REMOTE_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(0, 7, 320, 329), NULL, REMOTE_UNREACHABLE, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, REMOTE_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "remote server returned*relay", RELAY_DENIED, RECIPIENT,
	        PERMANENT, BOUNCE_RECIPIENT, NO_WAIT,
	        "Exchange Online took the message and brought it to the recipient's server, which "
	        "does not take mail for that domain. The recipient's administrator must correct "
	        "the domain's MX record, or the forwarding that sent it there."),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "mta-sts|failed dane|tlsa-invalid|suspiciousremoteserver|closed abruptly|"
	        "socket error code",
	        REMOTE_UNREACHABLE, RECIPIENT, TRANSIENT, BOUNCE_RECIPIENT, NO_WAIT, REMOTE_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "mta-sts|failed dane|tlsa-invalid|suspiciousremoteserver|closed abruptly|"
	        "socket error code",
	        REMOTE_UNREACHABLE, RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT, REMOTE_ADVICE),

	/* The proxy layer: PRXn, CPRXn, and the words without a suffix. */
	RULE(ANY_STAGE, 0, ANY_STATUS, "<prx7>", PROXY_TEMPORARILY_UNAVAILABLE, ROUTE, TRANSIENT,
	        RETRY_OTHER_SESSION, 30, PROXY_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "<cprx#", PROXY_TEMPORARILY_UNAVAILABLE, IDENTITY, TRANSIENT,
	        RETRY_OTHER_SESSION, 15, PROXY_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "<prx#", PROXY_TEMPORARILY_UNAVAILABLE, CONNECTION,
	        TRANSIENT, RETRY_OTHER_SESSION, 10, PROXY_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "<mrh#", SERVER_BUSY, CONNECTION, TRANSIENT,
	        RETRY_OTHER_SESSION, 15, BUSY_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "no proxy destinations|message not proxied|proxy session setup failed|"
	        "proxy layer is discarding|do not match for proxy|destinations need to be sent|"
	        "require xproxy|xproxyto is required",
	        PROXY_TEMPORARILY_UNAVAILABLE, CONNECTION, TRANSIENT, RETRY_OTHER_SESSION, 10,
	        PROXY_ADVICE),

	/* Attribution: whose mail is it. What is not a lookup stands in verdict_rules_route.c. */
	RULE(ANY_STAGE, 0, ANY_STATUS, "unable to fetch attribution", ATTRIBUTION_TEMPORARY, ROUTE,
	        TRANSIENT, RETRY_OTHER_SESSION, 60, ATTRIBUTION_ADVICE),
	RULE(ANY_STAGE, 4, STATUSES(4, 7, 0, 9), "unable to relay*<attr#", ATTRIBUTION_TEMPORARY,
	        ROUTE, TRANSIENT, RETRY_OTHER_SESSION, 60, ATTRIBUTION_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "temporary*<attr#|try again*<attr#", ATTRIBUTION_TEMPORARY,
	        ROUTE, TRANSIENT, RETRY_OTHER_SESSION, 30, ATTRIBUTION_ADVICE),
	RULE(ANY_STAGE, 4, STATUSES(4, 4, 0, 4), "temporary server error", ATTRIBUTION_TEMPORARY,
	        ROUTE, TRANSIENT, RETRY_OTHER_SESSION, 30, ATTRIBUTION_ADVICE),

	/* Replication of what was just received. */
	RULE(ANY_STAGE, 0, ANY_STATUS, "made redundant|failed to be replicated|accept replica",
	        SERVER_BUSY, CONNECTION, TRANSIENT, RETRY_OTHER_SESSION, 30, REPLICATION_ADVICE),
	RULE(ANY_STAGE, 4, STATUSES(4, 4, 20, 39), NULL, SERVER_BUSY, CONNECTION, TRANSIENT,
	        RETRY_OTHER_SESSION, 30, REPLICATION_ADVICE),

	/* Limits on connections. */
	RULE(ANY_STAGE, 0, ANY_STATUS, "maximum number of concurrent server connections",
	        CONCURRENT_CONNECTIONS, ROUTE, TRANSIENT, BACKOFF_ROUTE, 30,
	        "The server has as many connections as it takes, ours and others'. Sluice opens "
	        "fewer for a while; if it comes often, lower `sessions` of the route."),
	RULE(ANY_STAGE, 0, STATUS(4, 7, 652), NULL, CONCURRENT_CONNECTIONS, SOURCE_IP, TRANSIENT,
	        BACKOFF_ROUTE, 60,
	        "Outlook.com allows this relay's address fewer connections than it has open. "
	        "Sluice opens fewer for a while; lower `sessions` of the route."),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "maximum number of concurrent connections|"
	        "too many concurrent*connections|too many*connections from|too many open "
	        "connections|"
	        "too many connections|maximum number of connections",
	        CONCURRENT_CONNECTIONS, SOURCE_IP, TRANSIENT, BACKOFF_ROUTE, 60,
	        "This relay's address has more connections open than the server allows. Sluice "
	        "opens fewer for a while; lower `sessions` of the route, and see whether another "
	        "program sends from the same address."),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "maximum number of messages per connection|"
	        "too many messages*connection|too many messages*session|messages per connection",
	        MESSAGES_PER_CONNECTION, CONNECTION, TRANSIENT, RECONNECT, 1,
	        "The server takes only so many messages on one connection. Nothing to do: Sluice "
	        "goes on over a new one."),

	/* The end of a session. */
	RULE(ANY_STAGE, 4, ANY_STATUS, "message size limit for this connection", SESSION_VOLUME,
	        CONNECTION, TRANSIENT, RECONNECT, 1,
	        "The server takes only so many bytes on one connection. Nothing to do: Sluice goes "
	        "on over a new one."),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "timeout waiting for|command timeout|timeout exceeded|idle timeout|idle for|"
	        "timed out waiting|inactivity",
	        IDLE_TIMEOUT, CONNECTION, TRANSIENT, RECONNECT, 0,
	        "The connection was idle for longer than the server keeps one. Nothing to do: "
	        "Sluice connects again when there is mail."),
	RULE(ANY_STAGE, 4, ANY_STATUS, "session duration|session timed out", SESSION_TIMEOUT,
	        CONNECTION, TRANSIENT, RECONNECT, 0, SESSION_ADVICE),
	RULE(ANY_STAGE, 42, ANY_STATUS, "connection timed out", SESSION_TIMEOUT, CONNECTION,
	        TRANSIENT, RECONNECT, 0, SESSION_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "connection dropped|socketerror|socket error|"
	        "connection reset|connection failover|lost connection|unable to connect",
	        CONNECTION_DROPPED, CONNECTION, TRANSIENT, RETRY_OTHER_SESSION, 5,
	        "The connection broke between two servers. Nothing to do unless it comes often: "
	        "then look for a firewall or proxy that inspects SMTP."),
	RULE(ANY_STAGE, 4, ANY_STATUS, "too many errors|too many*commands",
	        TOO_MANY_PROTOCOL_ERRORS, CONNECTION, TRANSIENT, RECONNECT, 30,
	        "The server closed the connection after too many refusals on it. See which "
	        "refusals came before (unknown recipients, commands) and stop their source; Sluice "
	        "goes on over a new connection."),

	/* The server is not ready. */
	RULE(ANY_STAGE, 42, ANY_STATUS, "service not active", SERVER_BUSY, CONNECTION, TRANSIENT,
	        RETRY_OTHER_SESSION, 5, BUSY_ADVICE),
	RULE(ANY_STAGE, 42, ANY_STATUS, "service not available", SERVER_BUSY, CONNECTION, TRANSIENT,
	        RETRY_OTHER_SESSION, 15, BUSY_ADVICE),
	RULE(ANY_STAGE, 42, ANY_STATUS, "not accepting*messages|network configuration error",
	        SERVER_BUSY, CONNECTION, TRANSIENT, RETRY_OTHER_SESSION, 30, BUSY_ADVICE),
	RULE(ANY_STAGE, 4, STATUSES(4, 3, 100, 199), NULL, SERVER_BUSY, CONNECTION, TRANSIENT,
	        RETRY_OTHER_SESSION, 15, BUSY_ADVICE),
	RULE(ANY_STAGE, 4, STATUS(4, 7, 700), NULL, SERVER_BUSY, CONNECTION, TRANSIENT,
	        RETRY_OTHER_SESSION, 30, BUSY_ADVICE),
	RULE(ANY_STAGE, 4, STATUS(4, 7, 0), "temporary server error", PROXY_TEMPORARILY_UNAVAILABLE,
	        CONNECTION, TRANSIENT, RETRY_OTHER_SESSION, 10, PROXY_ADVICE),

	/* TLS. */
	RULE(ANY_STAGE, 4, ANY_STATUS, "tls rate|rate*tls|maximum tls", TLS_RATE, ROUTE, TRANSIENT,
	        BACKOFF_ROUTE, 30,
	        "The server makes only so many TLS handshakes a second. Sluice opens connections "
	        "more slowly; keep sessions open longer rather than opening many."),
	RULE(ANY_STAGE, 0, ANY_STATUS, "initialize security subsystem", TLS_SERVER_ERROR,
	        CONNECTION, TRANSIENT, RETRY_OTHER_SESSION, 30, TLS_SERVER_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "tls not available|tls*temporar|tls*local problem",
	        TLS_SERVER_ERROR, CONNECTION, TRANSIENT, RETRY_OTHER_SESSION, 30,
	        TLS_SERVER_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(0, 7, 66), NULL, TLS_VERSION, ROUTE, PERMANENT, FAIL_CONFIG,
	        NO_WAIT,
	        "Exchange Online wants TLS 1.2 or later and got less. Allow TLS 1.2 on this "
	        "machine (OpenSSL's configuration may forbid it) and check for a proxy that ends "
	        "TLS on the way; see https://aka.ms/smtp_auth_tls."),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "tls 1.0|tls 1.1|support tls 1|tls version|cipher*too weak|outdated tls",
	        TLS_VERSION, ROUTE, PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "The server wants a newer TLS version or stronger cipher than was negotiated. "
	        "Allow TLS 1.2 and later on this machine and check for a proxy that ends TLS on "
	        "the way."),
	RULE(ANY_STAGE, 0, ANY_STATUS, "appropriate tls|certificate validation failure",
	        TLS_REQUIRED, ROUTE, PERMANENT, FAIL_CONFIG, 300,
	        "The inbound connector wants a client certificate or TLS that this session did not "
	        "give. Compare the connector (Get-InboundConnector | fl RequireTls, "
	        "TlsSenderCertificateName) with the route's certificate, and send the whole "
	        "chain."),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "starttls command first|starttls is required|require starttls|starttls first|"
	        "starttls required|tls is required|tls required|must use tls|must issue*starttls|"
	        "encryption required|encryption needed|requires tls|require tls|"
	        "session must be encrypted|secure connection is required",
	        TLS_REQUIRED, ROUTE, PERMANENT, FAIL_CONFIG, NO_WAIT, TLS_REQUIRED_ADVICE),

	/* What we call ourselves. */
	RULE(ANY_STAGE, 0, STATUS(5, 7, 506), NULL, BAD_HELO, SOURCE_IP, PERMANENT, FAIL_CONFIG,
	        NO_WAIT,
	        "This relay greets with the name of the server it talks to, as spam programs do. "
	        "Give this machine its own full host name, one that resolves to its public "
	        "address."),
	RULE(ANY_STAGE, 5, ANY_STATUS, "bad helo", BAD_HELO, SOURCE_IP, PERMANENT, FAIL_CONFIG,
	        NO_WAIT, GREETING_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "helo requires*address|ehlo requires*address", INVALID_HELO,
	        CONNECTION, PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "The greeting had no host name. Give this machine a full host name."),
	RULE(ANY_STAGE, 5, ANY_STATUS, "invalid domain name", INVALID_HELO, SOURCE_IP, PERMANENT,
	        FAIL_CONFIG, NO_WAIT,
	        "The name that this relay greets with is not a valid host name (an underscore, "
	        "perhaps). Give this machine a full host name of letters, digits, hyphens and "
	        "dots."),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "helo command rejected|invalid helo|invalid ehlo|helo argument|"
	        "ehlo argument|helo name|fully-qualified hostname|helo/ehlo",
	        INVALID_HELO, SOURCE_IP, PERMANENT, FAIL_CONFIG, NO_WAIT, GREETING_ADVICE),
	RULE(AT(EHLO), 501, STATUSES(5, 5, 0, 9), NULL, INVALID_HELO, SOURCE_IP, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, GREETING_ADVICE),

	/* The conversation got out of step. */
	RULE(ANY_STAGE, 50, ANY_STATUS,
	        "bad sequence|need mail|need rcpt|send hello|send ehlo|sender already specified|"
	        "already specified|nested mail|unrecognized command|command not implemented|"
	        "command unrecognized|command not recognized|unknown command|command too long|"
	        "only one starttls|out of sequence|unimplemented|"
	        "unexpected command|already*tls|no valid recipients",
	        PROTOCOL_ERROR, CONNECTION, PERMANENT, RECONNECT, NO_WAIT, PROTOCOL_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "protocol violation|synchronization error|invalid arguments|unrecognized command",
	        PROTOCOL_ERROR, CONNECTION, TRANSIENT, RECONNECT, 30, PROTOCOL_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "protocol violation|synchronization error|command not allowed|"
	        "bad sequence of commands",
	        PROTOCOL_ERROR, CONNECTION, PERMANENT, RECONNECT, NO_WAIT, PROTOCOL_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 5, 1), NULL, PROTOCOL_ERROR, CONNECTION, PERMANENT, RECONNECT,
	        NO_WAIT, PROTOCOL_ADVICE),
	RULE(ANY_STAGE, 500, STATUSES(5, 5, 2, 2), NULL, PROTOCOL_ERROR, CONNECTION, PERMANENT,
	        RECONNECT, NO_WAIT, PROTOCOL_ADVICE),
	RULE(ANY_STAGE, 503, STATUSES(5, 5, 0, 2), NULL, PROTOCOL_ERROR, CONNECTION, PERMANENT,
	        RECONNECT, NO_WAIT, PROTOCOL_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 3, 3), NULL, PROTOCOL_ERROR, CONNECTION, PERMANENT, RECONNECT,
	        NO_WAIT, PROTOCOL_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 5, 4),
	        "invalid arguments|unrecognized parameter|unsupported body|"
	        "required arguments|unsupported option|bad parameter",
	        PROTOCOL_ERROR, CONNECTION, PERMANENT, RECONNECT, NO_WAIT, PROTOCOL_ADVICE),
};

const struct verdict_rules verdict_rules_session = RULES(rows);
