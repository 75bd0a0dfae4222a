#include "bench/mock_sources.h"

static struct mock_source *sources_find(
        struct mock_sources *sources, const struct endpoint *address, struct mono now);
static bool sources_same(const struct endpoint *a, const struct endpoint *b);

void mock_sources_init(struct mock_sources *sources, double per_ns, double burst)
{
	*sources = (struct mock_sources){ .per_ns = per_ns, .burst = burst };
}

bool mock_sources_admit(
        struct mock_sources *sources, const struct endpoint *address, struct mono now)
{
	if (sources->per_ns <= 0)
		return true;
	struct mock_source *source = sources_find(sources, address, now);
	source->messages += (double)(now.ns - source->seen.ns) * sources->per_ns;
	if (source->messages > sources->burst)
		source->messages = sources->burst;
	source->seen = now;
	if (source->messages < 1)
		return false;
	source->messages -= 1;
	return true;
}

static struct mock_source *sources_find(
        struct mock_sources *sources, const struct endpoint *address, struct mono now)
{
	struct mock_source *place = &sources->at[0];

	for (size_t i = 0; i < MOCK_SOURCES_MAX; i++) {
		struct mock_source *source = &sources->at[i];
		if (source->used && sources_same(&source->address, address))
			return source;
		if (place->used && (!source->used || source->seen.ns < place->seen.ns))
			place = source;
	}
	*place = (struct mock_source){
		.address = *address, .seen = now, .messages = sources->burst, .used = true
	};
	return place;
}

/* Every connection has another port. */
static bool sources_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->local == b->local && memcmp(a->address, b->address, sizeof a->address) == 0;
}
