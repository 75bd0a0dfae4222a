#include "queue/spool_sent.h"

#include "queue/base/check.h"
#include "queue/record.h"
#include "queue/spool_state.h"

#include <assert.h>

#define RECORD_VERSION 1
#define HOUR_MS        (3600 * 1000)
#define KEY_BYTES      (4 + SPOOL_SENT_KEY_BYTES + 8 + 2 + 4)
#define RECORD_MAX                                                                                 \
	(1 + 3 * 2 + SPOOL_SENT_ROUTE_MAX + 2 * SPOOL_SENT_WHO_MAX + 4 + 1 +                       \
	        4 * SPOOL_SENT_RECIPIENTS_MAX)

/* A leaf, its half, and the way to it. */
#define PAGES_TOUCHED 4

static_assert(RECORD_MAX < STORE_PAGE_BYTES / 2, "rows share pages");

uint32_t spool_sent_print(struct view address)
{
	uint32_t print = 2166136261U; /* FNV-1a */

	for (size_t i = 0; i < address.bytes; i++)
		print = (print ^ (unsigned char)byte_lower(address.data[i])) * 16777619U;
	return print;
}

bool spool_sent_has(const struct spool_sent *sent, struct view address)
{
	const uint32_t print = spool_sent_print(address);

	for (uint32_t i = 0; i < sent->recipient_count && i < SPOOL_SENT_RECIPIENTS_MAX; i++)
		if (sent->recipients[i] == print)
			return true;
	return false;
}

static uint32_t hour_of(struct wall when)
{
	return when.ms < 0 ? 0 : (uint32_t)(when.ms / HOUR_MS);
}

static struct view sent_key(
        char room[KEY_BYTES], const char *key, const struct spool_sent_place *place)
{
	struct record_writer writer = record_write((struct span){ room, KEY_BYTES });

	record_put_u32(&writer, place->hour);
	record_put(&writer, view_from(key, SPOOL_SENT_KEY_BYTES));
	record_put_u64(&writer, place->id);
	record_put_u16(&writer, place->number);
	record_put_u32(&writer, place->ms);
	return record_view(&writer);
}

/* False: it is no such key. */
static bool key_parse(struct view bytes, char *key, struct spool_sent_place *place)
{
	struct record_reader reader = record_read(bytes);

	place->hour = record_get_u32(&reader);
	const struct view hash = record_get(&reader, SPOOL_SENT_KEY_BYTES);
	place->id = record_get_u64(&reader);
	place->number = record_get_u16(&reader);
	place->ms = record_get_u32(&reader);
	if (!record_is_read(&reader))
		return false;
	memcpy(key, hash.data, SPOOL_SENT_KEY_BYTES);
	return true;
}

struct err spool_keep_sent(struct spool *spool, const struct spool_sent *sent)
{
	const uint32_t most = SPOOL_SENT_RECIPIENTS_MAX;
	const uint8_t kept = (uint8_t)(sent->recipient_count < most ? sent->recipient_count : most);
	const struct spool_sent_place place = {
		.hour = hour_of(sent->when),
		.id = sent->id,
		.number = sent->number,
		.ms = sent->when.ms < 0 ? 0 : (uint32_t)(sent->when.ms % HOUR_MS),
	};
	char key[KEY_BYTES];
	char record[RECORD_MAX];
	struct record_writer writer = record_write((struct span){ record, sizeof record });

	check(spool->batch_open);
	const struct err err = store_admit(spool->store, PAGES_TOUCHED, false);
	if (err.code == ERR_NO_SPACE)
		return err_ok();
	if (failed(err))
		return err;
	record_put_u8(&writer, RECORD_VERSION);
	record_put_string(&writer, sent->route);
	record_put_string(&writer, sent->identity);
	record_put_string(&writer, sent->sender);
	record_put_u32(&writer, sent->recipient_count);
	record_put_u8(&writer, kept);
	for (uint8_t i = 0; i < kept; i++)
		record_put_u32(&writer, sent->recipients[i]);
	return store_put(
	        spool->store, TABLE_SENT, sent_key(key, sent->key, &place), record_view(&writer));
}

