#include "queue/message.h"

#include "queue/base/check.h"
#include "queue/record.h"

/* A part is a version byte and items: a tag, two bytes of length, and that many bytes. Part 0 has
 * the head after its version byte, and the fields before its first recipient. */
#define PART_VERSION    1
#define HEAD_BYTES      (1 + 1 + 2 + 2 + 2 + 4 + 8 + 8)
#define ITEM_HEAD_BYTES (1 + 2)
#define TAG_RECIPIENT   0x20 /* below: enum message_field */
#define RECIPIENT_MAX   (1 + 2 + MESSAGE_ADDRESS_MAX + MESSAGE_ORCPT_MAX)
#define PART_0_MAX      (CHUNK_DATA_BYTES - sizeof(struct message))

static const uint16_t field_bytes_max[] = {
#define X(name, bytes_max, text) [MESSAGE_##name] = (bytes_max),
	MESSAGE_FIELDS(X)
#undef X
};

#define X(name, bytes_max, text) +ITEM_HEAD_BYTES + (bytes_max)
static_assert(HEAD_BYTES MESSAGE_FIELDS(X) <= PART_0_MAX, "the fields lie in the first chunk");
#undef X
static_assert(MESSAGE_EXPIRE_MAX < 1 << 24, "it has three bytes in the head");
static_assert(MESSAGE_FIELD_COUNT <= TAG_RECIPIENT, "tags differ");
static_assert(1 + ITEM_HEAD_BYTES + RECIPIENT_MAX <= CHUNK_DATA_BYTES, "an item fits a chunk");

struct item {
	uint8_t tag;
	struct view content;
};

static struct view part_of(const struct message *message, const struct chunk *chunk)
{
	const struct view data = view_from(chunk->data, chunk->used);

	return chunk == message->envelope.first ? view_skip(data, sizeof *message) : data;
}

static struct item item_get(struct record_reader *reader)
{
	const uint8_t tag = record_get_u8(reader);
	const uint16_t bytes = record_get_u16(reader);

	return (struct item){ tag, record_get(reader, bytes) };
}

/* Room for an item at the end of the envelope; it never crosses from one part to the next. */
static bool item_begin(struct message *message, struct shelf *shelf, size_t reserve, uint8_t tag,
        size_t content_bytes, struct record_writer *writer)
{
	struct rope *envelope = &message->envelope;
	size_t bytes = ITEM_HEAD_BYTES + content_bytes;
	const bool next_part = CHUNK_DATA_BYTES - envelope->last->used < bytes;

	if (next_part)
		bytes++;
	char *room = rope_extend(envelope, shelf, bytes, reserve);
	if (room == NULL)
		return false;
	*writer = record_write((struct span){ room, bytes });
	if (next_part) {
		check(room == envelope->last->data);
		record_put_u8(writer, PART_VERSION);
		message->part_count++;
	}
	record_put_u8(writer, tag);
	record_put_u16(writer, (uint16_t)content_bytes);
	return true;
}

/* A message on a chunk of its own, nothing but its struct in it. */
static struct message *message_begin(struct shelf *shelf, size_t reserve)
{
	struct rope envelope = { 0 };
	struct message *message = (void *)rope_extend(&envelope, shelf, sizeof *message, reserve);

	if (message == NULL)
		return NULL;
	*message = (struct message){ .envelope = envelope, .part_count = 1 };
	atomic_init(&message->holders, 1);
	return message;
}

struct message *message_create(struct shelf *shelf, size_t reserve)
{
	struct message *message = message_begin(shelf, reserve);

	if (message == NULL)
		return NULL;
	const char *head = rope_extend(&message->envelope, shelf, HEAD_BYTES, reserve);
	check(head == (const char *)(message + 1)); /* the chunk has room: never NULL */
	return message;
}

void message_name(struct message *message, uint64_t id, struct wall received)
{
	check(!message->sealed);
	check(id != 0);
	message->id = id;
	message->received = received;
}

bool message_set(struct message *message, enum message_field field, struct view value)
{
	struct record_writer writer;

	check(!message->sealed);
	check(message->recipient_count == 0);
	check(field < MESSAGE_FIELD_COUNT);
	check(message->fields[field].data == NULL);
	if (value.bytes > field_bytes_max[field])
		return false;
	/* No shelf: the first chunk has room for all of them. */
	const bool fits = item_begin(message, NULL, 0, (uint8_t)field, value.bytes, &writer);
	check(fits);
	message->fields[field] = view_from(writer.room.data + writer.bytes, value.bytes);
	record_put(&writer, value);
	return true;
}

