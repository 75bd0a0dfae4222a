#include "engine/wire/mime_convert.h"

#include "queue/base/check.h"
#include "queue/base/utf8.h"
#include "engine/wire/header.h"

#include <assert.h>

/* Most that one segment of a line can become, with what a header's end adds. */
static_assert(QUOTED_BYTES(MIME_SEGMENT_MAX) + sizeof(((struct mime_walk *)0)->encoding) + 256 <=
                      MIME_OUTPUT_MIN,
        "a segment's output fits the room that is asked for");

#define MIME_BASE64_LINE 76 /* RFC 2045 6.8 */

static const struct view crlf = VIEW_INIT("\r\n");

/* Fields of a part's header that are looked at. */
enum mime_field {
	MIME_FIELD_OTHER,
	MIME_FIELD_TYPE,
	MIME_FIELD_ENCODING, /* withheld: the header's end writes what is right then */
};

/* A line, or as much of it as is looked at together. */
struct mime_segment {
	struct view bytes; /* without the line's end */
	bool starts;       /* at the line's start */
	bool ends;         /* with the line's end behind it */
};

static void mime_walk_init(struct mime_walk *walk, bool writing)
{
	*walk = (struct mime_walk){ .writing = writing, .top = true };
}

/* The first pass writes nothing. */
static void mime_put(const struct mime_walk *walk, struct text *output, struct view bytes)
{
	if (walk->writing)
		text_put(output, bytes);
}

/* ---- the header of a part ---- */

static void mime_keep(char *into, size_t size, size_t *bytes, struct view value)
{
	struct view kept = view_first(value, size - *bytes);

	if (kept.bytes > 0)
		memcpy(into + *bytes, kept.data, kept.bytes);
	*bytes += kept.bytes;
}

static bool mime_is_field(struct view line, struct view name, struct view *value)
{
	if (!view_starts_fold(line, name))
		return false;
	struct view rest = view_trim(view_skip(line, name.bytes));
	if (rest.bytes == 0 || rest.data[0] != ':')
		return false;
	*value = view_skip(rest, 1);
	return true;
}

/* Which field the segment belongs to, and its part of that field's value. */
static struct view mime_begin_field(struct mime_walk *walk, struct view segment)
{
	struct view value = segment;

	if (segment.data[0] == ' ' || segment.data[0] == '\t')
		return segment;
	walk->field = MIME_FIELD_OTHER;
	if (mime_is_field(segment, VIEW("Content-Type"), &value) && !walk->has_type) {
		walk->field = MIME_FIELD_TYPE;
		walk->has_type = true;
	} else if (mime_is_field(segment, VIEW("Content-Transfer-Encoding"), &value)) {
		walk->field = MIME_FIELD_ENCODING;
		walk->has_encoding = true;
		walk->encoding_bytes = 0;
	} else if (mime_is_field(segment, VIEW("MIME-Version"), &value)) {
		walk->has_version = true;
	}
	return value;
}

static void mime_header_segment(
        struct mime_convert *convert, const struct mime_segment *segment, struct text *output)
{
	struct mime_walk *walk = &convert->walk;
	struct view value = segment->bytes;

	if (!utf8_is_ascii(segment->bytes))
		convert->answer = MIME_CANNOT; /* no encoding of the body helps a header */
	if (segment->starts)
		value = mime_begin_field(walk, segment->bytes);
	if (walk->field == MIME_FIELD_TYPE)
		mime_keep(walk->type, sizeof walk->type, &walk->type_bytes, value);
	if (walk->field == MIME_FIELD_ENCODING) {
		mime_keep(walk->encoding, sizeof walk->encoding, &walk->encoding_bytes, value);
		return;
	}
	mime_put(walk, output, segment->bytes);
	if (segment->ends)
		mime_put(walk, output, crlf);
}

/* Goes behind the next semicolon that no quotes enclose. */
static bool mime_next_parameter(struct view *type)
{
	bool quoted = false;

	for (size_t i = 0; i < type->bytes; i++) {
		if (type->data[i] == '"')
			quoted = !quoted;
		if (type->data[i] == ';' && !quoted) {
			*type = view_trim(view_skip(*type, i + 1));
			return true;
		}
	}
	return false;
}

/* What stands behind "boundary=", unquoted; false where RFC 2046 would not allow it. */
static bool mime_read_boundary(struct view value, struct mime_boundary *boundary)
{
	bool quoted = value.bytes > 0 && value.data[0] == '"';
	size_t end = 0;

	if (quoted)
		value = view_skip(value, 1);
	while (end < value.bytes && strchr(quoted ? "\"" : "; \t(", value.data[end]) == NULL)
		end++;
	if (end == 0 || end > MIME_BOUNDARY_MAX || (quoted && end == value.bytes))
		return false;
	boundary->bytes = (uint8_t)end;
	memcpy(boundary->text, value.data, end);
	return true;
}

