#include "engine/wire/transfer.h"

#include "engine/wire/base64.h"

static void transfer_base64(struct transfer *transfer, struct view line, struct text *text);
static void transfer_quoted(struct view line, struct text *text);

void transfer_init(struct transfer *transfer, enum header_encoding encoding)
{
	*transfer = (struct transfer){ .encoding = encoding };
}

void transfer_line(struct transfer *transfer, struct view line, struct text *text)
{
	switch (transfer->encoding) {
	case HEADER_ENCODING_BASE64:
		transfer_base64(transfer, line, text);
		break;
	case HEADER_ENCODING_QUOTED_PRINTABLE:
		transfer_quoted(line, text);
		break;
	default:
		text_put(text, line);
		text_put_byte(text, '\n');
		break;
	}
}

static void transfer_base64(struct transfer *transfer, struct view line, struct text *text)
{
	for (size_t i = 0; i < line.bytes && !transfer->over; i++) {
		const int value = base64_value(line.data[i]);

		transfer->over = line.data[i] == '=';
		if (value < 0)
			continue;
		transfer->bits = (transfer->bits << 6 | (uint32_t)value) & 0xfff;
		transfer->bit_count += 6;
		if (transfer->bit_count < 8)
			continue;
		transfer->bit_count -= 8;
		text_put_byte(text, (char)(transfer->bits >> transfer->bit_count));
	}
}

static int hex_value(char c)
{
	if (byte_is_digit(c))
		return c - '0';
	const char lower = byte_lower(c);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* White space at a line's end is no part of it; an = there joins it with the next. */
static void transfer_quoted(struct view line, struct text *text)
{
	while (line.bytes > 0 &&
	        (line.data[line.bytes - 1] == ' ' || line.data[line.bytes - 1] == '\t'))
		line.bytes--;
	const bool soft = line.bytes > 0 && line.data[line.bytes - 1] == '=';
	if (soft)
		line.bytes--;
	for (size_t i = 0; i < line.bytes; i++) {
		const bool escape = line.data[i] == '=' && i + 2 < line.bytes &&
		                    hex_value(line.data[i + 1]) >= 0 &&
		                    hex_value(line.data[i + 2]) >= 0;
		if (!escape) {
			text_put_byte(text, line.data[i]);
			continue;
		}
		text_put_byte(text,
		        (char)(hex_value(line.data[i + 1]) * 16 + hex_value(line.data[i + 2])));
		i += 2;
	}
	if (!soft)
		text_put_byte(text, '\n');
}
