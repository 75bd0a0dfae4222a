#include "queue/learned.h"

#include "queue/base/check.h"

void learned_init(struct learned *learned, const struct learned_settings *settings)
{
	check(settings->known > 0);
	check(settings->most >= settings->known);
	check(settings->wait_ns > 0);
	check(settings->wait_most_ns >= settings->wait_ns);
	*learned = (struct learned){ .settings = *settings };
	learned_forget(learned);
}

void learned_forget(struct learned *learned)
{
	learned->limit = learned->settings.known;
	learned->proven = learned->limit;
	learned->refused = 0;
	learned->step = 1;
	learned->wait_ns = learned->settings.wait_ns;
	learned->changed = (struct mono){ 0 };
	learned->tries = false;
	learned->epoch++;
}

bool learned_refuse(struct learned *learned, struct mono now, uint32_t epoch, uint64_t held)
{
	const int64_t proven_from = learned->changed.ns;

	if (epoch != learned->epoch)
		return false;
	learned->epoch++;
	learned->changed = now;
	learned->refused = held;
	learned->step = 1;
	if (learned->tries && now.ns - proven_from < 2 * learned->wait_ns) {
		/* It went well until it grew: back there, and not so soon again. */
		learned->tries = false;
		learned->limit = learned->proven;
		learned->wait_ns = learned->wait_ns > learned->settings.wait_most_ns / 2
		                           ? learned->settings.wait_most_ns
		                           : learned->wait_ns * 2;
		return true;
	}
	const uint64_t less = learned->limit == LEARNED_NONE ? held : learned->limit / 4 * 3;
	const uint64_t lower = learned->limit <= 4 ? learned->limit - 1 : less;
	const uint64_t limit = held < lower ? held : lower;

	learned->tries = false;
	learned->limit = limit > 0 ? limit : 1;
	learned->proven = learned->limit;
	return true;
}

bool learned_accept(
        struct learned *learned, struct mono now, uint32_t epoch, uint64_t used, bool full)
{
	if (epoch != learned->epoch || learned->limit >= learned->settings.most)
		return false;
	/* More than was refused is taken: what stood in the way is gone. */
	if (used > learned->refused)
		learned->wait_ns = learned->settings.wait_ns;
	if (!full || now.ns < learned->changed.ns + learned->wait_ns)
		return false;
	uint64_t step = learned->step;
	if (learned->limit < learned->refused) {
		step = (learned->refused - learned->limit + 1) / 2;
	} else {
		learned->step *= 2;
	}
	learned->proven = learned->limit;
	learned->tries = true;
	learned->changed = now;
	learned->limit = learned->settings.most - learned->limit < step ? learned->settings.most
	                                                                : learned->limit + step;
	if (learned->limit == learned->settings.most)
		learned->refused = 0;
	return true;
}
