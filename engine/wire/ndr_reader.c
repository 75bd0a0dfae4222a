#include "engine/wire/ndr_reader.h"

#include "queue/base/check.h"

static void reader_complete(struct ndr_reader *reader, struct ndr_recipient *recipient);
static void reader_raw_line(struct ndr_reader *reader);
static bool reader_is_boundary(struct ndr_reader *reader, struct view line);
static void reader_begin_part(struct ndr_reader *reader, bool top);
static void reader_end_part(struct ndr_reader *reader);
static void reader_content(struct ndr_reader *reader, struct view bytes);
static void reader_line(struct ndr_reader *reader, struct view line);
static void reader_end_group(struct ndr_reader *reader);
static bool reader_fields(struct ndr_reader *reader, struct view line);
static void reader_field(struct ndr_reader *reader, struct view name, struct view value);
static void reader_type(struct ndr_reader *reader, struct view value);

/* Whether the type is this one, with parameters or without. */
static bool type_is(struct view value, struct view type)
{
	return view_starts_fold(value, type) &&
	       (value.bytes == type.bytes || strchr("; \t(", value.data[type.bytes]) != NULL);
}

void ndr_reader_init(struct ndr_reader *reader, struct ndr *ndr)
{
	memset(ndr, 0, sizeof *ndr);
	memset(reader, 0, sizeof *reader);
	reader->ndr = ndr;
	reader->left = NDR_BYTES_MAX;
	reader_begin_part(reader, true);
}

void ndr_reader_feed(struct ndr_reader *reader, struct view bytes)
{
	bytes = view_first(bytes, reader->left);
	reader->left -= bytes.bytes;
	for (size_t i = 0; i < bytes.bytes; i++) {
		if (bytes.data[i] == '\n')
			reader_raw_line(reader);
		else if (reader->raw_bytes < sizeof reader->raw)
			reader->raw[reader->raw_bytes++] = bytes.data[i];
	}
}

void ndr_reader_finish(struct ndr_reader *reader)
{
	struct ndr *ndr = reader->ndr;
	struct ndr *words = &reader->words;

	if (reader->raw_bytes > 0)
		reader_raw_line(reader);
	reader_end_part(reader);
	for (size_t i = 0; i < words->id_count; i++)
		ndr_add_id(ndr, view_of(words->ids[i]), false);
	if (ndr->reporter[0] == '\0')
		memcpy(ndr->reporter, words->reporter, sizeof ndr->reporter);
	for (size_t i = 0; i < ndr->recipient_count; i++)
		reader_complete(reader, &ndr->recipients[i]);
	if (ndr->recipient_count > 0)
		return;
	memcpy(ndr->recipients, words->recipients, sizeof ndr->recipients);
	ndr->recipient_count = words->recipient_count;
	ndr->recipients_missed = words->recipients_missed;
	ndr->report |= ndr->recipient_count > 0;
}

/* With what the words for people have of it; else the status must do. */
static void reader_complete(struct ndr_reader *reader, struct ndr_recipient *recipient)
{
	const struct ndr_recipient *said = NULL;

	reader->ndr->report = true;
	if (recipient->address[0] == '\0')
		memcpy(recipient->address, recipient->original, sizeof recipient->address);
	if (recipient->address[0] != '\0')
		said = ndr_find_recipient(&reader->words, view_of(recipient->address));
	if (recipient->reply[0] == '\0' && said != NULL)
		memcpy(recipient->reply, said->reply, sizeof recipient->reply);
	if (recipient->reply[0] == '\0')
		ndr_set_reply(recipient, VIEW(""), view_of(recipient->status));
	if (recipient->status[0] == '\0' && strlen(recipient->reply) > 4)
		ndr_set(recipient->status, sizeof recipient->status,
		        ndr_status_of(view_of(recipient->reply + 4)));
}

/* As it came, without its end. */
static void reader_raw_line(struct ndr_reader *reader)
{
	struct view line = view_from(reader->raw, reader->raw_bytes);
	char room[NDR_LINE_MAX + 1];
	struct text text = TEXT_ON(room);
	const bool first = !reader->begun;

	reader->raw_bytes = 0;
	reader->begun = true;
	if (line.bytes > 0 && line.data[line.bytes - 1] == '\r')
		line.bytes--;
	if (first && view_starts_fold(line, VIEW("From ")))
		return; /* a mailbox's line, in front of the message */
	if (reader_is_boundary(reader, line))
		return;
	switch (reader->part) {
	case NDR_PART_HEADER:
		reader_line(reader, line);
		break;
	case NDR_PART_SKIPPED:
		break;
	default:
		transfer_line(&reader->transfer, line, &text);
		reader_content(reader, text_view(&text));
		break;
	}
}

