/*
 * A mail address: RFC 5321's Mailbox, with RFC 6531's UTF-8 where it is allowed.
 *
 * Thread:  any; pure. A struct address lends from the text it was parsed from.
 * Never:   takes a control character, a bare space or a half UTF-8 sequence: what parses can be
 *          written into a command or a header as it is. Nor a character that a reader who
 *          normalizes text (NFKC, IDNA) takes for an @ anywhere, or in a domain for a dot or
 *          another mark of ASCII: whose domain it is must be the same to us and to all behind us.
 *
 * One liberty against the RFC: a domain's labels may hold underscores, for Windows machine
 * names do, and printers send them.
 */
#ifndef SLUICE_ADDRESS_H
#define SLUICE_ADDRESS_H

#include "queue/base/bytes.h"

#define ADDRESS_LOCAL_MAX  64  /* bytes, quotes included (RFC 5321 4.5.3.1.1) */
#define ADDRESS_DOMAIN_MAX 255 /* bytes, brackets included (4.5.3.1.2) */
#define ADDRESS_LABEL_MAX  63  /* bytes between two dots of a domain (RFC 1035 2.3.4) */
#define ADDRESS_PATH_MAX   256 /* bytes with the angle brackets (RFC 5321 4.5.3.1.3) */
#define ADDRESS_BYTES_MAX  (ADDRESS_PATH_MAX - 2)

enum address_kind {
	ADDRESS_DOMAIN,     /* user@example.com */
	ADDRESS_IPV4,       /* user@[192.0.2.1] */
	ADDRESS_IPV6,       /* user@[IPv6:2001:db8::1] */
	ADDRESS_GENERAL,    /* user@[tag:anything] */
	ADDRESS_LOCAL_ONLY, /* Postmaster, as RCPT may name it; address_parse() never gives it */
};

struct address {
	struct view whole;  /* all of it, as written */
	struct view local;  /* as written: with its quotes where it has them */
	struct view domain; /* as written: with its brackets where it is a literal */
	enum address_kind kind;
	bool quoted; /* local is a quoted string */
	bool utf8;   /* holds a byte above 127: needs SMTPUTF8 on its way */
};

enum address_fault {
	ADDRESS_OK,
	ADDRESS_EMPTY,
	ADDRESS_NO_DOMAIN,  /* no @, or nothing behind it */
	ADDRESS_BAD_LOCAL,  /* not a dot-string, not a quoted string */
	ADDRESS_BAD_DOMAIN, /* neither a domain name nor a literal */
	ADDRESS_TOO_LONG,   /* one of the limits above */
	ADDRESS_UTF8,       /* not ASCII, and allow_utf8 is false */
};

/* All of text must be one address. On any fault *result is untouched. */
enum address_fault address_parse(struct view text, bool allow_utf8, struct address *result);
/* The same mailbox: locals byte for byte, quoting aside; domains with ASCII case ignored. */
bool address_equal(const struct address *a, const struct address *b);
/* Index behind the quoted string that starts at `at`, or 0 where it does not end. For those who
 * look for the end of an address in a longer text. */
size_t address_quoted_end(struct view text, size_t at);
/* A domain name, as behind the @; for names in the configuration too. */
bool address_is_domain(struct view domain, bool allow_utf8);

#endif
