#include "engine/wire/header.h"

#include "queue/base/check.h"
#include "queue/base/scan.h"
#include "queue/base/utf8.h"

/* The fields that a relay looks at. */
#define HEADER_FIELDS(X)                                                                           \
	X(RECEIVED, "Received")                                                                    \
	X(MESSAGE_ID, "Message-ID")                                                                \
	X(DATE, "Date")                                                                            \
	X(FROM, "From")                                                                            \
	X(MIME_VERSION, "MIME-Version")                                                            \
	X(AUTO_SUBMITTED, "Auto-Submitted")                                                        \
	X(CONTENT_TYPE, "Content-Type")                                                            \
	X(CONTENT_TRANSFER_ENCODING, "Content-Transfer-Encoding")                                  \
	X(KEY, "X-Sluice-Key")                                                                     \
	X(EXPIRE, "X-Sluice-Expire")

enum header_field {
	FIELD_OTHER,
#define X(name, text) FIELD_##name,
	HEADER_FIELDS(X)
#undef X
};

static const struct {
	struct view text;
	enum header_type type;
} header_types[] = {
	{ VIEW_INIT("multipart/signed"), HEADER_TYPE_MULTIPART_SIGNED },
	{ VIEW_INIT("multipart/encrypted"), HEADER_TYPE_MULTIPART_ENCRYPTED },
	{ VIEW_INIT("multipart/"), HEADER_TYPE_MULTIPART },
	{ VIEW_INIT("message/"), HEADER_TYPE_MESSAGE }, { VIEW_INIT("text/"), HEADER_TYPE_TEXT },
	{ VIEW_INIT("text"), HEADER_TYPE_TEXT }, /* as RFC 1049 wrote it */
};

static const struct {
	struct view text;
	enum header_encoding encoding;
} header_encodings[] = {
	{ VIEW_INIT("7bit"), HEADER_ENCODING_7BIT },
	{ VIEW_INIT("8bit"), HEADER_ENCODING_8BIT },
	{ VIEW_INIT("binary"), HEADER_ENCODING_BINARY },
	{ VIEW_INIT("quoted-printable"), HEADER_ENCODING_QUOTED_PRINTABLE },
	{ VIEW_INIT("base64"), HEADER_ENCODING_BASE64 },
};

void header_init(struct header *header)
{
	*header = (struct header){ .state = HEADER_AT_LINE };
}

enum header_type header_type_of(struct view value)
{
	struct view type = view_trim(value);

	for (size_t i = 0; i < sizeof header_types / sizeof header_types[0]; i++)
		if (view_starts_fold(type, header_types[i].text))
			return header_types[i].type;
	return HEADER_TYPE_OTHER;
}

enum header_encoding header_encoding_of(struct view value)
{
	struct view word = view_trim(value);
	size_t end = 0;

	while (end < word.bytes && strchr(" \t;(", word.data[end]) == NULL)
		end++;
	for (size_t i = 0; i < sizeof header_encodings / sizeof header_encodings[0]; i++)
		if (view_equal_fold(view_first(word, end), header_encodings[i].text))
			return header_encodings[i].encoding;
	return HEADER_ENCODING_OTHER;
}

/* Seconds of "90s", "10m", "2h" or "1d"; 0: it is nothing of that kind, or too long. */
static uint32_t header_expire_of(struct view value)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	uint64_t number;

	if (value.bytes < 2 || !view_to_u64(view_first(value, value.bytes - 1), &number))
		return 0;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (units[i].unit == value.data[value.bytes - 1] &&
		        number <= HEADER_EXPIRE_MAX / units[i].seconds)
			return (uint32_t)number * units[i].seconds;
	return 0;
}

/* The name before the colon is whole. */
static void header_begin_field(struct header *header)
{
	struct view name = view_from(header->name, header->name_bytes);

	header->fields++;
	header->value_at = header->fed + 1; /* behind this byte, the colon */
	header->field_at = header->line_at;
	header->state = HEADER_IN_VALUE;
	header->field = FIELD_OTHER;
	header->value_bytes = 0;
	header->value_cut = false;
	if (header->name_bytes > HEADER_NAME_MAX)
		return;
#define X(field_name, text)                                                                        \
	if (view_equal_fold(name, VIEW(text)))                                                     \
		header->field = FIELD_##field_name;
	HEADER_FIELDS(X)
#undef X
}

