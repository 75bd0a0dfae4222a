#include "engine/guesses.h"

#include "engine/io/crypto.h"
#include "queue/base/check.h"
#include "queue/base/siphash.h"

#include <assert.h>
#include <stdlib.h>

#define GUESSES_WAYS     8 /* places that a key may have */
#define GUESSES_NAME_MAX 255

static_assert((GUESSES_COUNTS & (GUESSES_COUNTS - 1)) == 0, "a power of two");
static_assert((GUESSES_KNOWN & (GUESSES_KNOWN - 1)) == 0, "a power of two");

static struct guesses_rate guesses_rate_of(const struct config_limit *limit)
{
	struct guesses_rate rate = { .most = LIMIT_NONE };

	if (!limit->set || limit->count == LIMIT_NONE)
		return rate;
	check(limit->count > 0);
	rate.most = limit->count;
	rate.each_ns = limit->period_ns / (int64_t)limit->count;
	if (rate.each_ns == 0)
		rate.each_ns = 1;
	return rate;
}

struct err guesses_init(struct guesses *guesses, const struct config_limits *limits)
{
	*guesses = (struct guesses){
		.per_client = guesses_rate_of(&limits->auth_failures_per_client),
		.per_user = guesses_rate_of(&limits->auth_failures_per_user),
		.counts = calloc(GUESSES_COUNTS, sizeof *guesses->counts),
		.known = calloc(GUESSES_KNOWN, sizeof *guesses->known),
		/* Strangers choose names and addresses: not their places. */
		.seeds = { crypto_random_u64(), crypto_random_u64() },
	};
	if (guesses->counts != NULL && guesses->known != NULL)
		return err_ok();
	guesses_finish(guesses);
	return err_make(ERR_NO_MEMORY, 0);
}

void guesses_finish(struct guesses *guesses)
{
	free(MOVE(guesses->counts));
	free(MOVE(guesses->known));
	crypto_wipe(guesses->seeds, sizeof guesses->seeds);
}

/* Keys */

static void guesses_feed_client(struct siphash *hash, const struct endpoint *client)
{
	/* An IPv6 client has 2^64 addresses of its own to come from: its network counts as one. */
	const size_t bytes =
	        endpoint_is_ipv4(client) ? sizeof client->address : sizeof client->address / 2;

	siphash_feed(hash, view_from(client->address, bytes));
}

static void guesses_feed_user(struct siphash *hash, const struct guesses_who *who)
{
	char folded[GUESSES_NAME_MAX];
	const struct view name = view_first(who->user, sizeof folded);

	for (size_t i = 0; i < name.bytes; i++)
		folded[i] = byte_lower(name.data[i]);
	siphash_feed(hash, view_from(&who->users, sizeof who->users));
	siphash_feed(hash, view_from(folded, name.bytes));
}

static uint64_t guesses_key(
        const struct guesses *guesses, const struct guesses_who *who, enum guesses_bar bar)
{
	const uint8_t kind = (uint8_t)bar;
	struct siphash hash;

	siphash_init(&hash, guesses->seeds[0], guesses->seeds[1]);
	siphash_feed(&hash, view_from(&kind, sizeof kind));
	if (bar != GUESSES_BAR_USER)
		guesses_feed_client(&hash, who->client);
	if (bar != GUESSES_BAR_CLIENT)
		guesses_feed_user(&hash, who);
	return siphash_end(&hash);
}

static size_t guesses_set(uint64_t key, size_t places)
{
	return key & (places - GUESSES_WAYS);
}

/* Those who are known */

static bool guesses_knows(const struct guesses *guesses, uint64_t key, struct mono now)
{
	const struct guesses_known *set = &guesses->known[guesses_set(key, GUESSES_KNOWN)];

	for (size_t i = 0; i < GUESSES_WAYS; i++)
		if (set[i].key == key && !mono_reached(now, set[i].until))
			return true;
	return false;
}

static void guesses_meet(struct guesses *guesses, uint64_t key, struct mono now)
{
	struct guesses_known *set = &guesses->known[guesses_set(key, GUESSES_KNOWN)];
	struct guesses_known *place = set;

	for (size_t i = 0; i < GUESSES_WAYS && place->key != key; i++)
		if (set[i].key == key || set[i].until.ns < place->until.ns)
			place = &set[i];
	*place = (struct guesses_known){ key, mono_after(now, GUESSES_KNOWN_NS) };
}

/* Counts */

static struct guesses_count *guesses_find(const struct guesses *guesses, uint64_t key)
{
	struct guesses_count *set = &guesses->counts[guesses_set(key, GUESSES_COUNTS)];

