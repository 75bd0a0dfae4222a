#include "engine/wire/base64.h"

#include "queue/base/check.h"

static const char base64_digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void base64_put_quantum(struct text *text, const unsigned char bytes[3])
{
	char quantum[4] = {
		base64_digits[bytes[0] >> 2],
		base64_digits[(bytes[0] & 3) << 4 | bytes[1] >> 4],
		base64_digits[(bytes[1] & 15) << 2 | bytes[2] >> 6],
		base64_digits[bytes[2] & 63],
	};

	text_put(text, view_from(quantum, sizeof quantum));
}

void base64_write(struct base64_writer *writer, struct text *text, struct view bytes)
{
	check(writer->held_count < 3);
	for (size_t i = 0; i < bytes.bytes; i++) {
		if (writer->held_count < 2) {
			writer->held[writer->held_count++] = (unsigned char)bytes.data[i];
			continue;
		}
		const unsigned char quantum[3] = { writer->held[0], writer->held[1],
			(unsigned char)bytes.data[i] };
		base64_put_quantum(text, quantum);
		writer->held_count = 0;
	}
}

void base64_finish(struct base64_writer *writer, struct text *text)
{
	unsigned char a = writer->held_count > 0 ? writer->held[0] : 0;
	unsigned char b = writer->held_count > 1 ? writer->held[1] : 0;

	if (writer->held_count > 0) {
		char quantum[4] = { base64_digits[a >> 2], base64_digits[(a & 3) << 4 | b >> 4],
			writer->held_count > 1 ? base64_digits[(b & 15) << 2] : '=', '=' };
		text_put(text, view_from(quantum, sizeof quantum));
	}
	*writer = (struct base64_writer){ 0 };
}

void base64_encode(struct text *text, struct view bytes)
{
	struct base64_writer writer = { 0 };

	base64_write(&writer, text, bytes);
	base64_finish(&writer, text);
}

int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (byte_is_digit(c))
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Four digits, of which the last `padding` are '='; gives 3 - padding bytes. */
static bool base64_read_quantum(const char *digits, unsigned padding, unsigned char bytes[3])
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 4; i++) {
		int value = i < 4 - padding ? base64_value(digits[i]) : 0;
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
	}
	bytes[0] = (unsigned char)(bits >> 16);
	bytes[1] = (unsigned char)(bits >> 8);
	bytes[2] = (unsigned char)bits;
	/* Bits behind the end must be zero, or two encodings would mean the same. */
	for (unsigned i = 3 - padding; i < 3; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

bool base64_decode(struct text *text, struct view encoded)
{
	struct text before = *text;

	if (encoded.bytes % 4 != 0)
		return false;
	for (size_t at = 0; at < encoded.bytes; at += 4) {
		const char *digits = encoded.data + at;
		unsigned char bytes[3];
		unsigned padding = 0;
		if (at + 4 == encoded.bytes && digits[3] == '=')
			padding = digits[2] == '=' ? 2 : 1;
		if (!base64_read_quantum(digits, padding, bytes)) {
			*text = before;
			return false;
		}
		text_put(text, view_from(bytes, 3 - padding));
	}
	if (text->overflow && !before.overflow) {
		*text = before;
		return false;
	}
	return true;
}

void base64_url_encode(struct text *text, struct view bytes)
{
	const size_t from = text->bytes;

	base64_encode(text, bytes);
	while (text->bytes > from && text->data[text->bytes - 1] == '=')
		text->bytes--;
	for (size_t i = from; i < text->bytes; i++) {
		if (text->data[i] == '+')
			text->data[i] = '-';
		else if (text->data[i] == '/')
			text->data[i] = '_';
	}
}

bool base64_url_decode(struct text *text, struct view encoded)
{
	struct text before = *text;

	/* One digit more than whole bytes have is the rest of nothing. */
	if (encoded.bytes % 4 == 1)
		return false;
	for (size_t at = 0; at < encoded.bytes; at += 4) {
		const struct view part = view_first(view_skip(encoded, at), 4);
		char digits[4] = { '=', '=', '=', '=' };

		for (size_t i = 0; i < part.bytes; i++) {
			const char c = part.data[i];
			/* What only the other alphabet has, and padding, are no digits here. */
			if (c == '+' || c == '/' || c == '=') {
				*text = before;
				return false;
			}
			digits[i] = c == '-' ? '+' : c == '_' ? '/' : c;
		}
		if (!base64_decode(text, view_from(digits, sizeof digits))) {
			*text = before;
			return false;
		}
	}
	return true;
}
