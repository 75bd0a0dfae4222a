#include "queue/quota.h"

#include "queue/base/check.h"

#define QUOTA_RECORD_VERSION   2
#define QUOTA_RECORD_UNLEARNED 1 /* without what the server said */

/* An allowance is a block: large enough that one record serves many portions, small enough that a
 * crash, after which all of it counts as spent, costs little of the limit. */
#define QUOTA_OF_BLOCK  64
#define QUOTA_BLOCK_MIN 16

static uint64_t quota_room(struct quota *quota, struct mono now, bool urgent);
static void quota_look(struct quota *quota, struct mono now);
static uint64_t quota_block(const struct quota *quota);
static void quota_add(struct quota *quota, struct mono now, uint64_t count);
static void quota_decode_learned(
        struct quota *quota, struct record_reader *reader, struct mono now, int64_t then_ns);
static void quota_decode_rate(struct quota *quota, struct record_reader *reader, struct mono now);
static int64_t quota_decode_time(struct record_reader *reader);

void quota_init(struct quota *quota, const struct quota_settings *settings)
{
	check(settings->count > 0);
	check(settings->count <= QUOTA_COUNT_MAX || settings->count == QUOTA_NONE);
	check(settings->guard >= 0);
	check(settings->stop > 0);
	check(settings->stop <= 1);
	memset(quota, 0, sizeof *quota);
	quota->settings = *settings;
	quota->learned = QUOTA_NONE;
	if (quota_is_cap(quota))
		quota->left = QUOTA_NONE; /* it needs no record: nothing outlives a crash */
	const uint64_t most = settings->count == QUOTA_NONE ? QUOTA_COUNT_MAX : settings->count;
	window_init(&quota->window, quota_is_cap(quota) ? WINDOW_NONE : most,
	        (int64_t)((double)settings->period_ns * (1 + settings->guard)));
	rate_init(&quota->rate);
}

uint64_t quota_stop(const struct quota *quota, bool urgent)
{
	uint64_t stop = quota->settings.count;

	if (!urgent && stop != QUOTA_NONE)
		stop = (uint64_t)((double)stop * quota->settings.stop);
	if (stop > quota->learned)
		stop = quota->learned;
	if (stop > quota->rate.limit)
		stop = quota->rate.limit;
	return stop > 0 ? stop : 1;
}

/* What was learned wears off. */
static void quota_look(struct quota *quota, struct mono now)
{
	if (quota->doubted && mono_reached(now, quota->shut_until)) {
		quota->doubted = false; /* no report has come */
		quota->setbacks = 0;
		quota->changed = true;
	}
	quota->changed |= rate_look(&quota->rate, now);
	if (quota->learned == QUOTA_NONE)
		return;
	if (quota->setbacks == 0 && mono_reached(now, quota->grow_at) &&
	        quota_used(quota, now) >= quota->learned) {
		quota->learned += quota->learned / QUOTA_GROW_OF + 1;
		quota->grow_at = mono_after(now, QUOTA_GROW_NS);
		quota->changed = true;
	}
	if (mono_reached(now, quota->learned_until) || quota->learned >= quota->settings.count) {
		quota->learned = QUOTA_NONE;
		quota->changed = true;
	}
}

uint64_t quota_used(struct quota *quota, struct mono now)
{
	return (quota_is_cap(quota) ? 0 : window_used(&quota->window, now.ns)) + quota->lent;
}

static uint64_t quota_room(struct quota *quota, struct mono now, bool urgent)
{
	quota_look(quota, now);
	const uint64_t used = quota_used(quota, now);
	const uint64_t stop = quota_stop(quota, urgent);
	const uint64_t room = used < stop ? stop - used : 0;

	if (quota->setbacks == 0)
		return room;
	/* What was learned is to be found out anew, so it is no bound here. */
	const bool probe = mono_reached(now, quota->shut_until) && quota->lent == 0;
	return probe && used < quota->settings.count ? 1 : 0;
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
	if (quota_is_cap(quota))
		return QUOTA_LENT;
	quota->left -= *lent;
	if (quota->keeping)
		quota->left_next -= *lent;
	return QUOTA_LENT;
}

struct mono quota_when(struct quota *quota, struct mono now, bool urgent, uint64_t count)
{
	const uint64_t stop = quota_stop(quota, urgent);

