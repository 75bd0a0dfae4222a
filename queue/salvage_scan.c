#include "queue/base/check.h"
#include "queue/record.h"
#include "queue/row_key.h"
#include "queue/salvage_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A row as the store writes them is smaller, seal and key included: a piece of a body, or a job of
 * 2,000 recipients. */
#define ROW_MAX (STORE_ROW_BYTES_MAX + ((size_t)64 << 10))
static_assert(JOB_RECORD_MAX < STORE_ROW_BYTES_MAX, "a body's row is the largest");
/* Read at once; of two such pieces the end of one is the beginning of the other. */
#define WINDOW_BYTES ((size_t)4 << 20)
/* More than a group of the journal ever has. */
#define GROUP_BYTES_MAX ((size_t)16 << 20)
#define PAGE_BYTES      4096 /* what a disk that fails is asked for by itself */

static ssize_t read_piece(int fd, struct span room, uint64_t at)
{
	ssize_t got;

	do
		got = pread(fd, room.data, room.bytes, (off_t)at);
	while (got < 0 && errno == EINTR);
	return got;
}

size_t salvage_pread(struct salvage *salvage, int fd, struct span room, uint64_t at)
{
	size_t done = 0;

	while (done < room.bytes) {
		const struct span rest = { room.data + done, room.bytes - done };
		ssize_t got = read_piece(fd, rest, at + done);
		if (got < 0) {
			const size_t page = PAGE_BYTES - (size_t)((at + done) % PAGE_BYTES);
			const size_t bytes = page < rest.bytes ? page : rest.bytes;
			got = read_piece(fd, (struct span){ rest.data, bytes }, at + done);
			if (got < 0) {
				memset(rest.data, 0, bytes);
				salvage->unreadable_bytes += bytes;
				got = (ssize_t)bytes;
			}
		}
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return done;
}

static struct err scan_add_route(struct salvage *salvage, const struct seal *seal)
{
	struct record_reader reader = record_read(seal->value);

	(void)record_get_u8(&reader);
	const uint64_t id = record_get_u64(&reader);
	if (!record_is_read(&reader) || id >= SPOOL_ROUTES_MAX || seal->key.bytes == 0 ||
	        seal->key.bytes >= SALVAGE_NAME_ROOM)
		return err_ok();
	memcpy(salvage->routes[id], seal->key.data, seal->key.bytes);
	salvage->routes[id][seal->key.bytes] = '\0';
	return err_ok();
}

/* False: it is none of a table of mail, or its key is none of that table's. */
static bool row_of_key(enum store_table table, struct view key, struct salvage_row *row)
{
	uint16_t number = 0;

	row->number = 0;
	row->table = (uint8_t)table;
	switch (table) {
	case TABLE_MESSAGES:
		return row_key_parse_message(key, &row->id);
	case TABLE_BODIES:
		return row_key_parse_body(key, &row->id, &row->number);
	case TABLE_ENVELOPES:
		if (!row_key_parse_part(key, &row->id, &number))
			return false;
		break;
	case TABLE_JOBS:
		if (!row_key_parse_job(key, &row->id, &number))
			return false;
		break;
	default:
		return false;
	}
	row->number = number;
	return true;
}

static struct err scan_add(
        struct salvage *salvage, const struct seal *seal, uint64_t at, bool in_journal)
{
	const size_t bytes = seal_bytes(seal->key.bytes, seal->value.bytes);
	struct salvage_row row = {
		.serial = seal->serial,
		.at = at,
		.bytes = (uint32_t)bytes,
		.in_journal = in_journal,
	};

	if (seal->table == TABLE_ROUTES)
		return scan_add_route(salvage, seal);
	if (seal->table >= TABLE_COUNT ||
	        !row_of_key((enum store_table)seal->table, seal->key, &row))
		return err_ok();
	return salvage_add(salvage, &row);
}

/* Rows that begin before `end` and are all in the window. Gives where to go on. */
static struct err scan_window(
        struct salvage *salvage, struct view window, uint64_t at, size_t end, size_t *next)
{
	size_t place = 0;
	struct err err = err_ok();

	while (!failed(err)) {
		struct seal seal;
		place += seal_find(view_skip(window, place));
		if (place >= end)
			break;
		if (seal_read(view_skip(window, place), salvage->secret, &seal)) {
			err = scan_add(salvage, &seal, at + place, false);
			place += seal_bytes(seal.key.bytes, seal.value.bytes);
		} else {
			place++;
		}
		if (place >= end)
			break;
	}
	*next = place > end ? place : end;
	return err;
}

struct err salvage_scan_data(struct salvage *salvage)
{
	char *memory = malloc(WINDOW_BYTES);
	struct err err = memory == NULL ? err_make(ERR_NO_MEMORY, 0) : err_ok();
	uint64_t at = 0;
	bool more = salvage->data_fd >= 0;

	while (more && !failed(err)) {
		const size_t bytes = salvage_pread(
		        salvage, salvage->data_fd, (struct span){ memory, WINDOW_BYTES }, at);
		size_t next = 0;
		more = bytes == WINDOW_BYTES;
		err = scan_window(salvage, view_from(memory, bytes), at,
		        more ? bytes - ROW_MAX : bytes, &next);
		at += next;
	}
	free(memory);
	return err;
}

/* The journal. */

static struct err scan_change(
        struct salvage *salvage, const struct journal_change *change, uint64_t number, uint64_t at)
{
	struct salvage_row row = { .serial = number, .gone = true, .in_journal = true };
	struct seal seal;

	if (change->table >= TABLE_COUNT)
		return err_ok();
	if (change->act == JOURNAL_PUT)
		return seal_read(change->value, salvage->secret, &seal)
		               ? scan_add(salvage, &seal, at, true)
		               : err_ok();
	/* With a message's own row goes all that it had: parts and bodies need no word. */
	const bool tells = change->table == TABLE_JOBS || change->table == TABLE_MESSAGES;
	if (change->act != JOURNAL_DELETE || !tells ||
	        !row_of_key((enum store_table)change->table, change->key, &row))
		return err_ok();
	row.at = at;
	return salvage_add(salvage, &row);
}

static struct err scan_group(
        struct salvage *salvage, struct view group, uint64_t number, uint64_t at)
{
	struct view changes = view_skip(group, JOURNAL_HEAD_BYTES);
	struct journal_change change;
	struct err err = err_ok();

	while (!failed(err) && journal_change_next(&changes, &change))
		err = scan_change(salvage, &change, number,
		        at + (uint64_t)((change.act == JOURNAL_PUT ? change.value.data
		                                                   : change.key.data) -
		                        group.data));
	return err;
}

static bool is_ours(struct salvage *salvage, const struct journal_head *head, uint64_t at)
{
	/* Where nobody knows the salt, the start alone can tell. */
	if (!salvage->salt_known && at == 0) {
		memcpy(salvage->salt, head->salt, sizeof salvage->salt);
		salvage->salt_known_here = true;
	}
	return (salvage->salt_known || salvage->salt_known_here) &&
	       memcmp(head->salt, salvage->salt, sizeof head->salt) == 0;
}

/* Reads the group at `at` into `room`. False: there is none of this time that is whole. */
static bool read_group(
        struct salvage *salvage, struct span room, uint64_t at, struct journal_head *head)
{
	const struct span page = { room.data, JOURNAL_PAGE_BYTES };
	const size_t bytes = salvage_pread(salvage, salvage->journal_fd, page, at);

	if (bytes < JOURNAL_HEAD_BYTES || !journal_head_read(view_from(room.data, bytes), head)) {
		/* One that says nothing at all at the start, where there was something. */
		salvage->journal_damaged |= at == 0 && bytes > 0 && room.data[0] != '\0';
		return false;
	}
	if (!is_ours(salvage, head, at) || head->bytes > room.bytes)
		return false;
	const struct span whole = { room.data, head->bytes };
	return salvage_pread(salvage, salvage->journal_fd, whole, at) == head->bytes &&
	       journal_head_holds(view_from(room.data, head->bytes));
}

/* The groups from the start on, each with the number behind the last. Where there is none that is
 * whole, that was the end, or one is damaged: then others of the same time, with higher numbers,
 * stand behind it. A body in there that looks like a group is none: it does not know their salt. */
static struct err scan_groups(struct salvage *salvage, struct span room, uint64_t file_bytes)
{
	struct journal_head head;
	struct err err = err_ok();
	bool any = false;
	uint64_t next = 0;

	for (uint64_t at = 0; !failed(err) && at < file_bytes;) {
		if (!read_group(salvage, room, at, &head) || (any && head.number < next)) {
			at += JOURNAL_PAGE_BYTES;
			continue;
		}
		salvage->journal_damaged |= any ? head.number != next : at > 0;
		any = true;
		next = head.number + 1;
		err = scan_group(salvage, view_from(room.data, head.bytes), head.number, at);
		at += journal_whole_pages(head.bytes);
	}
	return err;
}

struct err salvage_scan_journal(struct salvage *salvage)
{
	if (salvage->journal_fd < 0)
		return err_ok();
	const struct span room = { malloc(GROUP_BYTES_MAX), GROUP_BYTES_MAX };
	if (room.data == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	const off_t bytes = lseek(salvage->journal_fd, 0, SEEK_END);
	const struct err err = scan_groups(salvage, room, bytes > 0 ? (uint64_t)bytes : 0);
	free(room.data);
	return err;
}
