#include "engine/json_read.h"

static struct json_reader begin(struct view text, char open, char close);
static bool fail(struct json_reader *reader);
static size_t text_bytes(struct view rest);
static size_t value_bytes(struct view rest);
static size_t nested_bytes(struct view rest);
static bool unescape(struct view *rest, struct text *into);
static bool read_hex(struct view rest, uint32_t *unit);

static struct view skip_blanks(struct view text)
{
	while (text.bytes > 0 && (text.data[0] == ' ' || text.data[0] == '\t' ||
	                                 text.data[0] == '\n' || text.data[0] == '\r'))
		text = view_skip(text, 1);
	return text;
}

struct json_reader json_read_object(struct view text)
{
	return begin(text, '{', '}');
}

struct json_reader json_read_array(struct view text)
{
	return begin(text, '[', ']');
}

static struct json_reader begin(struct view text, char open, char close)
{
	struct json_reader reader = { .rest = skip_blanks(text), .end = close };

	if (reader.rest.bytes == 0 || reader.rest.data[0] != open)
		reader.bad = true;
	else
		reader.rest = view_skip(reader.rest, 1);
	return reader;
}

bool json_read_next(struct json_reader *reader, struct view *key, struct view *value)
{
	if (reader->bad || reader->end == '\0')
		return false;
	struct view rest = skip_blanks(reader->rest);
	if (rest.bytes == 0)
		return fail(reader);
	if (rest.data[0] == reader->end) {
		reader->end = '\0';
		return skip_blanks(view_skip(rest, 1)).bytes == 0 ? false : fail(reader);
	}
	if (reader->begun) {
		if (rest.data[0] != ',')
			return fail(reader);
		rest = skip_blanks(view_skip(rest, 1));
	}
	reader->begun = true;
	*key = VIEW("");
	if (reader->end == '}') {
		const size_t bytes = text_bytes(rest);
		if (bytes == 0)
			return fail(reader);
		*key = view_from(rest.data + 1, bytes - 2);
		rest = skip_blanks(view_skip(rest, bytes));
		if (rest.bytes == 0 || rest.data[0] != ':')
			return fail(reader);
		rest = skip_blanks(view_skip(rest, 1));
	}
	const size_t bytes = value_bytes(rest);
	if (bytes == 0)
		return fail(reader);
	*value = view_first(rest, bytes);
	reader->rest = view_skip(rest, bytes);
	return true;
}

static bool fail(struct json_reader *reader)
{
	reader->bad = true;
	return false;
}

/* Of a text with its quotes; 0: it is none. */
static size_t text_bytes(struct view rest)
{
	if (rest.bytes == 0 || rest.data[0] != '"')
		return 0;
	for (size_t i = 1; i < rest.bytes; i++) {
		if ((unsigned char)rest.data[i] < ' ')
			return 0;
		if (rest.data[i] == '"')
			return i + 1;
		if (rest.data[i] == '\\')
			i++;
	}
	return 0;
}

static size_t value_bytes(struct view rest)
{
	size_t bytes = 0;

	if (rest.bytes > 0 && rest.data[0] == '"')
		return text_bytes(rest);
	if (rest.bytes > 0 && (rest.data[0] == '{' || rest.data[0] == '['))
		return nested_bytes(rest);
	/* A number, true, false or null: the letters that those have. */
	while (bytes < rest.bytes) {
		const char c = byte_lower(rest.data[bytes]);

		if (!byte_is_digit(c) && (c < 'a' || c > 'z') && c != '-' && c != '+' && c != '.')
			break;
		bytes++;
	}
	return bytes;
}

static size_t nested_bytes(struct view rest)
{
	size_t depth = 0;

	for (size_t i = 0; i < rest.bytes; i++) {
		const char c = rest.data[i];

		if (c == '"') {
			const size_t bytes = text_bytes(view_skip(rest, i));
			if (bytes == 0)
				return 0;
			i += bytes - 1;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_READ_DEPTH_MAX)
				return 0;
		} else if (c == '}' || c == ']') {
			if (--depth == 0)
				return i + 1;
		}
	}
	return 0;
}

bool json_read_text(struct view value, struct text *into)
{
	struct text copy = *into;

	if (text_bytes(value) != value.bytes || value.bytes == 0)
		return false;
	struct view rest = view_from(value.data + 1, value.bytes - 2);
	while (rest.bytes > 0) {
		if (rest.data[0] != '\\') {
			text_put_byte(&copy, rest.data[0]);
			rest = view_skip(rest, 1);
		} else if (!unescape(&rest, &copy)) {
			return false;
		}
	}
	if (copy.overflow)
		return false;
	*into = copy;
	return true;
}

static bool unescape(struct view *rest, struct text *into)
{
	static const char names[] = "\"\\/bfnrt";
	static const char meant[] = "\"\\/\b\f\n\r\t";
	uint32_t unit;

	if (rest->bytes < 2)
		return false;
	const char name = rest->data[1];
	const char *found = name == '\0' ? NULL : strchr(names, name);
	*rest = view_skip(*rest, 2);
	if (found != NULL) {
		text_put_byte(into, meant[found - names]);
		return true;
	}
	if (name != 'u' || !read_hex(*rest, &unit))
		return false;
	*rest = view_skip(*rest, 4);
	/* Beyond ASCII there is nothing that we have to understand: it is shown as unknown. */
	if (unit == 0)
		return false;
	if (unit < 128)
		text_put_byte(into, (char)unit);
	else
		text_put(into, VIEW("\xef\xbf\xbd"));
	return true;
}

static bool read_hex(struct view rest, uint32_t *unit)
{
	*unit = 0;
	if (rest.bytes < 4)
		return false;
	for (size_t i = 0; i < 4; i++) {
		const char c = byte_lower(rest.data[i]);

		if (!byte_is_digit(c) && (c < 'a' || c > 'f'))
			return false;
		*unit = *unit * 16 + (uint32_t)(byte_is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	return true;
}

bool json_read_u64(struct view value, uint64_t *result)
{
	if (value.bytes >= 2 && value.data[0] == '"')
		value = view_from(value.data + 1, value.bytes - 2);
	return view_to_u64(value, result);
}