	if (quota->setbacks > 0 && !mono_reached(now, quota->shut_until))
		return quota->shut_until;
	const bool probing = quota->setbacks > 0 && quota->lent > 0;
	if (quota_is_cap(quota) || quota->lent >= stop || probing)
		return MONO_NEVER;
	const struct mono when = { window_when(
		&quota->window, now.ns, stop - quota->lent, (uint32_t)count) };
	/* It grows only where it is what stops the mail, and nothing is to be found out. */
	const bool grows = quota->setbacks == 0 && quota->learned == stop;
	return grows ? mono_earlier(when, quota->grow_at) : when;
}

void quota_spend(struct quota *quota, struct mono now, uint64_t count)
{
	check(quota->lent >= count);
	quota->lent -= count;
	if (!quota_is_cap(quota))
		quota_add(quota, now, count);
	if (count > 0)
		quota->changed |= rate_take(&quota->rate, now, quota_used(quota, now));
	if (count == 0 || quota->setbacks == 0 || !mono_reached(now, quota->shut_until))
		return; /* it was spent before that was said */
	quota->doubted = quota->late;
	if (quota->doubted)
		quota->shut_until = mono_after(now, QUOTA_REPORT_NS);
	else
		quota->setbacks = 0;
	quota->changed = true;
}

void quota_count(struct quota *quota, struct mono now, uint64_t count)
{
	check(quota_is_free(quota));
	quota_add(quota, now, count);
}

bool quota_cut(struct quota *quota, struct mono now)
{
	check(quota->settings.count == QUOTA_NONE);
	check(!quota_is_cap(quota));
	if (!rate_cut(&quota->rate, now, window_used(&quota->window, now.ns)))
		return false;
	quota->changed = true;
	return true;
}

bool quota_exhaust(
        struct quota *quota, struct mono now, struct mono began, int64_t wait_ns, bool late)
{
	const bool shut = quota->setbacks > 0 && !mono_reached(now, quota->shut_until);

	/* What was under way when it was shut says the same again. */
	if (quota->setbacks > 0 && began.ns <= quota->shut_at.ns)
		return false;
	if (shut && !quota->doubted)
		return false;
	for (uint32_t i = 0; i < quota->setbacks && wait_ns < QUOTA_SHUT_MOST_NS; i++)
		wait_ns = wait_ns * 2 < QUOTA_SHUT_MOST_NS ? wait_ns * 2 : QUOTA_SHUT_MOST_NS;
	quota->setbacks++;
	quota->late = late;
	quota->doubted = false;
	quota->shut_at = now;
	quota->shut_until = mono_after(now, wait_ns);
	quota->changed = true;
	if (quota_is_cap(quota))
		return true;
	quota->learned = quota_used(quota, now);
	quota->learned_until = mono_after(now, quota->window.slot_ns * WINDOW_SLOTS);
	quota->grow_at = mono_after(quota->shut_until, QUOTA_GROW_NS);
	return true;
}

bool quota_is_free(const struct quota *quota)
{
	return quota->settings.count == QUOTA_NONE && quota->setbacks == 0 &&
	       !rate_is_known(&quota->rate);
}

bool quota_resume(struct quota *quota)
{
	const bool any =
	        quota->setbacks > 0 || quota->learned != QUOTA_NONE || rate_is_known(&quota->rate);

	rate_init(&quota->rate);
	quota->setbacks = 0;
	quota->learned = QUOTA_NONE;
	quota->changed |= any;
	return any;
}

void quota_give_back(struct quota *quota, uint64_t count)
{
	check(quota->lent >= count);
	quota->lent -= count;
	if (quota_is_cap(quota))
		return;
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
	const uint64_t limit =
	        quota->settings.count == QUOTA_NONE ? quota->rate.limit : quota->settings.count;
	uint64_t block = limit / QUOTA_OF_BLOCK;

	/* Of what is free next to nothing is lent. */
	if (block < QUOTA_BLOCK_MIN || limit == QUOTA_NONE)
		block = QUOTA_BLOCK_MIN;
	return block < quota->wanted ? quota->wanted : block;
}

