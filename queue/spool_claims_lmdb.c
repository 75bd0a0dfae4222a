#include "queue/base/check.h"
#include "queue/record.h"
#include "queue/spool_state.h"

#define RECORD_VERSION 1
#define RECORD_BYTES   (1 + 8 + 8 + 8)
#define END_BYTES      (8 + SPOOL_CLAIM_BYTES)

/* A claim's row and that of its end, their halves if they are split, and the same of a claim whose
 * time was over; the ways to them have their share. */
#define PAGES_TOUCHED 6

static const struct view first_end = VIEW_INIT("\0");

static struct err claim_read(struct spool *spool, struct view key, struct spool_claim *claim)
{
	struct view record;
	const struct err err = store_get(spool->store, TABLE_CLAIMS, key, &record);

	if (failed(err))
		return err;
	struct record_reader reader = record_read(record);
	const uint8_t version = record_get_u8(&reader);
	claim->id = record_get_u64(&reader);
	claim->print = record_get_u64(&reader);
	claim->until.ms = (int64_t)record_get_u64(&reader);
	const bool good =
	        record_is_read(&reader) && version == RECORD_VERSION && claim->until.ms >= 0;
	return good ? err_ok() : err_make(ERR_FORMAT, 0);
}

static struct view claim_key(const struct spool_claim *claim)
{
	return view_from(claim->key, sizeof claim->key);
}

static struct view end_key(char room[END_BYTES], const struct spool_claim *claim)
{
	struct record_writer writer = record_write((struct span){ room, END_BYTES });

	check(claim->until.ms >= 0);
	record_put_u64(&writer, (uint64_t)claim->until.ms);
	record_put(&writer, claim_key(claim));
	return record_view(&writer);
}

/* False: it is no such key. */
static bool end_parse(struct view key, struct spool_claim *claim)
{
	struct record_reader reader = record_read(key);

	claim->until.ms = (int64_t)record_get_u64(&reader);
	const struct view bytes = record_get(&reader, SPOOL_CLAIM_BYTES);
	if (!record_is_read(&reader) || claim->until.ms < 0)
		return false;
	memcpy(claim->key, bytes.data, SPOOL_CLAIM_BYTES);
	return true;
}

/* A claim of the key that nobody wants any more gives way. */
static struct err claim_write(struct spool *spool, const struct spool_claim *claim)
{
	struct spool_claim old = *claim;
	char end_room[END_BYTES];
	char record[RECORD_BYTES];
	struct record_writer writer = record_write((struct span){ record, sizeof record });
	struct err err = claim_read(spool, claim_key(claim), &old);

	if (!failed(err))
		err = store_delete(spool->store, TABLE_CLAIM_ENDS, end_key(end_room, &old));
	/* Of one that can't be read the end finds no claim, and goes by itself. */
	if (failed(err) && err.code != ERR_NOT_FOUND && err.code != ERR_FORMAT)
		return err;
	record_put_u8(&writer, RECORD_VERSION);
	record_put_u64(&writer, claim->id);
	record_put_u64(&writer, claim->print);
	record_put_u64(&writer, (uint64_t)claim->until.ms);
	err = store_put(spool->store, TABLE_CLAIMS, claim_key(claim), record_view(&writer));
	if (failed(err))
		return err;
	return store_put(
	        spool->store, TABLE_CLAIM_ENDS, end_key(end_room, claim), view_from("", 0));
}

struct err spool_put_claimed(struct spool *spool, const struct message *message,
        struct job *const *jobs, size_t job_count, const struct spool_claim *claim)
{
	check(spool->batch_open);
	check(claim->id == message->id);
	struct err err = store_admit(spool->store, PAGES_TOUCHED, false);

	if (!failed(err))
		err = spool_put(spool, message, jobs, job_count, false);
	return failed(err) ? err : claim_write(spool, claim);
}

struct err spool_find_claim(struct spool *spool, struct wall now, struct spool_claim *claim)
{
	check(!spool->batch_open);
	const struct err err = claim_read(spool, claim_key(claim), claim);

	/* One that can't be read is as good as none: the next takes its place. */
	if (err.code == ERR_FORMAT || (!failed(err) && claim->until.ms <= now.ms))
		return err_make(ERR_NOT_FOUND, 0);
	return err;
}

bool spool_claims_are_due(struct spool *spool, struct wall now, uint64_t count_max, uint64_t *early)
{
	struct store_counts counts;
	struct spool_claim first;
	struct store_row row;

	check(!spool->batch_open);
	*early = 0;
	if (failed(store_counts(spool->store, &counts)) ||
	        failed(store_seek(spool->store, TABLE_CLAIM_ENDS, first_end, &row)))
		return false;
	if (counts.rows[TABLE_CLAIM_ENDS] > count_max)
		*early = counts.rows[TABLE_CLAIM_ENDS] - count_max;
	return *early > 0 || !end_parse(row.key, &first) || first.until.ms <= now.ms;
}

/* The end's claim goes with it, unless that has another end by now. */
static struct err claim_forget(struct spool *spool, const struct spool_claim *end)
{
	struct spool_claim claim = *end;
	char end_room[END_BYTES];
	struct err err = claim_read(spool, claim_key(end), &claim);

	if (err.code == ERR_FORMAT || (!failed(err) && claim.until.ms == end->until.ms))
		err = store_delete(spool->store, TABLE_CLAIMS, claim_key(end));
	if (failed(err) && err.code != ERR_NOT_FOUND)
		return err;
	return store_delete(spool->store, TABLE_CLAIM_ENDS, end_key(end_room, end));
}

struct err spool_forget_claims(
        struct spool *spool, struct wall now, uint64_t early, uint64_t *forgotten)
{
	check(spool->batch_open);
	*forgotten = 0;
	struct err err =
	        store_admit(spool->store, SPOOL_CLAIMS_FORGOTTEN * 2 + PAGES_TOUCHED, false);

	if (err.code == ERR_NO_SPACE)
		return err_ok();
	while (!failed(err) && *forgotten < SPOOL_CLAIMS_FORGOTTEN) {
		struct spool_claim end;
		struct store_row row;

		err = store_seek(spool->store, TABLE_CLAIM_ENDS, first_end, &row);
		if (failed(err))
			break;
		if (!end_parse(row.key, &end))
			return err_make(
			        ERR_BROKEN, 0); /* none was ever written so: the disk lies */
		if (end.until.ms > now.ms && early == 0)
			break;
		early -= end.until.ms > now.ms ? 1 : 0;
		err = claim_forget(spool, &end);
		(*forgotten)++;
	}
	return err.code == ERR_NOT_FOUND ? err_ok() : err;
}