static bool mime_find_boundary(struct view type, struct mime_boundary *boundary)
{
	const struct view name = VIEW_INIT("boundary");

	while (mime_next_parameter(&type)) {
		if (!view_starts_fold(type, name))
			continue;
		struct view rest = view_trim(view_skip(type, name.bytes));
		if (rest.bytes > 0 && rest.data[0] == '=')
			return mime_read_boundary(view_trim(view_skip(rest, 1)), boundary);
	}
	return false;
}

/* A multipart whose parts we can tell apart. */
static bool mime_enter_multipart(struct mime_walk *walk, struct view type)
{
	/* A digest's parts are messages unless they say otherwise; leave it whole. */
	if (walk->depth == MIME_DEPTH_MAX || walk->type_bytes == sizeof walk->type ||
	        view_starts_fold(type, VIEW("multipart/digest")))
		return false;
	if (!mime_find_boundary(type, &walk->boundaries[walk->depth]))
		return false;
	walk->depth++;
	return true;
}

/* Without its parameters. */
static bool mime_is_type(struct view value, struct view type)
{
	return view_equal_fold(view_trim(view_first(value, view_find(value, ';'))), type);
}

/* What the part is, now that its header is known. */
static enum mime_place mime_place_of(
        struct mime_walk *walk, enum header_type type, enum header_encoding encoding)
{
	struct view value = view_trim(view_from(walk->type, walk->type_bytes));

	switch (encoding) {
	case HEADER_ENCODING_QUOTED_PRINTABLE:
	case HEADER_ENCODING_BASE64:
	case HEADER_ENCODING_OTHER:
		return MIME_IN_OPAQUE; /* encoded already: 8-bit bytes there are a mistake */
	case HEADER_ENCODING_ABSENT:
	case HEADER_ENCODING_7BIT:
	case HEADER_ENCODING_8BIT:
	case HEADER_ENCODING_BINARY:
		break;
	}
	switch (type) {
	case HEADER_TYPE_MULTIPART:
		return mime_enter_multipart(walk, value) ? MIME_BETWEEN : MIME_IN_OPAQUE;
	case HEADER_TYPE_MULTIPART_SIGNED:
	case HEADER_TYPE_MULTIPART_ENCRYPTED:
		return MIME_IN_OPAQUE;
	case HEADER_TYPE_MESSAGE:
		return mime_is_type(value, VIEW("message/rfc822")) ? MIME_IN_MESSAGE
		                                                   : MIME_IN_OPAQUE;
	case HEADER_TYPE_ABSENT:
	case HEADER_TYPE_TEXT:
	case HEADER_TYPE_OTHER:
		break;
	}
	if (walk->leaves == MIME_LEAVES_MAX)
		return MIME_IN_OPAQUE;
	walk->leaves++;
	return MIME_IN_LEAF;
}

static bool mime_leaf_is_8bit(const struct mime_convert *convert)
{
	unsigned leaf = convert->walk.leaves - 1;

	return (convert->eight_bit[leaf / 64] >> (leaf % 64) & 1) != 0;
}

/* The fields that were withheld or are missing. */
static void mime_put_fields(
        struct mime_walk *walk, enum header_encoding encoding, struct text *output)
{
	static const char *const names[] = {
		[MIME_AS_IS] = "7bit",
		[MIME_QUOTED] = "quoted-printable",
		[MIME_BASE64] = "base64",
	};
	bool encoded = walk->encoder != MIME_AS_IS;

	if (walk->top && !walk->has_version)
		mime_put(walk, output, VIEW("MIME-Version: 1.0\r\n"));
	/* RFC 1428: nobody said which character set it is. */
	if (walk->top && !walk->has_type && encoded)
		mime_put(walk, output, VIEW("Content-Type: text/plain; charset=unknown-8bit\r\n"));
	if (!encoded && !walk->has_encoding)
		return;
	mime_put(walk, output, VIEW("Content-Transfer-Encoding: "));
	if (encoded || encoding == HEADER_ENCODING_8BIT)
		mime_put(walk, output, view_of(names[walk->encoder]));
	else
		mime_put(walk, output, view_trim(view_from(walk->encoding, walk->encoding_bytes)));
	mime_put(walk, output, crlf);
}