/* What goes into logs and reports is whole, and nothing but printable ASCII. */
static bool header_may_keep(const struct header *header, struct view value)
{
	for (size_t i = 0; i < value.bytes; i++)
		if (value.data[i] < ' ' || value.data[i] > '~')
			return false;
	return !header->value_cut;
}

static void header_keep_key(struct header *header, struct view key)
{
	if (header->key_count++ > 0)
		return;
	header->key_from = header->field_at;
	header->key_to = header->line_at;
	if (key.bytes > HEADER_KEY_MAX || !header_may_keep(header, key))
		return;
	memcpy(header->key, key.data, key.bytes);
	header->key_bytes = key.bytes;
}

static void header_keep_message_id(struct header *header, struct view id)
{
	if (header->message_id_bytes > 0 || !header_may_keep(header, id))
		return;
	memcpy(header->message_id, id.data, id.bytes);
	header->message_id_bytes = id.bytes;
}

/* The value is whole: no continuation follows. Of a field given twice the first one counts. */
static void header_end_field(struct header *header)
{
	struct view value = view_trim(view_from(header->value, header->value_bytes));

	switch ((enum header_field)header->field) {
	case FIELD_OTHER:
		break;
	case FIELD_RECEIVED:
		header->received_count++;
		break;
	case FIELD_MESSAGE_ID:
		header->has_message_id |= value.bytes > 0;
		if (value.bytes == 0 && header->message_id_gap == 0)
			header->message_id_gap = header->value_at;
		header_keep_message_id(header, value);
		break;
	case FIELD_DATE:
		header->has_date |= value.bytes > 0;
		if (value.bytes == 0 && header->date_gap == 0)
			header->date_gap = header->value_at;
		break;
	case FIELD_FROM:
		header->has_from |= value.bytes > 0;
		break;
	case FIELD_MIME_VERSION:
		header->has_mime_version = true;
		break;
	case FIELD_AUTO_SUBMITTED:
		header->is_report |= view_starts_fold(value, VIEW("auto-replied"));
		break;
	case FIELD_CONTENT_TYPE:
		header->is_report |= view_starts_fold(value, VIEW("multipart/report"));
		if (header->type == HEADER_TYPE_ABSENT)
			header->type = header_type_of(value);
		break;
	case FIELD_CONTENT_TRANSFER_ENCODING:
		if (header->encoding == HEADER_ENCODING_ABSENT)
			header->encoding = header_encoding_of(value);
		break;
	case FIELD_KEY:
		header_keep_key(header, value);
		break;
	case FIELD_EXPIRE:
		header->expire_count++;
		header->expire_s = header_expire_of(value);
		break;
	}
	header->field = FIELD_OTHER;
}

static void header_end(struct header *header, bool blank_missed)
{
	header_end_field(header);
	header->ended = true;
	header->blank_missed = blank_missed;
	header->state = HEADER_IN_BODY;
}

static void header_name_byte(struct header *header, char c)
{
	if (c == ':' && header->name_bytes > 0) {
		header_begin_field(header);
	} else if ((c == ' ' || c == '\t') && header->name_bytes > 0) {
		header->state = HEADER_AT_COLON;
	} else if (c <= ' ' || c > '~' || c == ':') {
		header_end(header, true);
	} else {
		if (header->name_bytes < HEADER_NAME_MAX)
			header->name[header->name_bytes] = c;
		if (header->name_bytes <= HEADER_NAME_MAX)
			header->name_bytes++;
	}
}

static void header_first_byte(struct header *header, char c)
{
	bool continues = (c == ' ' || c == '\t') && header->fields > 0;

	if (!header->last_cr)
		header->line_at = header->fed;
	if (c == '\n') {
		header_end(header, false);
	} else if (header->last_cr) {
		header_end(header, true); /* CR and no LF: no blank line, and no field either */
	} else if (continues) {
		header->state = HEADER_IN_VALUE;
	} else if (c != '\r') {
		header_end_field(header);
		header->state = HEADER_IN_NAME;
		header->name_bytes = 0;
		header_name_byte(header, c);
	}
}

static void header_value_byte(struct header *header, char c)
{
	if (c == '\n') {
		header->state = HEADER_AT_LINE;
		return;
	}
	header->header_8bit |= (unsigned char)c >= 0x80;
	if (header->field == FIELD_OTHER || c == '\r')
		return;
	if (header->value_bytes == HEADER_VALUE_MAX)
		header->value_cut = true;
	else
		header->value[header->value_bytes++] = c;
}

