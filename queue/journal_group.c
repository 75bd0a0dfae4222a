#include "queue/journal_group.h"

#include "queue/base/check.h"
#include "queue/record.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define MARK         UINT32_C(0x534c4a31) /* "SLJ1" */
#define CHANGE_BYTES 8                    /* act, table, key's bytes, value's bytes */
#define CHECK_AT     (JOURNAL_HEAD_BYTES - 16)
#define CHECK_BYTES  8

struct err journal_group_init(struct journal_group *group, size_t bytes_max)
{
	check(bytes_max % JOURNAL_PAGE_BYTES == 0);
	*group = (struct journal_group){ .room.bytes = bytes_max };
	group->room.data = aligned_alloc(JOURNAL_PAGE_BYTES, bytes_max);
	journal_group_clear(group);
	return group->room.data == NULL ? err_make(ERR_NO_MEMORY, 0) : err_ok();
}

void journal_group_finish(struct journal_group *group)
{
	free(group->room.data);
	*group = (struct journal_group){ 0 };
}

void journal_group_clear(struct journal_group *group)
{
	group->bytes = JOURNAL_HEAD_BYTES;
	group->large = false;
}

static struct span journal_group_take(
        struct journal_group *group, const struct journal_change *change, size_t value_bytes)
{
	const size_t bytes = CHANGE_BYTES + change->key.bytes + value_bytes;

	check(change->key.bytes <= UINT16_MAX);
	if (group->large || bytes > group->room.bytes - group->bytes) {
		group->large = true;
		return (struct span){ 0 };
	}
	struct record_writer writer =
	        record_write((struct span){ group->room.data + group->bytes, bytes });
	record_put_u8(&writer, (uint8_t)change->act);
	record_put_u8(&writer, change->table);
	record_put_u16(&writer, (uint16_t)change->key.bytes);
	record_put_u32(&writer, (uint32_t)value_bytes);
	record_put(&writer, change->key);
	group->bytes += bytes;
	return (struct span){ group->room.data + group->bytes - value_bytes, value_bytes };
}

void journal_group_add(struct journal_group *group, const struct journal_change *change)
{
	const struct span room = journal_group_take(group, change, change->value.bytes);

	if (room.data != NULL && change->value.bytes > 0)
		memcpy(room.data, change->value.data, change->value.bytes);
}

struct span journal_group_add_room(
        struct journal_group *group, uint8_t table, struct view key, size_t bytes)
{
	const struct journal_change change = { JOURNAL_PUT, table, key, { 0 } };

	return journal_group_take(group, &change, bytes);
}

/* Of the head up to the check, and of the changes. */
static uint64_t group_check(struct view group)
{
	const XXH64_hash_t head = XXH3_64bits(group.data, CHECK_AT);

	return XXH3_64bits_withSeed(
	        group.data + JOURNAL_HEAD_BYTES, group.bytes - JOURNAL_HEAD_BYTES, head);
}

struct view journal_group_seal(
        struct journal_group *group, uint64_t number, const char salt[JOURNAL_SALT_BYTES])
{
	struct record_writer writer =
	        record_write((struct span){ group->room.data, JOURNAL_HEAD_BYTES });
	const size_t bytes = journal_whole_pages(group->bytes);

	check(!group->large);
	record_put_u32(&writer, MARK);
	record_put_u32(&writer, (uint32_t)group->bytes);
	record_put_u64(&writer, number);
	record_put(&writer, view_from(salt, JOURNAL_SALT_BYTES));
	check(writer.bytes == CHECK_AT);
	record_put_u64(&writer, group_check(view_from(group->room.data, group->bytes)));
	record_put_u64(&writer, 0);
	memset(group->room.data + group->bytes, 0, bytes - group->bytes);
	return view_from(group->room.data, bytes);
}

bool journal_head_read(struct view page, struct journal_head *head)
{
	struct record_reader reader = record_read(view_first(page, JOURNAL_HEAD_BYTES));

	const uint32_t mark = record_get_u32(&reader);
	head->bytes = record_get_u32(&reader);
	head->number = record_get_u64(&reader);
	const struct view salt = record_get(&reader, JOURNAL_SALT_BYTES);
	if (reader.bad || mark != MARK || head->bytes < JOURNAL_HEAD_BYTES)
		return false;
	memcpy(head->salt, salt.data, sizeof head->salt);
	return true;
}

bool journal_head_holds(struct view group)
{
	struct record_reader reader = record_read(view_from(group.data + CHECK_AT, CHECK_BYTES));

	check(group.bytes >= JOURNAL_HEAD_BYTES);
	return record_get_u64(&reader) == group_check(group);
}

bool journal_change_next(struct view *rest, struct journal_change *change)
{
	struct record_reader reader = record_read(*rest);

	if (rest->bytes == 0)
		return false;
	change->act = (enum journal_act)record_get_u8(&reader);
	change->table = record_get_u8(&reader);
	const size_t key_bytes = record_get_u16(&reader);
	const size_t value_bytes = record_get_u32(&reader);
	change->key = record_get(&reader, key_bytes);
	change->value = record_get(&reader, value_bytes);
	if (reader.bad || change->act < JOURNAL_PUT || change->act > JOURNAL_DELETE_ALL)
		return false;
	*rest = reader.rest;
	return true;
}