static void mime_end_header(struct mime_convert *convert, struct text *output)
{
	struct mime_walk *walk = &convert->walk;
	enum header_type type = HEADER_TYPE_ABSENT;
	enum header_encoding encoding = HEADER_ENCODING_ABSENT;

	if (walk->has_type)
		type = header_type_of(view_from(walk->type, walk->type_bytes));
	if (walk->has_encoding)
		encoding = header_encoding_of(view_from(walk->encoding, walk->encoding_bytes));
	walk->place = mime_place_of(walk, type, encoding);
	walk->encoder = MIME_AS_IS;
	if (walk->writing && walk->place == MIME_IN_LEAF && mime_leaf_is_8bit(convert))
		walk->encoder = type == HEADER_TYPE_OTHER ? MIME_BASE64 : MIME_QUOTED;
	mime_put_fields(walk, encoding, output);
	walk->top = false;
}

static void mime_begin_header(struct mime_walk *walk)
{
	walk->place = MIME_IN_HEADER;
	walk->field = MIME_FIELD_OTHER;
	walk->has_version = false;
	walk->has_type = false;
	walk->has_encoding = false;
	walk->type_bytes = 0;
	walk->encoding_bytes = 0;
}

/* ---- the body of a part ---- */

static void mime_put_base64(struct mime_walk *walk, struct text *output, struct view bytes)
{
	const size_t line_bytes = MIME_BASE64_LINE / 4 * 3;

	while (bytes.bytes > 0) {
		if (walk->column == line_bytes) {
			text_put(output, crlf);
			walk->column = 0;
		}
		struct view part = view_first(bytes, line_bytes - walk->column);
		base64_write(&walk->base64, output, part);
		walk->column += (unsigned)part.bytes;
		bytes = view_skip(bytes, part.bytes);
	}
}

/* The line's end that was owed: another line follows in the same part. */
static void mime_put_owed(struct mime_walk *walk, struct text *output)
{
	if (walk->owed_crlf && walk->encoder == MIME_BASE64)
		mime_put_base64(walk, output, crlf);
	else if (walk->owed_crlf)
		mime_put(walk, output, crlf);
	walk->owed_crlf = false;
}

/* The part is over. Its last CRLF belongs to the boundary that follows, and is not encoded. */
static void mime_end_body(struct mime_walk *walk, struct text *output)
{
	if (walk->encoder == MIME_BASE64)
		base64_finish(&walk->base64, output);
	walk->encoder = MIME_AS_IS;
	walk->column = 0;
	mime_put_owed(walk, output);
}

static void mime_body_segment(
        struct mime_convert *convert, const struct mime_segment *segment, struct text *output)
{
	struct mime_walk *walk = &convert->walk;
	bool eight_bit = !utf8_is_ascii(segment->bytes);

	if (eight_bit && walk->place != MIME_IN_LEAF) {
		convert->answer = MIME_CANNOT;
	} else if (eight_bit && !walk->writing) {
		unsigned leaf = walk->leaves - 1;
		convert->eight_bit[leaf / 64] |= UINT64_C(1) << (leaf % 64);
		if (convert->answer == MIME_UNNEEDED)
			convert->answer = MIME_CAN;
	}
	if (segment->starts)
		mime_put_owed(walk, output);
	if (walk->encoder == MIME_QUOTED)
		quoted_write(&walk->quoted, output, segment->bytes);
	else if (walk->encoder == MIME_BASE64)
		mime_put_base64(walk, output, segment->bytes);
	else
		mime_put(walk, output, segment->bytes);
	if (segment->ends && walk->encoder == MIME_QUOTED)
		quoted_end_line(&walk->quoted, output);
	walk->owed_crlf = segment->ends;
}

/* ---- lines ---- */

/* Level of the multipart whose delimiter the line is, counted from 1; 0: it is none. */
static unsigned mime_delimiter_level(
        const struct mime_walk *walk, const struct mime_segment *segment, bool *closes)
{
	struct view line = segment->bytes;

	if (!segment->starts || line.bytes < 3 || !view_equal(view_first(line, 2), VIEW("--")))
		return 0;
	line = view_skip(line, 2);
	for (unsigned level = walk->depth; level > 0; level--) {
		const struct mime_boundary *boundary = &walk->boundaries[level - 1];
		struct view text = view_from(boundary->text, boundary->bytes);
		if (!view_equal(view_first(line, text.bytes), text))
			continue;
		struct view rest = view_skip(line, text.bytes);
		*closes = view_equal(view_first(rest, 2), VIEW("--"));
		if (view_trim(view_skip(rest, *closes ? 2 : 0)).bytes == 0)
			return level;
	}
	return 0;
}

static void mime_delimiter(struct mime_walk *walk, const struct mime_segment *segment,
        unsigned level, bool closes, struct text *output)
{
	mime_end_body(walk, output);
	mime_put(walk, output, segment->bytes);
	if (closes) {
		walk->depth = level - 1;
		walk->place = MIME_BETWEEN;
		walk->owed_crlf = segment->ends;
	} else {
		walk->depth = level;
		mime_begin_header(walk);
		mime_put(walk, output, segment->ends ? crlf : view_of(""));
	}
}

