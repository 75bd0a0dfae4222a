/*
 * In whose name a message goes out: what the configuration's `names` make of its sender.
 *
 * Asked once, at MAIL; the sender is changed there, and the header's From as it comes in (wire's
 * byline), so that what is on disk is what is sent. Conditions are those of rules, and are judged
 * by a rulebook of their own.
 *
 * Thread:  naming_make(): start-up; then constant, so any thread asks.
 * Owns:    nothing: it lies in the configuration's arena, and lends from there.
 * Never:   allocates when it is asked; changes a sender that no entry matches.
 */
#ifndef SLUICE_NAMING_H
#define SLUICE_NAMING_H

#include "engine/config.h"
#include "engine/rulebook.h"
#include "engine/wire/byline.h"

#define NAMING_NONE UINT16_MAX

/* An address or a domain with its @, and what becomes of it. */
struct naming_pair {
	struct view from;
	struct view to;
};

struct naming_pairs {
	const struct naming_pair *at; /* in order of `from`, ASCII case ignored */
	size_t count;
};

struct naming_book {
	const struct rulebook *rules;     /* entry by entry, with no routes */
	const struct naming_pairs *pairs; /* entry by entry: its map */
	/* A mailbox of ours, for senders that are none and become an identity; empty: there is
	 * none. */
	struct view mailbox;
};

struct naming {
	uint16_t entry;     /* the one that decided; NAMING_NONE: none matched */
	bool refuses;       /* the sender is not allowed */
	bool replaces;      /* From becomes `from`, whatever it says; else only an impossible one */
	bool opens;         /* it is from whichever identity sends it: `from`, and the sender, only
	                     * stand in until then */
	struct view sender; /* the sender becomes this; empty: it stays */
	struct view from;   /* empty: From stays, whatever it says */
};

/* Into config->naming_book. The configuration is whole and right. */
void naming_make(struct config *config);
/* mail->sender is empty for one that is empty or impossible; the header is not looked at. */
struct naming naming_decide(const struct config *config, const struct rulebook_mail *mail);
/* Whether it makes mail that is from whichever identity sends it. */
bool naming_opens(const struct config_naming *naming);
/* What becomes of the From of a message; its `from` is not empty. */
enum byline_rule naming_byline(const struct naming *naming);
/* Of a map's text, as config_value.h takes it. */
struct naming_pair naming_pair_of(const char *text);

#endif
