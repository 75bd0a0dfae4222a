#include "engine/wire/quoted.h"

#define QUOTED_LINE_MAX 75 /* 76, and one of them is the soft break's '=' */

static void quoted_put(struct quoted *quoted, struct text *text, struct view unit)
{
	if (quoted->column + unit.bytes > QUOTED_LINE_MAX) {
		text_put(text, VIEW("=\r\n"));
		quoted->column = 0;
	}
	text_put(text, unit);
	quoted->column += (unsigned)unit.bytes;
}

static void quoted_put_encoded(struct quoted *quoted, struct text *text, char c)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char byte = (unsigned char)c;
	char unit[3] = { '=', digits[byte >> 4], digits[byte & 15] };

	quoted_put(quoted, text, view_from(unit, sizeof unit));
}

void quoted_write(struct quoted *quoted, struct text *text, struct view bytes)
{
	for (size_t i = 0; i < bytes.bytes; i++) {
		char c = bytes.data[i];
		if (quoted->held != '\0') {
			quoted_put(quoted, text, view_from(&quoted->held, 1));
			quoted->held = '\0';
		}
		if (c == ' ' || c == '\t')
			quoted->held = c;
		else if (c > ' ' && c <= '~' && c != '=')
			quoted_put(quoted, text, view_from(&c, 1));
		else
			quoted_put_encoded(quoted, text, c);
	}
}

void quoted_end_line(struct quoted *quoted, struct text *text)
{
	if (quoted->held != '\0')
		quoted_put_encoded(quoted, text, quoted->held);
	*quoted = (struct quoted){ 0 };
}
