#include "queue/base/bytes.h"

#include "queue/base/check.h"

#include <stdio.h>

bool view_equal(struct view a, struct view b)
{
	return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

bool view_equal_fold(struct view a, struct view b)
{
	return a.bytes == b.bytes && view_starts_fold(a, b);
}

bool view_starts_fold(struct view view, struct view prefix)
{
	if (view.bytes < prefix.bytes)
		return false;
	for (size_t i = 0; i < prefix.bytes; i++)
		if (byte_lower(view.data[i]) != byte_lower(prefix.data[i]))
			return false;
	return true;
}

bool view_ends_fold(struct view view, struct view suffix)
{
	if (view.bytes < suffix.bytes)
		return false;
	return view_starts_fold(view_skip(view, view.bytes - suffix.bytes), suffix);
}

size_t view_find(struct view view, char c)
{
	if (view.bytes == 0)
		return 0;
	const char *found = memchr(view.data, c, view.bytes);
	return found == NULL ? view.bytes : (size_t)(found - view.data);
}

size_t view_find_fold(struct view view, struct view needle)
{
	for (size_t i = 0; i + needle.bytes <= view.bytes; i++)
		if (view_starts_fold(view_skip(view, i), needle))
			return i;
	return view.bytes;
}

bool view_contains_fold(struct view view, struct view needle)
{
	return needle.bytes == 0 || view_find_fold(view, needle) < view.bytes;
}

struct view view_trim(struct view view)
{
	while (view.bytes > 0 && (view.data[0] == ' ' || view.data[0] == '\t'))
		view = view_skip(view, 1);
	while (view.bytes > 0 &&
	        (view.data[view.bytes - 1] == ' ' || view.data[view.bytes - 1] == '\t'))
		view.bytes--;
	return view;
}

bool view_to_u64(struct view view, uint64_t *result)
{
	uint64_t number = 0;

	if (view.bytes == 0)
		return false;
	for (size_t i = 0; i < view.bytes; i++) {
		if (!byte_is_digit(view.data[i]))
			return false;
		if (__builtin_mul_overflow(number, 10, &number))
			return false;
		if (__builtin_add_overflow(number, (uint64_t)(view.data[i] - '0'), &number))
			return false;
	}
	*result = number;
	return true;
}

struct text text_on(char *data, size_t size)
{
	return (struct text){ .data = data, .size = size };
}

void text_put(struct text *text, struct view view)
{
	check(text->bytes <= text->size);
	size_t room = text->size - text->bytes;
	size_t take = view.bytes <= room ? view.bytes : room;

	if (take > 0)
		memmove(text->data + text->bytes, view.data, take);
	text->bytes += take;
	if (take < view.bytes)
		text->overflow = true;
}

void text_put_byte(struct text *text, char c)
{
	text_put(text, view_from(&c, 1));
}

#define DIGITS_MAX 20 /* 2^64 - 1 has so many */

void text_put_u64(struct text *text, uint64_t number)
{
	text_put_padded(text, number, 1);
}

void text_put_padded(struct text *text, uint64_t number, unsigned digits)
{
	char buffer[DIGITS_MAX];
	size_t at = sizeof buffer;

	while (at > 0 && (number > 0 || sizeof buffer - at < digits)) {
		buffer[--at] = (char)('0' + number % 10);
		number /= 10;
	}
	text_put(text, view_from(buffer + at, sizeof buffer - at));
}

void text_format(struct text *text, const char *format, ...)
{
	char buffer[2048]; /* longer than any one line that we format */
	va_list args;

	va_start(args, format);
	int wanted = vsnprintf(buffer, sizeof buffer, format, args);
	va_end(args);
	check(wanted >= 0);
	if ((size_t)wanted >= sizeof buffer) {
		text->overflow = true;
		wanted = (int)sizeof buffer - 1;
	}
	text_put(text, view_from(buffer, (size_t)wanted));
}

const char *text_string(struct text *text)
{
	check(text->size > 0);
	if (text->bytes == text->size) {
		text->bytes--;
		text->overflow = true;
	}
	text->data[text->bytes] = '\0';
	return text->data;
}
