#include "queue/strikes.h"

#include "queue/base/check.h"

static const uint32_t budgets[] = {
#define X(name, budget) [STRIKE_##name] = (budget),
	STRIKES(X)
#undef X
};

static uint32_t strikes_age_ms(struct mono at, struct mono now);

uint32_t strikes_budget(enum strike kind)
{
	check(kind < STRIKE_KINDS);
	check(budgets[kind] <= STRIKES_MAX);
	return budgets[kind];
}

int64_t strikes_add(struct strikes *strikes, struct mono now, enum strike kind)
{
	strikes->at[kind][strikes->count[kind]++ % strikes_budget(kind)] = now;
	strikes->changed = true;
	return strikes_wait_ns(strikes, now, kind);
}

/* Until the first of the last ones is old. */
int64_t strikes_wait_ns(const struct strikes *strikes, struct mono now, enum strike kind)
{
	const uint32_t budget = strikes_budget(kind);

	if (strikes->count[kind] < budget)
		return 0;
	const struct mono again =
	        mono_after(strikes->at[kind][strikes->count[kind] % budget], STRIKES_NS);
	return mono_reached(now, again) ? 0 : again.ns - now.ns;
}

bool strikes_crowd(struct strikes *strikes, struct mono now, uint16_t most)
{
	check(most > 0);
	if (most >= strikes_crowd_most(strikes, now))
		return false;
	strikes->crowd = most;
	strikes->crowd_until = mono_after(now, STRIKES_CROWD_NS);
	strikes->changed = true;
	return true;
}

uint16_t strikes_crowd_most(const struct strikes *strikes, struct mono now)
{
	return strikes->crowd == 0 || mono_reached(now, strikes->crowd_until) ? UINT16_MAX
	                                                                      : strikes->crowd;
}

void strikes_forget(struct strikes *strikes)
{
	bool known = strikes->crowd > 0 || strikes->changed;

	for (enum strike kind = 0; kind < STRIKE_KINDS; kind++)
		known |= strikes->count[kind] > 0;
	*strikes = (struct strikes){ .changed = known };
}

/* The record: of each kind the last ones with their age, the oldest first. */

static uint32_t strikes_age_ms(struct mono at, struct mono now)
{
	const int64_t age_ms = (now.ns - at.ns) / NS_PER_MS;

	return age_ms < 0 ? 0 : age_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)age_ms;
}

void strikes_put(struct record_writer *writer, struct strikes *strikes, struct mono now)
{
	const uint16_t crowd = strikes_crowd_most(strikes, now);

	for (enum strike kind = 0; kind < STRIKE_KINDS; kind++) {
		const uint32_t budget = strikes_budget(kind);
		const uint32_t count =
		        strikes->count[kind] < budget ? strikes->count[kind] : budget;

		record_put_u8(writer, (uint8_t)count);
		for (uint32_t i = strikes->count[kind] - count; i < strikes->count[kind]; i++)
			record_put_u32(writer, strikes_age_ms(strikes->at[kind][i % budget], now));
	}
	record_put_u16(writer, crowd == UINT16_MAX ? 0 : crowd);
	record_put_u32(writer, crowd == UINT16_MAX ? 0 : strikes_age_ms(now, strikes->crowd_until));
	strikes->changed = false;
}

void strikes_get(struct record_reader *reader, struct strikes *strikes, struct mono then)
{
	*strikes = (struct strikes){ 0 };
	for (enum strike kind = 0; kind < STRIKE_KINDS; kind++) {
		const uint8_t count = record_get_u8(reader);

		reader->bad |= count > strikes_budget(kind);
		for (uint8_t i = 0; i < count && !reader->bad; i++) {
			const int64_t age_ms = record_get_u32(reader);
			strikes->at[kind][i] = (struct mono){ then.ns - age_ms * NS_PER_MS };
		}
		strikes->count[kind] = reader->bad ? 0 : count;
	}
	strikes->crowd = record_get_u16(reader);
	const int64_t left_ms = record_get_u32(reader);
	reader->bad |= left_ms * NS_PER_MS > STRIKES_CROWD_NS;
	strikes->crowd_until = mono_after(then, left_ms * NS_PER_MS);
}