/* Parts. */

/* The innermost that it is one of: those within have ended, whether they said so or not. */
static bool reader_is_boundary(struct ndr_reader *reader, struct view line)
{
	if (line.bytes < 3 || line.data[0] != '-' || line.data[1] != '-')
		return false;
	const struct view rest = view_skip(line, 2);
	for (size_t i = reader->levels; i > 0; i--) {
		const struct ndr_boundary *at = &reader->boundaries[i - 1];
		const struct view boundary = view_from(at->bytes, at->count);

		if (rest.bytes < boundary.bytes ||
		        memcmp(rest.data, boundary.data, boundary.bytes) != 0)
			continue;
		const struct view tail = view_trim(view_skip(rest, boundary.bytes));
		const bool last = view_equal(tail, VIEW("--"));
		if (tail.bytes > 0 && !last)
			continue;
		reader_end_part(reader);
		reader->levels = last ? i - 1 : i;
		if (last)
			reader->part = NDR_PART_SKIPPED;
		else
			reader_begin_part(reader, false);
		return true;
	}
	return false;
}

static void reader_begin_part(struct ndr_reader *reader, bool top)
{
	reader->part = NDR_PART_HEADER;
	reader->next = NDR_PART_TEXT; /* text/plain, says RFC 2045 */
	reader->top = top;
	reader->pushed = false;
	reader->encoding = HEADER_ENCODING_ABSENT;
	reader->line_bytes = 0;
	header_walk_init(&reader->walk);
}

static void reader_begin_content(struct ndr_reader *reader)
{
	reader->part = reader->next;
	reader->fields_over = false;
	reader->recipient = NULL;
	reader->group_full = false;
	transfer_init(&reader->transfer, reader->encoding);
	header_walk_init(&reader->walk);
}

/* What stands there without an end. */
static void reader_end_part(struct ndr_reader *reader)
{
	struct view name;
	struct view value;

	if (reader->line_bytes > 0)
		reader_content(reader, VIEW("\n"));
	if (reader->part == NDR_PART_TEXT)
		ndr_reader_text_end(reader);
	else if (reader->part != NDR_PART_SKIPPED && !reader->fields_over &&
	         header_walk_finish(&reader->walk, &name, &value))
		reader_field(reader, name, value);
	reader->part = NDR_PART_SKIPPED;
}

/* Decoded bytes. */
static void reader_content(struct ndr_reader *reader, struct view bytes)
{
	for (size_t i = 0; i < bytes.bytes; i++) {
		if (bytes.data[i] != '\n') {
			if (reader->line_bytes < sizeof reader->line)
				reader->line[reader->line_bytes++] = bytes.data[i];
			continue;
		}
		struct view line = view_from(reader->line, reader->line_bytes);
		reader->line_bytes = 0;
		if (line.bytes > 0 && line.data[line.bytes - 1] == '\r')
			line.bytes--;
		reader_line(reader, line);
	}
}

static void reader_line(struct ndr_reader *reader, struct view line)
{
	switch (reader->part) {
	case NDR_PART_HEADER:
		if (!reader_fields(reader, line))
			reader_begin_content(reader);
		break;
	case NDR_PART_STATUS:
		if (line.bytes == 0)
			reader_end_group(reader);
		else if (!reader->fields_over)
			reader->fields_over = !reader_fields(reader, line);
		break;
	case NDR_PART_RETURNED:
		if (!reader->fields_over && !reader_fields(reader, line))
			reader->fields_over = true;
		break;
	case NDR_PART_TEXT:
		ndr_reader_text_line(reader, line);
		break;
	default:
		break;
	}
}

/* Of a delivery-status. */
static void reader_end_group(struct ndr_reader *reader)
{
	struct view name;
	struct view value;

	if (!reader->fields_over && header_walk_finish(&reader->walk, &name, &value))
		reader_field(reader, name, value);
	ndr_reader_status_blank(reader);
	reader->fields_over = false;
	header_walk_init(&reader->walk);
}

