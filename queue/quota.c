#include "queue/quota.h"

#include "queue/base/check.h"

#define QUOTA_RECORD_VERSION 1

/* An allowance is a block: large enough that one record serves many portions, small enough that a
 * crash, after which all of it counts as spent, costs little of the limit. */
#define QUOTA_OF_BLOCK  64
#define QUOTA_BLOCK_MIN 16

static uint64_t quota_room(struct quota *quota, struct mono now, bool urgent);
static uint64_t quota_block(const struct quota *quota);
static void quota_add(struct quota *quota, struct mono now, uint64_t count);

void quota_init(struct quota *quota, const struct quota_settings *settings)
{
	check(settings->count > 0);
	check(settings->count <= QUOTA_COUNT_MAX);
	check(settings->guard >= 0);
	check(settings->stop > 0);
	check(settings->stop <= 1);
	memset(quota, 0, sizeof *quota);
	quota->settings = *settings;
	window_init(&quota->window, settings->count,
	        (int64_t)((double)settings->period_ns * (1 + settings->guard)));
}

uint64_t quota_stop(const struct quota *quota, bool urgent)
{
	if (urgent)
		return quota->settings.count;
	const uint64_t stop = (uint64_t)((double)quota->settings.count * quota->settings.stop);
	return stop > 0 ? stop : 1;
}

uint64_t quota_used(struct quota *quota, struct mono now)
{
	return window_used(&quota->window, now.ns) + quota->lent;
}

static uint64_t quota_room(struct quota *quota, struct mono now, bool urgent)
{
	const uint64_t used = quota_used(quota, now);
	const uint64_t stop = quota_stop(quota, urgent);

	return used < stop ? stop - used : 0;
}

enum quota_answer quota_lend(struct quota *quota, struct mono now, bool urgent, uint64_t needed,
        uint64_t most, uint64_t *lent)
{
	const uint64_t room = quota_room(quota, now, urgent);
	uint64_t left = quota->left;

	check(needed > 0);
	check(needed <= most);
	*lent = 0;
	if (room == 0)
		return QUOTA_SHORT;
	if (needed > room)
		needed = room;
	/* A crash may find the record on disk or the one that is on its way. */
	if (quota->keeping && quota->left_next < left)
		left = quota->left_next;
	if (left < needed) {
		if (quota->wanted < needed)
			quota->wanted = needed;
		return QUOTA_RECORD;
	}
	*lent = most < room ? most : room;
	if (*lent > left)
		*lent = left;
	quota->lent += *lent;
	quota->left -= *lent;
	if (quota->keeping)
		quota->left_next -= *lent;
	return QUOTA_LENT;
}

struct mono quota_when(struct quota *quota, struct mono now, bool urgent, uint64_t count)
{
	const uint64_t stop = quota_stop(quota, urgent);

	if (quota->lent >= stop)
		return MONO_NEVER;
	return (struct mono){ window_when(
		&quota->window, now.ns, stop - quota->lent, (uint32_t)count) };
}

void quota_spend(struct quota *quota, struct mono now, uint64_t count)
{
	check(quota->lent >= count);
	quota->lent -= count;
	quota_add(quota, now, count);
}

void quota_give_back(struct quota *quota, uint64_t count)
{
	check(quota->lent >= count);
	quota->lent -= count;
	quota->left += count;
	if (quota->keeping)
		quota->left_next += count;
}

static void quota_add(struct quota *quota, struct mono now, uint64_t count)
{
	check(count <= UINT32_MAX);
	(void)window_add(&quota->window, now.ns, (uint32_t)count);
}

static uint64_t quota_block(const struct quota *quota)
{
	uint64_t block = quota->settings.count / QUOTA_OF_BLOCK;

	if (block < QUOTA_BLOCK_MIN)
		block = QUOTA_BLOCK_MIN;
	return block < quota->wanted ? quota->wanted : block;
}

bool quota_wants_record(struct quota *quota, struct mono now)
{
	uint64_t need = quota_block(quota) / 2;

	if (quota->keeping)
		return false;
	if (need < quota->wanted)
		need = quota->wanted;
	/* More than the limit has room for is no use. */
	const uint64_t room = quota_room(quota, now, true);
	return quota->left < (need < room ? need : room);
}

size_t quota_encode(
        struct quota *quota, struct mono now, struct wall wall, bool last, struct span into)
{
	struct record_writer writer = record_write(into);
	const uint64_t room = quota_room(quota, now, true);
	const uint64_t block = quota_block(quota);

	check(!quota->keeping);
	check(into.bytes >= QUOTA_RECORD_MAX);
	check(!last || quota->lent == 0);
	quota->keeping = true;
	quota->last = last;
	quota->left_next = last ? 0 : block < room ? block : room;
	quota->wanted = 0;
	record_put_u8(&writer, QUOTA_RECORD_VERSION);
	record_put_u64(&writer, (uint64_t)wall.ms);
	record_put_u64(&writer, quota->lent + quota->left_next);
	window_record_put(&writer, &quota->window, now.ns);
	return writer.bytes;
}

void quota_kept(struct quota *quota, bool failed)
{
	check(quota->keeping);
	quota->keeping = false;
	if (failed)
		return; /* what the record before allowed stands */
	quota->left = quota->left_next;
	quota->open = !quota->last;
}

bool quota_is_closed(const struct quota *quota)
{
	return !quota->open && !quota->keeping;
}

struct err quota_decode(struct quota *quota, struct mono now, struct wall wall, struct view record)
{
	struct record_reader reader = record_read(record);
	const struct quota_settings settings = quota->settings;

	const bool known = record_get_u8(&reader) == QUOTA_RECORD_VERSION;
	const int64_t then_ms = (int64_t)record_get_u64(&reader);
	/* A clock that was set back: as if no time had passed. */
	const int64_t passed_ms = wall.ms > then_ms && then_ms > 0 ? wall.ms - then_ms : 0;
	const int64_t passed_ns =
	        passed_ms < INT64_MAX / NS_PER_MS / 4 ? passed_ms * NS_PER_MS : INT64_MAX / 4;
	const uint64_t allowed = record_get_u64(&reader);
	(void)window_used(&quota->window, now.ns);
	window_record_get(&reader, &quota->window, now.ns - passed_ns);
	if (!known || !record_is_read(&reader) || allowed > QUOTA_COUNT_MAX) {
		quota_init(quota, &settings);
		quota_add(quota, now, settings.count);
		return err_make(ERR_FORMAT, 0);
	}
	quota_add(quota, now, allowed);
	quota->open = allowed > 0;
	return err_ok();
}
