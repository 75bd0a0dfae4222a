#include "queue/seal.h"

#include "queue/base/check.h"
#include "queue/record.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define MARK     UINT32_C(0xf3534c52) /* no UTF-8, then "SLR" */
#define VERSION  1
#define CHECK_AT (SEAL_HEAD_BYTES - 8)

static const char mark_bytes[SEAL_MARK_BYTES] = { '\xf3', 'S', 'L', 'R' };

struct span seal_begin(struct span room, uint8_t table, struct view key, uint64_t serial)
{
	struct record_writer writer = record_write(room);

	check(key.bytes <= SEAL_KEY_MAX);
	check(room.bytes >= seal_bytes(key.bytes, 0));
	const size_t value_bytes = room.bytes - seal_bytes(key.bytes, 0);
	check(value_bytes <= SEAL_VALUE_MAX);
	record_put_u32(&writer, MARK);
	record_put_u8(&writer, VERSION);
	record_put_u8(&writer, table);
	record_put_u16(&writer, (uint16_t)key.bytes);
	record_put_u32(&writer, (uint32_t)value_bytes);
	record_put_u64(&writer, serial);
	check(writer.bytes == CHECK_AT);
	record_put_u64(&writer, 0);
	record_put(&writer, key);
	return (struct span){ room.data + writer.bytes, value_bytes };
}

/* Of the head up to the check, then of key and value. */
static uint64_t seal_check(struct view row, struct seal_secret secret)
{
	const XXH64_hash_t head = XXH3_64bits_withSeed(row.data, CHECK_AT, secret.number);

	return XXH3_64bits_withSeed(row.data + SEAL_HEAD_BYTES, row.bytes - SEAL_HEAD_BYTES, head);
}

void seal_end(struct span room, size_t key_bytes, struct seal_secret secret)
{
	struct record_writer writer = record_write((struct span){ room.data + CHECK_AT, 8 });

	check(room.bytes >= seal_bytes(key_bytes, 0));
	record_put_u64(&writer, seal_check(view_from(room.data, room.bytes), secret));
}

bool seal_read(struct view bytes, struct seal_secret secret, struct seal *seal)
{
	struct record_reader reader = record_read(bytes);
	const uint32_t mark = record_get_u32(&reader);
	const uint8_t version = record_get_u8(&reader);

	seal->table = record_get_u8(&reader);
	const size_t key_bytes = record_get_u16(&reader);
	const size_t value_bytes = record_get_u32(&reader);
	seal->serial = record_get_u64(&reader);
	const uint64_t read = record_get_u64(&reader);
	if (reader.bad || mark != MARK || version != VERSION || key_bytes > SEAL_KEY_MAX ||
	        value_bytes > SEAL_VALUE_MAX)
		return false;
	seal->key = record_get(&reader, key_bytes);
	seal->value = record_get(&reader, value_bytes);
	return !reader.bad &&
	       read == seal_check(view_first(bytes, seal_bytes(key_bytes, value_bytes)), secret);
}

size_t seal_find(struct view bytes)
{
	const char *found = memmem(bytes.data, bytes.bytes, mark_bytes, sizeof mark_bytes);

	return found == NULL ? bytes.bytes : (size_t)(found - bytes.data);
}
