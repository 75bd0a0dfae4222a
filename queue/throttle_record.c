#include "queue/throttle.h"

#include "queue/base/check.h"
#include "queue/window_record.h"

#define THROTTLE_RECORD_VERSION 2
#define THROTTLE_RECORD_BARE    1 /* without strikes, as older ones are */

/* An allowance is a block: large enough that one record serves several messages, small enough that
 * a crash, after which all of it counts as sent, costs little of the limit. */
#define MESSAGES_OF_BLOCK    4 /* a quarter of the limit */
#define MESSAGES_BLOCK_MIN   1
#define MESSAGES_BLOCK_MAX   64
#define RECIPIENTS_OF_BLOCK  64
#define RECIPIENTS_BLOCK_MIN 16

static uint64_t throttle_messages_block(const struct throttle *throttle);
static uint64_t throttle_recipients_block(const struct throttle *throttle);
static void put_learned(struct record_writer *writer, const struct learned *learned);
static void get_learned(struct record_reader *reader, struct learned *learned, struct mono now);

void throttle_keep(struct throttle *throttle)
{
	if (!throttle_is_limited(throttle))
		return;
	throttle->kept = true;
	throttle->messages_allowed = window_is_limited(&throttle->messages) ? 0 : THROTTLE_NONE;
	throttle->recipients_allowed = window_is_limited(&throttle->recipients) ? 0 : THROTTLE_NONE;
}

bool throttle_wants_record(const struct throttle *throttle)
{
	if (!throttle->kept || throttle->keeping)
		return false;
	return throttle->strikes.changed ||
	       throttle->messages_allowed <= throttle_messages_block(throttle) / 2 ||
	       throttle->recipients_allowed <= throttle_recipients_block(throttle) / 2 ||
	       throttle->recipients_allowed < throttle->recipients_wanted;
}

static uint64_t throttle_messages_block(const struct throttle *throttle)
{
	if (!window_is_limited(&throttle->messages))
		return 0;
	const uint64_t block = throttle->settings.messages.count / MESSAGES_OF_BLOCK;
	return block < MESSAGES_BLOCK_MIN   ? MESSAGES_BLOCK_MIN
	       : block > MESSAGES_BLOCK_MAX ? MESSAGES_BLOCK_MAX
	                                    : block;
}

static uint64_t throttle_recipients_block(const struct throttle *throttle)
{
	if (!window_is_limited(&throttle->recipients))
		return 0;
	uint64_t block = throttle->settings.recipients.count / RECIPIENTS_OF_BLOCK;
	if (block < RECIPIENTS_BLOCK_MIN)
		block = RECIPIENTS_BLOCK_MIN;
	if (block < throttle->recipients_wanted)
		block = throttle->recipients_wanted;
	return block;
}

size_t throttle_encode(
        struct throttle *throttle, struct mono now, struct wall wall, bool last, struct span into)
{
	struct record_writer writer = record_write(into);

	check(throttle->kept);
	check(!throttle->keeping);
	check(into.bytes >= THROTTLE_RECORD_MAX);
	(void)window_used(&throttle->messages, now.ns);
	(void)window_used(&throttle->taken, now.ns);
	(void)window_used(&throttle->recipients, now.ns);
	throttle->keeping = true;
	throttle->messages_asked = last ? 0 : throttle_messages_block(throttle);
	throttle->recipients_asked = last ? 0 : throttle_recipients_block(throttle);
	throttle->messages_since = 0;
	throttle->recipients_since = 0;
	record_put_u8(&writer, THROTTLE_RECORD_VERSION);
	record_put_u64(&writer, (uint64_t)wall.ms);
	record_put_u32(&writer, (uint32_t)throttle->messages_asked);
	record_put_u32(&writer, (uint32_t)throttle->recipients_asked);
	put_learned(&writer, &throttle->cap);
	put_learned(&writer, &throttle->rate);
	put_learned(&writer, &throttle->daily);
	window_record_put(&writer, &throttle->messages, now.ns);
	window_record_put(&writer, &throttle->taken, now.ns);
	window_record_put(&writer, &throttle->recipients, now.ns);
	strikes_put(&writer, &throttle->strikes, now);
	return writer.bytes;
}