void message_open_author(struct message *message)
{
	static const char nowhere[MESSAGE_PLACE_BYTES];

	check(message_set(message, MESSAGE_AUTHOR, view_from(nowhere, sizeof nowhere)));
}

void message_place_author(struct message *message, struct message_place place)
{
	struct chunk *first = message->envelope.first;
	const struct view field = message->fields[MESSAGE_AUTHOR];

	check(!message->sealed);
	check(field.bytes == MESSAGE_PLACE_BYTES);
	check(field.data > first->data);
	check(field.data + field.bytes <= first->data + first->used);
	char *room = first->data + (field.data - first->data);
	struct record_writer writer = record_write((struct span){ room, MESSAGE_PLACE_BYTES });
	record_put_u32(&writer, place.offset);
	record_put_u16(&writer, place.bytes);
	check(writer.bytes == MESSAGE_PLACE_BYTES);
}

struct message_place message_author(const struct message *message)
{
	const struct view field = message->fields[MESSAGE_AUTHOR];
	struct message_place place = { 0 };

	if (field.bytes == 0)
		return place;
	struct record_reader reader = record_read(field);
	place.offset = record_get_u32(&reader);
	place.bytes = record_get_u16(&reader);
	check(record_is_read(&reader));
	return place;
}

/* Its author is not open, or stands in the body. */
static bool author_check(const struct message *message)
{
	const size_t bytes = message->fields[MESSAGE_AUTHOR].bytes;

	if (bytes == 0)
		return true;
	if (bytes != MESSAGE_PLACE_BYTES)
		return false;
	const struct message_place place = message_author(message);
	return place.bytes > 0 && place.bytes <= MESSAGE_ADDRESS_MAX &&
	       (uint64_t)place.offset + place.bytes <= message->body_bytes;
}

void message_clear(struct message *message, enum message_field field)
{
	struct chunk *first = message->envelope.first;
	const struct view value = message->fields[field];

	check(!message->sealed);
	if (value.bytes == 0)
		return;
	/* What stands behind moves up: other fields, and recipients, which nobody points to. */
	char *place = first->data + (value.data - first->data);
	char *end = first->data + first->used;
	check(place > first->data);
	check(place + value.bytes <= end);
	memmove(place, place + value.bytes, (size_t)(end - place) - value.bytes);
	place[-1] = 0; /* its length */
	place[-2] = 0;
	first->used -= (uint32_t)value.bytes;
	message->envelope.bytes -= value.bytes;
	for (size_t i = 0; i < MESSAGE_FIELD_COUNT; i++)
		if (message->fields[i].data > value.data)
			message->fields[i].data -= value.bytes;
	message->fields[field].bytes = 0;
}

bool message_add_recipient(struct message *message, struct shelf *shelf, size_t reserve,
        const struct message_recipient *recipient)
{
	const struct view address = recipient->address;
	const size_t bytes = 1 + 2 + address.bytes + recipient->orcpt.bytes;
	struct record_writer writer;

	check(!message->sealed);
	check(message->recipient_count < MESSAGE_RECIPIENTS_MAX);
	check(address.bytes > 0);
	check(address.bytes <= MESSAGE_ADDRESS_MAX);
	check(recipient->orcpt.bytes <= MESSAGE_ORCPT_MAX);
	check(recipient->notify <= NOTIFY_ALL);
	if (!item_begin(message, shelf, reserve, TAG_RECIPIENT, bytes, &writer))
		return false;
	record_put_u8(&writer, recipient->notify);
	record_put_u16(&writer, (uint16_t)address.bytes);
	record_put(&writer, address);
	record_put(&writer, recipient->orcpt);
	message->recipient_count++;
	return true;
}