static bool sent_read(struct spool_sent *sent, struct view record)
{
	struct record_reader reader = record_read(record);
	const uint8_t version = record_get_u8(&reader);

	if (version != RECORD_VERSION ||
	        !record_get_string(&reader, sent->route, sizeof sent->route) ||
	        !record_get_string(&reader, sent->identity, sizeof sent->identity) ||
	        !record_get_string(&reader, sent->sender, sizeof sent->sender))
		return false;
	sent->recipient_count = record_get_u32(&reader);
	const uint8_t kept = record_get_u8(&reader);
	if (kept > SPOOL_SENT_RECIPIENTS_MAX || kept > sent->recipient_count)
		return false;
	for (uint8_t i = 0; i < kept; i++)
		sent->recipients[i] = record_get_u32(&reader);
	return record_is_read(&reader);
}

bool spool_sent_is_due(struct spool *spool, struct wall since, uint64_t count_max, uint64_t *early)
{
	const uint64_t count = store_row_count(spool->store, TABLE_SENT);
	struct spool_sent_place first;
	char key[SPOOL_SENT_KEY_BYTES];
	struct store_row row;

	check(!spool->batch_open);
	*early = count > count_max ? count - count_max : 0;
	if (count == 0 || failed(store_seek(spool->store, TABLE_SENT, VIEW("\0"), &row)))
		return false;
	return *early > 0 || !key_parse(row.key, key, &first) || first.hour < hour_of(since);
}

struct err spool_forget_sent(
        struct spool *spool, struct wall since, uint64_t early, uint64_t *forgotten)
{
	check(spool->batch_open);
	*forgotten = 0;
	/* Side by side, they share their pages. */
	struct err err = store_admit(spool->store,
	        SPOOL_SENT_FORGOTTEN * RECORD_MAX / STORE_PAGE_BYTES + PAGES_TOUCHED, false);

	if (err.code == ERR_NO_SPACE)
		return err_ok();
	while (!failed(err) && *forgotten < SPOOL_SENT_FORGOTTEN) {
		struct spool_sent_place place;
		char key[SPOOL_SENT_KEY_BYTES];
		char room[KEY_BYTES];
		struct store_row row;

		err = store_seek(spool->store, TABLE_SENT, VIEW("\0"), &row);
		if (failed(err))
			break;
		if (!key_parse(row.key, key, &place))
			return err_make(
			        ERR_BROKEN, 0); /* none was ever written so: the disk lies */
		const bool old = place.hour < hour_of(since);
		if (!old && early == 0)
			break;
		early -= old ? 0 : 1;
		err = store_delete(spool->store, TABLE_SENT, sent_key(room, key, &place));
		(*forgotten)++;
	}
	return err.code == ERR_NOT_FOUND ? err_ok() : err;
}

/* The place behind this one. */
static void place_step(struct spool_sent_place *place)
{
	place->begun = true;
	if (++place->ms == 0 && ++place->number == 0)
		place->id++;
}

struct err spool_find_sent(
        struct spool *spool, struct spool_sent_place *place, struct spool_sent *sent)
{
	check(!spool->batch_open);
	if (place->begun)
		place_step(place);
	place->begun = true;
	for (;;) {
		struct spool_sent_place at;
		char found[SPOOL_SENT_KEY_BYTES];
		char room[KEY_BYTES];
		struct store_row row;
		const struct err err = store_seek(
		        spool->store, TABLE_SENT, sent_key(room, sent->key, place), &row);

		if (failed(err))
			return err;
		if (!key_parse(row.key, found, &at))
			return err_make(ERR_FORMAT, 0);
		const int order = memcmp(found, sent->key, sizeof found);
		if (order == 0) {
			*place = at;
			place->begun = true;
			if (sent_read(sent, row.value)) {
				sent->id = at.id;
				sent->number = at.number;
				sent->when.ms = (int64_t)at.hour * HOUR_MS + at.ms;
				return err_ok();
			}
			place_step(place); /* one that can't be read is as good as none */
			continue;
		}
		/* A later key of the hour means that ours is not there (any more): on to the next
		 * one. An earlier key is a later hour's first. */
		*place = (struct spool_sent_place){
			.begun = true,
			.hour = order > 0 ? at.hour + 1 : at.hour,
		};
	}
}
