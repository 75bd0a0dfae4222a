#include "queue/portion.h"

#include "queue/base/check.h"

static bool portion_is_short(const struct portion *portion, struct mono now, enum portion_pot kind);
static void portion_choose(
        const struct portion *portion, bool urgent, uint32_t count, struct portion_ticket *ticket);

enum portion_reason portion_look(struct portion *portion, struct mono now, bool urgent,
        uint32_t count, struct portion_ticket *ticket)
{
	const enum portion_pot kind = urgent ? PORTION_URGENT : PORTION_ANY;

	portion_choose(portion, urgent, count, ticket);
	if (ticket->count == count)
		return PORTION_FREE;
	if (!portion_is_short(portion, now, kind)) {
		if (portion->wanted[kind] < count)
			portion->wanted[kind] = count;
		return PORTION_ASKED;
	}
	return ticket->count > 0 ? PORTION_FREE : PORTION_SHORT;
}

bool portion_is_empty(const struct portion *portion, struct mono now, bool urgent)
{
	struct portion_ticket ticket;

	portion_choose(portion, urgent, 1, &ticket);
	return ticket.count == 0 &&
	       portion_is_short(portion, now, urgent ? PORTION_URGENT : PORTION_ANY);
}

/* From the pot that has enough, the common one first; else from that which has more. */
static void portion_choose(
        const struct portion *portion, bool urgent, uint32_t count, struct portion_ticket *ticket)
{
	const uint64_t any = portion->pots[PORTION_ANY];
	const uint64_t own = urgent ? portion->pots[PORTION_URGENT] : 0;
	const bool own_first = any < count && own > any;
	const uint64_t pot = own_first ? own : any;

	ticket->pot = own_first ? PORTION_URGENT : PORTION_ANY;
	ticket->count = pot < count ? (uint32_t)pot : count;
}

static bool portion_is_short(const struct portion *portion, struct mono now, enum portion_pot kind)
{
	return !mono_reached(now, portion->short_until[kind]);
}

void portion_take(struct portion *portion, const struct portion_ticket *ticket)
{
	check(portion->pots[ticket->pot] >= ticket->count);
	portion->pots[ticket->pot] -= ticket->count;
	portion->open += ticket->count;
	portion->touched = true;
}

void portion_end(struct portion *portion, struct portion_ticket *ticket, uint32_t counted)
{
	check(counted <= ticket->count);
	check(portion->open >= ticket->count);
	portion->open -= ticket->count;
	portion->spent += counted;
	const uint64_t left = ticket->count - counted;
	const uint64_t back = left < portion->surrender ? left : portion->surrender;
	portion->surrender -= back;
	if (portion->surrender > portion->open)
		portion->surrender = portion->open; /* what was spent can't go back */
	portion->back += back;
	portion->pots[ticket->pot] += left - back;
	*ticket = (struct portion_ticket){ 0 };
}

void portion_grant(struct portion *portion, enum portion_pot pot, uint64_t count, uint32_t needed,
        struct mono until)
{
	portion->pots[pot] += count;
	portion->wanted[pot] = 0;
	portion->touched = true;
	portion->short_until[pot] = count < needed ? until : (struct mono){ 0 };
}

void portion_want(struct portion *portion)
{
	if (portion->wanted[PORTION_ANY] == 0)
		portion->wanted[PORTION_ANY] = 1;
}

void portion_content(struct portion *portion)
{
	portion->wanted[PORTION_ANY] = 0;
	portion->wanted[PORTION_URGENT] = 0;
}

void portion_shut(struct portion *portion, struct mono until)
{
	portion_content(portion);
	for (int i = 0; i < PORTION_POTS; i++) {
		portion->short_until[i] = until;
		portion->back += portion->pots[i];
		portion->pots[i] = 0;
	}
	portion->surrender = portion->open;
}

bool portion_rest(struct portion *portion)
{
	const bool touched = portion->touched;

	portion->touched = false;
	return !touched && portion->wanted[PORTION_ANY] == 0 &&
	       portion->wanted[PORTION_URGENT] == 0;
}

uint64_t portion_empty(struct portion *portion)
{
	const uint64_t all = portion->pots[PORTION_ANY] + portion->pots[PORTION_URGENT];

	portion->pots[PORTION_ANY] = 0;
	portion->pots[PORTION_URGENT] = 0;
	return all + portion_returns(portion);
}

void portion_share(struct portion *portion, uint64_t fair)
{
	const uint64_t free = portion->pots[PORTION_ANY] + portion->pots[PORTION_URGENT];
	uint64_t excess = free + portion->open > fair ? free + portion->open - fair : 0;

	for (int i = 0; i < PORTION_POTS; i++) {
		const uint64_t some = excess < portion->pots[i] ? excess : portion->pots[i];
		portion->pots[i] -= some;
		portion->back += some;
		excess -= some;
	}
	portion->surrender = excess;
}

uint64_t portion_returns(struct portion *portion)
{
	const uint64_t back = portion->back;

	portion->back = 0;
	return back;
}

void portion_resume(struct portion *portion)
{
	portion->short_until[PORTION_ANY] = (struct mono){ 0 };
	portion->short_until[PORTION_URGENT] = (struct mono){ 0 };
}
