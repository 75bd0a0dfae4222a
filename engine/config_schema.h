/*
 * Every setting, once: from these tables come the structs of config.h, the parser, the
 * defaults, the bounds, `sluice help settings` and the key list of sluice.yaml(5).
 *
 * X(KEY, KIND, DEFAULT, LEAST, MOST, HELP)
 *   KIND         one of config_value.h's kinds, or a section or list of sections below
 *   DEFAULT      as one would write it in the file; NULL: unset, or as HELP says
 *   LEAST, MOST  bounds, written the same way; NULL: none
 *
 * A route's defaults by interface (config_words.h) go before those of CONFIG_ROUTE.
 */
#ifndef SLUICE_CONFIG_SCHEMA_H
#define SLUICE_CONFIG_SCHEMA_H

/* clang-format off */
#define CONFIG_TOP(X) \
	X(name, HOST, NULL, NULL, NULL, \
	  "our name in greetings, EHLO and Received; by default the system's host name") \
	X(spool, SPOOL, NULL, NULL, NULL, "where accepted mail is kept") \
	X(limits, LIMITS, NULL, NULL, NULL, "what clients may use") \
	X(drain, DURATION, "30s", "0s", "1h", \
	  "how long SIGTERM waits for replies to messages in flight") \
	X(dns, DNS, NULL, NULL, NULL, "how names are looked up") \
	X(listeners, LISTENERS, NULL, NULL, NULL, \
	  "where mail comes in; by default one listener with its defaults") \
	X(tenants, TENANTS, NULL, NULL, NULL, \
	  "organisations of Microsoft 365 that we sign in to; the first is the default") \
	X(routes, ROUTES, NULL, NULL, NULL, "where mail goes out; the first is the default") \
	X(rules, RULES, NULL, NULL, NULL, \
	  "which route a recipient's mail takes; the first rule that matches decides") \
	X(streams, STREAMS, NULL, NULL, NULL, \
	  "kinds of mail, each with a share or a priority; the first that matches counts") \
	X(accepted_domains, DOMAINS, NULL, NULL, NULL, \
	  "the tenant's own domains; without the list every domain is external") \
	X(retry, RETRY, NULL, NULL, NULL, "when a deferred message is tried again") \
	X(threads, THREADS, NULL, NULL, NULL, "how many threads share the work")

#define CONFIG_SPOOL(X) \
	X(path, DIRECTORY, "/var/lib/sluice", NULL, NULL, \
	  "the folder, made with mode 0700; holds data.mdb and control.sock") \
	X(size, SIZE, NULL, "16MiB", NULL, \
	  "most that new mail may fill of data.mdb, then 452; by default what the disk has") \
	X(reserve, SIZE, "64MiB", "1MiB", "16GiB", \
	  "disk space kept back, so that delivery goes on when the disk is full")

#define CONFIG_LIMITS(X) \
	X(memory, SIZE, "512MiB", "4MiB", "1TiB", \
	  "the one budget that message bodies share; used up, reading stops") \
	X(message, SIZE, "35MiB", "64KiB", "255MiB", \
	  "largest message taken (SIZE); at most 7/16 of memory; beyond it 552") \
	X(recipients, NUMBER, "1000", "1", "2000", "most recipients a message; beyond it 452") \
	X(connections, NUMBER, "20000", "1", "1000000", \
	  "most client connections at once; beyond it 421") \
	X(connections_per_client, NUMBER, NULL, "1", "1000000", \
	  "most connections of one address at once; then 421; by default 100, and any number " \
	  "from this host itself") \
	X(errors, NUMBER, "20", "1", "10000", \
	  "bad or refused commands of a connection before it is closed with 421") \
	X(auth_failures, NUMBER, "3", "1", "100", \
	  "failed sign-ins of a connection before it is closed with 421") \
	X(hops, NUMBER, "50", "1", "1000", \
	  "Received headers that make a message a loop; then 554") \
	X(idle, DURATION, "5m", "1s", "1d", \
	  "silence of a client before it is closed with 421; RFC 5321 asks for 5m") \
	X(transaction, DURATION, "1h", "10s", "7d", \
	  "longest time from MAIL to the end of the data; then 421")

#define CONFIG_DNS(X) \
	X(servers, RESOLVERS, NULL, NULL, NULL, \
	  "resolvers, as ADDRESS or ADDRESS@PORT; by default those of resolv.conf") \
	X(trust_anchor, FILE, NULL, NULL, NULL, \
	  "DNSSEC root anchor; by default that of Debian's dns-root-data") \
	X(hosts, FILE, "/etc/hosts", NULL, NULL, "names that are looked up here first")

