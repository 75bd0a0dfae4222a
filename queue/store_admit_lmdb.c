#include "queue/base/check.h"
#include "queue/store_inner.h"

/* What a batch hardly ever adds more than: see store_is_due(). */
#define BATCH_BYTES_USUAL (UINT64_C(2) << 20)
/* What batches since the last checkpoint may add, by a bound that is ten times what they do where
 * mail is small: so much of the disk is allocated ahead. */
#define PENDING_BYTES_MAX (UINT64_C(256) << 20)
/* After so many checkpoints, one behind the other, pages that were free at the first are to be had:
 * see tables_free(). */
#define LOOKS_MAX 2
/* Pages that a change may rewrite: a leaf, and what it is split into or joined with. */
#define PAGES_TOUCHED 2

static const struct tables_free *store_count_free(struct store *store)
{
	if (!store->free_counted)
		store->free = tables_free(store->tables);
	store->free_counted = true;
	return &store->free;
}

/* Bytes that are missing for so many more; 0: they have room. Free pages are used first, so the
 * file grows by what those can't hold. */
static uint64_t store_lack(struct store *store, uint64_t added, bool urgent)
{
	const uint64_t wanted = store->used + added + (urgent ? 0 : store->room.reserve);
	const bool beyond = store->bytes_max > 0 && store->used + added > store->bytes_max;
	const bool capped = beyond && !urgent;
	const bool fits = store_room_ensure(&store->room, store->used, wanted);

	store->scattered = beyond || !fits;
	if (!capped && fits)
		return 0;
	const uint64_t free_bytes = store_count_free(store)->bytes;
	uint64_t lack = 0;
	if (capped && store->bytes_max + free_bytes < store->used + added)
		lack = store->used + added - store->bytes_max - free_bytes;
	if (!fits && store->room.allocated + free_bytes < wanted + lack)
		lack = wanted - store->room.allocated - free_bytes;
	return lack;
}

/* Mail that came and went since the last checkpoint counts until the next, and pages that one freed
 * are to be had after one more. */
bool store_would_gain(struct store *store)
{
	return store->lacking > 0 && store->looks < LOOKS_MAX &&
	       store->pending_bytes + store_count_free(store)->young_bytes >= store->lacking;
}

/* What is rewritten needs pages that nobody has admitted: the reserve is for them. On a full disk
 * there may be no more of them at once, or the checkpoint finds no room, and nothing goes on. */
static bool store_has_touched_much(struct store *store)
{
	const uint64_t bytes = store->changes * PAGES_TOUCHED * TABLES_PAGE_BYTES;
	const uint64_t step = store->room.reserve / 2; /* between two looks at the disk */

	if (bytes <= store->touched_seen + step)
		return false;
	if (!store_room_is_left(&store->room, 2 * (bytes + step)))
		return true;
	store->touched_seen = bytes;
	return false;
}

bool store_is_due(struct store *store)
{
	if (store_would_gain(store)) {
		store->looks++;
		return true;
	}
	return !journal_is_empty(&store->journal) &&
	       (store->pending_bytes > PENDING_BYTES_MAX || store_has_touched_much(store) ||
	               store_lack(store, store->pending_bytes + BATCH_BYTES_USUAL, false) > 0);
}

struct err store_admit(struct store *store, uint64_t pages, bool urgent)
{
	check(store->batch_open);
	if (failed(store->broken))
		return store->broken;
	const uint64_t batch_bytes = store->batch_bytes + pages * TABLES_PAGE_BYTES;
	const uint64_t lacking = store_lack(store, store->pending_bytes + batch_bytes, urgent);

	if (!urgent) {
		store->full = lacking > 0;
		store->lacking = lacking;
	}
	if (lacking > 0)
		return err_make(ERR_NO_SPACE, 0);
	store->batch_bytes = batch_bytes;
	return err_ok();
}

/* Whether mail comes in is not told by this. */
struct err store_admit_spare(struct store *store, uint64_t pages)
{
	check(store->batch_open);
	if (failed(store->broken))
		return store->broken;
	const uint64_t batch_bytes = store->batch_bytes + pages * TABLES_PAGE_BYTES;
	const uint64_t added = store->pending_bytes + batch_bytes + BATCH_BYTES_USUAL;
	const bool scattered = store->scattered;
	const uint64_t lacking = store_lack(store, added, false);

	store->scattered = scattered;
	if (lacking > 0)
		return err_make(ERR_NO_SPACE, 0);
	store->batch_bytes = batch_bytes;
	return err_ok();
}

/* A row of many pages may find none that fit and lengthen the file, whatever is free. */
size_t store_row_bytes(const struct store *store)
{
	check(store->batch_open);
	if (store->scattered || !tables_are_open(store->tables) ||
	        tables_listed_pages(store->tables) > store->search_pages)
		return STORE_PAGE_BYTES;
	return STORE_ROW_BYTES_MAX;
}

bool store_has_room(struct store *store, uint64_t bytes)
{
	bool room;

	do {
		if (failed(store_begin(store)))
			return false;
		room = !failed(store_admit(store, bytes / STORE_PAGE_BYTES + 1, false));
		store_abort(store);
	} while (!room && store_would_gain(store));
	return room;
}
