/*
 * A domain's two forms: as people write it (bücher.example, its U-labels) and as DNS has it
 * (xn--bcher-kva.example, its A-labels). Both are one domain (RFC 5890 2.3.2.1), and a client may
 * say either: what the configuration says of one holds for the other. So a list of domains or
 * addresses gets the other form of each besides, when it is read; whoever compares later compares
 * bytes, ASCII case ignored.
 *
 * Thread:  start-up: libidn2 allocates.
 * Owns:    nothing; what it makes lives in the arena it is given.
 * Never:   takes for the same what IDNA (2008, and UTS 46 without its transitional mappings)
 *          doesn't. What a client sends is not mapped: BÜCHER.example is no U-label, and nobody's.
 */
#ifndef SLUICE_CONFIG_IDN_H
#define SLUICE_CONFIG_IDN_H

#include "engine/config_value.h"

#define CONFIG_IDN_FORMS 2 /* that a domain has besides the one that is written */

/* The domain as DNS has it; NULL: IDNA knows no such name. */
const char *config_idn_in_dns(struct config_arena *arena, struct view domain);
/* Whether texts of the kind are domains, or addresses, that mail is compared with. */
bool config_idn_concerns(enum config_kind kind);
/* Whether the domain in a text of such a kind is ASCII, or has a name in DNS. */
bool config_idn_is_known(enum config_kind kind, struct view text);
/* Puts the other forms of a list's items behind them, where they aren't among them; words has room
 * for CONFIG_IDN_FORMS of each besides. Gives how many words there are then. */
size_t config_idn_add_forms(enum config_kind kind, const struct view *items, size_t count,
        struct config_arena *arena, const char **words);

#endif
