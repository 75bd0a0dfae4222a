#include "engine/wire/proxy.h"

#include "queue/base/check.h"

#include <assert.h>

static const uint8_t proxy_signature[] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55,
	0x49, 0x54, 0x0a };

/* Places of the fixed bytes. */
enum {
	AT_COMMAND = sizeof proxy_signature,
	AT_FAMILY,
	AT_LENGTH,
	AT_LENGTH_LOW,
};
static_assert(AT_LENGTH_LOW + 1 == PROXY_FIXED_BYTES, "and that is all of them");
static_assert(PROXY_BYTES_MAX <= UINT16_MAX, "counted in 16 bits");

#define COMMAND_LOCAL  0
#define COMMAND_PROXY  1
#define FAMILY_TCP4    0x11 /* family in the high, transport in the low four bits */
#define FAMILY_TCP6    0x21
#define FAMILY_MOST    3 /* UNSPEC, INET, INET6, UNIX */
#define TRANSPORT_MOST 2 /* UNSPEC, STREAM, DGRAM */
#define TLV_CRC32C     3
#define TLV_HEAD       3 /* type, and two bytes of length */
#define CRC32C_BYTES   4
#define CRC32C_POLY    0x82f63b78u /* RFC 4960 appendix B, reflected */

const char *proxy_fault_text(enum proxy_fault fault)
{
	static const char *const texts[] = {
#define X(name, text) [PROXY_FAULT_##name] = (text),
		PROXY_FAULTS(X)
#undef X
	};

	check(fault < PROXY_FAULT_COUNT);
	return texts[fault];
}

void proxy_init(struct proxy *proxy)
{
	*proxy = (struct proxy){ .checksum = UINT32_MAX };
}

/* The checksum's own bytes count as zeros. */
static void proxy_sum(struct proxy *proxy, uint8_t byte)
{
	proxy->checksum ^= byte;
	for (int i = 0; i < 8; i++)
		proxy->checksum =
		        proxy->checksum >> 1 ^ ((proxy->checksum & 1) != 0 ? CRC32C_POLY : 0);
}

/* Where addresses are, and TLVs behind them; 0: whatever follows, nobody can tell what it is. */
static uint16_t proxy_address_bytes(const struct proxy *proxy)
{
	static const uint16_t bytes[FAMILY_MOST + 1] = { 0, 12, 36, 216 };

	if (proxy->command == COMMAND_LOCAL || (proxy->family & 15) == 0)
		return 0;
	return bytes[proxy->family >> 4];
}

static enum proxy_fault proxy_take_fixed(struct proxy *proxy, uint16_t at, uint8_t byte)
{
	switch (at) {
	case AT_COMMAND:
		proxy->command = byte & 15;
		if (byte >> 4 != 2)
			return PROXY_FAULT_VERSION;
		return proxy->command > COMMAND_PROXY ? PROXY_FAULT_COMMAND : PROXY_FAULT_NONE;
	case AT_FAMILY:
		proxy->family = byte;
		/* A connection of the proxy's own may say anything here. */
		if (proxy->command == COMMAND_PROXY &&
		        (byte >> 4 > FAMILY_MOST || (byte & 15) > TRANSPORT_MOST))
			return PROXY_FAULT_FAMILY;
		return PROXY_FAULT_NONE;
	case AT_LENGTH:
		proxy->length = (uint16_t)(byte << 8);
		return PROXY_FAULT_NONE;
	case AT_LENGTH_LOW:
		proxy->length |= byte;
		if (proxy->length > PROXY_FOLLOWS_MAX)
			return PROXY_FAULT_LONG;
		proxy->addresses = proxy_address_bytes(proxy);
		return proxy->addresses > proxy->length ? PROXY_FAULT_SHORT : PROXY_FAULT_NONE;
	default:
		if (byte == proxy_signature[at])
			return PROXY_FAULT_NONE;
		return at == 0 && byte == 'P' ? PROXY_FAULT_VERSION_1 : PROXY_FAULT_SIGNATURE;
	}
}

