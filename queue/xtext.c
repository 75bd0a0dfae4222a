#include "queue/xtext.h"

#include "queue/base/check.h"
#include "queue/base/utf8.h"

/* The value of a capital hexadecimal digit, or -1: RFC 3461 wants capitals. */
static int hex_value(char c)
{
	if (byte_is_digit(c))
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Bytes of the unit at the start: 1 for itself, 3 for +XX; 0 where there is no good one. */
static size_t xtext_unit(struct view xtext, char *byte)
{
	char c = xtext.data[0];

	if (c <= ' ' || c > '~' || c == '=')
		return 0;
	*byte = c;
	if (c != '+')
		return 1;
	if (xtext.bytes < 3)
		return 0;
	int high = hex_value(xtext.data[1]);
	int low = hex_value(xtext.data[2]);
	if (high < 0 || low < 0)
		return 0;
	int value = high * 16 + low;
	if (value < ' ' || value > '~')
		return 0;
	*byte = (char)value;
	return 3;
}

bool xtext_is_valid(struct view xtext)
{
	while (xtext.bytes > 0) {
		char byte;
		size_t bytes = xtext_unit(xtext, &byte);
		if (bytes == 0)
			return false;
		xtext = view_skip(xtext, bytes);
	}
	return true;
}

void xtext_decode(struct text *text, struct view xtext)
{
	while (xtext.bytes > 0) {
		char byte = 0;
		size_t bytes = xtext_unit(xtext, &byte);
		check(bytes > 0);
		text_put_byte(text, byte);
		xtext = view_skip(xtext, bytes);
	}
}

void xtext_encode(struct text *text, struct view plain)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < plain.bytes; i++) {
		unsigned char c = (unsigned char)plain.data[i];
		if (c > ' ' && c <= '~' && c != '+' && c != '=') {
			text_put_byte(text, (char)c);
		} else {
			text_put_byte(text, '+');
			text_put_byte(text, digits[c >> 4]);
			text_put_byte(text, digits[c & 15]);
		}
	}
}

/* RFC 6533 3: \x{HEX}, two to six capital digits. Bytes of it; 0 where it is malformed or
 * names what may not stand here: a control character, a surrogate, beyond U+10FFFF. */
static size_t xtext_embedded_bytes(struct view text)
{
	const struct view start = VIEW_INIT("\\x{");
	uint32_t point = 0;
	size_t at = start.bytes;

	if (text.bytes < start.bytes || !view_equal(view_first(text, start.bytes), start))
		return 0;
	while (at < text.bytes && hex_value(text.data[at]) >= 0 && at < start.bytes + 6)
		point = point * 16 + (uint32_t)hex_value(text.data[at++]);
	if (at < start.bytes + 2 || at == text.bytes || text.data[at] != '}')
		return 0;
	if (point < 0x20 || (point >= 0x7f && point < 0xa0))
		return 0;
	if ((point >= 0xd800 && point < 0xe000) || point > 0x10ffff)
		return 0;
	return at + 1;
}

/* utf-8-addr-xtext, and utf-8-addr-unitext where UTF-8 is allowed. */
static bool xtext_is_utf8_address(struct view text, bool allow_utf8)
{
	if (text.bytes == 0)
		return false;
	while (text.bytes > 0) {
		char c = text.data[0];
		size_t bytes = utf8_sequence_bytes(text);
		if (bytes > 1 && !allow_utf8)
			return false;
		if (c == '\\')
			bytes = xtext_embedded_bytes(text);
		else if (bytes == 1 && (c <= ' ' || c > '~' || c == '+' || c == '='))
			return false;
		if (bytes == 0)
			return false;
		text = view_skip(text, bytes);
	}
	return true;
}

static bool xtext_is_type(struct view type)
{
	for (size_t i = 0; i < type.bytes; i++) {
		char c = byte_lower(type.data[i]);
		if (!byte_is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-')
			return false;
	}
	return type.bytes > 0;
}

bool xtext_is_orcpt(struct view orcpt, bool allow_utf8)
{
	size_t semicolon = view_find(orcpt, ';');

	if (semicolon == orcpt.bytes || !xtext_is_type(view_first(orcpt, semicolon)))
		return false;
	struct view address = view_skip(orcpt, semicolon + 1);
	if (view_equal_fold(view_first(orcpt, semicolon), VIEW("utf-8")))
		return xtext_is_utf8_address(address, allow_utf8);
	return address.bytes > 0 && xtext_is_valid(address);
}
