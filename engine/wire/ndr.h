/*
 * What a report about mail says (RFC 3464, and Exchange's own texts): of which message it is, and
 * what became of which recipient. engine/wire/ndr_reader reads it.
 *
 * Whatever it says is the word of whoever wrote it. Texts are safe to log: no control characters.
 *
 * Thread:  whoever holds it. A value.
 * Owns:    its texts, which are cut to their room.
 */
#ifndef SLUICE_NDR_H
#define SLUICE_NDR_H

#include "queue/base/bytes.h"

#define NDR_IDS_MAX        4   /* the message's own, and what In-Reply-To and References name */
#define NDR_ID_MAX         256 /* as engine/wire/header keeps */
#define NDR_ADDRESS_MAX    320
#define NDR_HOST_MAX       255
#define NDR_REPLY_MAX      512 /* Microsoft's longest begin with what counts */
#define NDR_RECIPIENTS_MAX 16  /* a tenant's refusal is the same for all of them */

/* name, word: RFC 3464, 2.3.3 */
#define NDR_ACTIONS(X)                                                                             \
	X(UNKNOWN, "unknown")                                                                      \
	X(FAILED, "failed")                                                                        \
	X(DELAYED, "delayed")                                                                      \
	X(DELIVERED, "delivered")                                                                  \
	X(RELAYED, "relayed")                                                                      \
	X(EXPANDED, "expanded")

enum ndr_action {
#define X(name, word) NDR_##name,
	NDR_ACTIONS(X)
#undef X
	        NDR_ACTION_COUNT
};

struct ndr_recipient {
	char address[NDR_ADDRESS_MAX + 1];  /* Final-Recipient */
	char original[NDR_ADDRESS_MAX + 1]; /* Original-Recipient; empty: not said */
	char remote[NDR_HOST_MAX + 1];      /* Remote-MTA: whose reply it is; empty: not said */
	char status[16];                    /* "5.7.233"; empty: not said */
	char reply[NDR_REPLY_MAX + 1];      /* begins with a code of three digits; empty: none */
	enum ndr_action action;
};

struct ndr {
	bool report; /* it is one: of delivery-status, or in Exchange's words */
	size_t id_count;
	char ids[NDR_IDS_MAX][NDR_ID_MAX + 1]; /* with <>; the likeliest first */
	char envelope_id[101];
	char reporter[NDR_HOST_MAX + 1]; /* Reporting-MTA, or Generating server */
	size_t recipient_count;
	size_t recipients_missed; /* for which there was no room */
	struct ndr_recipient recipients[NDR_RECIPIENTS_MAX];
};

/* Copies what fits, as a string; control characters become spaces. */
void ndr_set(char *into, size_t size, struct view text);
/* "<...>" in the text; once each, in front of all others (`first`) or behind them. */
void ndr_add_id(struct ndr *ndr, struct view text, bool first);
/* Empty. NULL: there is no room, which is counted. */
struct ndr_recipient *ndr_add_recipient(struct ndr *ndr);
/* NULL: it is not named; ASCII case ignored. */
struct ndr_recipient *ndr_find_recipient(struct ndr *ndr, struct view address);
/* What a server said, out of "smtp;550 5.1.1 ...", "#550 5.1.1 ...##", "#5.1.1 smtp;550 ...>" and
 * the like: a reply as a session would have heard it. Where there is no code, one is put before
 * it that suits the status of the text, or `status`. */
void ndr_set_reply(struct ndr_recipient *recipient, struct view text, struct view status);
/* "5.7.233" at the start of the text; empty: there is none. Lends. */
struct view ndr_status_of(struct view text);
enum ndr_action ndr_action_of(struct view word);
const char *ndr_action_word(enum ndr_action action);

#endif