/* `left` of the header with this byte. */
static enum proxy_fault proxy_take_tlv(struct proxy *proxy, unsigned left, uint8_t byte)
{
	const unsigned at = proxy->tlv_read++;

	if (at == 0) {
		proxy->tlv_type = byte;
		return left < TLV_HEAD ? PROXY_FAULT_TLV : PROXY_FAULT_NONE;
	}
	if (at == 1) {
		proxy->tlv_length = (uint16_t)(byte << 8);
	} else if (at == 2) {
		proxy->tlv_length |= byte;
		if (proxy->tlv_length > left - 1)
			return PROXY_FAULT_TLV;
		if (proxy->tlv_type == TLV_CRC32C && proxy->tlv_length != CRC32C_BYTES)
			return PROXY_FAULT_CHECKSUM;
		/* Two can't both be right: each counts the other's bytes. */
		if (proxy->tlv_type == TLV_CRC32C && proxy->has_checksum)
			return PROXY_FAULT_CHECKSUM;
		proxy->has_checksum |= proxy->tlv_type == TLV_CRC32C;
	} else if (proxy->tlv_type == TLV_CRC32C) {
		proxy->said = proxy->said << 8 | byte;
	}
	if (at >= 2 && proxy->tlv_read == TLV_HEAD + proxy->tlv_length)
		proxy->tlv_read = 0;
	return PROXY_FAULT_NONE;
}

static enum proxy_fault proxy_take(struct proxy *proxy, uint8_t byte)
{
	const uint16_t at = proxy->read++;
	const unsigned followed = at - (at < PROXY_FIXED_BYTES ? at : PROXY_FIXED_BYTES);
	const bool of_checksum = proxy->tlv_read >= TLV_HEAD && proxy->tlv_type == TLV_CRC32C;

	proxy_sum(proxy, of_checksum ? 0 : byte);
	if (at < PROXY_FIXED_BYTES)
		return proxy_take_fixed(proxy, at, byte);
	if (followed < proxy->addresses) {
		if (followed < sizeof proxy->block)
			proxy->block[followed] = byte;
		return PROXY_FAULT_NONE;
	}
	if (proxy->addresses == 0)
		return PROXY_FAULT_NONE;
	return proxy_take_tlv(proxy, proxy->length - followed, byte);
}

static enum proxy_fault proxy_finish(struct proxy *proxy)
{
	const uint8_t *const block = proxy->block;

	check(proxy->tlv_read == 0); /* no TLV is longer than the header */
	if (proxy->has_checksum && proxy->said != ~proxy->checksum)
		return PROXY_FAULT_CHECKSUM;
	if (proxy->addresses == 0)
		return PROXY_FAULT_NONE;
	if (proxy->family == FAMILY_TCP4) {
		proxy->source[10] = proxy->source[11] = 0xff;
		memcpy(proxy->source + 12, block, 4);
		proxy->port = (uint16_t)(block[8] << 8 | block[9]);
	} else if (proxy->family == FAMILY_TCP6) {
		memcpy(proxy->source, block, 16);
		proxy->port = (uint16_t)(block[32] << 8 | block[33]);
	}
	proxy->has_source = proxy->family == FAMILY_TCP4 || proxy->family == FAMILY_TCP6;
	return PROXY_FAULT_NONE;
}

enum proxy_news proxy_read(struct proxy *proxy, struct view *input)
{
	check(proxy->fault == PROXY_FAULT_NONE);
	while (input->bytes > 0) {
		const uint8_t byte = (uint8_t)input->data[0];

		*input = view_skip(*input, 1);
		proxy->fault = proxy_take(proxy, byte);
		const bool whole = proxy->read >= PROXY_FIXED_BYTES &&
		                   proxy->read == PROXY_FIXED_BYTES + proxy->length;
		if (proxy->fault == PROXY_FAULT_NONE && whole)
			proxy->fault = proxy_finish(proxy);
		if (proxy->fault != PROXY_FAULT_NONE)
			return PROXY_BAD;
		if (whole)
			return PROXY_DONE;
	}
	return PROXY_MORE;
}
