#include "engine/ops/trace_tally.h"

#include <stdlib.h>

#define ROOM_FIRST 256

static size_t tally_place(const struct trace_tallies *tallies, uint64_t id)
{
	size_t at = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (tallies->room - 1);

	while (tallies->at[at].used && tallies->at[at].id != id)
		at = (at + 1) & (tallies->room - 1);
	return at;
}

struct trace_tally *trace_tally_find(const struct trace_tallies *tallies, uint64_t id)
{
	if (tallies->room == 0)
		return NULL;
	struct trace_tally *tally = &tallies->at[tally_place(tallies, id)];
	return tally->used ? tally : NULL;
}

static bool tallies_grow(struct trace_tallies *tallies)
{
	struct trace_tallies grown = {
		.room = tallies->room == 0 ? ROOM_FIRST : tallies->room * 2,
		.count = tallies->count,
	};

	grown.at = calloc(grown.room, sizeof *grown.at);
	if (grown.at == NULL)
		return false;
	for (size_t i = 0; i < tallies->room; i++)
		if (tallies->at[i].used)
			grown.at[tally_place(&grown, tallies->at[i].id)] = tallies->at[i];
	free(tallies->at);
	*tallies = grown;
	return true;
}

struct trace_tally *trace_tally_of(struct trace_tallies *tallies, uint64_t id)
{
	if (tallies->count * 2 >= tallies->room && !tallies_grow(tallies))
		return NULL;
	struct trace_tally *tally = &tallies->at[tally_place(tallies, id)];
	if (!tally->used) {
		*tally = (struct trace_tally){ .id = id, .used = true };
		tallies->count++;
	}
	return tally;
}

/* What was displaced by it moves up. */
bool trace_tally_take(struct trace_tallies *tallies, uint64_t id, struct trace_tally *tally)
{
	struct trace_tally *found = trace_tally_find(tallies, id);

	if (found == NULL)
		return false;
	*tally = *found;
	found->used = false;
	tallies->count--;
	for (size_t at = (size_t)(found - tallies->at + 1) & (tallies->room - 1);
	        tallies->at[at].used; at = (at + 1) & (tallies->room - 1)) {
		const struct trace_tally moved = tallies->at[at];
		tallies->at[at].used = false;
		tallies->at[tally_place(tallies, moved.id)] = moved;
	}
	return true;
}

void trace_tallies_free(struct trace_tallies *tallies)
{
	free(tallies->at);
	*tallies = (struct trace_tallies){ 0 };
}

void trace_tally_add(struct trace_tally *tally, const struct trace_settle *settle)
{
	const unsigned last = TRACE_TALLY_JOBS - 1;
	const uint64_t job = UINT64_C(1) << (settle->number < last ? settle->number : last);
	const bool newest = (tally->seen & job) == 0;
	struct trace_settle walk = *settle;
	struct trace_group group;
	bool owes = false;

	while (trace_read_group(&walk, &group)) {
		tally->delivered += group.outcome == OWED_DELIVERED ? group.count : 0U;
		tally->bounced += group.outcome == OWED_BOUNCED ? group.count : 0U;
		tally->removed += group.outcome == OWED_REMOVED ? group.count : 0U;
		tally->rehearsed += group.outcome == OWED_REHEARSED ? group.count : 0U;
		owes |= !owed_is_ended(group.outcome);
	}
	tally->seen |= job;
	if (!newest || !owes)
		return;
	tally->held |= settle->held ? job : 0;
	tally->deferred |= settle->attempts > 0 || settle->act == TRACE_ACT_ATTEMPT ? job : 0;
}

static bool accept_is_held(const struct trace_tally *tally, const struct trace_accept *accept)
{
	struct trace_accept walk = *accept;
	struct trace_way way;

	while (trace_read_way(&walk, &way))
		if (way.state == TRACE_WAY_KEPT &&
		        (way.number >= TRACE_TALLY_JOBS ||
		                (tally->seen & UINT64_C(1) << way.number) == 0))
			return true;
	return false;
}

enum trace_status trace_tally_status(
        const struct trace_tally *tally, const struct trace_accept *accept)
{
	const uint32_t ended =
	        tally->delivered + tally->bounced + tally->removed + tally->rehearsed;
	const bool over = accept != NULL ? ended >= accept->recipient_count
	                                 : ended > 0 && (tally->held | tally->deferred) == 0;

	if (over)
		return tally->bounced > 0     ? TRACE_STATUS_BOUNCED
		       : tally->removed > 0   ? TRACE_STATUS_REMOVED
		       : tally->rehearsed > 0 ? TRACE_STATUS_REHEARSED
		                              : TRACE_STATUS_DELIVERED;
	if (tally->held != 0 || (accept != NULL && accept_is_held(tally, accept)))
		return TRACE_STATUS_HELD;
	return tally->deferred != 0 ? TRACE_STATUS_DEFERRED : TRACE_STATUS_QUEUED;
}
