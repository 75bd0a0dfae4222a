/*
 * Reads who a message is from: the value of From, mailbox by mailbox.
 *
 * All that RFC 5322 calls an address-list, the old forms too (a name in a comment behind the
 * address, source routes, spaces around dots), and what devices make of it: "root", "Scanner 3
 * <>", an angle bracket that never closes. Groups are flattened. What is no address is given all
 * the same, with its name, so that the caller knows that something stood there.
 *
 * Thread:  any; pure. Names lend from the value.
 * Never:   fails, or gives an address that address_parse() would not take; writes a control
 *          character, or a byte above 127 where UTF-8 is not allowed.
 */
#ifndef SLUICE_ORIGINATOR_H
#define SLUICE_ORIGINATOR_H

#include "queue/address.h"

#define ORIGINATOR_NAME_MAX 256 /* of a display name, as it is read; longer ones are left out */
/* A name as it is written: in quotes with each byte escaped, or in base64, with its folds. */
#define ORIGINATOR_NAME_ROOM (3 * ORIGINATOR_NAME_MAX)
#define ORIGINATOR_COLUMNS   76 /* a line is folded before it passes these, where it can be */

struct originator {
	struct view name;     /* as written, with its quotes, folds and comments */
	bool commented;       /* the name is a comment's text */
	size_t address_bytes; /* 0: it has no address, or none that is possible */
	char room[ADDRESS_BYTES_MAX];
};

/* The next one; takes it off `rest`. False: there are no more. */
bool originator_next(struct view *rest, bool allow_utf8, struct originator *originator);

static inline struct view originator_address(const struct originator *originator)
{
	return view_from(originator->room, originator->address_bytes);
}

/* Name and address, as a mailbox in a header; folded, and with no line end behind it. What is
 * not ASCII in the name is encoded (RFC 2047) unless UTF-8 is allowed. */
void originator_put(struct text *text, const struct originator *originator, struct view address,
        bool allow_utf8);
/* The same, with room in the line for another address of so many bytes in its place. */
void originator_put_for(struct text *text, const struct originator *originator, struct view address,
        size_t bytes_max, bool allow_utf8);
/* A space, or a fold where `bytes` more would make the line too long. */
void originator_put_space(struct text *text, size_t bytes);

#endif
