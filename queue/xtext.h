/*
 * xtext: how ENVID, ORCPT and MAIL's AUTH carry any text within a command (RFC 3461 4), and the
 * forms that RFC 6533 adds for addresses in UTF-8.
 *
 * Thread:  any; pure.
 * Never:   takes what could end a header line once decoded: an xtext that hides a control
 *          character is not valid here, though the grammar would let it pass.
 */
#ifndef SLUICE_XTEXT_H
#define SLUICE_XTEXT_H

#include "queue/base/bytes.h"

/* Well-formed, and nothing but printable ASCII once decoded. */
bool xtext_is_valid(struct view xtext);
/* Puts the decoded bytes; xtext must be valid. */
void xtext_decode(struct text *text, struct view xtext);
void xtext_encode(struct text *text, struct view plain);
/* An ORCPT: "rfc822;" and xtext, any other type likewise, or "utf-8;" with one of RFC 6533's
 * forms; raw UTF-8 only where the transaction has SMTPUTF8. */
bool xtext_is_orcpt(struct view orcpt, bool allow_utf8);

#endif
