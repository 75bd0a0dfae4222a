#include "queue/base/check.h"
#include "queue/spool_state.h"

/* A note's own pages, and those on the way to it that are rewritten. */
#define PAGES_TOUCHED 4

struct err spool_note(struct spool *spool, struct view name, struct view record)
{
	const uint64_t pages = record.bytes / STORE_PAGE_BYTES + PAGES_TOUCHED;

	check(spool->batch_open);
	check(name.bytes > 0);
	check(name.bytes <= SPOOL_NOTE_NAME_MAX);
	if (record.bytes == 0) {
		const struct err gone = store_delete(spool->store, TABLE_NOTES, name);
		return gone.code == ERR_NOT_FOUND ? err_ok() : gone;
	}
	const struct err err = store_admit(spool->store, pages, true);
	return failed(err) ? err : store_put(spool->store, TABLE_NOTES, name, record);
}

struct err spool_read_note(struct spool *spool, struct view name, struct view *record)
{
	check(!spool->batch_open);
	return store_get(spool->store, TABLE_NOTES, name, record);
}

struct err spool_next_note(struct spool *spool, struct view prefix, struct view after,
        struct view *name, struct view *record)
{
	struct store_row row;

	check(!spool->batch_open);
	struct err err = store_seek(spool->store, TABLE_NOTES, after, &row);
	if (!failed(err) && view_equal(row.key, after))
		err = store_next(spool->store, TABLE_NOTES, &row);
	if (failed(err))
		return err;
	if (!view_equal(view_first(row.key, prefix.bytes), prefix))
		return err_make(ERR_NOT_FOUND, 0);
	*name = row.key;
	*record = row.value;
	return err_ok();
}
