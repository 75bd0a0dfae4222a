/*
 * The configuration's rules, made ready to be asked: which of them match a recipient's mail, in
 * their order.
 *
 * Which rules may match at all is looked up by the recipient's domain: rules with
 * `recipient_domain` or `recipient` lie in a hash table under what they name, all others in a list
 * that is walked. So a thousand rules of domains cost what one costs; a thousand rules of senders
 * cost a thousand comparisons.
 *
 * Thread:  rulebook_make(): start-up; then constant, so any thread asks.
 * Owns:    nothing: it lies in the configuration's arena.
 * Never:   allocates when it is asked; looks at more of a header than RULEBOOK_HEADER_BYTES_MAX.
 */
#ifndef SLUICE_RULEBOOK_H
#define SLUICE_RULEBOOK_H

#include "engine/config.h"
#include "queue/message.h"

#define RULEBOOK_HEADERS_MAX      1024        /* `header` patterns of all rules together */
#define RULEBOOK_HEADER_BYTES_MAX (256 << 10) /* Exchange takes no longer header either */
/* Where rules may lie that match a recipient: under its address, its domain, each of the at most
 * 127 domains above that, internal or external, and among the others. */
#define RULEBOOK_PLACES_MAX 132

struct config_arena;

/* Texts in order, ASCII case ignored. */
struct rulebook_words {
	const struct view *at;
	size_t count;
};

/* Numbers of rules, rising. */
struct rulebook_rules {
	const uint16_t *at;
	size_t count;
};

struct rulebook_rule {
	const struct config_rule *config;
	struct rulebook_words domains; /* "contoso.com", and ".contoso.com" for what is below it */
	struct rulebook_words recipients; /* "a@contoso.com" and "@contoso.com" */
	struct rulebook_words senders;    /* the same */
	struct rulebook_words listeners;  /* their addresses */
	struct rulebook_words users;
	const uint16_t *routes; /* indices */
	size_t route_count;
	uint16_t header_first; /* of the book's */
	uint16_t header_count;
	bool internal;
	bool external;
	bool null_sender;
};

struct rulebook_header {
	struct view name;
	struct view pattern;
};

/* A domain or an address that rules name, or a domain of ours. */
struct rulebook_slot {
	struct view key; /* empty: nothing lies here */
	struct rulebook_rules rules;
	bool accepted;
};

struct rulebook {
	const struct config *config;
	const struct config_rules *from;
	struct rulebook_rule *rules;
	struct rulebook_header *headers;
	size_t header_count;
	struct rulebook_slot *slots;
	uint32_t slot_mask; /* their count is a power of two */
	struct rulebook_rules internal;
	struct rulebook_rules external;
	struct rulebook_rules others;
	bool decides;   /* false: whoever has a sender takes the first route, whatever else it is */
	bool wildcards; /* some rule names what is below a domain */
};

/* Which of the book's headers a message has. */
struct rulebook_seen {
	uint64_t bits[RULEBOOK_HEADERS_MAX / 64];
};

/* What rules look at in a message; lent. */
struct rulebook_mail {
	struct view sender; /* empty: the null sender */
	struct view user;
	struct view listener;             /* its address as text */
	struct endpoint client;           /* where has_client */
	const struct rulebook_seen *seen; /* NULL: the header isn't there yet */
	bool has_client;
};

/* Why a rule matches, or does not: its first condition that doesn't hold. name, words */
#define RULEBOOK_REASONS(X)                                                                        \
	X(MATCHES, "matches")                                                                      \
	X(OPEN, "matches, if the header does")                                                     \
	X(RECIPIENT_DOMAIN, "recipient_domain")                                                    \
	X(RECIPIENT, "recipient")                                                                  \
	X(SENDER, "sender")                                                                        \
	X(LISTENER, "listener")                                                                    \
	X(CLIENT, "client")                                                                        \
	X(USER, "user")                                                                            \
	X(HEADER, "header")

enum rulebook_reason {
#define X(name, words) RULEBOOK_##name,
	RULEBOOK_REASONS(X)
#undef X
};

/* The rules that may match a recipient, being walked. */
struct rulebook_walk {
	const struct rulebook *book;
	const struct rulebook_mail *mail;
	struct view recipient;
	struct rulebook_rules places[RULEBOOK_PLACES_MAX];
	size_t place_count;
};

/* Into config->rulebook, and config->streambook. The configuration is whole and right. */
void rulebook_make(struct config *config);
/* A book of rules that are not the configuration's, into its arena. */
const struct rulebook *rulebook_make_of(
        const struct config *config, const struct config_rules *rules);

/* What a message's envelope says; `client` is read from its text. The header stays open. */
struct rulebook_mail rulebook_mail_of(const struct message *message);
/* Which of the book's headers the message has; its body is loaded. */
void rulebook_see(const struct rulebook *book, const struct rope *body, struct rulebook_seen *seen);
void rulebook_see_text(const struct rulebook *book, struct view header, struct rulebook_seen *seen);
void rulebook_see_none(struct rulebook_seen *seen);

/* The domain of an address; empty: it has none. */
struct view rulebook_domain(struct view address);
/* Whether the domain is one of ours. */
bool rulebook_is_internal(const struct rulebook *book, struct view domain);

/* Lends all three. */
void rulebook_begin(struct rulebook_walk *walk, const struct rulebook *book,
        const struct rulebook_mail *mail, struct view recipient);
/* The next rule that matches (MATCHES, or OPEN where that hangs on the header). False: none. */
bool rulebook_next(struct rulebook_walk *walk, uint16_t *rule, enum rulebook_reason *reason);
/* One rule alone. */
enum rulebook_reason rulebook_judge(const struct rulebook *book, uint16_t rule,
        const struct rulebook_mail *mail, struct view recipient);
const char *rulebook_reason_words(enum rulebook_reason reason);

/* For its two files. */

int rulebook_compare(struct view a, struct view b);
uint32_t rulebook_hash(struct view key);

#endif