	for (size_t i = 0; i < GUESSES_WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	return NULL;
}

/* How long until it has drained. */
static int64_t guesses_left(const struct guesses_count *count, struct mono now)
{
	return count == NULL || mono_reached(now, count->empty) ? 0 : count->empty.ns - now.ns;
}

/* How long until there is room for one more; 0: there is. */
static int64_t guesses_full_ns(const struct guesses_rate *rate, int64_t left_ns)
{
	if (rate->most == LIMIT_NONE)
		return 0;
	const int64_t room_ns = rate->each_ns * (int64_t)(rate->most - 1);

	return left_ns > room_ns ? left_ns - room_ns : 0;
}

static void guesses_count_one(struct guesses *guesses, uint64_t key,
        const struct guesses_rate *rate, struct mono now, struct guesses_ruling *ruling,
        enum guesses_bar bar)
{
	struct guesses_count *set = &guesses->counts[guesses_set(key, GUESSES_COUNTS)];
	struct guesses_count *place = set;

	if (rate->most == LIMIT_NONE)
		return;
	for (size_t i = 0; i < GUESSES_WAYS && place->key != key; i++)
		if (set[i].key == key || set[i].empty.ns < place->empty.ns)
			place = &set[i];
	if (place->key != key)
		*place = (struct guesses_count){ .key = key };
	const int64_t left_ns = guesses_left(place, now) + rate->each_ns;
	place->empty = mono_after(now, left_ns);
	const int64_t failures = (left_ns + rate->each_ns - 1) / rate->each_ns;
	int64_t wait_ns = GUESSES_WAIT_NS;
	for (int64_t i = 1; i < failures && wait_ns < GUESSES_WAIT_NS_MAX; i++)
		wait_ns *= 2;
	if (wait_ns > ruling->wait_ns)
		ruling->wait_ns = wait_ns;
	const int64_t full_ns = guesses_full_ns(rate, left_ns);
	if (full_ns > ruling->barred_ns) {
		ruling->barred_ns = full_ns;
		ruling->bar = bar;
	}
}

/* Rulings */

static bool guesses_counts_alone(const struct guesses *guesses, const struct guesses_who *who,
        uint64_t pair, struct mono now)
{
	return who->may_relay || guesses_knows(guesses, pair, now);
}

static void guesses_bar_by(const struct guesses *guesses, uint64_t key,
        const struct guesses_rate *rate, struct mono now, struct guesses_ruling *ruling,
        enum guesses_bar bar)
{
	const int64_t full_ns =
	        guesses_full_ns(rate, guesses_left(guesses_find(guesses, key), now));

	if (full_ns <= ruling->barred_ns)
		return;
	*ruling = (struct guesses_ruling){ bar, full_ns, GUESSES_WAIT_NS_MAX };
}

struct guesses_ruling guesses_ask(
        const struct guesses *guesses, const struct guesses_who *who, struct mono now)
{
	const uint64_t pair = guesses_key(guesses, who, GUESSES_BAR_PAIR);
	struct guesses_ruling ruling = { .bar = GUESSES_BAR_NONE };

	if (guesses_counts_alone(guesses, who, pair, now)) {
		guesses_bar_by(guesses, pair, &guesses->per_client, now, &ruling, GUESSES_BAR_PAIR);
		return ruling;
	}
	guesses_bar_by(guesses, guesses_key(guesses, who, GUESSES_BAR_CLIENT), &guesses->per_client,
	        now, &ruling, GUESSES_BAR_CLIENT);
	guesses_bar_by(guesses, guesses_key(guesses, who, GUESSES_BAR_USER), &guesses->per_user,
	        now, &ruling, GUESSES_BAR_USER);
	return ruling;
}

struct guesses_ruling guesses_wrong(
        struct guesses *guesses, const struct guesses_who *who, struct mono now)
{
	const uint64_t pair = guesses_key(guesses, who, GUESSES_BAR_PAIR);
	struct guesses_ruling ruling = { .bar = GUESSES_BAR_NONE, .wait_ns = GUESSES_WAIT_NS };

	if (guesses_counts_alone(guesses, who, pair, now)) {
		guesses_count_one(
		        guesses, pair, &guesses->per_client, now, &ruling, GUESSES_BAR_PAIR);
		return ruling;
	}
	guesses_count_one(guesses, guesses_key(guesses, who, GUESSES_BAR_CLIENT),
	        &guesses->per_client, now, &ruling, GUESSES_BAR_CLIENT);
	guesses_count_one(guesses, guesses_key(guesses, who, GUESSES_BAR_USER), &guesses->per_user,
	        now, &ruling, GUESSES_BAR_USER);
	return ruling;
}

void guesses_right(struct guesses *guesses, const struct guesses_who *who, struct mono now)
{
	const uint64_t pair = guesses_key(guesses, who, GUESSES_BAR_PAIR);
	struct guesses_count *count = guesses_find(guesses, pair);

	guesses_meet(guesses, pair, now);
	if (count != NULL)
		*count = (struct guesses_count){ 0 };
}

const char *guesses_bar_word(enum guesses_bar bar)
{
	static const char *const words[] = {
#define X(name, word) [GUESSES_BAR_##name] = word,
		GUESSES_BARS(X)
#undef X
	};

	check(bar < GUESSES_BAR_COUNT);
	return words[bar];
}