#define CONFIG_RULE(X) \
	X(recipient_domain, DOMAIN_GLOBS, NULL, NULL, NULL, \
	  "the recipient's domain; internal: one of accepted_domains, external: any other") \
	X(recipient, RECIPIENTS, NULL, NULL, NULL, "the recipient's address or domain") \
	X(sender, RULE_SENDERS, NULL, NULL, NULL, \
	  "the sender's address or domain as MAIL gave it; <> is the null sender") \
	X(listener, TEXTS, NULL, NULL, NULL, "the address or name of the listener it came in by") \
	X(client, CLIENTS, NULL, NULL, NULL, "the client's network") \
	X(user, TEXTS, NULL, NULL, NULL, "the name that the client signed in with") \
	X(header, HEADERS, NULL, NULL, NULL, \
	  "a header field as NAME: PATTERN, where * is any text and ? any byte; case is ignored") \
	X(route, ROUTE_NAMES, NULL, NULL, NULL, \
	  "the route; of several, the first that can carry the recipient's mail")

#define CONFIG_STREAM(X) \
	X(name, NAME, NULL, NULL, NULL, "for logs and on disk") \
	X(urgent, FLAG, "false", NULL, NULL, \
	  "goes before all that is not; of ten messages one is not, where such wait") \
	X(weight, NUMBER, "1", "1", "1000", \
	  "its share among the streams that are urgent, or among those that are not; mail in no " \
	  "stream has the weight 1") \
	X(pace, LIMIT_MINUTE, "none", "1", NULL, "most that start, spread evenly") \
	X(expire, DURATION, NULL, "1s", "30d", \
	  "age at which its mail bounces; by default retry.give_up_after") \
	X(sender, RULE_SENDERS, NULL, NULL, NULL, \
	  "the sender's address or domain as MAIL gave it; <> is the null sender") \
	X(listener, TEXTS, NULL, NULL, NULL, "the address or name of the listener it came in by") \
	X(client, CLIENTS, NULL, NULL, NULL, "the client's network") \
	X(user, TEXTS, NULL, NULL, NULL, "the name that the client signed in with") \
	X(header, HEADERS, NULL, NULL, NULL, \
	  "a header field as NAME: PATTERN, where * is any text and ? any byte; case is ignored")

#define CONFIG_LISTENER(X) \
	X(address, ENDPOINT, "127.0.0.1:2525", NULL, NULL, "where to listen") \
	X(name, HOST, NULL, NULL, NULL, "our name here; by default the top-level name") \
	X(allow, NETWORKS, "127.0.0.0/8, ::1/128", NULL, NULL, \
	  "networks that may relay without signing in; an empty list: nobody") \
	X(tls, LISTENER_TLS, NULL, NULL, NULL, "offers STARTTLS") \
	X(users_file, FILE, NULL, NULL, NULL, \
	  "NAME:HASH lines, crypt(3) hashes, # comments; offers AUTH PLAIN and LOGIN") \
	X(allow_plaintext_auth, FLAG, "false", NULL, NULL, "offer AUTH without TLS too") \
	X(bare_lf, BARE_LF, "refuse", NULL, NULL, \
	  "what a line feed without carriage return leads to; repair never makes an end of data")

#define CONFIG_LISTENER_TLS(X) \
	X(certificate, FILE, NULL, NULL, NULL, "PEM, the leaf first, then its chain") \
	X(key, FILE, NULL, NULL, NULL, "PEM, the certificate's private key") \
	X(implicit, FLAG, "false", NULL, NULL, "TLS from the first byte instead of STARTTLS")

#define CONFIG_TENANT(X) \
	X(name, NAME, NULL, NULL, NULL, "for logs and a route's tenant; by default the id") \
	X(cloud, CLOUD, "worldwide", NULL, NULL, \
	  "a preset of login host, resource and submission host; worldwide is GCC's too") \
	X(id, TENANT_ID, NULL, NULL, NULL, "of the directory, for the token endpoint") \
	X(oauth, OAUTH, NULL, NULL, NULL, \
	  "how tokens are got; identities inherit what they and their route don't say")

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

#define CONFIG_RETRY(X) \
	X(first, DURATION, "60s", "1s", "1d", "wait before the second attempt") \
	X(most, DURATION, "1h", "1s", "7d", "longest wait between two attempts") \
	X(factor, FACTOR, "2", "1", "10", "what the wait grows by") \
	X(give_up_after, DURATION, "2d", "1s", "30d", "age at which undelivered mail bounces")

#define CONFIG_THREADS(X) \
	X(ingest, NUMBER, NULL, "1", "64", \
	  "threads that take mail in; by default from the cores") \
	X(delivery, NUMBER, NULL, "1", "64", "threads that deliver; by default from the cores")
/* clang-format on */

#endif