void throttle_kept(struct throttle *throttle, bool failed)
{
	check(throttle->keeping);
	throttle->keeping = false;
	throttle->strikes.changed |= failed;
	if (failed)
		return; /* what the record before allowed stands */
	if (window_is_limited(&throttle->messages))
		throttle->messages_allowed =
		        throttle->messages_asked > throttle->messages_since
		                ? throttle->messages_asked - throttle->messages_since
		                : 0;
	if (window_is_limited(&throttle->recipients))
		throttle->recipients_allowed =
		        throttle->recipients_asked > throttle->recipients_since
		                ? throttle->recipients_asked - throttle->recipients_since
		                : 0;
}

struct err throttle_decode(
        struct throttle *throttle, struct mono now, struct wall wall, struct view record)
{
	struct record_reader reader = record_read(record);
	const struct throttle fresh = *throttle;

	const uint8_t version = record_get_u8(&reader);
	const bool known = version == THROTTLE_RECORD_VERSION || version == THROTTLE_RECORD_BARE;
	const int64_t then_ms = (int64_t)record_get_u64(&reader);
	/* A clock that was set back: as if no time had passed. */
	const int64_t passed_ms = wall.ms > then_ms && then_ms > 0 ? wall.ms - then_ms : 0;
	const int64_t passed_ns =
	        passed_ms < INT64_MAX / NS_PER_MS / 4 ? passed_ms * NS_PER_MS : INT64_MAX / 4;
	const uint32_t messages = record_get_u32(&reader);
	const uint32_t recipients = record_get_u32(&reader);
	get_learned(&reader, &throttle->cap, now);
	get_learned(&reader, &throttle->rate, now);
	get_learned(&reader, &throttle->daily, now);
	(void)window_used(&throttle->messages, now.ns);
	(void)window_used(&throttle->taken, now.ns);
	(void)window_used(&throttle->recipients, now.ns);
	window_record_get(&reader, &throttle->messages, now.ns - passed_ns);
	window_record_get(&reader, &throttle->taken, now.ns - passed_ns);
	window_record_get(&reader, &throttle->recipients, now.ns - passed_ns);
	if (version == THROTTLE_RECORD_VERSION)
		strikes_get(&reader, &throttle->strikes, (struct mono){ now.ns - passed_ns });
	if (!known || !record_is_read(&reader)) {
		const struct throttle_settings *settings = &throttle->settings;
		*throttle = fresh;
		if (window_is_limited(&throttle->messages))
			(void)window_add(
			        &throttle->messages, now.ns, (uint32_t)settings->messages.count);
		if (window_is_limited(&throttle->recipients))
			(void)window_add(&throttle->recipients, now.ns,
			        (uint32_t)settings->recipients.count);
		return err_make(ERR_FORMAT, 0);
	}
	(void)window_add(&throttle->messages, now.ns, messages);
	(void)window_add(&throttle->taken, now.ns, messages);
	(void)window_add(&throttle->recipients, now.ns, recipients);
	return err_ok();
}

/* Learned limits: what is in force and how it got there; times begin anew. */

static void put_learned(struct record_writer *writer, const struct learned *learned)
{
	const bool cut = learned->limit != learned->settings.known;

	record_put_u64(writer, cut ? learned->limit : 0);
	record_put_u64(writer, cut ? learned->refused : 0);
	record_put_u64(writer, cut ? (uint64_t)learned->wait_ns : 0);
}

static void get_learned(struct record_reader *reader, struct learned *learned, struct mono now)
{
	const uint64_t limit = record_get_u64(reader);
	const uint64_t refused = record_get_u64(reader);
	const int64_t wait_ns = (int64_t)record_get_u64(reader);

	if (reader->bad || limit == 0 || limit > learned->settings.most)
		return;
	learned->limit = limit;
	learned->proven = limit;
	learned->refused = refused;
	learned->changed = now;
	if (wait_ns >= learned->settings.wait_ns && wait_ns <= learned->settings.wait_most_ns)
		learned->wait_ns = wait_ns;
}