bool quota_wants_record(struct quota *quota, struct mono now)
{
	uint64_t need = quota_block(quota) / 2;

	if (quota->keeping || quota_is_cap(quota))
		return false;
	quota_look(quota, now);
	if (quota->changed)
		return true;
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
	check(!quota_is_cap(quota));
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
	record_put_u32(&writer, quota->setbacks);
	record_put_u8(&writer, quota->late);
	record_put_u8(&writer, quota->doubted);
	record_put_u64(&writer, (uint64_t)(now.ns - quota->shut_at.ns));
	record_put_u64(&writer, (uint64_t)(quota->shut_until.ns - now.ns));
	record_put_u64(&writer, quota->learned);
	record_put_u64(&writer, (uint64_t)(quota->learned_until.ns - now.ns));
	record_put_u64(&writer, (uint64_t)(quota->grow_at.ns - now.ns));
	record_put_u64(&writer, quota->rate.limit);
	record_put_u64(&writer, quota->rate.refused);
	record_put_u64(&writer, (uint64_t)quota->rate.stay_ns);
	quota->changed = false;
	return writer.bytes;
}

void quota_kept(struct quota *quota, bool failed)
{
	check(quota->keeping);
	quota->keeping = false;
	if (failed) {
		quota->changed = true;
		return; /* what the record before allowed stands */
	}
	quota->left = quota->left_next;
	quota->open = !quota->last;
}

bool quota_is_closed(const struct quota *quota)
{
	return !quota->open && !quota->keeping;
}

/* Times are told from that of the record. */
static void quota_decode_learned(
        struct quota *quota, struct record_reader *reader, struct mono now, int64_t then_ns)
{
	quota->setbacks = record_get_u32(reader);
	quota->late = record_get_u8(reader) != 0;
	quota->doubted = record_get_u8(reader) != 0;
	quota->shut_at.ns = then_ns - quota_decode_time(reader);
	quota->shut_until.ns = then_ns + quota_decode_time(reader);
	quota->learned = record_get_u64(reader);
	quota->learned_until.ns = then_ns + quota_decode_time(reader);
	quota->grow_at.ns = then_ns + quota_decode_time(reader);
	quota_decode_rate(quota, reader, now);
}

/* How long it has not been used up begins anew. */
static void quota_decode_rate(struct quota *quota, struct record_reader *reader, struct mono now)
{
	const uint64_t limit = record_get_u64(reader);
	const uint64_t refused = record_get_u64(reader);
	const int64_t stay_ns = (int64_t)record_get_u64(reader);

	if (limit <= QUOTA_COUNT_MAX && quota->settings.count == QUOTA_NONE)
		rate_restore(&quota->rate, now, limit, refused, stay_ns);
}

/* What is beyond belief is damaged, and bounded. */
static int64_t quota_decode_time(struct record_reader *reader)
{
	const int64_t ns = (int64_t)record_get_u64(reader);
	const int64_t most_ns = INT64_MAX / 8;

	return ns > most_ns ? most_ns : ns < -most_ns ? -most_ns : ns;
}

struct err quota_decode(struct quota *quota, struct mono now, struct wall wall, struct view record)
{
	struct record_reader reader = record_read(record);
	const struct quota_settings settings = quota->settings;

	const uint8_t version = record_get_u8(&reader);
	const bool known = version == QUOTA_RECORD_VERSION || version == QUOTA_RECORD_UNLEARNED;
	const int64_t then_ms = (int64_t)record_get_u64(&reader);
	/* A clock that was set back: as if no time had passed. */
	const int64_t passed_ms = wall.ms > then_ms && then_ms > 0 ? wall.ms - then_ms : 0;
	const int64_t passed_ns =
	        passed_ms < INT64_MAX / NS_PER_MS / 4 ? passed_ms * NS_PER_MS : INT64_MAX / 4;
	const uint64_t allowed = record_get_u64(&reader);
	(void)window_used(&quota->window, now.ns);
	window_record_get(&reader, &quota->window, now.ns - passed_ns);
	if (version == QUOTA_RECORD_VERSION)
		quota_decode_learned(quota, &reader, now, now.ns - passed_ns);
	if (!known || !record_is_read(&reader) || allowed > QUOTA_COUNT_MAX) {
		quota_init(quota, &settings);
		if (settings.count != QUOTA_NONE)
			quota_add(quota, now, settings.count);
		return err_make(ERR_FORMAT, 0);
	}
	quota_add(quota, now, allowed);
	quota->open = allowed > 0;
	return err_ok();
}
