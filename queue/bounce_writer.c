#include "queue/bounce_writer.h"

#include "queue/base/check.h"
#include "queue/base/date.h"
#include "queue/base/utf8.h"

#include <stdio.h>

#define CLEAN_BYTES_MAX 900

void bounce_writer_init(struct bounce_writer *writer, struct shelf *shelf, size_t reserve)
{
	*writer = (struct bounce_writer){ .shelf = shelf, .reserve = reserve };
}

bool bounce_writer_take(struct bounce_writer *writer, struct rope *into)
{
	if (writer->failed)
		return false;
	rope_join(into, &writer->rope);
	return true;
}

void bounce_writer_put(struct bounce_writer *writer, struct view bytes)
{
	if (writer->failed || bytes.bytes == 0)
		return;
	if (rope_append(&writer->rope, writer->shelf, bytes, writer->reserve))
		return;
	rope_free(&writer->rope, writer->shelf);
	writer->failed = true;
}

void bounce_writer_format(struct bounce_writer *writer, const char *format, ...)
{
	char buffer[512];
	va_list list;
	va_start(list, format);
	int bytes = vsnprintf(buffer, sizeof buffer, format, list);
	va_end(list);
	check(bytes >= 0);
	check((size_t)bytes < sizeof buffer);
	bounce_writer_put(writer, view_from(buffer, (size_t)bytes));
}

void bounce_writer_date(struct bounce_writer *writer, struct wall when)
{
	char buffer[64];
	struct text date = TEXT_ON(buffer);
	date_put_mail(&date, when);
	bounce_writer_put(writer, text_view(&date));
}

static bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

/* How much of the view's beginning may be written as it is: 0 for what becomes '?'. */
static size_t printable_bytes(struct view view, bool utf8)
{
	if (is_printable(view.data[0]))
		return 1;
	return utf8 && (unsigned char)view.data[0] >= 0x80 ? utf8_sequence_bytes(view) : 0;
}

void bounce_writer_clean(struct bounce_writer *writer, struct view words, bool utf8)
{
	char buffer[CLEAN_BYTES_MAX];
	struct text clean = TEXT_ON(buffer);
	while (words.bytes > 0) {
		size_t good = printable_bytes(words, utf8);
		size_t room = clean.size - clean.bytes;
		if (room < (good > 0 ? good : 1))
			break; /* a whole character or none of it */
		if (good > 0)
			text_put(&clean, view_first(words, good));
		else
			text_put_byte(&clean, '?');
		words = view_skip(words, good > 0 ? good : 1);
	}
	bounce_writer_put(writer, text_view(&clean));
}

static bool is_gap(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void bounce_writer_wrap(
        struct bounce_writer *writer, struct view words, const char *indent, size_t column)
{
	bool first = true;
	for (;;) {
		while (words.bytes > 0 && is_gap(words.data[0]))
			words = view_skip(words, 1);
		size_t word = 0;
		while (word < words.bytes && !is_gap(words.data[word]))
			word++;
		if (word == 0)
			return;
		if (word > CLEAN_BYTES_MAX)
			word = CLEAN_BYTES_MAX;
		if (!first && column + 1 + word > BOUNCE_WRAP_COLUMNS_MAX) {
			bounce_writer_format(writer, "\r\n%s", indent);
			column = strlen(indent);
		} else if (!first) {
			bounce_writer_put(writer, VIEW(" "));
			column++;
		}
		bounce_writer_clean(writer, view_first(words, word), false);
		column += word;
		words = view_skip(words, word);
		first = false;
	}
}

/* Where quoting stands: a space is held until it is known not to end the line. */
struct quote {
	size_t column;
	char held; /* ' ' or '\t'; 0: none */
	bool cr;
};

static void quote_put(struct bounce_writer *writer, struct quote *quote, char c, bool plain)
{
	char memory[8];
	struct text text = TEXT_ON(memory);

	/* A line holds 76 characters, the '=' of a soft break among them. */
	if (quote->column + (plain ? 1 : 3) > BOUNCE_WRAP_COLUMNS_MAX - 1) {
		text_put(&text, VIEW("=\r\n"));
		quote->column = 0;
	}
	if (plain)
		text_put_byte(&text, c);
	else
		text_format(&text, "=%02X", (unsigned)(unsigned char)c);
	quote->column += plain ? 1 : 3;
	bounce_writer_put(writer, text_view(&text));
}

static void quote_byte(struct bounce_writer *writer, struct quote *quote, char c)
{
	if (c == '\r') {
		quote->cr = true;
		return;
	}
	const bool ends = c == '\n' && quote->cr;
	if (quote->held != '\0')
		quote_put(writer, quote, quote->held, !ends);
	quote->held = '\0';
	quote->cr = false;
	if (ends) {
		bounce_writer_put(writer, VIEW("\r\n"));
		quote->column = 0;
	} else if (c == ' ' || c == '\t') {
		quote->held = c;
	} else {
		quote_put(writer, quote, c, is_printable(c) && c != '=');
	}
}

void bounce_writer_quote(struct bounce_writer *writer, const struct rope *rope)
{
	struct rope_cursor at = rope_start(rope);
	struct quote quote = { 0 };
	struct view piece;

	while (rope_next(&at, &piece))
		for (size_t i = 0; i < piece.bytes; i++)
			quote_byte(writer, &quote, piece.data[i]);
	check(quote.column == 0); /* whole lines */
	check(quote.held == '\0');
}

/* Where a copy stands between two bytes. */
struct copy {
	size_t column;
	char last;
};

/* Writes a stretch without line ends, broken where a line gets too long. */
static void copy_stretch(
        struct bounce_writer *writer, struct copy *copy, struct view stretch, const char *fold)
{
	while (stretch.bytes > 0) {
		if (copy->column == BOUNCE_LINE_BYTES_MAX) {
			bounce_writer_format(writer, "\r\n%s", fold);
			copy->column = strlen(fold);
		}
		struct view part = view_first(stretch, BOUNCE_LINE_BYTES_MAX - copy->column);
		bounce_writer_put(writer, part);
		copy->column += part.bytes;
		stretch = view_skip(stretch, part.bytes);
	}
}

static void copy_piece(
        struct bounce_writer *writer, struct copy *copy, struct view piece, const char *fold)
{
	while (piece.bytes > 0) {
		size_t end = 0;
		while (end < piece.bytes && piece.data[end] != '\r' && piece.data[end] != '\n')
			end++;
		copy_stretch(writer, copy, view_first(piece, end), fold);
		if (end > 0)
			copy->last = piece.data[end - 1];
		if (end == piece.bytes)
			return;
		/* The line feed of a CRLF was written with its carriage return. */
		if (piece.data[end] == '\r' || copy->last != '\r') {
			bounce_writer_put(writer, VIEW("\r\n"));
			copy->column = 0;
		}
		copy->last = piece.data[end];
		piece = view_skip(piece, end + 1);
	}
}

void bounce_writer_copy(
        struct bounce_writer *writer, const struct rope *rope, uint64_t bytes, const char *fold)
{
	struct rope_cursor at = rope_start(rope);
	struct copy copy = { .last = '\n' };
	struct view piece;
	while (bytes > 0 && rope_next(&at, &piece)) {
		piece = view_first(piece, bytes < SIZE_MAX ? (size_t)bytes : SIZE_MAX);
		bytes -= piece.bytes;
		copy_piece(writer, &copy, piece, fold);
	}
	if (copy.last != '\n' && copy.last != '\r')
		bounce_writer_put(writer, VIEW("\r\n"));
}
