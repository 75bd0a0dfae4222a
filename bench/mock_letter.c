#include "bench/mock_letter.h"

#include "queue/address.h"

static size_t letter_line_bytes(struct view text);
static bool letter_folds(struct view text);
static bool letter_is_space(char c);
static struct view letter_trim(struct view value);
static size_t letter_find(struct view value, char wanted);

void mock_letter_begin(struct mock_letter *letter)
{
	letter->bytes = 0;
}

void mock_letter_feed(struct mock_letter *letter, struct view piece)
{
	const struct view fits = view_first(piece, MOCK_LETTER_BYTES_MAX - letter->bytes);

	if (fits.bytes == 0)
		return;
	memcpy(letter->data + letter->bytes, fits.data, fits.bytes);
	letter->bytes += fits.bytes;
}

/* With its line end. */
static size_t letter_line_bytes(struct view text)
{
	const size_t end = view_find(text, '\n');

	return end < text.bytes ? end + 1 : text.bytes;
}

struct view mock_letter_header(const struct mock_letter *letter)
{
	const struct view all = view_from(letter->data, letter->bytes);
	struct view left = all;

	while (left.bytes > 0 && left.data[0] != '\r' && left.data[0] != '\n')
		left = view_skip(left, letter_line_bytes(left));
	return view_first(all, all.bytes - left.bytes);
}

struct view mock_letter_field(const struct mock_letter *letter, struct view name)
{
	struct view left = mock_letter_header(letter);

	while (left.bytes > 0) {
		size_t bytes = letter_line_bytes(left);
		while (letter_folds(view_skip(left, bytes)))
			bytes += letter_line_bytes(view_skip(left, bytes));
		const struct view field = view_first(left, bytes);
		const size_t colon = view_find(field, ':');
		if (colon < field.bytes &&
		        view_equal_fold(view_trim(view_first(field, colon)), name))
			return letter_trim(view_skip(field, colon + 1));
		left = view_skip(left, bytes);
	}
	return VIEW("");
}

static bool letter_folds(struct view text)
{
	return text.bytes > 0 && (text.data[0] == ' ' || text.data[0] == '\t');
}

static bool letter_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct view letter_trim(struct view value)
{
	while (value.bytes > 0 && letter_is_space(value.data[0]))
		value = view_skip(value, 1);
	while (value.bytes > 0 && letter_is_space(value.data[value.bytes - 1]))
		value.bytes--;
	return value;
}

struct view mock_letter_from(const struct mock_letter *letter)
{
	struct view value = mock_letter_field(letter, VIEW("From"));
	const size_t open = letter_find(value, '<');
	struct address address;

	if (open < value.bytes) {
		value = view_skip(value, open + 1);
		value = view_first(value, letter_find(value, '>'));
	}
	value = letter_trim(value);
	return address_parse(value, true, &address) == ADDRESS_OK ? value : VIEW("");
}

/* Where it stands outside of quotes; value.bytes: nowhere. */
static size_t letter_find(struct view value, char wanted)
{
	bool quoted = false;

	for (size_t i = 0; i < value.bytes; i++) {
		if (quoted && value.data[i] == '\\')
			i++;
		else if (value.data[i] == '"')
			quoted = !quoted;
		else if (!quoted && value.data[i] == wanted)
			return i;
	}
	return value.bytes;
}