/* False: the fields are over. */
static bool reader_fields(struct ndr_reader *reader, struct view line)
{
	static const struct view ending = VIEW_INIT("\n");
	const struct view pieces[] = { line, ending };
	struct view name;
	struct view value;

	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		struct view piece = pieces[i];
		enum header_walk_news news;

		while ((news = header_walk_next(&reader->walk, &piece, &name, &value)) ==
		        HEADER_WALK_FIELD)
			reader_field(reader, name, value);
		if (news == HEADER_WALK_OVER)
			return false;
	}
	return true;
}

static void reader_field(struct ndr_reader *reader, struct view name, struct view value)
{
	struct ndr *ndr = reader->ndr;

	if (reader->part == NDR_PART_STATUS) {
		ndr_reader_status_field(reader, name, value);
		return;
	}
	if (reader->part == NDR_PART_RETURNED) {
		if (view_equal_fold(name, VIEW("Message-ID")))
			ndr_add_id(ndr, value, true);
		return;
	}
	if (view_equal_fold(name, VIEW("Content-Type"))) {
		reader_type(reader, value);
	} else if (view_equal_fold(name, VIEW("Content-Transfer-Encoding"))) {
		reader->encoding = header_encoding_of(value);
	} else if (reader->top && (view_equal_fold(name, VIEW("In-Reply-To")) ||
	                                  view_equal_fold(name, VIEW("References")))) {
		/* Of a thread the last is the one that was answered. */
		size_t at = 0;
		for (size_t i = 0; i < value.bytes; i++)
			if (value.data[i] == '<')
				at = i;
		ndr_add_id(ndr, view_skip(value, at), false);
	}
}

/* The value of boundary=; empty: there is none. */
static struct view type_boundary(struct view value)
{
	static const struct view word = VIEW_INIT("boundary=");
	size_t at = 0;

	for (;;) {
		const struct view rest = view_skip(value, at);
		const size_t found = view_find_fold(rest, word);
		if (found == rest.bytes)
			return VIEW("");
		at += found + word.bytes;
		if (found > 0 && strchr("; \t", rest.data[found - 1]) != NULL)
			break;
	}
	struct view rest = view_skip(value, at);
	if (rest.bytes > 0 && rest.data[0] == '"') {
		rest = view_skip(rest, 1);
		return view_first(rest, view_find(rest, '"'));
	}
	size_t bytes = 0;
	while (bytes < rest.bytes && strchr("; \t", rest.data[bytes]) == NULL)
		bytes++;
	return view_first(rest, bytes);
}

static void reader_type(struct ndr_reader *reader, struct view value)
{
	static const struct {
		struct view type;
		enum ndr_part part;
	} types[] = {
		{ VIEW_INIT("text/plain"), NDR_PART_TEXT },
		{ VIEW_INIT("message/delivery-status"), NDR_PART_STATUS },
		{ VIEW_INIT("message/global-delivery-status"), NDR_PART_STATUS },
		{ VIEW_INIT("text/rfc822-headers"), NDR_PART_RETURNED },
		{ VIEW_INIT("message/rfc822-headers"), NDR_PART_RETURNED },
		{ VIEW_INIT("message/rfc822"), NDR_PART_RETURNED },
		{ VIEW_INIT("message/global"), NDR_PART_RETURNED },
		{ VIEW_INIT("message/global-headers"), NDR_PART_RETURNED },
	};
	const struct view boundary = type_boundary(value);

	reader->next = NDR_PART_SKIPPED;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (type_is(value, types[i].type))
			reader->next = types[i].part;
	if (!view_starts_fold(value, VIEW("multipart/")) || reader->pushed)
		return;
	if (reader->top && type_is(value, VIEW("multipart/report")) &&
	        view_contains_fold(value, VIEW("delivery-status")))
		reader->ndr->report = true;
	if (boundary.bytes == 0 || boundary.bytes > NDR_BOUNDARY_MAX ||
	        reader->levels == NDR_LEVELS_MAX)
		return;
	struct ndr_boundary *into = &reader->boundaries[reader->levels++];
	memcpy(into->bytes, boundary.data, boundary.bytes);
	into->count = boundary.bytes;
	reader->pushed = true;
}
