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

#include "engine/config_schema_mail.h"
#include "engine/config_schema_routes.h"

/* clang-format off */
#define CONFIG_TOP(X) \
	X(name, HOST, NULL, NULL, NULL, \
	  "our name in greetings, EHLO and Received; by default the system's host name") \
	X(spool, SPOOL, NULL, NULL, NULL, "where accepted mail is kept") \
	X(user, TEXT, NULL, NULL, NULL, \
	  "the account, by name or number, that the relay becomes when it is started as root, " \
	  "once it listens and has read its keys; by default it stays who started it") \
	X(group, TEXT, NULL, NULL, NULL, \
	  "the group, by name or number; by default the user's own, and those it is in besides") \
	X(sandbox, SANDBOX, NULL, NULL, NULL, "what the relay can do no more once it runs") \
	X(limits, LIMITS, NULL, NULL, NULL, "what clients may use") \
	X(drain, DURATION, "30s", "0s", "1h", \
	  "how long SIGTERM waits for replies to messages in flight") \
	X(dns, DNS, NULL, NULL, NULL, "how names are looked up") \
	X(listeners, LISTENERS, NULL, NULL, NULL, \
	  "where mail comes in; by default one listener with its defaults") \
	X(tenants, TENANTS, NULL, NULL, NULL, \
	  "organisations of Microsoft 365 that we sign in to; the first is the default") \
	X(source, SOURCE, NULL, NULL, NULL, \
	  "our address, as Exchange Online's door for servers sees it: all direct and connector " \
	  "routes together") \
	X(routes, ROUTES, NULL, NULL, NULL, "where mail goes out; the first is the default") \
	X(rules, RULES, NULL, NULL, NULL, \
	  "which route a recipient's mail takes; the first rule that matches decides") \
	X(streams, STREAMS, NULL, NULL, NULL, \
	  "kinds of mail, each with a share or a priority; the first that matches counts") \
	X(names, NAMES, NULL, NULL, NULL, \
	  "in whose name mail goes out; the first entry that matches decides") \
	X(rehearsal, REHEARSALS, NULL, NULL, NULL, \
	  "mail that is not sent, or only to some, while its timeline is kept; the first entry " \
	  "that matches decides, and mail that none matches goes out") \
	X(accepted_domains, DOMAINS, NULL, NULL, NULL, \
	  "the tenant's own domains, in UTF-8 or as xn--: either form stands for both, here and " \
	  "in rules, names and streams; without the list every domain is external") \
	X(idempotency, IDEMPOTENCY, NULL, NULL, NULL, \
	  "which mail is taken once though it comes twice") \
	X(sent_memory, SENT_MEMORY, NULL, NULL, NULL, \
	  "what is kept of mail that was sent, for refusals that come late") \
	X(trace, TRACE, NULL, NULL, NULL, \
	  "what is kept of what happened to each message, for sluice trace") \
	X(retry, RETRY, NULL, NULL, NULL, "when a deferred message is tried again") \
	X(admin, ADMIN, NULL, NULL, NULL, "where monitoring asks, by HTTP; by default nowhere") \
	X(threads, THREADS, NULL, NULL, NULL, "how many threads share the work") \
	X(core_dumps, FLAG, "false", NULL, NULL, \
	  "whether a crash may leave a core file, with the mail and secrets that were in " \
	  "memory; as long as not, no debugger attaches but root's")

#define CONFIG_SPOOL(X) \
	X(path, DIRECTORY, "/var/lib/sluice", NULL, NULL, \
	  "the folder, made with mode 0700; holds data.mdb and control.sock") \
	X(size, SIZE, NULL, "16MiB", NULL, \
	  "most that new mail may fill of data.mdb, then 452; by default what the disk has") \
	X(journal, SIZE, "64MiB", "0", "1GiB", \
	  "most of the journal: what happens is kept there first, and moved to data.mdb now " \
	  "and then; takes that much of the disk besides spool.size; 0 for none") \
	X(reserve, SIZE, "64MiB", "1MiB", "16GiB", \
	  "disk space kept back, so that delivery goes on when the disk is full")

/* Each can be turned off, to find out whether it is what stands in the way. */
#define CONFIG_SANDBOX(X) \
	X(seccomp, FLAG, "true", NULL, NULL, \
	  "system calls that it never makes are refused (EPERM), and the kernel logs them") \
	X(landlock, FLAG, "true", NULL, NULL, \
	  "files are refused that it has no reason to open, and TCP ports to listen on")

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
	X(auth_failures_per_client, LIMIT_MINUTE, "10/30m", "1", NULL, \
	  "failed sign-ins of one address before others of it get 454 unseen, until the count, " \
	  "which drains evenly, has room again; who signed in from there lately, or may relay " \
	  "without signing in, has a count of his own") \
	X(auth_failures_per_user, LIMIT_MINUTE, "50/30m", "1", NULL, \
	  "the same of one user name at all addresses that it has not signed in from lately") \
	X(hops, NUMBER, "50", "1", "1000", \
	  "Received headers that make a message a loop; then 554") \
	X(idle, DURATION, "5m", "1s", "1d", \
	  "silence of a client before it is closed with 421; RFC 5321 asks for 5m") \
	X(transaction, DURATION, "1h", "10s", "7d", \
	  "longest time from MAIL to the end of the data; then 421")

