/*
 * The header of the PROXY protocol, version 2: a proxy's word on whom it speaks for, in front of
 * what that client sends (HAProxy's proxy-protocol.txt, 2.2).
 *
 * What it says counts once all of it has come and is right: command, family, lengths, every TLV's
 * bounds, and the checksum where there is one. TLVs are skipped. Addresses other than TCP's are
 * not for us, and are as if none were said.
 *
 * Thread:  the owner's; a value without memory of its own.
 * Never:   takes a byte that stands behind the header; takes more than PROXY_BYTES_MAX.
 */
#ifndef SLUICE_PROXY_H
#define SLUICE_PROXY_H

#include "queue/base/bytes.h"

#include <stdint.h>

#define PROXY_FIXED_BYTES 16 /* signature, version and command, family, length */
/* Behind those. Addresses take 216 at most; a host's name, a unique id (128), a client's TLS with
 * its certificate's name, and what clouds add take less than 1 KiB together. */
#define PROXY_FOLLOWS_MAX 2048
#define PROXY_BYTES_MAX   (PROXY_FIXED_BYTES + PROXY_FOLLOWS_MAX)
#define PROXY_ADDRESS_MAX 36 /* of those that we look at: TCP over IPv6 */

/* fault, why the connection ends */
#define PROXY_FAULTS(X)                                                                            \
	X(NONE, "")                                                                                \
	X(SIGNATURE, "it says something else than a PROXY header")                                 \
	X(VERSION_1, "it speaks version 1 of the PROXY protocol, and version 2 is wanted")         \
	X(VERSION, "it speaks an unknown version of the PROXY protocol")                           \
	X(COMMAND, "its PROXY header has an unknown command")                                      \
	X(FAMILY, "its PROXY header has an unknown family or transport")                           \
	X(LONG, "its PROXY header is too long")                                                    \
	X(SHORT, "its PROXY header is too short for its addresses")                                \
	X(TLV, "a TLV of its PROXY header is longer than the header")                              \
	X(CHECKSUM, "the checksum of its PROXY header is wrong")

enum proxy_fault {
#define X(name, text) PROXY_FAULT_##name,
	PROXY_FAULTS(X)
#undef X
	        PROXY_FAULT_COUNT
};

enum proxy_news {
	PROXY_MORE, /* all input was used */
	PROXY_DONE, /* the header is whole; input starts behind it */
	PROXY_BAD,  /* it is none; see fault */
};

struct proxy {
	/* Once it is done: */
	bool has_source;    /* else the connection is the proxy's own, or says no address of TCP */
	uint8_t source[16]; /* of the client; an IPv4 address as an IPv6-mapped one */
	uint16_t port;      /* likewise */
	enum proxy_fault fault;

	/* The machine's own. */
	uint16_t read;
	uint16_t length;     /* of what follows the fixed bytes */
	uint16_t addresses;  /* of that: bytes of addresses; the rest is TLVs */
	uint16_t tlv_length; /* of the value */
	uint16_t tlv_read;   /* with type and length */
	uint8_t tlv_type;
	uint8_t command;
	uint8_t family; /* and transport */
	bool has_checksum;
	uint32_t checksum; /* of what was read, without the checksum's own bytes */
	uint32_t said;     /* by the header */
	uint8_t block[PROXY_ADDRESS_MAX];
};

void proxy_init(struct proxy *proxy);
/* Takes the header off the input. Not to be called any more once it was not PROXY_MORE. */
enum proxy_news proxy_read(struct proxy *proxy, struct view *input);
/* Constant memory. */
const char *proxy_fault_text(enum proxy_fault fault);

#endif
