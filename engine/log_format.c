#include "engine/log_format.h"

#include "engine/json_write.h"
#include "queue/base/check.h"
#include "queue/base/date.h"
#include "queue/message.h"

static const struct level {
	const char *word;
	char syslog;
} levels[LOG_LEVEL_COUNT] = {
#define X(name, word, number) { word, '0' + (number) },
	LOG_LEVELS(X)
#undef X
};

/* Reads the fields of a record one by one. */
struct cursor {
	const char *at;
	unsigned left;
};

static struct cursor fields_of(const struct log_record *record)
{
	return (struct cursor){ (const char *)(record + 1), record->fields_count };
}

static bool next_field(struct cursor *cursor, struct log_field *field, struct view *value)
{
	if (cursor->left == 0)
		return false;
	cursor->left--;
	memcpy(field, cursor->at, sizeof *field);
	*value = view_from(cursor->at + sizeof *field, field->bytes);
	cursor->at += sizeof *field + field->bytes;
	return true;
}

static uint64_t number_of(struct view value)
{
	uint64_t number;

	check(value.bytes == sizeof number);
	memcpy(&number, value.data, sizeof number);
	return number;
}

/* How many bytes at the start stand for themselves within quotes: nearly all that is logged. */
static size_t plain_bytes(struct view value)
{
	size_t at = 0;

	while (at < value.bytes && value.data[at] >= ' ' && value.data[at] <= '~' &&
	        value.data[at] != '"' && value.data[at] != '\\')
		at++;
	return at;
}

static bool needs_quotes(struct view value)
{
	const struct view plain = view_first(value, plain_bytes(value));

	if (value.bytes == 0 || view_find(plain, ' ') < plain.bytes ||
	        view_find(plain, '=') < plain.bytes)
		return true;
	value = view_skip(value, plain.bytes);
	while (value.bytes > 0) {
		size_t bytes = json_write_plain_bytes(value);

		if (bytes == 0 || strchr(" \"\\=", value.data[0]) != NULL)
			return true;
		value = view_skip(value, bytes);
	}
	return false;
}

static void put_escaped_byte(struct text *text, unsigned char c)
{
	switch (c) {
	case '\n':
		text_put(text, VIEW("\\n"));
		break;
	case '\r':
		text_put(text, VIEW("\\r"));
		break;
	case '\t':
		text_put(text, VIEW("\\t"));
		break;
	default:
		text_format(text, "\\x%02x", c);
		break;
	}
}

static void put_text(struct text *text, struct view value)
{
	if (!needs_quotes(value)) {
		text_put(text, value);
		return;
	}
	text_put_byte(text, '"');
	while (value.bytes > 0) {
		const struct view plain = view_first(value, plain_bytes(value));
		text_put(text, plain);
		value = view_skip(value, plain.bytes);
		if (value.bytes == 0)
			break;
		size_t bytes = json_write_plain_bytes(value);

		if (bytes == 0)
			put_escaped_byte(text, (unsigned char)value.data[0]);
		else if (value.data[0] == '"' || value.data[0] == '\\')
			text_put_byte(text, '\\');
		if (bytes > 0)
			text_put(text, view_first(value, bytes));
		value = view_skip(value, bytes > 0 ? bytes : 1);
	}
	text_put_byte(text, '"');
}

static void put_seconds(struct text *text, int64_t ns)
{
	const uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	if (ns < 0)
		text_put_byte(text, '-');
	text_put_u64(text, size / NS_PER_S);
	text_put_byte(text, '.');
	text_put_padded(text, size % NS_PER_S / NS_PER_MS, 3);
}

static void put_number(struct text *text, enum log_kind kind, struct view value)
{
	int64_t number = (int64_t)number_of(value);

	if (kind == LOG_FIELD_NUMBER)
		text_put_u64(text, (uint64_t)number);
	else if (kind == LOG_FIELD_SIGNED)
		text_format(text, "%lld", (long long)number);
	else
		put_seconds(text, number);
}

static void put_id(struct text *text, const char *before, uint64_t id, const char *behind)
{
	char buffer[MESSAGE_ID_TEXT];

	if (id == 0)
		return;
	text_put(text, view_of(before));
	text_put(text, view_of(message_id_format(id, buffer)));
	text_put(text, view_of(behind));
}

void log_format_text(struct text *text, const struct log_record *record, bool journal)
{
	struct cursor cursor = fields_of(record);
	struct log_field field;
	struct view value;

	check(record->level < LOG_LEVEL_COUNT);
	if (journal)
		text_format(text, "<%c>", levels[record->level].syslog);
	put_id(text, "m=", record->message_id, " ");
	put_id(text, "c=", record->connection_id, " ");
	text_put(text, VIEW("event="));
	text_put(text, view_of(record->event));
	if (record->level != LOG_INFO)
		text_format(text, " level=%s", levels[record->level].word);
	while (next_field(&cursor, &field, &value)) {
		text_put_byte(text, ' ');
		text_put(text, view_of(field.key));
		text_put_byte(text, '=');
		if (field.kind == LOG_FIELD_TEXT)
			put_text(text, value);
		else
			put_number(text, (enum log_kind)field.kind, value);
	}
	if (!journal) {
		text_put(text, VIEW(" t="));
		date_put_iso(text, record->when);
	}
	text_put_byte(text, '\n');
}

void log_format_json(struct text *text, const struct log_record *record)
{
	struct cursor cursor = fields_of(record);
	struct log_field field;
	struct view value;

	check(record->level < LOG_LEVEL_COUNT);
	text_put_byte(text, '{');
	put_id(text, "\"m\":\"", record->message_id, "\",");
	put_id(text, "\"c\":\"", record->connection_id, "\",");
	text_put(text, VIEW("\"event\":\""));
	text_put(text, view_of(record->event));
	text_put(text, VIEW("\",\"level\":\""));
	text_put(text, view_of(levels[record->level].word));
	text_put_byte(text, '"');
	while (next_field(&cursor, &field, &value)) {
		text_put(text, VIEW(",\""));
		text_put(text, view_of(field.key));
		text_put(text, VIEW("\":"));
		if (field.kind == LOG_FIELD_TEXT)
			json_write_text(text, value);
		else
			put_number(text, (enum log_kind)field.kind, value);
	}
	text_put(text, VIEW(",\"t\":\""));
	date_put_iso(text, record->when);
	text_put(text, VIEW("\"}\n"));
}