#define CONFIG_ADMIN(X) \
	X(address, ENDPOINT, NULL, NULL, NULL, \
	  "where to listen; beyond loopback only with a token_file") \
	X(token_file, FILE, NULL, NULL, NULL, \
	  "a secret that requests bring along as Authorization: Bearer; for all pages but " \
	  "/healthz and /readyz")

#define CONFIG_DNS(X) \
	X(servers, RESOLVERS, NULL, NULL, NULL, \
	  "resolvers, as ADDRESS or ADDRESS@PORT; by default those of resolv.conf") \
	X(trust_anchor, FILE, NULL, NULL, NULL, \
	  "DNSSEC root anchor; by default that of Debian's dns-root-data") \
	X(hosts, FILE, "/etc/hosts", NULL, NULL, "names that are looked up here first")

#define CONFIG_LISTENER(X) \
	X(address, ENDPOINT, "127.0.0.1:2525", NULL, NULL, "where to listen") \
	X(name, HOST, NULL, NULL, NULL, "our name here; by default the top-level name") \
	X(allow, NETWORKS, "127.0.0.0/8, ::1/128", NULL, NULL, \
	  "networks that may relay without signing in; an empty list: nobody") \
	X(proxy, NETWORKS, NULL, NULL, NULL, \
	  "proxies that begin with a PROXY header, version 2, and say whose address it is: that " \
	  "one counts, for allow too; by default nobody") \
	X(tls, LISTENER_TLS, NULL, NULL, NULL, "offers STARTTLS") \
	X(users_file, FILE, NULL, NULL, NULL, \
	  "NAME:HASH lines, crypt(3) hashes, # comments; offers AUTH PLAIN and LOGIN") \
	X(allow_plaintext_auth, FLAG, "false", NULL, NULL, "offer AUTH without TLS too") \
	X(ndr_address, ADDRESS, NULL, NULL, NULL, \
	  "where reports about mail that was sent are heard; mail to it goes no further") \
	X(bare_lf, BARE_LF, "refuse", NULL, NULL, \
	  "what a line feed without carriage return leads to; repair never makes an end of data") \
	X(old_devices, OLD_DEVICES, NULL, NULL, NULL, \
	  "devices that are let in though they are too old for what holds here; of several, the " \
	  "first whose networks match; each use is logged")

#define CONFIG_OLD_DEVICE(X) \
	X(name, TEXT, NULL, NULL, NULL, "for the log: what and where they are") \
	X(networks, CLIENTS, NULL, NULL, NULL, "their networks; an address alone is one") \
	X(tls, OLDEST_TLS, NULL, NULL, NULL, \
	  "the oldest TLS taken of them, with every cipher; by default as everybody's: 1.2, " \
	  "without CBC and the key exchange by RSA") \
	X(auth_without_tls, FLAG, "false", NULL, NULL, \
	  "they may sign in without TLS; whoever listens on the way learns the password") \
	X(bare_lf, BARE_LF, NULL, NULL, NULL, "as the listener's; by default that") \
	X(tolerant, FLAG, "false", NULL, NULL, \
	  "MAIL and RCPT need only hold an address, EHLO no name, and MAIL no EHLO before it")

#define CONFIG_LISTENER_TLS(X) \
	X(certificate, FILE, NULL, NULL, NULL, "PEM, the leaf first, then its chain") \
	X(key, FILE, NULL, NULL, NULL, "PEM, the certificate's private key") \
	X(implicit, FLAG, "false", NULL, NULL, "TLS from the first byte instead of STARTTLS")

#define CONFIG_IDEMPOTENCY(X) \
	X(by, CLAIM_BY, "key", NULL, NULL, \
	  "how a second copy from the same client is known, which gets the first one's id and is " \
	  "not queued: by the header field X-Sluice-Key, which is taken out; or without that by " \
	  "Message-ID and envelope") \
	X(window, DURATION, "1d", "1m", "30d", "how long after the first one") \
	X(most, NUMBER, "1000000", "1", "100000000", \
	  "keys kept at once; beyond it the oldest are forgotten early")

#define CONFIG_SENT_MEMORY(X) \
	X(window, DURATION, NULL, "1m", "30d", \
	  "how long a message's route, mailbox, sender and hashes are kept; by default 2d where " \
	  "a listener has an ndr_address, else not at all") \
	X(most, NUMBER, "1000000", "1", "100000000", \
	  "messages kept at once, some 200 bytes each; beyond it the oldest are forgotten early")

#define CONFIG_TRACE(X) \
	X(keep, DURATION, "7d", "0s", "365d", "for how long; 0s for not at all") \
	X(size, SIZE, "1GiB", "1MiB", "1TiB", \
	  "most of data.mdb that it may fill, some 600 bytes a message; beyond it, or where mail " \
	  "finds no room, the oldest is forgotten early")

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
