/*
 * The settings that pick mail by what it is: rules, streams, rehearsals, names. The part of the
 * schema that config_schema.h includes, and describes.
 *
 * Thread:  none; tables only.
 */

#ifndef SLUICE_CONFIG_SCHEMA_MAIL_H
#define SLUICE_CONFIG_SCHEMA_MAIL_H

/* clang-format off */
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
	X(finish_by, CLOCK, NULL, NULL, NULL, \
	  "what waits is spread evenly until this time of the day (local time); what is left " \
	  "then goes as it can, what comes later is the next day's") \
	X(expire, DURATION, NULL, "1s", "30d", \
	  "age at which its mail bounces; by default retry.give_up_after. A message's header " \
	  "field X-Sluice-Expire (90s, 10m, 2h, 1d) may ask for less") \
	X(in_doubt, IN_DOUBT, NULL, NULL, NULL, \
	  "what is done with a message that was sent and not answered; by default as the route " \
	  "says") \
	X(in_doubt_delay, DURATION, NULL, "1s", "1d", \
	  "how long it waits at least before it is sent again; by default the route's") \
	X(sender, RULE_SENDERS, NULL, NULL, NULL, \
	  "the sender's address or domain as MAIL gave it; <> is the null sender") \
	X(listener, TEXTS, NULL, NULL, NULL, "the address or name of the listener it came in by") \
	X(client, CLIENTS, NULL, NULL, NULL, "the client's network") \
	X(user, TEXTS, NULL, NULL, NULL, "the name that the client signed in with") \
	X(header, HEADERS, NULL, NULL, NULL, \
	  "a header field as NAME: PATTERN, where * is any text and ? any byte; case is ignored")

#define CONFIG_REHEARSAL(X) \
	X(listener, TEXTS, NULL, NULL, NULL, "the address or name of the listener it came in by") \
	X(client, CLIENTS, NULL, NULL, NULL, "the client's network") \
	X(user, TEXTS, NULL, NULL, NULL, "the name that the client signed in with") \
	X(sender, RULE_SENDERS, NULL, NULL, NULL, \
	  "the sender's address or domain as MAIL gave it; <> is the null sender") \
	X(stream, TEXTS, NULL, NULL, NULL, "the name of the stream that it is of") \
	X(header, HEADERS, NULL, NULL, NULL, \
	  "a header field as NAME: PATTERN, where * is any text and ? any byte; case is ignored") \
	X(only, RECIPIENTS, NULL, NULL, NULL, \
	  "recipients who get their mail; others get none. Without this and without to, nobody " \
	  "gets any") \
	X(to, ADDRESS, NULL, NULL, NULL, \
	  "gets a copy of each message in place of its recipients; not with header or stream, " \
	  "which are known too late")

#define CONFIG_NAMING(X) \
	X(sender, RULE_SENDERS, NULL, NULL, NULL, \
	  "the sender's address or domain as MAIL gave it; <> is one that is empty or impossible") \
	X(listener, TEXTS, NULL, NULL, NULL, "the address or name of the listener it came in by") \
	X(client, CLIENTS, NULL, NULL, NULL, "the client's network") \
	X(user, TEXTS, NULL, NULL, NULL, "the name that the client signed in with") \
	X(policy, POLICY, "as_is", NULL, NULL, "what becomes of sender and From") \
	X(address, ADDRESS, NULL, NULL, NULL, \
	  "what rewrite makes of them, and map of senders that it does not know; without it, " \
	  "rewrite makes them the identity that sends the message") \
	X(map, MAPPINGS, NULL, NULL, NULL, \
	  "for map: senders' addresses or domains, and what they become") \
	X(default_from, ADDRESS, NULL, NULL, NULL, \
	  "what an empty or impossible sender or From becomes; by default address, or where mail " \
	  "is the identity's that sends it, a mailbox of ours")
/* clang-format on */

#endif
