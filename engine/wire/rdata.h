/*
 * What DNS records hold, as bytes and meaning: MX (RFC 1035 3.3.9, RFC 7505) and TLSA (RFC 6698).
 *
 * Records come from whoever answers for a name. So a name is taken only if it is one that a host
 * can have: letters, digits, '-' and '_'. Anything else is no record of ours.
 *
 * Thread:  any; pure.
 * Never:   reads beyond the record, follows a compression pointer (who asked has undone them), or
 *          gives a byte that would break a line of the log.
 */
#ifndef SLUICE_RDATA_H
#define SLUICE_RDATA_H

#include "queue/base/bytes.h"

#define RDATA_NAME_MAX 253 /* a name of 255 bytes on the wire, with dots between its labels */

struct rdata_mx {
	uint16_t preference;           /* less is better */
	char host[RDATA_NAME_MAX + 1]; /* without the last dot; "": the root, which takes no mail */
};

/* False: it is no MX record. */
bool rdata_read_mx(struct view rdata, struct rdata_mx *result);
/* Whether a record can authenticate a mail server (RFC 7672 3.1): DANE-TA or DANE-EE, of a
 * certificate or its key, whole or by SHA-256 or SHA-512. PKIX-TA and PKIX-EE can't: nobody knows
 * which authorities a mail server's certificate should come from. */
bool rdata_tlsa_is_usable(struct view rdata);

#endif
