/*
 * The settings of the way out: tenants, how tokens are got, routes, mailboxes. The part of the
 * schema that config_schema.h includes, and describes.
 *
 * Thread:  none; tables only.
 */

#ifndef SLUICE_CONFIG_SCHEMA_ROUTES_H
#define SLUICE_CONFIG_SCHEMA_ROUTES_H

/* clang-format off */
#define CONFIG_TENANT(X) \
	X(name, NAME, NULL, NULL, NULL, "for logs and a route's tenant; by default the id") \
	X(cloud, CLOUD, "worldwide", NULL, NULL, \
	  "a preset of login host, resource and submission host; worldwide is GCC's too") \
	X(id, TENANT_ID, NULL, NULL, NULL, "of the directory, for the token endpoint") \
	X(licences, NUMBER, NULL, "1", "10000000", \
	  "licences of Exchange Online, which make its external_recipients_per_day: 500 times " \
	  "their number to the power of 0.7, and 9,500") \
	X(external_recipients_per_day, LIMIT_DAY, NULL, "1", NULL, \
	  "recipients outside accepted_domains on its submission and connector routes together; " \
	  "by default as licences have it, else none") \
	X(onmicrosoft_recipients_per_day, LIMIT_DAY, "100", "1", NULL, \
	  "the same recipients of mail whose sender is in a domain below onmicrosoft.com") \
	X(total, TOTAL, NULL, NULL, NULL, \
	  "limits of what it sends in all, on all its routes together") \
	X(stop, PERCENT, "98%", "10%", "100%", \
	  "how much of those limits ordinary mail uses; urgent mail uses all") \
	X(guard, PERCENT, "1%", "0%", "50%", "their periods are taken so much longer") \
	X(oauth, OAUTH, NULL, NULL, NULL, \
	  "how tokens are got; identities inherit what they and their route don't say")

/* Of whatever is wider than a mailbox. */
#define CONFIG_TOTAL(X) \
	X(connections, LIMIT, NULL, "1", NULL, "messages in flight at once; by default none") \
	X(messages_per_minute, LIMIT_MINUTE, NULL, "1", NULL, "messages; by default none") \
	X(recipients_per_day, LIMIT_DAY, NULL, "1", NULL, "recipients; by default none")

#define CONFIG_SOURCE(X) \
	X(total, TOTAL, NULL, NULL, NULL, "limits of what it sends in all") \
	X(stop, PERCENT, "98%", "10%", "100%", \
	  "how much of those limits ordinary mail uses; urgent mail uses all") \
	X(guard, PERCENT, "1%", "0%", "50%", "their periods are taken so much longer")

#define CONFIG_OAUTH(X) \
	X(flow, FLOW, NULL, NULL, NULL, \
	  "by default what is given tells: command, refresh_token_file, secret or certificate") \
	X(client_id, TEXT, NULL, NULL, NULL, \
	  "the app's Application (client) ID; whoever sets it sets its credential too") \
	X(client_secret_file, SECRET, NULL, NULL, NULL, \
	  "the app's client secret: its value, not its ID") \
	X(certificate, FILE, NULL, NULL, NULL, \
	  "PEM, uploaded to the app registration, instead of a client secret") \
	X(key, SECRET, NULL, NULL, NULL, "PEM, the certificate's private key; RSA") \
	X(refresh_token_file, SECRET, NULL, NULL, NULL, \
	  "a refresh token; those that replace it are written back, so its folder is writable") \
	X(command, WORDS, NULL, NULL, NULL, \
	  "prints a token, or JSON with access_token and expires_in; run without a shell") \
	X(token_url, URL, NULL, NULL, NULL, "the token endpoint; by default the tenant's") \
	X(scope, TEXT, NULL, NULL, NULL, "what is asked for; by default the cloud's, by flow") \
	X(ca_file, FILE, NULL, NULL, NULL, \
	  "PEM roots to trust at the token endpoint; by default the system's") \
	X(proxy, PROXY, NULL, NULL, NULL, \
	  "for the token endpoint; by default none, whatever the environment says") \
	X(timeout, DURATION, NULL, "1s", "5m", \
	  "for endpoint or command to give a token; by default 30s") \
	X(margin, DURATION, NULL, "5m", "30m", \
	  "how long ahead of its end a token is renewed; by default 5m, on hve 15m")