static void mime_take_segment(
        struct mime_convert *convert, const struct mime_segment *segment, struct text *output)
{
	struct mime_walk *walk = &convert->walk;
	bool closes = false;
	unsigned level = mime_delimiter_level(walk, segment, &closes);
	bool blank = segment->starts && segment->bytes.bytes == 0;

	if (walk->place == MIME_IN_HEADER && level == 0) {
		if (!blank) {
			mime_header_segment(convert, segment, output);
			return;
		}
		mime_end_header(convert, output);
		mime_put(walk, output, crlf);
		if (walk->place == MIME_IN_MESSAGE) {
			mime_begin_header(walk);
			walk->top = true;
		}
		return;
	}
	if (walk->place == MIME_IN_HEADER)
		mime_end_header(convert, output);
	if (level > 0)
		mime_delimiter(walk, segment, level, closes, output);
	else
		mime_body_segment(convert, segment, output);
}

/* Moves input into the segment until that ends a line, or is full; false: not yet. */
static bool mime_fill(struct mime_walk *walk, struct view *input)
{
	size_t end = view_find(*input, '\n');
	struct view part = view_first(*input, end < input->bytes ? end + 1 : end);

	part = view_first(part, sizeof walk->segment - walk->segment_bytes);
	if (part.bytes > 0)
		memcpy(walk->segment + walk->segment_bytes, part.data, part.bytes);
	walk->segment_bytes += part.bytes;
	*input = view_skip(*input, part.bytes);
	return walk->segment_bytes == sizeof walk->segment ||
	       (walk->segment_bytes > 0 && walk->segment[walk->segment_bytes - 1] == '\n');
}

/* What was filled goes on; a CR at the end of a full segment waits for its LF. */
static void mime_flush(struct mime_convert *convert, bool last, struct text *output)
{
	struct mime_walk *walk = &convert->walk;
	struct view bytes = view_from(walk->segment, walk->segment_bytes);
	bool held_cr = false;

	check(bytes.bytes > 0);
	bool ends = bytes.data[bytes.bytes - 1] == '\n';
	bytes.bytes -= ends;
	if (bytes.bytes > 0 && bytes.data[bytes.bytes - 1] == '\r' && !last) {
		bytes.bytes--;
		held_cr = !ends;
	}
	const struct mime_segment segment = { bytes, !walk->in_line, ends };
	mime_take_segment(convert, &segment, output);
	walk->in_line = !ends;
	walk->segment[0] = '\r';
	walk->segment_bytes = held_cr;
}

/* The end of a pass. */
static void mime_end(struct mime_convert *convert, struct text *output)
{
	struct mime_walk *walk = &convert->walk;

	if (walk->segment_bytes > 0)
		mime_flush(convert, true, output);
	if (walk->place == MIME_IN_HEADER)
		mime_end_header(convert, output);
	/* No boundary follows: the last CRLF is the content's. */
	bool base64 = walk->encoder == MIME_BASE64;
	if (walk->encoder == MIME_QUOTED)
		quoted_end_line(&walk->quoted, output);
	mime_put_owed(walk, output);
	mime_end_body(walk, output);
	if (base64)
		text_put(output, crlf);
}

void mime_convert_init(struct mime_convert *convert)
{
	*convert = (struct mime_convert){ .answer = MIME_UNNEEDED };
	mime_walk_init(&convert->walk, false);
}

void mime_convert_scan(struct mime_convert *convert, struct view bytes)
{
	check(!convert->walk.writing);
	while (mime_fill(&convert->walk, &bytes))
		mime_flush(convert, false, NULL);
	check(bytes.bytes == 0);
}

enum mime_answer mime_convert_judge(struct mime_convert *convert)
{
	check(!convert->walk.writing);
	mime_end(convert, NULL);
	mime_walk_init(&convert->walk, true);
	return convert->answer;
}

static bool mime_has_room(const struct text *output)
{
	return output->size - output->bytes >= MIME_OUTPUT_MIN;
}

bool mime_convert_write(struct mime_convert *convert, struct view *input, struct text *output)
{
	check(convert->walk.writing);
	check(convert->answer == MIME_CAN);
	while (mime_has_room(output)) {
		if (!mime_fill(&convert->walk, input))
			return true;
		mime_flush(convert, false, output);
	}
	return false;
}

void mime_convert_finish(struct mime_convert *convert, struct text *output)
{
	check(convert->walk.writing);
	check(mime_has_room(output));
	mime_end(convert, output);
	check(!output->overflow);
}
