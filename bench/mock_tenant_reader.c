#include "bench/mock_tenant_reader.h"

#include "bench/mock_limit.h"
#include "queue/base/check.h"

#include <jansson.h>
#include <stdio.h>

static const struct mock_reader_field *reader_find(
        const struct mock_reader_field *fields, size_t count, const char *key);
static bool reader_store(struct mock_reader *reader, const struct mock_reader_field *field,
        json_t *value, void *into);
static bool reader_store_number(struct mock_reader *reader, const struct mock_reader_field *field,
        const json_t *value, double *into);
static bool reader_store_count(struct mock_reader *reader, const struct mock_reader_field *field,
        const json_t *value, uint64_t *into);
static bool reader_store_word(struct mock_reader *reader, const struct mock_reader_field *field,
        const json_t *value, int *into);

void mock_reader_init(struct mock_reader *reader, struct text *why)
{
	*reader = (struct mock_reader){ .why = why };
}

bool mock_reader_refuse(struct mock_reader *reader, const char *format, ...)
{
	char room[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(room, sizeof room, format, args);
	va_end(args);
	if (reader->place_bytes > 0)
		text_format(reader->why, "%.*s: ", (int)reader->place_bytes, reader->place);
	text_put(reader->why, view_of(room));
	return false;
}

size_t mock_reader_enter(struct mock_reader *reader, const char *key)
{
	const size_t back = reader->place_bytes;
	struct text place = text_on(reader->place, sizeof reader->place);

	place.bytes = back;
	text_format(&place, "%s%.100s", back > 0 ? "." : "", key);
	reader->place_bytes = place.bytes;
	return back;
}

size_t mock_reader_enter_item(struct mock_reader *reader, size_t index)
{
	const size_t back = reader->place_bytes;
	struct text place = text_on(reader->place, sizeof reader->place);

	place.bytes = back;
	text_format(&place, "[%zu]", index);
	reader->place_bytes = place.bytes;
	return back;
}

void mock_reader_leave(struct mock_reader *reader, size_t back)
{
	check(back <= reader->place_bytes);
	reader->place_bytes = back;
}

bool mock_reader_fields(struct mock_reader *reader, json_t *object,
        const struct mock_reader_field *fields, size_t count, void *into)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return mock_reader_refuse(reader, "an object is wanted");
	json_object_foreach(object, key, value)
	{
		const struct mock_reader_field *field = reader_find(fields, count, key);
		const size_t back = mock_reader_enter(reader, key);
		if (field == NULL)
			return mock_reader_refuse(reader, "there is no such key");
		if (!reader_store(reader, field, value, into))
			return false;
		mock_reader_leave(reader, back);
	}
	return true;
}

static const struct mock_reader_field *reader_find(
        const struct mock_reader_field *fields, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	return NULL;
}

static bool reader_store(struct mock_reader *reader, const struct mock_reader_field *field,
        json_t *value, void *into)
{
	char *place = (char *)into + field->offset;
	struct view string;

	switch (field->kind) {
	case MOCK_READ_NUMBER:
		return reader_store_number(reader, field, value, (double *)(void *)place);
	case MOCK_READ_COUNT:
	case MOCK_READ_LIMIT:
		return reader_store_count(reader, field, value, (uint64_t *)(void *)place);
	case MOCK_READ_SWITCH:
		if (!json_is_boolean(value))
			return mock_reader_refuse(reader, "true or false is wanted");
		*(bool *)(void *)place = json_is_true(value);
		return true;
	case MOCK_READ_WORD:
		return reader_store_word(reader, field, value, (int *)(void *)place);
	case MOCK_READ_STRING:
		if (!mock_reader_string(reader, value, (size_t)field->most, &string))
			return false;
		*(const char **)(void *)place = json_string_value(value);
		return true;
	default:
		return true;
	}
}

static bool reader_store_number(struct mock_reader *reader, const struct mock_reader_field *field,
        const json_t *value, double *into)
{
	const double number = json_number_value(value);

	if (!json_is_number(value) || number < field->least || number > field->most)
		return mock_reader_refuse(
		        reader, "a number from %g to %g is wanted", field->least, field->most);
	*into = number;
	return true;
}

static bool reader_store_count(struct mock_reader *reader, const struct mock_reader_field *field,
        const json_t *value, uint64_t *into)
{
	const json_int_t number = json_integer_value(value);
	const bool limit = field->kind == MOCK_READ_LIMIT;

	if (limit && json_is_string(value) && strcmp(json_string_value(value), "none") == 0) {
		*into = MOCK_NONE;
		return true;
	}
	if (!json_is_integer(value) || (double)number < field->least ||
	        (double)number > field->most)
		return mock_reader_refuse(reader, "a whole number from %.0f to %.0f%s is wanted",
		        field->least, field->most, limit ? ", or \"none\"," : "");
	*into = (uint64_t)number;
	return true;
}

static bool reader_store_word(struct mock_reader *reader, const struct mock_reader_field *field,
        const json_t *value, int *into)
{
	char room[256];
	struct text known = TEXT_ON(room);

	for (int i = 0; i < MOCK_READER_WORDS_MAX && field->words[i] != NULL; i++) {
		if (json_is_string(value) &&
		        strcmp(json_string_value(value), field->words[i]) == 0) {
			*into = i;
			return true;
		}
		text_format(&known, "%s\"%s\"", i == 0 ? "" : ", ", field->words[i]);
	}
	return mock_reader_refuse(reader, "one of %s is wanted", text_string(&known));
}

bool mock_reader_each(struct mock_reader *reader, json_t *array, const char *key,
        bool (*read)(struct mock_reader *reader, json_t *item, void *owner), void *owner)
{
	const size_t back = mock_reader_enter(reader, key);

	if (array != NULL && !json_is_array(array))
		return mock_reader_refuse(reader, "a list is wanted");
	for (size_t i = 0; i < json_array_size(array); i++) {
		const size_t list = mock_reader_enter_item(reader, i);
		if (!read(reader, json_array_get(array, i), owner))
			return false;
		mock_reader_leave(reader, list);
	}
	mock_reader_leave(reader, back);
	return true;
}

bool mock_reader_string(
        struct mock_reader *reader, const json_t *value, size_t most, struct view *result)
{
	if (!json_is_string(value) || json_string_length(value) == 0 ||
	        json_string_length(value) > most)
		return mock_reader_refuse(reader, "a text of 1 to %zu bytes is wanted", most);
	*result = view_from(json_string_value(value), json_string_length(value));
	return true;
}
