#include "engine/json_write.h"

#include "queue/base/utf8.h"

/* Controls of C0 and C1, and what turns the direction of text about or ends a line to some readers
 * (Unicode 15: Bidi_Control, Line_Separator, Paragraph_Separator). */
static bool json_is_control(uint32_t point)
{
	return point < ' ' || (point >= 0x7f && point < 0xa0) || point == 0x61c ||
	       (point >= 0x200e && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069);
}

size_t json_write_plain_bytes(struct view rest)
{
	const size_t bytes = utf8_sequence_bytes(rest);

	return bytes == 0 || json_is_control(utf8_code_point(view_first(rest, bytes))) ? 0 : bytes;
}

void json_write_text(struct text *text, struct view value)
{
	text_put_byte(text, '"');
	while (value.bytes > 0) {
		unsigned char c = (unsigned char)value.data[0];
		size_t bytes = json_write_plain_bytes(value);

		if (bytes == 0 && (c < ' ' || c == 127)) {
			text_format(text, "\\u%04x", c);
			bytes = 1;
		} else if (bytes == 0) {
			/* Another control goes whole, a broken sequence byte by byte. */
			text_put(text, VIEW("\\ufffd"));
			bytes = utf8_sequence_bytes(value) > 0 ? utf8_sequence_bytes(value) : 1;
		} else {
			if (c == '"' || c == '\\')
				text_put_byte(text, '\\');
			text_put(text, view_first(value, bytes));
		}
		value = view_skip(value, bytes);
	}
	text_put_byte(text, '"');
}
