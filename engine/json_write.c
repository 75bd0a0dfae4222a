#include "engine/json_write.h"

#include "queue/base/utf8.h"

size_t json_write_plain_bytes(struct view rest)
{
	unsigned char c = (unsigned char)rest.data[0];

	if (c < ' ' || c == 127)
		return 0;
	size_t bytes = utf8_sequence_bytes(rest);
	return bytes == 2 && c == 0xc2 && (unsigned char)rest.data[1] < 0xa0 ? 0 : bytes;
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
			/* A C1 control goes whole, a broken sequence byte by byte. */
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