void message_seal(struct message *message)
{
	check(!message->sealed);
	check(message->id != 0);
	check(message->received.ms >= 0);
	check(message->recipient_count > 0);
	check(message->body.bytes <= MESSAGE_BODY_MAX);
	check((message->flags & ~MESSAGE_FLAGS_ALL) == 0);
	check(message->expire_s <= MESSAGE_EXPIRE_MAX);
	message->body_bytes = message->body.bytes;
	check(author_check(message));

	struct record_writer head =
	        record_write((struct span){ (char *)(message + 1), HEAD_BYTES });
	record_put_u8(&head, PART_VERSION);
	record_put_u8(&head, (uint8_t)(message->expire_s >> 16)); /* 0 in older records */
	record_put_u16(&head, message->flags);
	record_put_u16(&head, message->part_count);
	record_put_u16(&head, (uint16_t)message->expire_s);
	record_put_u32(&head, message->recipient_count);
	record_put_u64(&head, (uint64_t)message->received.ms);
	record_put_u64(&head, message->body_bytes);
	check(head.bytes == HEAD_BYTES);
	message->sealed = true;
}

struct message *message_hold(struct message *message)
{
	const unsigned before =
	        atomic_fetch_add_explicit(&message->holders, 1, memory_order_relaxed);

	check(before > 0);
	return message;
}

void message_release(struct message *message, struct shelf *shelf)
{
	if (message == NULL)
		return;
	const unsigned before =
	        atomic_fetch_sub_explicit(&message->holders, 1, memory_order_acq_rel);
	check(before > 0);
	if (before > 1)
		return;
	rope_free(&message->body, shelf);
	struct rope envelope = message->envelope; /* the message goes with its first chunk */
	rope_free(&envelope, shelf);
}

struct message_cursor message_recipients(const struct message *message)
{
	return (struct message_cursor){
		.message = message,
		.chunk = message->envelope.first,
		.offset = sizeof *message + HEAD_BYTES,
	};
}

static bool recipient_read(struct view content, struct message_recipient *recipient)
{
	struct record_reader reader = record_read(content);

	recipient->notify = record_get_u8(&reader);
	const uint16_t address_bytes = record_get_u16(&reader);
	recipient->address = record_get(&reader, address_bytes);
	recipient->orcpt = reader.rest;
	return !reader.bad;
}

bool message_next_recipient(struct message_cursor *cursor, struct message_recipient *recipient)
{
	while (cursor->chunk != NULL) {
		const struct chunk *chunk = cursor->chunk;
		if (cursor->offset >= chunk->used) {
			cursor->chunk = chunk->next;
			cursor->offset = 1; /* behind the version */
			continue;
		}
		struct record_reader reader =
		        record_read(view_skip(view_from(chunk->data, chunk->used), cursor->offset));
		const struct item item = item_get(&reader);
		check(!reader.bad);
		cursor->offset = chunk->used - reader.rest.bytes;
		if (item.tag != TAG_RECIPIENT)
			continue;
		check(recipient_read(item.content, recipient));
		cursor->index++;
		return true;
	}
	return false;
}

bool message_seek_recipient(
        struct message_cursor *cursor, uint32_t index, struct message_recipient *recipient)
{
	check(index >= cursor->index);
	while (message_next_recipient(cursor, recipient))
		if (cursor->index == index + 1)
			return true;
	return false;
}

struct rope_cursor message_parts(const struct message *message)
{
	check(message->sealed);
	return rope_start(&message->envelope);
}

bool message_next_part(const struct message *message, struct rope_cursor *cursor, struct view *part)
{
	const struct chunk *chunk = cursor->chunk;

	if (chunk == NULL)
		return false;
	*part = part_of(message, chunk);
	cursor->chunk = chunk->next;
	return true;
}

/* Reads the head into the message. */
static bool head_read(struct message *message, struct view head)
{
	struct record_reader reader = record_read(head);
	const uint8_t version = record_get_u8(&reader);
	const uint8_t expire_high = record_get_u8(&reader);

	message->flags = record_get_u16(&reader);
	message->part_count = record_get_u16(&reader);
	message->expire_s = (uint32_t)expire_high << 16 | record_get_u16(&reader);
	message->recipient_count = record_get_u32(&reader);
	message->received.ms = (int64_t)record_get_u64(&reader);
	message->body_bytes = record_get_u64(&reader);
	return record_is_read(&reader) && version == PART_VERSION &&
	       message->expire_s <= MESSAGE_EXPIRE_MAX &&
	       (message->flags & ~MESSAGE_FLAGS_ALL) == 0 && message->part_count > 0 &&
	       message->recipient_count > 0 && message->recipient_count <= MESSAGE_RECIPIENTS_MAX &&
	       message->received.ms >= 0 && message->body_bytes <= MESSAGE_BODY_MAX;
}

