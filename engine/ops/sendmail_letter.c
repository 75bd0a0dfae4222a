#include "engine/ops/sendmail_letter.h"

#include "engine/wire/originator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES  65536
#define FIELD_BYTES 1024 /* of From: name and address, which are bounded */

/* Cutting a header into fields. */
struct fields {
	struct view rest;
	struct view name;  /* of the field at hand */
	struct view value; /* with its folds */
	struct view whole; /* with its line ends */
};

static size_t dot_line(struct view bytes);
static bool next_field(struct fields *fields);
static size_t line_bytes(struct view rest);
static size_t name_bytes(struct view line);
static bool take_addresses(struct letter *letter, struct view value);
static bool is_one_of(struct view name, const char *const *names, size_t count);
static void put(struct letter *letter, struct view bytes);

struct err letter_open(struct letter *letter, int fd, bool dot_ends)
{
	size_t room = 0;

	*letter = (struct letter){ .bytes = NULL };
	for (;;) {
		if (room - letter->count < READ_BYTES) {
			room = room * 2 + READ_BYTES * 2;
			char *more = realloc(letter->bytes, room);
			if (more == NULL)
				return err_make(ERR_NO_MEMORY, 0);
			letter->bytes = more;
		}
		const ssize_t got = read(fd, letter->bytes + letter->count, READ_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_make(ERR_SYSTEM, errno);
		if (got == 0)
			break;
		letter->count += (size_t)got;
		if (letter->count > LETTER_BYTES_MAX)
			return err_make(ERR_LIMIT, 0);
	}
	if (dot_ends)
		letter->count = dot_line(view_from(letter->bytes, letter->count));
	return err_ok();
}

/* Where a line with a dot alone begins, or the end. */
static size_t dot_line(struct view bytes)
{
	for (size_t at = 0; at < bytes.bytes;) {
		const struct view rest = view_skip(bytes, at);
		const size_t line = line_bytes(rest);

		if (rest.data[0] == '.' &&
		        (line == 1 || rest.data[1] == '\n' || (line == 3 && rest.data[1] == '\r')))
			return at;
		at += line;
	}
	return bytes.bytes;
}

bool letter_finish(struct letter *letter, bool takes_recipients, const char *from)
{
	static const char *const to[] = { "To", "Cc", "Bcc" };
	const struct view all = view_from(letter->bytes, letter->count);
	struct fields fields = { .rest = all };

	letter->content = malloc(letter->count + FIELD_BYTES);
	if (letter->content == NULL)
		return false;
	/* What parts messages in a file, and some programs give along. */
	if (view_starts_fold(fields.rest, VIEW("From ")))
		fields.rest = view_skip(fields.rest, line_bytes(fields.rest));
	while (next_field(&fields)) {
		letter->has_from |= view_equal_fold(fields.name, VIEW("From"));
		if (takes_recipients && is_one_of(fields.name, to, sizeof to / sizeof to[0]) &&
		        !take_addresses(letter, fields.value))
			return false;
		if (!view_equal_fold(fields.name, VIEW("Bcc")))
			put(letter, fields.whole);
	}
	if (!letter->has_from) {
		put(letter, VIEW("From: "));
		put(letter, view_of(from));
		put(letter, VIEW("\n"));
	}
	const bool parted = fields.rest.bytes > 0 &&
	                    (fields.rest.data[0] == '\n' || fields.rest.data[0] == '\r');
	if (!parted)
		put(letter, VIEW("\n"));
	put(letter, fields.rest);
	for (size_t i = 0; i < letter->content_bytes && !letter->is_8bit; i++)
		letter->is_8bit = ((unsigned char)letter->content[i] & 0x80) != 0;
	return true;
}

void letter_close(struct letter *letter)
{
	letter_words_close(&letter->recipients);
	free(letter->bytes);
	free(letter->content);
	*letter = (struct letter){ .bytes = NULL };
}

bool letter_words_add(struct letter_words *words, struct view word)
{
	if (words->count == words->room) {
		const size_t room = words->room * 2 + 8;
		const char **more = realloc(words->at, room * sizeof *more);

		if (more == NULL)
			return false;
		words->at = more;
		words->room = room;
	}
	words->at[words->count] = strndup(word.data, word.bytes);
	return words->at[words->count++] != NULL;
}

void letter_words_close(struct letter_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free((char *)words->at[i]);
	free(words->at);
	*words = (struct letter_words){ .at = NULL };
}

/* The header. */

/* False: the header is over, at a blank line or at what is no field. */
static bool next_field(struct fields *fields)
{
	const size_t name = name_bytes(fields->rest);
	size_t bytes = line_bytes(fields->rest);

	if (name == 0)
		return false;
	while (bytes < fields->rest.bytes &&
	        (fields->rest.data[bytes] == ' ' || fields->rest.data[bytes] == '\t'))
		bytes += line_bytes(view_skip(fields->rest, bytes));
	fields->name = view_first(fields->rest, name);
	fields->whole = view_first(fields->rest, bytes);
	fields->value = view_skip(fields->whole, name + 1);
	fields->rest = view_skip(fields->rest, bytes);
	return true;
}

/* With its end. */
static size_t line_bytes(struct view rest)
{
	const size_t bytes = view_find(rest, '\n');

	return bytes < rest.bytes ? bytes + 1 : bytes;
}

/* 0: it is no field. */
static size_t name_bytes(struct view line)
{
	size_t bytes = 0;

	while (bytes < line.bytes && line.data[bytes] > ' ' && line.data[bytes] != ':' &&
	        line.data[bytes] != 0x7f)
		bytes++;
	return bytes < line.bytes && line.data[bytes] == ':' ? bytes : 0;
}

static bool take_addresses(struct letter *letter, struct view value)
{
	struct originator originator;

	while (originator_next(&value, true, &originator)) {
		const struct view address = originator_address(&originator);

		if (address.bytes > 0 && !letter_words_add(&letter->recipients, address))
			return false;
	}
	return true;
}

static bool is_one_of(struct view name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (view_equal_fold(name, view_of(names[i])))
			return true;
	return false;
}

/* There is room for all that came, and for a From. */
static void put(struct letter *letter, struct view bytes)
{
	memcpy(letter->content + letter->content_bytes, bytes.data, bytes.bytes);
	letter->content_bytes += bytes.bytes;
}