/* The rest of a line that nobody looks for, but for its end: most of a header. */
static size_t header_pass(struct header *header, struct view bytes)
{
	const struct view rest = view_first(bytes, view_find(bytes, '\n'));

	header->header_8bit |= !utf8_is_ascii(rest);
	header->last_cr = rest.data[rest.bytes - 1] == '\r';
	header->fed += rest.bytes;
	header->body_at = header->fed;
	return rest.bytes;
}

/* Bytes that belong to the header; behind them, if that is not all, the body begins. */
static size_t header_read(struct header *header, struct view bytes)
{
	for (size_t i = 0; i < bytes.bytes; i++) {
		char c = bytes.data[i];
		if (header->state == HEADER_IN_VALUE && header->field == FIELD_OTHER && c != '\n') {
			i += header_pass(header, view_skip(bytes, i)) - 1;
			continue;
		}
		switch (header->state) {
		case HEADER_AT_LINE:
			header_first_byte(header, c);
			break;
		case HEADER_IN_NAME:
			header_name_byte(header, c);
			break;
		case HEADER_AT_COLON:
			if (c == ':')
				header_begin_field(header);
			else if (c != ' ' && c != '\t')
				header_end(header, true);
			break;
		case HEADER_IN_VALUE:
			header_value_byte(header, c);
			break;
		case HEADER_IN_BODY:
			return i;
		}
		header->last_cr = c == '\r';
		if (header->state == HEADER_IN_BODY && header->blank_missed)
			return i; /* this byte is the body's already */
		header->fed++;
		header->body_at = header->fed;
	}
	return bytes.bytes;
}

static void header_line(struct header *header, size_t bytes, bool cr)
{
	const size_t length = bytes - (bytes > 0 && cr);

	if (length > header->longest_line)
		header->longest_line = length;
}

/* The longest line, whatever it belongs to; NUL, and in the body what is not ASCII. The body begins
 * at `body`; `last` is the byte before these. */
static void header_measure(struct header *header, struct view bytes, size_t body, char last)
{
	size_t start = 0; /* of the line */
	uint64_t nul = 0;
	uint64_t high = 0;

	for (size_t at = 0; at < bytes.bytes; at += SCAN_BYTES) {
		const size_t left = bytes.bytes - at;
		const bool whole = left >= SCAN_BYTES;
		const struct scan block =
		        whole ? scan_load(bytes.data + at) : scan_load_rest(bytes.data + at, left);
		const uint64_t there = whole ? UINT64_MAX : (UINT64_C(1) << left) - 1;
		nul |= scan_equal(&block, '\0') & there;
		if (at + SCAN_BYTES > body)
			high |= scan_high(&block) &
			        (at >= body ? UINT64_MAX : UINT64_MAX << (body - at));
		for (uint64_t lf = scan_equal(&block, '\n'); lf != 0; lf &= lf - 1) {
			const size_t end = at + (size_t)__builtin_ctzll(lf);
			const char before = end > start ? bytes.data[end - 1]
			                    : start > 0 ? '\n'
			                                : last;
			header_line(header, header->line_bytes + end - start, before == '\r');
			header->line_bytes = 0;
			start = end + 1;
		}
	}
	/* A CR at the end of all bytes so far may be half of the line's end. */
	if (start < bytes.bytes) {
		header->line_bytes += bytes.bytes - start;
		header_line(header, header->line_bytes, bytes.data[bytes.bytes - 1] == '\r');
	}
	header->has_nul |= nul != 0;
	header->body_8bit |= high != 0;
}

void header_feed(struct header *header, struct view bytes)
{
	const char last = header->last_cr ? '\r' : '\n';
	size_t body = 0;

	if (bytes.bytes == 0)
		return;
	if (header->state != HEADER_IN_BODY)
		body = header_read(header, bytes);
	header_measure(header, bytes, body, last);
	header->last_cr = bytes.data[bytes.bytes - 1] == '\r';
}

void header_finish(struct header *header)
{
	if (header->state == HEADER_IN_NAME || header->state == HEADER_AT_COLON) {
		header_end(header, true);
	} else {
		header->line_at = header->fed;
		header_end_field(header);
	}
	check(header->name_bytes <= HEADER_NAME_MAX + 1);
	check(header->value_bytes <= HEADER_VALUE_MAX);
}