struct err message_load(
        struct message **result, struct shelf *shelf, size_t reserve, uint64_t id, struct view part)
{
	if (id == 0 || part.bytes < HEAD_BYTES || part.bytes > PART_0_MAX)
		return err_make(ERR_FORMAT, 0);
	struct message *message = message_begin(shelf, reserve);
	if (message == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	message->id = id;
	if (!head_read(message, view_first(part, HEAD_BYTES))) {
		message_release(message, shelf);
		return err_make(ERR_FORMAT, 0);
	}
	char *copy = rope_extend(&message->envelope, shelf, part.bytes, reserve);
	check(copy == (char *)(message + 1)); /* the chunk has room: never NULL */
	memcpy(copy, part.data, part.bytes);
	*result = message;
	return err_ok();
}

struct err message_load_part(
        struct message *message, struct shelf *shelf, size_t reserve, struct view part)
{
	struct rope tail = { 0 };

	check(!message->sealed);
	if (part.bytes < 1 || part.bytes > CHUNK_DATA_BYTES || part.data[0] != PART_VERSION)
		return err_make(ERR_FORMAT, 0);
	char *copy = rope_extend(&tail, shelf, part.bytes, reserve);
	if (copy == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	memcpy(copy, part.data, part.bytes);
	rope_join(&message->envelope, &tail);
	return err_ok();
}

/* A field, once, in part 0 before the first recipient; or a recipient within its bounds. */
static bool item_check(
        struct message *message, const struct item *item, uint32_t *recipients, uint32_t parts)
{
	struct message_recipient recipient;

	if (item->tag == TAG_RECIPIENT) {
		(*recipients)++;
		return recipient_read(item->content, &recipient) &&
		       recipient.notify <= NOTIFY_ALL && recipient.address.bytes > 0 &&
		       recipient.address.bytes <= MESSAGE_ADDRESS_MAX &&
		       recipient.orcpt.bytes <= MESSAGE_ORCPT_MAX;
	}
	if (item->tag >= MESSAGE_FIELD_COUNT || *recipients > 0 || parts > 1)
		return false;
	if (message->fields[item->tag].data != NULL ||
	        item->content.bytes > field_bytes_max[item->tag])
		return false;
	message->fields[item->tag] = item->content;
	return true;
}

struct err message_load_end(struct message *message)
{
	uint32_t recipients = 0;
	uint32_t parts = 0;

	check(!message->sealed);
	for (const struct chunk *chunk = message->envelope.first; chunk != NULL;
	        chunk = chunk->next) {
		struct record_reader reader = record_read(part_of(message, chunk));
		(void)record_get(&reader, parts == 0 ? HEAD_BYTES : 1);
		parts++;
		while (reader.rest.bytes > 0 && !reader.bad) {
			const struct item item = item_get(&reader);
			if (reader.bad || !item_check(message, &item, &recipients, parts))
				return err_make(ERR_FORMAT, 0);
		}
	}
	if (recipients != message->recipient_count || parts != message->part_count)
		return err_make(ERR_FORMAT, 0);
	if (message->body.bytes != 0 && message->body.bytes != message->body_bytes)
		return err_make(ERR_FORMAT, 0);
	if (!author_check(message))
		return err_make(ERR_FORMAT, 0);
	message->sealed = true;
	return err_ok();
}

/* Crockford's base 32: nothing that is mistaken for something else when read out. */
static const char id_digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const char *message_id_format(uint64_t id, char text[MESSAGE_ID_TEXT])
{
	char digits[MESSAGE_ID_TEXT];
	size_t at = sizeof digits;

	digits[--at] = '\0';
	do {
		digits[--at] = id_digits[id % 32];
		id /= 32;
	} while (id > 0);
	memcpy(text, digits + at, sizeof digits - at);
	return text;
}

bool message_id_parse(struct view text, uint64_t *id)
{
	uint64_t number = 0;

	if (text.bytes == 0 || text.bytes >= MESSAGE_ID_TEXT)
		return false;
	for (size_t i = 0; i < text.bytes; i++) {
		const char small = byte_lower(text.data[i]);
		const char *digit = NULL;
		for (const char *at = id_digits; *at != '\0' && digit == NULL; at++)
			if (byte_lower(*at) == small)
				digit = at;
		if (digit == NULL || number > UINT64_MAX / 32)
			return false;
		number = number * 32 + (uint64_t)(digit - id_digits);
	}
	*id = number;
	return true;
}
