#include "engine/wire/rdata.h"

#define LABEL_MAX 63
#define TLSA_HEAD 3 /* usage, selector, matching type; then the association data */

enum tlsa_usage { TLSA_DANE_TA = 2, TLSA_DANE_EE = 3 };
enum tlsa_selector { TLSA_CERTIFICATE = 0, TLSA_KEY = 1 };
enum tlsa_matching { TLSA_WHOLE = 0, TLSA_SHA256 = 1, TLSA_SHA512 = 2 };

#define SHA256_BYTES 32
#define SHA512_BYTES 64

static bool rdata_read_name(struct view wire, char result[RDATA_NAME_MAX + 1]);
static bool rdata_is_host_byte(char c);

bool rdata_read_mx(struct view rdata, struct rdata_mx *result)
{
	if (rdata.bytes < 2)
		return false;
	result->preference =
	        (uint16_t)((unsigned char)rdata.data[0] << 8 | (unsigned char)rdata.data[1]);
	return rdata_read_name(view_skip(rdata, 2), result->host);
}

/* The name fills all of `wire`. */
static bool rdata_read_name(struct view wire, char result[RDATA_NAME_MAX + 1])
{
	struct text name = text_on(result, RDATA_NAME_MAX + 1);

	while (wire.bytes > 0 && wire.data[0] != 0) {
		const size_t bytes = (unsigned char)wire.data[0];
		if (bytes > LABEL_MAX || bytes + 1 > wire.bytes)
			return false;
		if (name.bytes > 0)
			text_put_byte(&name, '.');
		for (size_t i = 1; i <= bytes; i++) {
			if (!rdata_is_host_byte(wire.data[i]))
				return false;
			text_put_byte(&name, byte_lower(wire.data[i]));
		}
		wire = view_skip(wire, bytes + 1);
	}
	if (wire.bytes != 1 || name.bytes > RDATA_NAME_MAX)
		return false;
	(void)text_string(&name);
	return !name.overflow;
}

static bool rdata_is_host_byte(char c)
{
	const char lower = byte_lower(c);

	return byte_is_digit(c) || (lower >= 'a' && lower <= 'z') || c == '-' || c == '_';
}

bool rdata_tlsa_is_usable(struct view rdata)
{
	if (rdata.bytes <= TLSA_HEAD)
		return false;
	const unsigned usage = (unsigned char)rdata.data[0];
	const unsigned selector = (unsigned char)rdata.data[1];
	const size_t bytes = rdata.bytes - TLSA_HEAD;

	if (usage != TLSA_DANE_TA && usage != TLSA_DANE_EE)
		return false;
	if (selector != TLSA_CERTIFICATE && selector != TLSA_KEY)
		return false;
	switch ((unsigned char)rdata.data[2]) {
	case TLSA_WHOLE:
		return true;
	case TLSA_SHA256:
		return bytes == SHA256_BYTES;
	case TLSA_SHA512:
		return bytes == SHA512_BYTES;
	default:
		return false;
	}
}
