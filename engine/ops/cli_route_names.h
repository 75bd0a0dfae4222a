/*
 * What `names` make of the message that `sluice route` is asked about: which entry decides, the
 * sender and the header that rules then look at, and both in words.
 *
 * Thread:  the main one.
 * Owns:    the header's new text. Lends everything else.
 */
#ifndef SLUICE_CLI_ROUTE_NAMES_H
#define SLUICE_CLI_ROUTE_NAMES_H

#include "engine/naming.h"

struct json_t;

/* Room for a header, with what names put on top of it. */
#define CLI_ROUTE_HEADER_MAX (72 << 10)

struct cli_route_names {
	const struct config *config;
	const char *from;          /* as MAIL gave it; empty: the null sender */
	struct rulebook_mail mail; /* the same, its sender empty where that is no address */
	struct naming naming;
	bool stays_null;     /* a report, by its header */
	const char *refusal; /* the reply to MAIL; NULL: it is taken */
	struct view sender;  /* of the envelope, once it is named */
	struct text header;  /* the same of the header */
	char header_bytes[CLI_ROUTE_HEADER_MAX];
};

/* Of mail whose sender is still open, with these fields in its header, at most
 * CLI_ROUTE_HEADER_MAX - BYLINE_BYTES_MAX. */
void cli_route_names_find(struct cli_route_names *names, const struct config *config,
        const struct rulebook_mail *mail, const char *from, struct view header);
/* One object: a json_t of jansson. */
struct json_t *cli_route_names_as_json(const struct cli_route_names *names);
/* Lines for people; none where the configuration has no names. */
void cli_route_names_print(const struct cli_route_names *names);

#endif