#define CONFIG_ROUTE(X) \
	X(interface, INTERFACE, NULL, NULL, NULL, \
	  "the preset; by default submission with identities, connector without") \
	X(name, NAME, NULL, NULL, NULL, "for logs and --route; by default the interface's name") \
	X(tenant, NAME, NULL, NULL, NULL, "name of its tenant; by default the first") \
	X(host, HOST, NULL, NULL, NULL, \
	  "name or address of the server; with a tenant of another cloud, that cloud's") \
	X(domain, DOMAIN, NULL, NULL, NULL, \
	  "instead of host: the domain whose MX hosts are looked up; on direct and connector by " \
	  "default the first of accepted_domains") \
	X(port, NUMBER, "25", "1", "65535", "TCP port of the server") \
	X(tls, ROUTE_TLS, NULL, NULL, NULL, "how the connection is secured") \
	X(sessions, NUMBER, "20", "1", "10000", \
	  "most sessions on the route; more by default where its mailboxes may have more") \
	X(pipeline, NUMBER, "16", "1", "1000", "most messages in flight on a session") \
	X(idle, DURATION, "60s", "1s", "1h", \
	  "how long a session without work stays open; Exchange Online closes it after 5m") \
	X(lifetime, DURATION, "15m", "10s", "1d", \
	  "age at which a session is closed; Exchange Online ends it after 20m") \
	X(messages_per_session, LIMIT, "none", "1", NULL, \
	  "messages after which a session is closed and opened anew") \
	X(message, SIZE, NULL, "1KiB", "1GiB", \
	  "largest message the route carries; by default what the server's SIZE says") \
	X(timeouts, TIMEOUTS, NULL, NULL, NULL, "how long the server may take") \
	X(total, TOTAL, NULL, NULL, NULL, \
	  "limits of the route as a whole, over all its mailboxes; on a route without identities " \
	  "by default what the route says of one") \
	X(connections, LIMIT, "none", "1", NULL, "messages in flight on a mailbox") \
	X(messages_per_minute, LIMIT_MINUTE, "none", "1", NULL, "messages of a mailbox") \
	X(recipients_per_day, LIMIT_DAY, "none", "1", NULL, "recipients of a mailbox") \
	X(recipients_per_message, LIMIT, "none", "1", NULL, "recipients of one transaction") \
	X(stop, PERCENT, "98%", "10%", "100%", \
	  "how much of a mailbox's limits ordinary mail uses; urgent mail uses all") \
	X(guard, PERCENT, "1%", "0%", "50%", \
	  "limits' periods are taken so much longer, for the network's jitter") \
	X(learn, LEARN, "down", NULL, NULL, "what is made of a server that allows less, or more") \
	X(group_by_domain, FLAG, "false", NULL, NULL, \
	  "a transaction's recipients are of one domain") \
	X(fallback, NAME, NULL, NULL, NULL, \
	  "route that takes over when this one is out for reasons of its own") \
	X(fallback_after, DURATION, "5m", "0s", "1d", \
	  "how long it must be unreachable for that; a refusal of the route counts at once") \
	X(in_doubt, IN_DOUBT, "resend", NULL, NULL, \
	  "what is done with a message whose last byte went out and that was not answered: it is " \
	  "sent again, or held until an operator releases it") \
	X(in_doubt_delay, DURATION, "5m", "0s", "1d", \
	  "how long it waits at least before it is sent again") \
	X(notices_from, ADDRESS, NULL, NULL, NULL, \
	  "mailbox that sends bounces where a null sender can't go") \
	X(oauth, OAUTH, NULL, NULL, NULL, "how tokens are got; by default as the tenant says") \
	X(identities, IDENTITIES, NULL, NULL, NULL, "accounts to sign in as")

#define CONFIG_ROUTE_TLS(X) \
	X(mode, TLS_MODE, NULL, NULL, NULL, \
	  "by default the interface's; where that is optional and verify, ca_file or " \
	  "certificate is set: required") \
	X(verify, FLAG, "true", NULL, NULL, "check the server's certificate and its name") \
	X(ca_file, FILE, NULL, NULL, NULL, "PEM roots to trust; by default the system's") \
	X(dane, DANE, NULL, NULL, NULL, \
	  "what DNSSEC-signed TLSA records mean; by default auto on direct and connector, " \
	  "else off") \
	X(name, HOST, NULL, NULL, NULL, \
	  "name to ask for and to check; by default host, or the MX host's name") \
	X(certificate, FILE, NULL, NULL, NULL, "PEM, ours, with its chain, for a connector") \
	X(key, FILE, NULL, NULL, NULL, "PEM, our certificate's private key")

#define CONFIG_TIMEOUTS(X) \
	X(connect, DURATION, "30s", "1s", "10m", \
	  "for the TCP connection, and again for the TLS handshake") \
	X(greeting, DURATION, "5m", "1s", "1h", "for the 220 (RFC 5321 4.5.3.2)") \
	X(command, DURATION, "5m", "1s", "1h", "for the reply to EHLO, AUTH, MAIL, RCPT, RSET") \
	X(data, DURATION, "2m", "1s", "1h", "for the 354 to DATA") \
	X(block, DURATION, "3m", "1s", "1h", "for the server to take a block of data") \
	X(end, DURATION, "10m", "1s", "2h", \
	  "for the reply to the message; cut short, it makes duplicates")

#define CONFIG_IDENTITY(X) \
	X(user, TEXT, NULL, NULL, NULL, "the account to sign in as") \
	X(auth, AUTH, NULL, NULL, NULL, \
	  "how; password is LOGIN or PLAIN, what is offered; by default password with a " \
	  "secret_file, else xoauth2") \
	X(secret_file, SECRET, NULL, NULL, NULL, \
	  "password or token; its last line end is dropped; others must not be able to read it") \
	X(senders, SENDERS, NULL, NULL, NULL, \
	  "whose mail it sends besides its own: addresses, @domains, or * for any; without a " \
	  "list it sends what no other's list names") \
	X(oauth, OAUTH, NULL, NULL, NULL, "how its tokens are got; by default as the route says") \
	X(connections, LIMIT, NULL, "1", NULL, "messages in flight; by default the route's") \
	X(messages_per_minute, LIMIT_MINUTE, NULL, "1", NULL, "by default the route's") \
	X(recipients_per_day, LIMIT_DAY, NULL, "1", NULL, "by default the route's") \
	X(recipients_per_message, LIMIT, NULL, "1", NULL, "by default the route's")
/* clang-format on */

#endif
